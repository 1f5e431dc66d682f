"""Sending over a real socket: once, under the rules, with every answer that a channel can give."""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from refi.borrowers import service as borrowers
from refi.borrowers.tables import Purpose
from refi.db.work import SYSTEM
from refi.notifications import service
from refi.notifications.messages import Gate
from tests.books import SHANGHAI
from tests.notifications.reminding import a_reminder, status
from tests.servicing import DUE, Desk, a_borrower, a_loan, a_payment, day_before


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
