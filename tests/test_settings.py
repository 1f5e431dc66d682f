"""Settings: the sandbox starts with nothing set; live refuses everything weak, by name."""

from __future__ import annotations

import base64
import secrets

import pytest

from refi import settings

MESSAGES = {
    "sms_channel": "twilio",
    "twilio_account_sid": "AC1",
    "twilio_auth_tokens": "token-1, token-2",
    "twilio_sender": "+14155550100",
    "push_channel": "jpush",
    "jpush_app_key": "key",
    "jpush_master_secret": "secret",
    "email_channel": "smtp",
    "smtp_host": "mail.example",
    "smtp_sender": "notice@refi.example",
}
STRONG = {
    "env": "live",
    "database_url": "postgresql+asyncpg://db/refi",
    "token_secret": secrets.token_urlsafe(40),
    "data_keys": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "index_key": secrets.token_urlsafe(40),
    "webhook_secrets": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
    "provider_key": secrets.token_urlsafe(40),
    "provider_url": "https://provider.example",
    "public_url": "https://refi.example",
    **MESSAGES,
}


def test_the_sandbox_needs_nothing() -> None:
    assert settings.read().env is settings.Env.SANDBOX


def test_live_starts_with_strong_secrets() -> None:
    assert settings.read(**STRONG).live


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"token_secret": "short"}, "REFI_TOKEN_SECRET is shorter"),
        ({"token_secret": settings.SANDBOX_TOKEN_SECRET}, "REFI_TOKEN_SECRET is the published"),
        ({"data_keys": ""}, "REFI_DATA_KEYS is missing"),
        ({"data_keys": settings.SANDBOX_DATA_KEY}, "REFI_DATA_KEYS is the published"),
        ({"index_key": "x"}, "REFI_INDEX_KEY is shorter"),
        ({"webhook_secrets": settings.SANDBOX_WEBHOOK_SECRET}, "REFI_WEBHOOK_SECRETS is the published"),
        ({"provider_key": settings.SANDBOX_PROVIDER_KEY}, "REFI_PROVIDER_KEY is the published"),
        ({"provider_url": "http://provider.example"}, "REFI_PROVIDER_URL is not https"),
        ({"database_url": ""}, "REFI_DATABASE_URL is missing"),
        ({"answer_within_seconds": 5}, "REFI_ANSWER_WITHIN_SECONDS is below"),
        ({"public_url": "http://refi.example"}, "REFI_PUBLIC_URL is not https"),
        ({"sms_channel": "sandbox"}, "REFI_SMS_CHANNEL is sandbox"),
        ({"push_channel": "sandbox"}, "REFI_PUSH_CHANNEL is sandbox"),
        ({"email_channel": "sandbox"}, "REFI_EMAIL_CHANNEL is sandbox"),
        ({"twilio_url": "http://twilio.example"}, "REFI_TWILIO_URL is not https"),
        ({"jpush_url": "http://jpush.example"}, "REFI_JPUSH_URL is not https"),
        ({"jpush_report_url": "http://jpush.example"}, "REFI_JPUSH_REPORT_URL is not https"),
        ({"smtp_security": "none"}, "REFI_SMTP_SECURITY is none"),
        ({"message_webhook_secrets": "short"}, "REFI_MESSAGE_WEBHOOK_SECRETS is published or short"),
    ],
)
def test_live_refuses_what_is_weak(change: dict[str, str], named: str) -> None:
    with pytest.raises(settings.SettingsRefused, match=named):
        settings.read(**{**STRONG, **change})


def test_every_weakness_is_named_at_once() -> None:
    with pytest.raises(settings.SettingsRefused) as refused:
        settings.read(env="live")
    for name in ("TOKEN_SECRET", "DATA_KEYS", "INDEX_KEY", "WEBHOOK_SECRETS", "PROVIDER_KEY", "DATABASE_URL"):
        assert f"REFI_{name}" in str(refused.value)


def test_a_malformed_setting_is_named() -> None:
    with pytest.raises(settings.SettingsRefused, match="REFI_POOL_SIZE"):
        settings.read(pool_size="many")


def test_secrets_do_not_show() -> None:
    assert settings.SANDBOX_TOKEN_SECRET not in repr(settings.read())


def test_lists_are_comma_separated() -> None:
    read = settings.read(webhook_secrets="whsec_b25l, whsec_dHdv")
    assert [s.get_secret_value() for s in read.webhook_secrets] == ["whsec_b25l", "whsec_dHdv"]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_postgresql_may_be_spelled_as_elsewhere(scheme: str) -> None:
    assert settings.read(database_url=f"{scheme}://db/refi").database_url == "postgresql+asyncpg://db/refi"


@pytest.mark.parametrize("url", ["postgresql://db:port/refi", "mysql://db/refi", "refi", "://"])
def test_what_is_no_url_of_a_postgresql_database_is_refused_by_name(url: str) -> None:
    with pytest.raises(settings.SettingsRefused, match=r"REFI_DATABASE_URL: not the URL of a PostgreSQL"):
        settings.read(database_url=url)


@pytest.mark.parametrize("name", [name for name in MESSAGES if not name.endswith("_channel")])
def test_a_provider_without_its_credentials_does_not_start_anywhere(name: str) -> None:
    for env in ("live", "sandbox"):
        with pytest.raises(settings.SettingsRefused, match=f"REFI_{name.upper()} is missing"):
            settings.read(**{**STRONG, "env": env, name: ""})


def test_a_channel_may_be_off_but_not_the_one_for_codes() -> None:
    assert settings.read(**{**STRONG, "push_channel": "off", "email_channel": "off"}).live
    with pytest.raises(settings.SettingsRefused, match="REFI_SMS_CHANNEL"):
        settings.read(**{**STRONG, "sms_channel": "off"})


def test_who_tells_about_messages_may_have_secrets_of_its_own() -> None:
    shared = settings.read(webhook_secrets="whsec_b25l")
    assert shared.receipt_secrets == ["whsec_b25l"]
    own = settings.read(webhook_secrets="whsec_b25l", message_webhook_secrets="whsec_dHdv,whsec_dGhyZWU=")
    assert own.receipt_secrets == ["whsec_dHdv", "whsec_dGhyZWU="]


def test_no_credential_of_a_provider_shows() -> None:
    shown = repr(settings.read(**{**STRONG, "smtp_password": "mail-secret"}))
    for secret in ("token-1", "token-2", "mail-secret", "master_secret='secret'"):
        assert secret not in shown
