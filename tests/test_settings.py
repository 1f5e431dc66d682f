"""Settings: the sandbox starts with nothing set; live refuses everything weak, by name."""

from __future__ import annotations

import base64
import secrets

import pytest

from refi import settings

STRONG = {
    "env": "live",
    "database_url": "postgresql+asyncpg://db/refi",
    "token_secret": secrets.token_urlsafe(40),
    "data_keys": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "index_key": secrets.token_urlsafe(40),
    "webhook_secrets": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
    "provider_key": secrets.token_urlsafe(40),
    "provider_url": "https://provider.example",
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
