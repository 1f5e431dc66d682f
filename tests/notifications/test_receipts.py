"""Receipts and what people write back: signed, stored raw, once per event, in any order, never lost."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from datetime import time, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from refi import clock
from refi.borrowers import service as borrowers
from refi.borrowers.tables import Purpose
from refi.db.work import SYSTEM
from refi.notifications import news_jobs
from refi.settings import SANDBOX_WEBHOOK_SECRET
from refi.staff.roles import Role
from tests import given
from tests.given import Person
from tests.notifications.reminding import Deaf, a_reminder, lines, status
from tests.servicing import DUE, Desk, a_borrower, a_payment, day_before

OTHER_SECRET = "whsec_" + base64.b64encode(b"another-secret-of-the-tests-0000").decode()


async def tell(
    desk: Desk, kind: str, *, secret: str = SANDBOX_WEBHOOK_SECRET, ago: float = 0, **fields: Any
) -> httpx.Response:
    """POST one piece of signed news; ``id`` is made up unless given."""
    event = {"id": f"evt_{secrets.token_hex(8)}", "type": f"message.{kind}", **fields}
    return await post(desk, json.dumps(event), str(event["id"]), secret, ago)


async def post(
    desk: Desk, body: str, event_id: str, secret: str = SANDBOX_WEBHOOK_SECRET, ago: float = 0
) -> httpx.Response:
    at = clock.utc_now() - timedelta(seconds=ago)
    headers = {
        "webhook-id": event_id, "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, at, body), "content-type": "application/json",
    }  # fmt: skip
    return await desk.service.http.post("/hooks/v1/messages", content=body.encode(), headers=headers)


async def sent(desk: Desk, person: Person, **changed: Any) -> str:
    message_id = await a_reminder(desk, person, **{"fallbacks": (), **changed})
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    assert (await status(desk, message_id))[0] == "sent"
    return message_id


async def handled(desk: Desk) -> list[str]:
    return await desk.work_off(only="message_news")


async def parked(desk: Desk) -> list[str]:
    rows = await desk.service.rows("SELECT refusal FROM message_news WHERE refusal IS NOT NULL ORDER BY id")
    return [row.refusal for row in rows]


async def test_delivered(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await sent(desk, person)
    answer = await tell(desk, "delivered", key=message_id)
    assert (answer.status_code, answer.json()) == (202, {"received": True})
    assert await status(desk, message_id) == ("sent", None)  # stored, not yet handled
    await handled(desk)
    assert await status(desk, message_id) == ("delivered", None)
    [shown] = (await desk.service.get("/v1/messages", who=person)).json()["data"]
    assert shown["status"] == "delivered"
    outcomes = await desk.service.rows("SELECT outcome FROM contact_log ORDER BY id")
    assert [row.outcome for row in outcomes] == ["allowed", "sent", "delivered"]
    [kept] = await desk.service.rows("SELECT * FROM message_news")
    assert kept.message_id == message_id
    assert message_id not in kept.raw_sealed


async def test_by_the_providers_own_name(desk: Desk) -> None:
    message_id = await sent(desk, await a_borrower(desk))
    [row] = await desk.messages()
    await tell(desk, "delivered", provider_id=row.provider_id)
    await handled(desk)
    assert (await status(desk, message_id))[0] == "delivered"


async def test_a_hundred_times_is_once(desk: Desk) -> None:
    message_id = await sent(desk, await a_borrower(desk))
    answers = await asyncio.gather(
        *(tell(desk, "undelivered", id="evt_one", key=message_id, reason="absent") for _ in range(100))
    )
    assert {answer.status_code for answer in answers} == {202}
    await handled(desk)
    await tell(desk, "undelivered", id="evt_two", key=message_id)
    await handled(desk)
    assert await status(desk, message_id) == ("undelivered", "absent")
    assert len(await desk.service.rows("SELECT 1 FROM messages")) == 2  # itself and one instead of it
    assert await parked(desk) == []


async def test_a_late_receipt_after_the_loan_was_paid(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await sent(desk, person)
    [row] = await desk.service.rows("SELECT loan_id FROM message_subjects")
    await a_payment(desk, row.loan_id, 408_027, day_before(DUE))
    await tell(desk, "bounced", key=message_id)
    await handled(desk)
    assert await status(desk, message_id) == ("undelivered", "bounced")
    [other] = await desk.service.rows("SELECT id FROM messages WHERE plan_key LIKE 'follows:%'")
    await desk.send(other.id)
    assert await status(desk, other.id) == ("skipped", "paid")


async def test_a_bounce_is_told_by_the_next_channel_within_the_rules(desk: Desk) -> None:
    person = await a_borrower(desk, device=True)
    message_id = await sent(desk, person)
    await tell(desk, "undelivered", key=message_id, reason="unreachable")
    await desk.work_off()
    rows = await desk.messages()
    assert [(row.channel, row.status, row.reason) for row in rows] == [
        ("sms", "undelivered", "unreachable"),
        ("push", "sent", None),  # what did not arrive does not count against the one a day
    ]
    assert (rows[1].stage, rows[1].lapses_on, rows[1].kind) == (
        rows[0].stage,
        rows[0].lapses_on,
        rows[0].kind,
    )
    about = await desk.service.rows(
        "SELECT message_id, channel, number FROM message_subjects ORDER BY channel"
    )
    assert [(row.channel, row.number) for row in about] == [("push", 1), ("sms", 1)]


async def test_every_channel_bounces_once_and_then_it_is_over(desk: Desk) -> None:
    person = await a_borrower(desk, device=True)
    last = await sent(desk, person)
    for _ in range(5):
        await tell(desk, "bounced", key=last)
        await desk.work_off()
        last = (await desk.messages())[-1].id
    channels = [row.channel for row in await desk.messages()]
    assert channels == ["sms", "push", "inbox"]  # an e-mail address was never proved


async def test_a_refusal_on_the_spot_switches_too(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person, fallbacks=())
    async with desk.runtime.database.work(SYSTEM) as work:
        row = await borrowers.get(work, person.id)
        row.phone_sealed = work.vault.seal("+19990000000")
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    await desk.work_off()
    assert [(row.channel, row.status) for row in await desk.messages()] == [
        ("sms", "failed"),
        ("inbox", "sent"),
    ]


async def test_a_receipt_settles_a_doubt_that_nobody_could_ask_about(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.fault("silent")
    await desk.send(message_id, lines(desk, Deaf))
    assert (await status(desk, message_id))[0] == "unknown"
    await tell(desk, "sent", key=message_id, provider_id="their_1")
    await handled(desk)
    assert await status(desk, message_id) == ("sent", None)
    await tell(desk, "delivered", key=message_id, provider_id="their_1")
    await handled(desk)
    assert await status(desk, message_id) == ("delivered", None)


async def test_a_receipt_that_outruns_our_own_record(desk: Desk) -> None:
    message_id = await sent(desk, await a_borrower(desk))
    await desk.service.rows(
        "UPDATE messages SET status = 'claimed', provider_id = NULL, sent_at = NULL RETURNING id"
    )
    await tell(desk, "delivered", key=message_id, provider_id="their_1")
    await handled(desk)
    [row] = await desk.messages()
    assert (row.status, row.provider_id, row.sent_at) == ("delivered", "their_1", row.contacted_at)


async def test_the_other_way_around_nothing_moves_back(desk: Desk) -> None:
    message_id = await sent(desk, await a_borrower(desk))
    for kind in ("delivered", "sent", "undelivered"):
        await tell(desk, kind, key=message_id)
    await handled(desk)
    assert await status(desk, message_id) == ("delivered", None)
    assert await parked(desk) == ["invalid_transition: the message is delivered"]


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"type": "message.delivered", "key": "msg_00000000000000000000000000"}, "no such message"),
        ({"type": "message.delivered", "key": "' OR 1=1 --"}, "no such message"),
        ({"type": "message.delivered"}, "neither key nor provider_id"),
        ({"type": "message.exploded", "key": "msg_1"}, "the type is not a documented one"),
        ({"type": 7, "key": "msg_1"}, "the type is not a documented one"),
        ({"type": "message.delivered", "key": 7}, "key is not a plain text"),
        ({"type": "message.delivered", "key": "a" * 101}, "key is not a plain text"),
        ({"type": "message.delivered", "key": "a\nb"}, "key is not a plain text"),
        ({"type": "message.received", "from": "+8613800000000"}, "who wrote, or what, is missing"),
        ({"type": "message.received", "text": "T"}, "who wrote, or what, is missing"),
        ({"type": "message.delivered", "key": "msg_1", "id": "evt_else"}, "names another event"),
    ],
)
async def test_what_fits_nothing_is_parked_and_shown(
    desk: Desk, fields: dict[str, Any], refusal: str
) -> None:
    event_id = "evt_parked"
    body = json.dumps({"id": event_id, **fields})
    assert (await post(desk, body, event_id)).status_code == 202
    await handled(desk)
    [said] = await parked(desk)
    assert refusal in said
    operator = await given.a_member(desk.service, Role.OPERATOR)
    page = (await desk.service.get("/staff/v1/parked-message-news", who=operator)).json()
    assert [(item["id"], item["refusal"], item["raw"]) for item in page["data"]] == [(event_id, said, body)]
    collector = await given.a_member(desk.service, Role.COLLECTOR)
    assert (await desk.service.get("/staff/v1/parked-message-news", who=collector)).status_code == 403


@pytest.mark.parametrize("body", ["", "[]", "{", "null", "NaN", "[" * 10_000])
async def test_signed_nonsense_is_parked_too(desk: Desk, body: str) -> None:
    assert (await post(desk, body, "evt_1")).status_code == 202
    await handled(desk)
    assert len(await parked(desk)) == 1


async def test_an_id_that_nobody_knows_is_waited_for_and_then_parked(desk: Desk) -> None:
    await tell(desk, "delivered", id="evt_early", provider_id="their_9")
    database = desk.runtime.database
    wait = await news_jobs.handle_news(database, "evt_early")
    assert wait is not None
    assert wait >= timedelta(seconds=1)
    message_id = await sent(desk, await a_borrower(desk))
    await desk.service.rows("UPDATE messages SET provider_id = 'their_9' RETURNING id")
    assert await news_jobs.handle_news(database, "evt_early") is None
    assert (await status(desk, message_id))[0] == "delivered"
    await tell(desk, "delivered", id="evt_never", provider_id="their_10")
    await desk.service.rows(
        "UPDATE message_news SET received_at = received_at - interval '11 minutes' RETURNING id"
    )
    assert await news_jobs.handle_news(database, "evt_never") is None
    assert await parked(desk) == ["unknown_message: nobody here knows its id"]


async def test_a_receipt_about_another_message_of_theirs(desk: Desk) -> None:
    message_id = await sent(desk, await a_borrower(desk))
    await tell(desk, "undelivered", key=message_id, provider_id="their_other")
    await handled(desk)
    assert await status(desk, message_id) == ("sent", None)
    assert await parked(desk) == ["invalid_transition: the message has another id there"]


async def test_a_message_that_was_never_sent_cannot_have_arrived(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await tell(desk, "delivered", key=message_id)
    await handled(desk)
    assert (await status(desk, message_id))[0] == "planned"
    assert len(await parked(desk)) == 1


@pytest.mark.parametrize(
    ("how", "code"),
    [({"secret": OTHER_SECRET}, 401), ({"ago": 301}, 401), ({"ago": -330}, 401), ({"ago": 270}, 202)],
)
async def test_who_may_tell_and_how_late(desk: Desk, how: dict[str, Any], code: int) -> None:
    assert (await tell(desk, "delivered", key="msg_1", **how)).status_code == code
    assert len(await desk.service.rows("SELECT 1 FROM message_news")) == (code == 202)


async def test_unsigned_news_is_nothing(desk: Desk) -> None:
    answer = await desk.service.http.post("/hooks/v1/messages", json={"type": "message.delivered"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def phone_of(desk: Desk, person: Person) -> str:
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        return work.vault.open((await borrowers.get(work, person.id)).phone_sealed)


async def consented(desk: Desk, person: Person) -> bool:
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        return Purpose.MARKETING in await borrowers.consented(work, person.id)


async def agree(desk: Desk, person: Person) -> None:
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.record_consent(work, person.id, Purpose.MARKETING, "1", granted=True)


@pytest.mark.parametrize("word", ["T", "t", " TD ", "退订", "TT"])
async def test_a_word_opts_out_and_is_confirmed_at_once(desk: Desk, word: str) -> None:
    person = await a_borrower(desk)
    await agree(desk, person)
    await tell(desk, "received", id="evt_word", **{"from": await phone_of(desk, person)}, text=word)
    await desk.work_off()
    out = word != "TT"
    assert await consented(desk, person) is not out
    told = [(letter["channel"], letter["template"]) for letter in await desk.inbox()]
    assert told == ([("sms", "opted_out")] if out else [])
    [kept] = await desk.service.rows("SELECT kind, borrower_id FROM inbound_messages")
    assert (kept.kind, kept.borrower_id) == ("opt_out" if out else "text", person.id)


async def test_the_confirmation_comes_at_night_over_the_caps_and_once(desk: Desk) -> None:
    person = await a_borrower(desk)
    await agree(desk, person)
    await sent(desk, person)
    await desk.clock_at(day_before(DUE), time(23, 30))
    number = await phone_of(desk, person)
    for _ in range(3):
        await tell(desk, "received", id="evt_word", **{"from": number}, text="T")
    await desk.work_off()
    assert [letter["template"] for letter in await desk.inbox()] == ["due_tomorrow", "opted_out"]
    assert "Notices about your account still come" in (await desk.inbox())[-1]["text"]


@pytest.mark.parametrize(
    "text",
    ["Can I pay on Friday?", "please stop calling me", "我下周还", "", "T\x00", "a\ud800b", "长" * 9000],
)
async def test_anything_else_is_kept_for_staff(desk: Desk, text: str) -> None:
    person = await a_borrower(desk)
    await agree(desk, person)
    await tell(desk, "received", **{"from": await phone_of(desk, person)}, text=text)
    await desk.work_off()
    collector = await given.a_member(desk.service, Role.COLLECTOR)
    [shown] = (await desk.service.get("/staff/v1/inbound-messages", who=collector)).json()["data"]
    assert shown["borrower"] == person.id
    assert shown["text"][:20] == text.replace("\x00", "").replace("\ud800", "?")[:20]
    assert "****" in shown["sender"]
    assert await consented(desk, person) is (text != "T\x00")
    reviewer = await given.a_member(desk.service, Role.REVIEWER)
    assert (await desk.service.get("/staff/v1/inbound-messages", who=reviewer)).status_code == 403


@pytest.mark.parametrize("sender", ["+8613999999999", "10690000", "Mama", "+1"])
async def test_a_word_from_a_number_that_nobody_has(desk: Desk, sender: str) -> None:
    await tell(desk, "received", **{"from": sender}, text="T")
    await desk.work_off()
    [kept] = await desk.service.rows("SELECT kind, borrower_id, from_sealed FROM inbound_messages")
    assert (kept.kind, kept.borrower_id) == ("opt_out", None)
    assert sender not in kept.from_sealed
    assert await desk.inbox() == []
    assert await parked(desk) == []
