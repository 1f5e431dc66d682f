"""Twilio's callbacks: Twilio's own signature, every status, and news that settles what nobody could ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from refi.notifications import twilio_wire
from refi.notifications.receipts import NewsType, NewsUnreadable, Told
from tests.notifications.reminding import a_reminder, status
from tests.notifications.test_receipts import phone_of
from tests.servicing import DUE, Desk, a_borrower, a_desk, day_before

TOKEN, NEW_TOKEN = "12345", "new-token"
SID = "SM00000000000000000000000000000001"
PUBLIC = "https://refi.example"


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    tokens = {"twilio_auth_tokens": f"{NEW_TOKEN},{TOKEN}", "public_url": PUBLIC}
    async with a_desk(database_url, tmp_path, **tokens) as made:
        yield made


def test_the_example_of_twilios_own_documentation() -> None:
    """https://www.twilio.com/docs/usage/security: the published request and its signature."""
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    fields = [
        ("CallSid", "CA1234567890ABCDE"), ("Caller", "+14158675309"), ("Digits", "1234"),
        ("From", "+14158675309"), ("To", "+18005551212"),
    ]  # fmt: skip
    assert twilio_wire.signature(TOKEN, url, fields) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert twilio_wire.signature(TOKEN, url, fields[::-1]) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert twilio_wire.is_signed([NEW_TOKEN, TOKEN], url, fields, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
    for wrong in ("", "RSOYDt4T1cUTdK1PDd93/VVr8B8", "x" * 28, "é"):
        assert not twilio_wire.is_signed([NEW_TOKEN, TOKEN], url, fields, wrong)
    assert not twilio_wire.is_signed([], url, fields, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")


def callback(status: str, **more: str) -> list[tuple[str, str]]:
    return list({"MessageSid": SID, "MessageStatus": status, "To": "+8613800000000", **more}.items())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (callback("queued"), None),
        (callback("sending"), None),
        (callback("accepted"), None),
        (callback("scheduled"), None),
        (callback("sent"), (NewsType.SENT, None)),
        (callback("delivered"), (NewsType.DELIVERED, None)),
        (callback("read"), (NewsType.DELIVERED, None)),
        (callback("undelivered", ErrorCode="30003"), (NewsType.UNDELIVERED, "twilio_30003")),
        (callback("failed", ErrorCode="30007"), (NewsType.UNDELIVERED, "twilio_30007")),
        (callback("failed"), (NewsType.UNDELIVERED, "twilio_failed")),
        (callback("canceled", ErrorCode="x' --"), (NewsType.UNDELIVERED, "twilio_canceled")),
    ],
)
def test_every_status(said: list[tuple[str, str]], told: tuple[NewsType, str | None] | None) -> None:
    read = twilio_wire.read(said, "msg_1")
    if told is None:
        assert read is None
        return
    event_id = f"twilio:{SID}:{dict(said)['MessageStatus']}"
    assert read == Told(event_id, told[0], "msg_1", SID, told[1])


def test_what_came_in() -> None:
    said = [("MessageSid", SID), ("SmsStatus", "received"), ("From", "+8613800000000"), ("Body", "T")]
    assert twilio_wire.read(said, None) == Told(
        f"twilio:{SID}:received", NewsType.RECEIVED, provider_id=SID, sender="+8613800000000", text="T"
    )


@pytest.mark.parametrize(
    "said",
    [
        [],
        [("MessageStatus", "delivered")],
        [("MessageSid", "SM 1"), ("MessageStatus", "delivered")],
        [("MessageSid", SID), ("MessageStatus", "delivered'")],
        [("MessageSid", "S" * 65), ("MessageStatus", "delivered")],
        [("MessageSid", SID), ("Body", "T")],
        [("MessageSid", SID), ("Body", "T"), ("From", "a\nb")],
    ],
)
def test_what_names_no_message(said: list[tuple[str, str]]) -> None:
    with pytest.raises(NewsUnreadable):
        twilio_wire.read(said, None)


async def call(
    desk: Desk, fields: list[tuple[str, str]], query: str = "", *, token: str = TOKEN, **headers: str
) -> httpx.Response:
    path = "/hooks/v1/messages/twilio" + (f"?{query}" if query else "")
    sent = {
        "X-Twilio-Signature": twilio_wire.signature(token, PUBLIC + path, fields),
        "Content-Type": "application/x-www-form-urlencoded",
        **headers,
    }
    return await desk.service.http.post(path, content=urlencode(fields).encode(), headers=sent)


async def an_sms(desk: Desk, **changed: Any) -> str:
    message_id = await a_reminder(desk, await a_borrower(desk), **changed)
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    await desk.service.rows("UPDATE messages SET provider_id = :sid RETURNING id", sid=SID)
    return message_id


@pytest.mark.parametrize("token", [TOKEN, NEW_TOKEN])
async def test_a_receipt_under_either_token(desk: Desk, token: str) -> None:
    message_id = await an_sms(desk)
    answer = await call(desk, callback("delivered", Blank=""), f"message={message_id}", token=token)
    assert (answer.status_code, answer.text) == (200, "<Response/>")
    assert answer.headers["content-type"].startswith("text/xml")
    await desk.work_off(only="message_news")
    assert await status(desk, message_id) == ("delivered", None)


async def test_a_doubt_that_nobody_could_ask_about_is_settled_by_the_callback(desk: Desk) -> None:
    message_id = await an_sms(desk)
    await desk.service.rows(
        "UPDATE messages SET status = 'unknown', provider_id = NULL, sent_at = NULL RETURNING id"
    )
    for state in ("queued", "sent", "undelivered"):
        await call(desk, callback(state, ErrorCode="30005"), f"message={message_id}")
    await desk.work_off(only="message_news")
    assert await status(desk, message_id) == ("undelivered", "twilio_30005")


async def test_a_replay_changes_nothing(desk: Desk) -> None:
    message_id = await an_sms(desk, fallbacks=())
    for _ in range(3):
        await call(desk, callback("undelivered"), f"message={message_id}")
    await desk.work_off(only="message_news")
    assert len(await desk.service.rows("SELECT 1 FROM message_news")) == 1
    assert len(await desk.messages()) == 2


async def test_forgeries(desk: Desk) -> None:
    fields = callback("delivered")
    for answer in (
        await call(desk, fields, token="somebody-elses"),
        await call(desk, fields, **{"X-Twilio-Signature": ""}),
        await desk.service.http.post("/hooks/v1/messages/twilio", content=b"MessageSid=SM1"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    signed = twilio_wire.signature(TOKEN, f"{PUBLIC}/hooks/v1/messages/twilio?message=msg_1", fields)
    assert (await call(desk, fields, "message=msg_2", **{"X-Twilio-Signature": signed})).status_code == 401
    assert await desk.service.rows("SELECT 1 FROM message_news") == []


@pytest.mark.parametrize(
    "body", [b"\xff=1", b"a=%ff", b"a=%00", "&".join("a=1" for _ in range(300)).encode()]
)
async def test_a_form_that_cannot_be_stored(desk: Desk, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": "x"}
    answer = await desk.service.http.post("/hooks/v1/messages/twilio", content=body, headers=headers)
    assert answer.status_code == 422


async def test_an_sms_that_comes_in_opts_out(desk: Desk) -> None:
    person = await a_borrower(desk)
    fields = [
        ("MessageSid", SID),
        ("SmsStatus", "received"),
        ("From", await phone_of(desk, person)),
        ("Body", "TD"),
    ]
    assert (await call(desk, fields)).status_code == 200
    await desk.work_off()
    assert [letter["template"] for letter in await desk.inbox()] == ["opted_out"]
