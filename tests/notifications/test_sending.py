"""Sending over a real socket: once, under the rules, with every answer that a channel can give."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from refi.borrowers import service as borrowers
from refi.borrowers.tables import Purpose
from refi.db.work import SYSTEM
from refi.gateways.messages_http import MessagesHttp
from refi.ids import BorrowerId
from refi.notifications import claiming_service as claiming
from refi.notifications import jobs, service
from refi.notifications import sending_service as sending
from refi.notifications.channels import Refused
from refi.notifications.messages import Gate
from refi.runtime import MESSAGE_KINDS
from tests.books import ON, SHANGHAI
from tests.given import Person
from tests.servicing import DUE, Desk, a_borrower, a_loan, a_payment, day_before

PHONE = "13900001234"


class Deaf(MessagesHttp):
    """The same inbox behind a channel that declares less."""

    deduplicates = False
    can_ask = False


class Forgiving(MessagesHttp):
    """A channel that sends nothing twice but cannot be asked."""

    can_ask = False


def lines(desk: Desk, kind: type[MessagesHttp]) -> dict[str, MessagesHttp]:
    channels = desk.runtime.channels.items()
    return {name: kind(line._line, name) for name, line in channels if isinstance(line, MessagesHttp)}


async def a_reminder(desk: Desk, person: Person, **changed: Any) -> str:
    """A reminder of the installment due on 22 December, planned for ten on the day before."""
    loan_id = await a_loan(desk, person)
    fields: dict[str, Any] = {
        "key": f"{loan_id}:1", "kind": "installment_reminder", "template": "due_tomorrow",
        "gate": Gate.REMINDER, "channel": "sms", "locale": "en", "borrower_id": person.id, "stage": "T-1",
        "not_before": datetime.combine(day_before(DUE), time(10), SHANGHAI), "lapses_on": DUE,
        "about": (service.About(loan_id, 1, DUE),), "fallbacks": ("sms",), **changed,
    }  # fmt: skip
    async with desk.runtime.database.work(SYSTEM) as work:
        [message_id] = await service.plan(work, [service.Plan(**fields)])
    return message_id


async def status(desk: Desk, message_id: str) -> tuple[str, str | None]:
    [row] = await desk.service.rows("SELECT status, reason FROM messages WHERE id = :id", id=message_id)
    return row.status, row.reason


async def asked_now(desk: Desk) -> None:
    await desk.service.rows("UPDATE messages SET ask_at = ask_at - interval '1 hour' RETURNING id")


async def test_a_code_reaches_an_unknown_phone_and_is_never_shown(desk: Desk) -> None:
    answer = await desk.service.http.post("/v1/auth/otp", json={"phone": PHONE})
    assert answer.status_code == 202
    assert await desk.work_off() == ["event", "send_message"]
    [message] = await desk.inbox()
    assert (message["to"], message["channel"], message["template"]) == ("+86" + PHONE, "sms", "one_time_code")
    [code] = re.findall(r"[0-9]{6}", message["text"])
    signed_in = await desk.service.http.post("/v1/auth/token", json={"phone": PHONE, "code": code})
    assert signed_in.status_code == 200, signed_in.text
    [row] = await desk.messages()
    assert (row.status, row.borrower_id, row.gate) == ("sent", None, "one_time_code")
    assert code not in row.text_sealed


async def test_a_code_at_night_for_a_known_phone(desk: Desk) -> None:
    person = await a_borrower(desk)
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        phone = work.vault.open((await borrowers.get(work, person.id)).phone_sealed)
    await desk.clock_at(ON, time(3))
    await desk.service.http.post("/v1/auth/otp", json={"phone": phone})
    await desk.work_off()
    [message] = await desk.inbox()
    assert message["text"].startswith("Refi: your code is ")
    listed = (await desk.service.get("/v1/messages", who=person)).json()["data"]
    assert [(m["template"], m["channel"], m["status"], m["text"]) for m in listed] == [
        ("one_time_code", "sms", "sent", None)
    ]
    assert listed[0]["to"] == phone[:6] + "****" + phone[-4:]
    assert listed[0]["sent_at"].endswith("Z")


async def test_the_code_of_one_event_is_sent_once(desk: Desk) -> None:
    await desk.service.http.post("/v1/auth/otp", json={"phone": PHONE})
    [job] = await desk.service.rows("SELECT payload FROM queue.pgqueuer")
    await desk.work_off()
    await desk.service.rows(
        "INSERT INTO queue.pgqueuer (priority, status, entrypoint, payload)"
        " VALUES (0, 'queued', 'event', :payload) RETURNING id",
        payload=job.payload,
    )
    await desk.work_off()
    assert len(await desk.inbox()) == 1


async def test_an_old_code_is_not_sent(desk: Desk) -> None:
    await desk.service.http.post("/v1/auth/otp", json={"phone": PHONE})
    await desk.work_off(only="event")
    await desk.service.rows("UPDATE messages SET expires_at = expires_at - interval '5 minutes' RETURNING id")
    await desk.work_off()
    assert [(row.status, row.reason) for row in await desk.messages()] == [("skipped", "lapsed")]
    assert await desk.inbox() == []


async def test_codes_are_given_up(desk: Desk) -> None:
    await desk.service.http.post("/v1/auth/otp", json={"phone": PHONE})
    await desk.work_off(only="event")
    [row] = await desk.messages()
    await desk.fault("error", 99, status=401)
    for _ in range(6):
        await desk.service.rows("UPDATE messages SET not_before = created_at RETURNING id")
        await desk.send(row.id)
    [row] = await desk.messages()
    assert (row.status, row.reason, row.attempts) == ("failed", "http_401", 6)


async def test_a_reminder_says_what_is_missing_when_it_is_sent(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person)
    await desk.clock_at(day_before(DUE))
    [row] = await desk.service.rows("SELECT loan_id FROM message_subjects")
    await a_payment(desk, row.loan_id, 100_000, day_before(DUE))
    await desk.send(message_id)
    [message] = await desk.inbox()
    assert "CN¥3,080.27 is due tomorrow, Dec 22, 2026" in message["text"]
    assert message["key"] == message_id
    [shown] = (await desk.service.get("/v1/messages", who=person)).json()["data"]
    assert (shown["stage"], shown["text"]) == ("T-1", message["text"])


async def test_somebody_elses_messages_are_not_listed(desk: Desk) -> None:
    person, other = await a_borrower(desk), await a_borrower(desk)
    await a_reminder(desk, person)
    assert (await desk.service.get("/v1/messages", who=other)).json() == {"data": [], "has_more": False}
    assert (await desk.service.http.get("/v1/messages")).status_code == 401


async def test_not_before_its_hour(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE), time(9, 59))
    await desk.send(message_id)
    assert await status(desk, message_id) == ("planned", None)
    assert await desk.inbox() == []


async def test_paid_between_plan_and_send(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    [row] = await desk.service.rows("SELECT loan_id FROM message_subjects")
    await a_payment(desk, row.loan_id, 408_027, day_before(DUE))
    await desk.send(message_id)
    assert await status(desk, message_id) == ("skipped", "paid")
    assert await desk.inbox() == []


async def test_a_payment_under_way_holds_the_claim_back(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    [row] = await desk.service.rows("SELECT loan_id FROM message_subjects")
    async with desk.runtime.database.work(SYSTEM) as posting:
        await (await posting.raw()).execute("SELECT 1 FROM loans WHERE id = $1 FOR UPDATE", row.loan_id)
        claiming = asyncio.create_task(desk.send(message_id))
        await asyncio.sleep(0.2)
        assert not claiming.done()
        assert await desk.inbox() == []
    await claiming
    assert len(await desk.inbox()) == 1


@pytest.mark.parametrize(
    ("granted", "outcome"), [(True, ("sent", None)), (False, ("skipped", "contact_consent_withdrawn"))]
)
async def test_consent_to_contact(desk: Desk, granted: bool, outcome: tuple[str, str | None]) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person)
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.record_consent(work, person.id, Purpose.CONTACT, "1", granted=True)
        await borrowers.record_consent(work, person.id, Purpose.CONTACT, "1", granted=granted)
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    assert await status(desk, message_id) == outcome


async def test_a_lapsed_stage_is_not_sent(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(DUE)
    await desk.send(message_id)
    assert await status(desk, message_id) == ("skipped", "lapsed")


async def test_a_stage_is_over_by_the_calendar_while_missed_days_are_caught_up(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(DUE, time(12))
    await desk.service.turn_to(day_before(DUE))
    await desk.send(message_id)
    assert await status(desk, message_id) == ("skipped", "lapsed")


async def test_at_night_it_waits_for_the_morning_and_says_why(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk), lapses_on=None)
    await desk.clock_at(day_before(DUE), time(22, 30))
    await desk.send(message_id)
    assert await status(desk, message_id) == ("planned", "quiet_hours")
    [row] = await desk.messages()
    assert row.not_before == datetime.combine(DUE, time(8), SHANGHAI)
    [entry] = await desk.service.rows("SELECT * FROM contact_log")
    assert (entry.outcome, entry.rules, entry.policy_version) == ("later", "quiet_hours", row.policy_version)
    await desk.clock_at(DUE, time(8))
    await desk.send(message_id)
    assert (await status(desk, message_id))[0] == "sent"


async def test_the_borrowers_own_night(desk: Desk) -> None:
    person = await a_borrower(desk, zone="America/New_York")
    message_id = await a_reminder(desk, person, lapses_on=None)
    await desk.clock_at(day_before(DUE), time(12))  # eleven in the evening in New York
    await desk.send(message_id)
    assert await status(desk, message_id) == ("planned", "quiet_hours")


async def test_one_a_day_however_many_are_sent_at_once(desk: Desk) -> None:
    person = await a_borrower(desk)
    made = [await a_reminder(desk, person, lapses_on=None) for _ in range(6)]
    await desk.clock_at(day_before(DUE))
    await asyncio.gather(*(desk.send(message_id) for message_id in made))
    outcomes = sorted([await status(desk, message_id) for message_id in made], key=str)
    assert outcomes == [("planned", "sms_push_per_day")] * 5 + [("sent", None)]
    assert len(await desk.inbox()) == 1


async def test_three_a_week(desk: Desk) -> None:
    person = await a_borrower(desk)
    made = [await a_reminder(desk, person, lapses_on=None) for _ in range(5)]
    for day in range(5):
        await desk.clock_at(day_before(DUE) + timedelta(days=day), time(11))
        await desk.send(made[day])
    assert [(await status(desk, message_id))[0] for message_id in made] == ["sent"] * 3 + ["planned"] * 2
    assert await status(desk, made[3]) == ("planned", "sms_push_per_week")


async def test_many_workers_send_one_message_once(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await asyncio.gather(*(desk.send(message_id) for _ in range(8)))
    assert len(await desk.inbox()) == 1
    [row] = await desk.messages()
    assert (row.status, row.attempts) == ("sent", 1)


async def test_a_push_goes_to_the_device_and_shows_no_debt(desk: Desk) -> None:
    person = await a_borrower(desk, device=True)
    message_id = await a_reminder(desk, person, channel="push", template="past_due")
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    [message] = await desk.inbox()
    assert (message["channel"], message["to"]) == ("push", f"token-{person.id}")
    assert (message["subject"], message["text"]) == (
        "Refi",
        "You have a notice about your account. Open the app to read it.",
    )


async def test_without_a_device_a_push_becomes_an_sms(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk), channel="push", template="past_due")
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    [message] = await desk.inbox()
    assert (message["channel"], message["to"][:4]) == ("sms", "+861")
    assert "CN¥4,080.27 was due on" in message["text"]


async def test_a_lost_answer_is_asked_for_and_not_sent_again(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.fault("silent")
    await desk.send(message_id)
    assert (await status(desk, message_id))[0] == "unknown"
    await asked_now(desk)
    await desk.send(message_id)
    assert await status(desk, message_id) == ("sent", None)
    [row] = await desk.messages()
    assert (row.attempts, len(await desk.inbox())) == (1, 1)


async def test_what_the_channel_never_saw_is_sent_with_todays_amount(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.fault("error", status=500)
    await desk.send(message_id)
    assert await status(desk, message_id) == ("unknown", "http_500")
    await asked_now(desk)
    await desk.send(message_id)
    assert (await status(desk, message_id))[0] == "planned"
    [row] = await desk.service.rows("SELECT loan_id FROM message_subjects")
    await a_payment(desk, row.loan_id, 8_027, day_before(DUE))
    await desk.clock_at(day_before(DUE), time(11))
    await desk.send(message_id)
    [message] = await desk.inbox()
    assert "CN¥4,000.00" in message["text"]


async def test_a_channel_that_does_not_answer_a_question_is_asked_again(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.fault("silent")
    await desk.send(message_id)
    await asked_now(desk)
    await desk.fault("error", 3, status=500)
    await desk.send(message_id)
    assert (await status(desk, message_id))[0] == "unknown"
    await asked_now(desk)
    await desk.send(message_id)
    assert (await status(desk, message_id))[0] == "sent"


async def test_with_neither_the_doubt_is_final(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.fault("error", status=500)
    deaf = lines(desk, Deaf)
    await desk.send(message_id, deaf)
    assert await status(desk, message_id) == ("unknown", "http_500")
    for _ in range(3):
        await jobs.sweep(desk.runtime.database)
        await desk.send(message_id, deaf)
    assert await status(desk, message_id) == ("unknown", "http_500")
    assert await desk.inbox() == []


async def test_one_that_deduplicates_gets_the_same_text_again(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.fault("silent")
    forgiving = lines(desk, Forgiving)
    await desk.send(message_id, forgiving)
    assert (await status(desk, message_id))[0] == "planned"
    [row] = await desk.service.rows("SELECT loan_id FROM message_subjects")
    await a_payment(desk, row.loan_id, 8_027, day_before(DUE))
    await desk.clock_at(day_before(DUE), time(11))
    await desk.send(message_id, forgiving)
    assert (await status(desk, message_id))[0] == "sent"
    [message] = await desk.inbox()
    assert "CN¥4,080.27" in message["text"]


async def test_an_outage_is_waited_out(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.fault("error", status=401)
    await desk.send(message_id)
    assert await status(desk, message_id) == ("planned", "http_401")
    await desk.send(message_id)
    assert await status(desk, message_id) == ("planned", "http_401")  # not before its pause is over
    await desk.clock_at(day_before(DUE), time(10, 1))
    await desk.send(message_id)
    assert await status(desk, message_id) == ("sent", None)


async def test_a_refusal_is_the_end(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person)
    async with desk.runtime.database.work(SYSTEM) as work:
        row = await borrowers.get(work, BorrowerId(person.id))
        row.phone_sealed = work.vault.seal("+19990000000")
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    assert await status(desk, message_id) == ("failed", "unreachable")


async def test_a_crash_after_the_claim_is_found_and_asked_about(desk: Desk) -> None:
    made = [await a_reminder(desk, await a_borrower(desk)) for _ in range(2)]
    await desk.clock_at(day_before(DUE))
    await desk.send(made[0])  # arrived, but say the process died before it wrote that down
    await desk.service.rows(
        "UPDATE messages SET status = 'claimed', sent_at = NULL, provider_id = NULL,"
        " ask_at = now() + interval '8 seconds' WHERE id = :id RETURNING id",
        id=made[0],
    )
    await desk.service.rows(
        "UPDATE messages SET status = 'claimed', attempts = 1, ask_at = now() + interval '8 seconds'"
        " WHERE id = :id RETURNING id",
        id=made[1],
    )
    await desk.service.rows("DELETE FROM queue.pgqueuer RETURNING id")
    assert await jobs.sweep(desk.runtime.database) == 0  # a fresh claim may still be on its way
    await asked_now(desk)
    assert await jobs.sweep(desk.runtime.database) == 2
    await desk.work_off()
    assert (await status(desk, made[0]))[0] == "sent"
    assert (await status(desk, made[1]))[0] == "planned"
    await desk.clock_at(day_before(DUE), time(11))
    await jobs.sweep(desk.runtime.database)
    await desk.work_off()
    assert (await status(desk, made[1]))[0] == "sent"
    assert sorted(message["key"] for message in await desk.inbox()) == sorted(made)


async def test_what_was_not_sent_does_not_count_against_the_cap(desk: Desk) -> None:
    person = await a_borrower(desk)
    made = [await a_reminder(desk, person) for _ in range(2)]
    await desk.clock_at(day_before(DUE))
    await desk.fault("error", status=401)
    for message_id in made:
        await desk.send(message_id)
    assert [(await status(desk, message_id))[0] for message_id in made] == ["planned", "sent"]


async def test_a_fresh_claim_is_left_alone(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    async with desk.runtime.database.work(SYSTEM) as work:
        taken = await claiming.take(work, MESSAGE_KINDS, desk.runtime.channels, [message_id])
    assert [claim.id for claim in taken.claims] == [message_id]
    await desk.send(message_id)
    assert await status(desk, message_id) == ("claimed", None)
    assert await desk.inbox() == []


async def test_the_answer_to_a_claim_that_was_taken_over_changes_nothing(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    database, lines = desk.runtime.database, desk.runtime.channels
    claims = []
    for hour in (10, 11):
        await desk.clock_at(day_before(DUE), time(hour))
        async with database.work(SYSTEM) as work:
            claims += (await claiming.take(work, MESSAGE_KINDS, lines, [message_id])).claims
        if hour == 10:
            await asked_now(desk)
            await desk.send(message_id)
            assert (await status(desk, message_id))[0] == "planned"
    for claim, outcome in ((claims[0], "claimed"), (claims[1], "failed"), (claims[0], "failed")):
        async with database.work(SYSTEM) as work:
            await sending.record(work, [(claim, Refused("late"))], lines)
        assert (await status(desk, message_id))[0] == outcome


async def test_planned_once_ever(desk: Desk) -> None:
    person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    about = tuple(service.About(loan_id, n, DUE) for n in range(1, 4))
    wish = service.Plan(
        key="k", kind="installment_reminder", template="due_tomorrow", gate=Gate.REMINDER, channel="sms",
        locale="en", borrower_id=person.id, about=about[:2], stage="T-1",
    )  # fmt: skip
    database = desk.runtime.database
    async with database.work(SYSTEM) as work:
        assert len(await service.plan(work, [wish])) == 1
    async with database.work(SYSTEM) as work:
        assert await service.plan(work, [wish]) == []
    async with database.work(SYSTEM) as work:
        assert len(await service.plan(work, [service.Plan(**{**vars_of(wish), "about": about})])) == 1
    rows = await desk.service.rows("SELECT * FROM message_subjects ORDER BY number")
    assert [(row.number, row.stage, row.channel) for row in rows] == [(n, "T-1", "sms") for n in (1, 2, 3)]
    assert len({row.message_id for row in rows}) == 2


def vars_of(wish: service.Plan) -> dict[str, Any]:
    return {name: getattr(wish, name) for name in service.Plan.__slots__}


async def test_every_contact_and_refusal_is_in_the_log_which_only_grows(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person)
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    entries = await desk.service.rows("SELECT outcome, borrower_id FROM contact_log ORDER BY id")
    assert [tuple(row) for row in entries] == [("allowed", person.id), ("sent", person.id)]
    for statement in ("UPDATE contact_log SET rules = 'x'", "DELETE FROM contact_log"):
        with pytest.raises(Exception, match="append-only"):
            await desk.service.rows(statement)
