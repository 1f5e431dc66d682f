"""Who may tell us news: a fresh signature over this id, timestamp and body, with a secret of ours."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from refi.web.tokens import Unauthenticated
from refi.web.webhooks import (
    TOLERANCE,
    WebhookHeadersMissing,
    WebhookSignatureWrong,
    WebhookTooNew,
    WebhookTooOld,
    verify,
)

OLD = "whsec_dGhlLW9sZC1zZWNyZXQtb2YtdGhlLXRlc3Rz"
NEW = "whsec_dGhlLW5ldy1zZWNyZXQtb2YtdGhlLXRlc3Rz"
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
BODY = '{"id":"evt_1","reference":"还款"}'.encode()


def headers(
    body: bytes = BODY, secret: str = NEW, event_id: str = "evt_1", at: datetime = NOW
) -> dict[str, str]:
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, at, body.decode()),
    }


def test_a_signed_webhook_gives_its_id() -> None:
    assert verify(headers(), BODY, [NEW], NOW) == "evt_1"
    shouted = {name.upper(): value for name, value in headers().items()}
    assert verify(shouted, BODY, [NEW], NOW) == "evt_1"
    elsewhere = NOW.astimezone(timezone(timedelta(hours=8)))
    assert verify(headers(), BODY, [NEW], elsewhere) == "evt_1"


@pytest.mark.parametrize("secret", [OLD, NEW])
@pytest.mark.parametrize("secrets", [[OLD, NEW], [NEW, OLD]])
def test_two_secrets_while_one_replaces_the_other(secret: str, secrets: list[str]) -> None:
    assert verify(headers(secret=secret), BODY, secrets, NOW) == "evt_1"


def test_one_of_several_signatures_is_enough() -> None:
    given_headers = headers()
    right = given_headers["webhook-signature"]
    wrong = headers(secret=OLD)["webhook-signature"]
    for signatures in (f"{wrong} {right}", f"v1a,abc {right}", f"v2 {right}", f"  {right}", f"é {right}"):
        given_headers["webhook-signature"] = signatures
        assert verify(given_headers, BODY, [NEW], NOW) == "evt_1"
    given_headers["webhook-signature"] = " ".join([wrong] * 10 + [right])
    with pytest.raises(WebhookSignatureWrong):
        verify(given_headers, BODY, [NEW], NOW)


@pytest.mark.parametrize(
    ("late", "refusal"),
    [
        (TOLERANCE, None),
        (TOLERANCE + timedelta(seconds=1), WebhookTooOld),
        (-TOLERANCE, None),
        (-TOLERANCE - timedelta(seconds=1), WebhookTooNew),
        (timedelta(days=3650), WebhookTooOld),
        (timedelta(days=-3650), WebhookTooNew),
    ],
)
def test_five_minutes_either_way(late: timedelta, refusal: type[Unauthenticated] | None) -> None:
    if refusal is None:
        assert verify(headers(), BODY, [NEW], NOW + late) == "evt_1"
    else:
        with pytest.raises(refusal):
            verify(headers(), BODY, [NEW], NOW + late)


def test_another_body_id_timestamp_or_secret() -> None:
    base = headers()
    later = str(int(NOW.timestamp()) + 1)
    for changed, body, secrets in [
        (base, BODY + b" ", [NEW]),
        (base, BODY.replace(b"evt_1", b"evt_2"), [NEW]),
        (base, b"\xff" + BODY, [NEW]),
        (base, b"", [NEW]),
        (base | {"webhook-id": "evt_2"}, BODY, [NEW]),
        (base | {"webhook-timestamp": later}, BODY, [NEW]),
        (base, BODY, [OLD]),
        (base, BODY, []),
    ]:
        with pytest.raises(WebhookSignatureWrong):
            verify(changed, body, secrets, NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_header_is_missing_or_empty(name: str) -> None:
    for changed in ({k: v for k, v in headers().items() if k != name}, headers() | {name: ""}):
        with pytest.raises(WebhookHeadersMissing):
            verify(changed, BODY, [NEW], NOW)


@pytest.mark.parametrize("event_id", ["evt 1", "evt.1", "é", "x" * 101, "evt_1\n"])
def test_an_id_out_of_shape(event_id: str) -> None:
    with pytest.raises(WebhookHeadersMissing):
        verify(headers(event_id=event_id), BODY, [NEW], NOW)


@pytest.mark.parametrize(
    "stamp", ["-1", "0", "1.5", "1e9", "inf", "nan", "١٢", "9" * 12, " 1", "0x1", "soon"]
)
def test_a_timestamp_out_of_shape(stamp: str) -> None:
    with pytest.raises(WebhookHeadersMissing):
        verify(headers() | {"webhook-timestamp": stamp}, BODY, [NEW], NOW)


def test_signatures_out_of_shape() -> None:
    bare = headers()["webhook-signature"].removeprefix("v1,")
    for signature in (bare, f"v2,{bare}", "v1,", "v1", ",", "v1,%%%", "v1,AA==", f"v1,{bare}x", f"V1,{bare}"):
        with pytest.raises(WebhookSignatureWrong):
            verify(headers() | {"webhook-signature": signature}, BODY, [NEW], NOW)


def test_every_refusal_is_a_401() -> None:
    for refusal in (WebhookHeadersMissing, WebhookTooOld, WebhookTooNew, WebhookSignatureWrong):
        assert issubclass(refusal, Unauthenticated)
        assert refusal("x").code == "unauthenticated"


NAMES = st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "x"])


@given(st.dictionaries(NAMES, st.text(max_size=40)), st.binary(max_size=40))
def test_no_stranger_is_let_in_and_nothing_else_is_raised(given_headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Unauthenticated):
        verify(given_headers, body, [OLD, NEW], NOW)


@given(st.binary(min_size=24, max_size=64), st.text(max_size=40).filter(lambda text: "\ud800" not in text))
def test_any_secret_and_any_text(secret: bytes, text: str) -> None:
    body = text.encode("utf-8", "replace")
    spoken = "whsec_" + base64.b64encode(secret).decode()
    assert verify(headers(body, spoken), body, [spoken], NOW) == "evt_1"
