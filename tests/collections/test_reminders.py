"""Planning a day's reminders on real rows: whom, once, together, whatever the number of planners."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import pytest

from refi import policies
from refi.collections import jobs, ladder
from refi.collections import planning_service as planning
from refi.db.work import SYSTEM
from refi.notifications import preference_service as preferences
from tests.books import ON
from tests.given import Person
from tests.servicing import DUE, Desk, a_borrower, a_loan, a_payment, day_before


async def opened(desk: Desk, on: date) -> dict[str, int]:
    """Make ``on`` the business date and fan its reminders out."""
    await desk.clock_at(on)
    async with desk.runtime.database.work(SYSTEM) as work:
        return dict(await planning.fan_out(work, on))


async def told(desk: Desk) -> list[tuple[Any, ...]]:
    rows = await desk.messages()
    return [(row.borrower_id, row.stage, row.channel, row.status) for row in rows]


async def test_the_days_around_the_due_date(desk: Desk) -> None:
    person = await a_borrower(desk, device=True)
    await a_loan(desk, person)
    assert await opened(desk, DUE - timedelta(days=2)) == {"chunks": 0, "borrowers": 0}
    for days in (-3, -1, 0, 1, 3, 7, 15):
        assert await opened(desk, DUE + timedelta(days=days)) == {"chunks": 1, "borrowers": 1}
        assert await desk.work_off() == ["plan_reminders", "send_message"]
    assert await told(desk) == [
        (person.id, "T-3", "inbox", "sent"),
        (person.id, "T-1", "sms", "sent"),
        (person.id, "T", "inbox", "sent"),
        (person.id, "T+1", "push", "sent"),
        (person.id, "T+3", "sms", "sent"),
        (person.id, "T+7", "sms", "sent"),
        (person.id, "T+15", "sms", "sent"),
    ]
    templates = [message["template"] for message in await desk.inbox()]
    assert templates == ["due_tomorrow", "past_due", "past_due", *["past_due_firm"] * 2]


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


async def test_one_whom_planning_fails_for_is_isolated_and_the_rest_is_planned(desk: Desk) -> None:
    people = [await a_borrower(desk) for _ in range(5)]
    for person in people:
        await a_loan(desk, person)
    sick = people[2].id
    await desk.service.rows(
        "UPDATE borrowers SET time_zone = 'Nowhere/Land' WHERE id = :id RETURNING id", id=sick
    )
    await opened(desk, day_before(DUE))
    with pytest.raises(ZoneInfoNotFoundError):  # alone in a job of its own, which the queue parks
        await desk.work_off(only="plan_reminders")
    await desk.work_off(only="plan_reminders")
    assert {row.borrower_id for row in await desk.messages()} == {p.id for p in people} - {sick}
    await desk.service.rows(
        "UPDATE borrowers SET time_zone = 'Asia/Shanghai' WHERE id = :id RETURNING id", id=sick
    )
    assert await jobs.plan_reminders(desk.runtime.database, day_before(DUE), "T-1", [sick]) == 1


async def test_preferences_order_the_channels_and_close_some(desk: Desk) -> None:
    person = await a_borrower(desk, device=True)
    await a_loan(desk, person)
    async with desk.runtime.database.work(SYSTEM) as work:
        await preferences.change(work, person.id, preferences.Wants(("push", "sms")), source="app")
    await opened(desk, day_before(DUE))
    await desk.work_off(only="plan_reminders")
    async with desk.runtime.database.work(SYSTEM) as work:
        await preferences.change(
            work, person.id, preferences.Wants(("push", "sms"), frozenset({"push"})), source="app"
        )
    await desk.work_off()
    [row] = await desk.messages()
    assert (row.channel, row.status) == ("sms", "sent")  # planned for push, which was closed before it went
    channels = await desk.service.rows("SELECT channel FROM message_subjects ORDER BY channel")
    assert [subject.channel for subject in channels] == ["push", "sms"]


async def test_who_closed_every_channel_is_refused_and_that_is_logged(desk: Desk) -> None:
    person = await a_borrower(desk)
    await a_loan(desk, person)
    async with desk.runtime.database.work(SYSTEM) as work:
        wants = preferences.Wants((), frozenset({"push", "sms"}))
        await preferences.change(work, person.id, wants, source="app")
    await opened(desk, day_before(DUE))
    await desk.work_off()
    [row] = await desk.messages()
    assert (row.status, row.reason) == ("skipped", "opted_out_sms")
    [entry] = await desk.service.rows(
        "SELECT outcome, rules FROM contact_log WHERE message_id = :id", id=row.id
    )
    assert tuple(entry) == ("refused", "opted_out_sms")


async def test_arms_get_different_ladders_and_the_arm_stands_on_the_message(desk: Desk) -> None:
    shipped = desk.runtime.database.policy
    version = shipped.ladder.versions[0]
    rules = (
        policies.Rule(
            name="push_first", stage="T-1", channels=("push", "sms"), template="due_tomorrow",
            when=policies.When(arms=("challenger",)),
        ),
        *version.rules,
    )  # fmt: skip
    arms = (policies.Arm(name="champion", share=50), policies.Arm(name="challenger", share=50))
    split = version.model_copy(update={"arms": arms, "rules": rules})
    policy = shipped.model_copy(update={"ladder": policies.Ladder(versions=(split,))})
    database = replace(desk.runtime.database, policy=policy)
    people = [await a_borrower(desk, device=True) for _ in range(12)]
    for person in people:
        await a_loan(desk, person)
    await desk.clock_at(day_before(DUE))
    await jobs.plan_reminders(database, day_before(DUE), "T-1", [person.id for person in people])
    rows = await desk.messages()
    assert {(row.arm, row.rule, row.channel) for row in rows} == {
        ("champion", "tomorrow", "sms"),
        ("challenger", "push_first", "push"),
    }
    assert all(row.arm == ladder.arm_of(split, row.borrower_id) for row in rows)
