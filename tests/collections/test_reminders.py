"""Planning a day's reminders on real rows: whom, once, together, whatever the number of planners."""

from __future__ import annotations

import asyncio
import json
from datetime import date, time, timedelta
from typing import Any

from refi.collections import jobs
from refi.collections import planning_service as planning
from refi.db.work import SYSTEM
from tests.given import Person
from tests.servicing import DUE, ON, Desk, a_borrower, a_loan, a_payment, day_before


async def opened(desk: Desk, on: date) -> dict[str, int]:
    """Make ``on`` the business date and fan its reminders out."""
    await desk.clock_at(on)
    async with desk.runtime.database.work(SYSTEM) as work:
        return dict(await planning.fan_out(work, on))


async def told(desk: Desk) -> list[tuple[Any, ...]]:
    rows = await desk.messages()
    return [(row.borrower_id, row.stage, row.channel, row.status) for row in rows]


async def test_the_day_before_and_the_day_after(desk: Desk) -> None:
    person = await a_borrower(desk, device=True)
    await a_loan(desk, person)
    assert await opened(desk, DUE - timedelta(days=2)) == {"chunks": 0, "borrowers": 0}
    assert await opened(desk, day_before(DUE)) == {"chunks": 1, "borrowers": 1}
    assert await desk.work_off() == ["plan_reminders", "send_message"]
    assert await opened(desk, DUE) == {"chunks": 0, "borrowers": 0}
    await opened(desk, DUE + timedelta(days=1))
    await desk.work_off()
    assert await told(desk) == [
        (person.id, "T-1", "sms", "sent"),
        (person.id, "T+1", "push", "sent"),
    ]
    assert [message["template"] for message in await desk.inbox()] == ["due_tomorrow", "past_due"]


async def test_who_paid_is_not_even_planned(desk: Desk) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    await desk.clock_at(date(2026, 12, 1))
    await a_payment(desk, loan_id, 408_027, date(2026, 12, 1))
    await opened(desk, day_before(DUE))
    await desk.work_off()
    assert await told(desk) == []


async def test_installments_due_together_share_one_message(desk: Desk) -> None:
    person = await a_borrower(desk)
    first, second = await a_loan(desk, person), await a_loan(desk, person, principal=600_000)
    await opened(desk, day_before(DUE))
    await desk.work_off()
    [message] = await desk.inbox()
    assert "CN¥6,120.40 is due" in message["text"]
    rows = await desk.service.rows("SELECT loan_id, number, due_on FROM message_subjects ORDER BY loan_id")
    assert [tuple(row) for row in rows] == [(loan_id, 1, DUE) for loan_id in sorted((first, second))]


async def test_of_two_due_together_the_unpaid_one_is_told(desk: Desk) -> None:
    person = await a_borrower(desk)
    first, _ = await a_loan(desk, person), await a_loan(desk, person, principal=600_000)
    await opened(desk, day_before(DUE))
    await desk.work_off(only="plan_reminders")
    await a_payment(desk, first, 408_027, day_before(DUE))
    await desk.work_off()
    [message] = await desk.inbox()
    assert "CN¥2,040.13 is due" in message["text"]


async def test_planning_again_plans_nothing(desk: Desk) -> None:
    await a_loan(desk, await a_borrower(desk))
    for _ in range(3):
        await opened(desk, day_before(DUE))
        await desk.work_off()
    assert len(await desk.inbox()) == len(await desk.messages()) == 1


async def test_planners_at_once_plan_once(desk: Desk) -> None:
    people = [await a_borrower(desk) for _ in range(5)]
    for person in people:
        await a_loan(desk, person)
    await desk.clock_at(day_before(DUE))
    ids = [person.id for person in people]
    database = desk.runtime.database
    outcomes = await asyncio.gather(
        *(jobs.plan_reminders(database, day_before(DUE), "T-1", ids) for _ in range(4)),
        return_exceptions=True,
    )
    planned = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert sum(planned) == 5
    assert len(await desk.messages()) == 5
    assert await jobs.plan_reminders(database, day_before(DUE), "T-1", ids) == 0


async def test_chunks_cover_every_borrower_once(desk: Desk) -> None:
    people = [await a_borrower(desk) for _ in range(7)]
    for person in people:
        await a_loan(desk, person)
        await a_loan(desk, person, principal=600_000)
    await desk.clock_at(day_before(DUE))
    async with desk.runtime.database.work(SYSTEM) as work:
        counts = await planning.fan_out(work, work.on, size=3)
    assert counts == {"chunks": 3, "borrowers": 7}
    [first] = await desk.service.rows("SELECT payload FROM queue.pgqueuer ORDER BY id LIMIT 1")
    span = json.loads(first.payload)
    planned = await jobs.plan_reminders(
        desk.runtime.database, day_before(DUE), span["stage"], span["borrowers"]
    )
    assert planned == 3
    assert await desk.work_off(only="plan_reminders") == ["plan_reminders"] * 3
    assert sorted(row.borrower_id for row in await desk.messages()) == sorted(p.id for p in people)


async def test_cancelled_and_paid_off_loans_concern_nobody(desk: Desk) -> None:
    person: Person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    await a_payment(desk, loan_id, 1_200_000, ON)
    [row] = await desk.service.rows("SELECT status FROM loans")
    assert row.status == "paid_off"
    assert await opened(desk, day_before(DUE)) == {"chunks": 0, "borrowers": 0}


async def test_a_loan_paid_off_meanwhile_is_not_told(desk: Desk) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    await opened(desk, day_before(DUE))
    await desk.work_off(only="plan_reminders")
    await a_payment(desk, loan_id, 1_300_000, day_before(DUE))
    await desk.work_off(only="send_message")
    [row] = await desk.messages()
    assert (row.status, row.reason) == ("skipped", "loan_closed")


async def test_a_reminder_waits_for_the_hour_where_the_borrower_lives(desk: Desk) -> None:
    person = await a_borrower(desk, zone="America/New_York")
    await a_loan(desk, person)
    await opened(desk, day_before(DUE))
    await desk.work_off()
    assert await told(desk) == [(person.id, "T-1", "sms", "planned")]
    await desk.clock_at(day_before(DUE), time(23, 5))  # a little after ten in New York
    [row] = await desk.messages()
    await desk.send(row.id)
    assert await told(desk) == [(person.id, "T-1", "sms", "sent")]
