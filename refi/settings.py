"""Settings: one frozen object read from the environment (``REFI_…``) once, at start.

In the sandbox every secret has a published default, so that a stranger can start at once. In live nothing
has: a missing, short or published secret stops the process with a sentence that names it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

SANDBOX_TOKEN_SECRET = "sandbox-token-secret-published-do-not-use-in-live"  # noqa: S105 - refused in live
SANDBOX_DATA_KEY = "c2FuZGJveC1kYXRhLWtleS1wdWJsaXNoZWQtMDAwMDA="
SANDBOX_INDEX_KEY = "sandbox-index-key-published-do-not-use-in-live"
SANDBOX_WEBHOOK_SECRET = "whsec_c2FuZGJveC13ZWJob29rLXNlY3JldC1wdWJsaXNoZWQ="  # noqa: S105 - refused in live
SANDBOX_PROVIDER_KEY = "sandbox-provider-key"
PUBLISHED = {
    SANDBOX_TOKEN_SECRET,
    SANDBOX_DATA_KEY,
    SANDBOX_INDEX_KEY,
    SANDBOX_WEBHOOK_SECRET,
    SANDBOX_PROVIDER_KEY,
}
SHORTEST_SECRET = 32
LISTS = ("data_keys", "webhook_secrets", "message_webhook_secrets", "twilio_auth_tokens", "operator_emails")
NEEDED = {
    "twilio": ("twilio_account_sid", "twilio_auth_tokens", "twilio_sender"),
    "jpush": ("jpush_app_key", "jpush_master_secret"),
    "smtp": ("smtp_host", "smtp_sender"),
}
"""What each provider of messages needs, wherever it is chosen."""
POSTGRES = {"postgres", "postgresql", "postgresql+asyncpg"}
ANSWER_WITHIN = 120
"""Seconds for which an order may be on its way to the provider (docs/reference/payment-provider.md)."""


class Env(StrEnum):
    """Where the service runs: with made-up money, or with real money."""

    SANDBOX = "sandbox"
    LIVE = "live"


class SettingsRefused(Exception):
    """The environment does not make a safe configuration; the message names each variable at fault."""


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


class Settings(BaseSettings):
    """What differs between two installations. Lists are comma-separated; the first key signs."""

    model_config = SettingsConfigDict(env_prefix="REFI_", frozen=True, extra="ignore")

    env: Env = Env.SANDBOX
    market: str = Field("cn", pattern="^[a-z]{2}$")
    database_url: str = ""
    data_dir: Path = Path(".refi")
    pool_size: int = Field(10, ge=1, le=200)
    token_secret: SecretStr = SecretStr(SANDBOX_TOKEN_SECRET)
    data_keys: Annotated[tuple[SecretStr, ...], NoDecode] = (SecretStr(SANDBOX_DATA_KEY),)
    index_key: SecretStr = SecretStr(SANDBOX_INDEX_KEY)
    webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = (SecretStr(SANDBOX_WEBHOOK_SECRET),)
    provider_url: str = "http://127.0.0.1:8701"
    provider_key: SecretStr = SecretStr(SANDBOX_PROVIDER_KEY)
    bureau_url: str = ""
    bureau_key: SecretStr = SecretStr(SANDBOX_PROVIDER_KEY)
    public_url: str = "http://127.0.0.1:8700"
    message_webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    sms_channel: Literal["sandbox", "twilio"] = "sandbox"
    push_channel: Literal["sandbox", "jpush", "off"] = "sandbox"
    email_channel: Literal["sandbox", "smtp", "off"] = "sandbox"
    twilio_url: str = "https://api.twilio.com"
    twilio_account_sid: str = ""
    twilio_auth_tokens: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    twilio_sender: str = ""
    jpush_url: str = "https://api.jpush.cn"
    jpush_report_url: str = "https://report.jpush.cn"
    jpush_app_key: str = ""
    jpush_master_secret: SecretStr = SecretStr("")
    jpush_apns_production: bool = True
    smtp_host: str = ""
    smtp_port: int = Field(587, ge=1, le=65_535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_sender: str = ""
    operator_emails: Annotated[tuple[str, ...], NoDecode] = ()
    operator_webhook_url: str = ""
    operator_webhook_secret: SecretStr = SecretStr(SANDBOX_WEBHOOK_SECRET)
    circuit_failures: int = Field(5, ge=1, le=100)
    circuit_seconds: float = Field(30, ge=1, le=600)
    log_format: str = Field("json", pattern="^(json|text)$")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    access_token_minutes: int = Field(15, ge=1, le=60)
    refresh_token_days: int = Field(30, ge=1, le=365)
    answer_within_seconds: float = Field(ANSWER_WITHIN, ge=1, le=3600)
    sweep_after_seconds: float = Field(10, ge=1, le=3600)
    news_within_seconds: float = Field(60, ge=1, le=86_400)
    heartbeat_seconds: float = Field(6, ge=1, le=60)

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, values: dict[str, object]) -> dict[str, object]:
        for name in LISTS:
            if isinstance(text := values.get(name), str):
                values[name] = _split(text)
        return values

    @field_validator("database_url")
    @classmethod
    def _driver(cls, url: str) -> str:
        """Whatever way PostgreSQL is spelled, it is asyncpg that talks to it."""
        scheme, separator, rest = url.partition("://")
        spelled = f"postgresql+asyncpg://{rest}" if separator and scheme in POSTGRES else url
        try:
            if spelled and make_url(spelled).drivername != "postgresql+asyncpg":
                raise ValueError("another database")
        except (ArgumentError, ValueError):
            raise ValueError("not the URL of a PostgreSQL database") from None
        return spelled

    @property
    def live(self) -> bool:
        """Whether real money moves."""
        return self.env is Env.LIVE

    @property
    def receipt_secrets(self) -> list[str]:
        """Secrets of the signed news about messages; those of the payment provider where none are set."""
        chosen = self.message_webhook_secrets or self.webhook_secrets
        return [secret.get_secret_value() for secret in chosen]

    @property
    def message_channels(self) -> dict[str, str]:
        """Who carries each channel that reaches out."""
        return {"sms": self.sms_channel, "push": self.push_channel, "email": self.email_channel}

    @property
    def operators(self) -> list[tuple[str, str]]:
        """Where the operators are told of an early warning: channels with an address each."""
        webhook = [("webhook", self.operator_webhook_url)] if self.operator_webhook_url else []
        return [*(("email", address) for address in self.operator_emails), *webhook]

    @model_validator(mode="after")
    def _can_reach_operators(self) -> Self:
        if self.operator_emails and self.email_channel == "off":
            raise ValueError("REFI_OPERATOR_EMAILS are given, and REFI_EMAIL_CHANNEL is off")
        for address in self.operator_emails:
            if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address):
                raise ValueError(f"REFI_OPERATOR_EMAILS: {address!r} is not an address")
        return self

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        for channel, provider in self.message_channels.items():
            for name in NEEDED.get(provider, ()):
                value = getattr(self, name)
                if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
                    raise ValueError(f"REFI_{name.upper()} is missing: {provider} carries {channel}")
        return self

    def weaknesses(self) -> list[str]:
        """What makes these settings unfit for live; empty when nothing does."""
        found = [] if self.database_url else ["REFI_DATABASE_URL is missing"]
        secrets: list[tuple[str, tuple[SecretStr, ...]]] = [
            ("REFI_TOKEN_SECRET", (self.token_secret,)),
            ("REFI_DATA_KEYS", self.data_keys),
            ("REFI_INDEX_KEY", (self.index_key,)),
            ("REFI_WEBHOOK_SECRETS", self.webhook_secrets),
            ("REFI_PROVIDER_KEY", (self.provider_key,)),
        ]
        for name, values in secrets:
            if not values:
                found.append(f"{name} is missing")
            for secret in values:
                text = secret.get_secret_value()
                if text in PUBLISHED:
                    found.append(f"{name} is the published sandbox value")
                elif len(text) < SHORTEST_SECRET:
                    found.append(f"{name} is shorter than {SHORTEST_SECRET} characters")
        found += self._weak_channels()
        if self.answer_within_seconds < ANSWER_WITHIN:
            found.append(f"REFI_ANSWER_WITHIN_SECONDS is below {ANSWER_WITHIN}: an order might go twice")
        if self.bureau_url and self.bureau_key.get_secret_value() in PUBLISHED:
            found.append("REFI_BUREAU_KEY is the published sandbox value")
        if not self.provider_url.startswith("https://"):
            found.append("REFI_PROVIDER_URL is not https")
        return found

    def _weak_channels(self) -> list[str]:
        """What of the message channels is not for real people."""
        found = [
            f"REFI_{channel.upper()}_CHANNEL is sandbox: real people would not get it"
            for channel, provider in self.message_channels.items()
            if provider == "sandbox"
        ]
        addresses = {"public_url": True, "twilio_url": self.sms_channel == "twilio"}
        addresses |= dict.fromkeys(("jpush_url", "jpush_report_url"), self.push_channel == "jpush")
        addresses["bureau_url"] = bool(self.bureau_url)
        addresses["operator_webhook_url"] = bool(self.operator_webhook_url)
        plain = [
            name
            for name, used in addresses.items()
            if used and not getattr(self, name).startswith("https://")
        ]
        found += [f"REFI_{name.upper()} is not https" for name in plain]
        if self.operator_webhook_url:
            key = self.operator_webhook_secret.get_secret_value()
            if key in PUBLISHED or len(key) < SHORTEST_SECRET:
                found.append("REFI_OPERATOR_WEBHOOK_SECRET is published or short")
        if self.email_channel == "smtp" and self.smtp_security == "none":
            found.append("REFI_SMTP_SECURITY is none")
        for secret in self.message_webhook_secrets:
            text = secret.get_secret_value()
            if text in PUBLISHED or len(text) < SHORTEST_SECRET:
                found.append("REFI_MESSAGE_WEBHOOK_SECRETS is published or short")
        return found


def read(**overrides: object) -> Settings:
    """Settings from the environment, with ``overrides`` on top; `SettingsRefused` when they are unsafe."""
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        named = [
            f"REFI_{'_'.join(str(p) for p in e['loc']).upper()}: {said}" if e["loc"] else said
            for e in error.errors()
            for said in (e["msg"].removeprefix("Value error, "),)
        ]
        raise SettingsRefused("; ".join(named)) from None
    if settings.live and (found := settings.weaknesses()):
        raise SettingsRefused("refusing to start in live: " + "; ".join(found))
    return settings


@lru_cache(maxsize=1)
def current() -> Settings:
    """The settings of this process."""
    return read()
