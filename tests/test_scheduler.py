"""The timetable: it wakes, decides nothing, and any number of schedulers yields one run a day."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from refi import scheduler
from refi.runtime import Runtime, build
from refi.scheduler import JOBS, due_days, run_scheduler
from refi.worker import run_worker
from tests.books import ON, set_time
from tests.servicing import DUE, Desk, a_borrower, a_desk, a_loan, day_before

DAY = timedelta(days=1)


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(database_url, tmp_path) as made:
        yield made


async def behind(desk: Desk, days: int) -> None:
    """The business date stays at ``ON`` while business time is ``days`` days on, shortly after midnight."""
    await desk.clock_at(ON + days * DAY, time(0, 1))
    await desk.service.turn_to(ON)


async def open_date(desk: Desk) -> date:
    [row] = await desk.service.rows("SELECT business_date FROM business_clock")
    found: date = row.business_date
    return found


async def eventually(true: Callable[[], Awaitable[object]]) -> None:
    """Wait for what other processes bring about."""
    for _ in range(1500):
        if await true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


async def opened(desk: Desk, on: date) -> bool:
    """Whether ``on`` is the business date and everything that fired has finished."""
    waiting = await desk.service.rows("SELECT 1 FROM job_runs WHERE finished_at IS NULL")
    return await open_date(desk) == on and not waiting


@contextlib.asynccontextmanager
async def keeping_time(desk: Desk, schedulers: int, workers: int) -> AsyncIterator[None]:
    """That many schedulers and workers, each with connections of its own as in a process of its own."""
    stop, made = asyncio.Event(), list[Runtime]()
    async with asyncio.TaskGroup() as running:
        for program in [run_scheduler] * schedulers + [run_worker] * workers:
            runtime = build(desk.runtime.settings)
            made.append(runtime)
            running.create_task(program(runtime, stop, signals=False))
        try:
            yield
        finally:
            stop.set()
    for runtime in made:
        await runtime.close()


async def test_nothing_is_due_during_the_day(desk: Desk) -> None:
    await desk.clock_at(ON, time(23, 59))
    assert await due_days(desk.runtime) == 0
    assert await desk.queued() == []


async def test_an_ended_day_is_asked_for_once_by_any_number(desk: Desk) -> None:
    await behind(desk, 1)
    asked = await asyncio.gather(*(due_days(desk.runtime) for _ in range(6)))
    assert sorted(asked) == [0] * 5 + [1]
    assert await desk.queued() == ["close"]
    assert await due_days(desk.runtime) == 0


async def test_missed_days_are_asked_for_each_and_closed_by_one_job(desk: Desk) -> None:
    await behind(desk, 4)
    assert await due_days(desk.runtime) == 4
    assert await desk.queued() == ["close"]
    await desk.work_off(only="close")
    assert await open_date(desk) == ON + 4 * DAY
    assert await due_days(desk.runtime) == 0


async def test_the_zone_of_the_market_decides_when_a_day_ends(desk: Desk) -> None:
    await desk.clock_at(ON + DAY, time(7, 30))  # still the day before in UTC
    await desk.service.turn_to(ON)
    assert await due_days(desk.runtime) == 1


CAIRO = "Africa/Cairo"
"""Summer time begins at midnight there, so that a day has no 00:00, and ends at midnight: an hour twice."""


@pytest.mark.parametrize(
    ("on", "instant", "due"),
    [
        (date(2026, 4, 23), "2026-04-23T21:59:59Z", 0),  # 23:59:59, the last second
        (date(2026, 4, 23), "2026-04-23T22:00:00Z", 1),  # 01:00 of the 24th: there is no midnight
        (date(2026, 10, 29), "2026-10-29T20:30:00Z", 0),  # 23:30, summer time
        (date(2026, 10, 29), "2026-10-29T21:30:00Z", 0),  # 23:30 again, an hour later
        (date(2026, 10, 29), "2026-10-29T22:00:00Z", 1),  # 00:00 of the 30th
    ],
)
async def test_a_day_without_midnight_and_a_day_of_25_hours_end_once(
    desk: Desk, on: date, instant: str, due: int
) -> None:
    policy = desk.runtime.database.policy
    market = policy.market.model_copy(update={"time_zone": CAIRO})
    database = replace(desk.runtime.database, policy=policy.model_copy(update={"market": market}))
    runtime = replace(desk.runtime, database=database)
    await set_time(database.engine, on, datetime.fromisoformat(instant))
    assert await due_days(runtime) == due
    assert await due_days(runtime) == 0
    assert len(await desk.queued()) == due
    if due:
        await desk.work_off(only="close")
        assert await open_date(desk) == on + DAY
        assert await due_days(runtime) == 0


async def test_a_close_that_got_lost_is_asked_for_again(desk: Desk) -> None:
    await behind(desk, 1)
    await due_days(desk.runtime)
    await desk.service.rows("DELETE FROM queue.pgqueuer RETURNING id")  # parked, or its worker died with it
    assert await due_days(desk.runtime) == 0
    await desk.service.rows("UPDATE job_runs SET fired_at = fired_at - interval '31 seconds' RETURNING job")
    assert await due_days(desk.runtime) == 1
    await desk.work_off(only="close")
    assert await open_date(desk) == ON + DAY


async def test_an_opening_that_a_crash_left_is_finished(desk: Desk) -> None:
    """The date had turned and the process died before the new day's reminders were planned."""
    await a_loan(desk, await a_borrower(desk), credited_on=date(2026, 10, 24))  # due on the 24th
    await behind(desk, 1)
    await due_days(desk.runtime)
    await desk.work_off(only="close")
    await desk.service.rows("DELETE FROM job_runs WHERE job LIKE 'open.%' RETURNING job")
    await desk.service.rows("DELETE FROM queue.pgqueuer RETURNING id")
    await desk.service.rows(
        "UPDATE job_runs SET finished_at = NULL, fired_at = fired_at - interval '1 minute'"
        " WHERE job = 'close' RETURNING job"
    )
    assert await due_days(desk.runtime) == 1
    assert (await desk.work_off(only="close")) == ["close"]
    assert await desk.queued() == ["plan_reminders"]


async def test_three_schedulers_and_two_workers(desk: Desk) -> None:
    person = await a_borrower(desk)
    await a_loan(desk, person)
    await behind(desk, 12)
    async with keeping_time(desk, 3, 2):
        await eventually(lambda: opened(desk, ON + 12 * DAY))
    closed = await desk.service.rows("SELECT body->>'on' AS on FROM events WHERE type = 'BusinessDayClosed'")
    assert sorted(event.on for event in closed) == [(ON + days * DAY).isoformat() for days in range(12)]


async def test_from_the_clock_to_the_inbox(desk: Desk) -> None:
    await a_loan(desk, await a_borrower(desk))
    await desk.service.turn_to(day_before(DUE) - DAY)
    async with keeping_time(desk, 2, 2):
        await desk.clock_at(day_before(DUE), time(0, 1))
        await desk.service.turn_to(day_before(DUE) - DAY)
        await eventually(lambda: opened(desk, day_before(DUE)))
        await eventually(desk.messages)
        assert await desk.inbox() == []  # it is night
        await desk.clock_at(day_before(DUE), time(10, 1))
        await eventually(desk.inbox)
    assert [(row.stage, row.status) for row in await desk.messages()] == [("T-1", "sent")]
    assert len(await desk.inbox()) == 1


async def test_it_stops_at_once_and_lets_go(desk: Desk) -> None:
    async with asyncio.timeout(10):
        async with keeping_time(desk, 2, 0):
            await asyncio.sleep(0.1)
    assert len({task for task in asyncio.all_tasks() if "apscheduler" in repr(task)}) == 0


async def test_an_outage_is_logged_and_tried_again(desk: Desk) -> None:
    lost = build(
        desk.runtime.settings.model_copy(update={"database_url": "postgresql+asyncpg://127.0.0.1:1/x"})
    )
    for job in JOBS:
        await scheduler.wake(lost, job, set())
    await lost.close()


def test_the_timetable() -> None:
    names = ["due_days", "sweep_payments", "sweep_messages", "look_for_receipts"]
    assert [job.name for job in JOBS] == names
    assert all(timedelta(seconds=1) <= job.every <= timedelta(seconds=30) for job in JOBS)
