"""The business day: closed once by any number of closers, from any point of a crash, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from refi import clock, close
from refi.business_day import CLOSE, DateTooFar, DayAlreadyClosed, DayNotOver, close_until
from refi.close import STEPS as PAGE
from refi.close import DateToCome, SandboxOnly
from refi.db import runs
from refi.db.work import SYSTEM, Database, Work
from refi.runtime import Runtime
from refi.settings import Env
from tests import given
from tests.books import ON, SHANGHAI
from tests.closing import left_behind
from tests.postgres import RunServer
from tests.servicing import DUE, Desk, a_borrower, a_desk, a_loan, a_payment, day_before

DAY = timedelta(days=1)
STEPS = {CLOSE: 0, **{name: (on - ON).days for name, on in PAGE.rows(ON)}}


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(database_url, tmp_path) as made:
        yield made


def in_live(runtime: Runtime) -> Runtime:
    """The same books as live would see them: time is the wall's."""
    settings = runtime.settings.model_copy(update={"env": Env.LIVE})
    return replace(runtime, settings=settings, database=replace(runtime.database, sandbox=False))


async def open_date(desk: Desk) -> date:
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        return work.on


async def ran(desk: Desk) -> set[tuple[str, date]]:
    rows = await desk.service.rows("SELECT job, business_date FROM job_runs WHERE finished_at IS NOT NULL")
    return {(row.job, row.business_date) for row in rows}


def expected(closed: list[date]) -> set[tuple[str, date]]:
    return {(name, on + days * DAY) for on in closed for name, days in STEPS.items()}


async def test_a_day_is_closed_and_the_next_opened(desk: Desk) -> None:
    assert await close.advance(desk.runtime, ON + DAY) == [ON]
    assert await open_date(desk) == ON + DAY
    assert await ran(desk) == expected([ON])
    [event] = await desk.service.rows("SELECT body, business_date FROM events")
    assert event.body == {"subject": "cn", "on": ON.isoformat()}


async def test_the_same_day_twice_is_closed_once(desk: Desk) -> None:
    await close.advance(desk.runtime, ON + DAY)
    assert await close.advance(desk.runtime, ON + DAY) == []
    await close.JOBS["close"](desk.runtime, {"on": ON.isoformat()})
    assert await open_date(desk) == ON + DAY
    assert len(await desk.service.rows("SELECT id FROM events")) == 1


async def test_closers_at_once_close_each_day_once_and_in_order(desk: Desk) -> None:
    to = ON + 5 * DAY
    answers = await asyncio.gather(*(close_until(desk.runtime.database, PAGE, to) for _ in range(4)))
    assert sorted(on for closed in answers for on in closed) == [ON + days * DAY for days in range(5)]
    assert await open_date(desk) == to
    assert await ran(desk) == expected([ON + days * DAY for days in range(5)])
    events = await desk.service.rows("SELECT body->>'on' AS on FROM events ORDER BY at, id")
    assert [event.on for event in events] == [(ON + days * DAY).isoformat() for days in range(5)]


async def test_missed_days_are_caught_up_in_order(desk: Desk) -> None:
    assert await close_until(desk.runtime.database, PAGE, ON + 30 * DAY) == [
        ON + days * DAY for days in range(30)
    ]


@pytest.fixture(scope="session")
async def undisturbed(
    run_server: RunServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """What three closes leave behind when nothing goes wrong."""
    name = run_server.clone()
    async with a_desk(run_server.url(name), tmp_path_factory.mktemp("undisturbed")) as desk:
        await a_small_book(desk)
        await close.advance(desk.runtime, ON + 3 * DAY)
        left = await left_behind(desk.runtime.database)
    run_server.drop(name)
    return left


async def a_small_book(desk: Desk) -> None:
    """Loans that fall due, are late, roll on, and are paid, around the first days of `ON`."""
    person = await a_borrower(desk)
    for credited_on in (date(2026, 10, 22), date(2026, 10, 23), date(2026, 9, 23), date(2026, 10, 24)):
        loan_id = await a_loan(desk, person, credited_on=credited_on)
    await a_payment(desk, loan_id, 500_000, ON)


@pytest.mark.parametrize("broken", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_crash_at_any_step_and_a_new_start_end_as_if_nothing_had_been(
    cloned_database_url: str, tmp_path: Path, undisturbed: dict[str, list[str]], broken: str, when: str
) -> None:
    """The database refuses the row of a step when it begins, or when it is done: the closer dies there."""
    async with a_desk(cloned_database_url, tmp_path) as desk:
        await a_small_book(desk)
        await power_cut(desk, broken, ON + (STEPS[broken] + 1) * DAY, when)
        with pytest.raises(Exception, match="power cut"):
            await close.advance(desk.runtime, ON + 3 * DAY)
        assert await ran(desk) < expected([ON, ON + DAY, ON + 2 * DAY])
        await run_sql(desk, "DROP TRIGGER power_cut ON job_runs")
        await close.advance(desk.runtime, ON + 3 * DAY)
        assert await left_behind(desk.runtime.database) == undisturbed


async def power_cut(desk: Desk, job: str, on: date, when: str) -> None:
    done = " AND NEW.finished_at IS NOT NULL" if when == "after" else ""
    await run_sql(
        desk,
        "CREATE FUNCTION power_cut() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'power cut'; END $$",
        "CREATE TRIGGER power_cut BEFORE INSERT OR UPDATE ON job_runs FOR EACH ROW"
        f" WHEN (NEW.job = '{job}' AND NEW.business_date = '{on}'{done}) EXECUTE FUNCTION power_cut()",
    )


async def run_sql(desk: Desk, *statements: str) -> None:
    async with desk.runtime.database.engine.begin() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)


async def test_after_a_jump_it_is_ten_in_the_morning(desk: Desk) -> None:
    await close.advance(desk.runtime, ON + 9 * DAY)
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        since = work.now - datetime.combine(ON + 9 * DAY, time(10), SHANGHAI)
    assert timedelta(0) <= since < timedelta(minutes=1)


async def test_closing_on_time_does_not_move_the_clock(desk: Desk) -> None:
    await desk.clock_at(ON + DAY, time(0, 5))
    await desk.service.turn_to(ON)
    await close_until(desk.runtime.database, PAGE, ON + DAY)
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        assert work.now.astimezone(SHANGHAI).time() < time(0, 7)


async def test_an_early_close_in_the_sandbox_takes_the_clock_along(desk: Desk) -> None:
    await close_until(desk.runtime.database, PAGE, ON + DAY)
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        assert work.now.astimezone(SHANGHAI).date() == work.on == ON + DAY


async def test_live_time_is_the_walls(desk: Desk) -> None:
    runtime = in_live(desk.runtime)
    today = clock.local_date(clock.utc_now(), SHANGHAI)
    await desk.service.turn_to(today - DAY)
    assert await close_until(runtime.database, PAGE, today) == [today - DAY]
    [row] = await desk.service.rows("SELECT shift FROM business_clock")
    assert row.shift == timedelta(0)
    with pytest.raises(DayNotOver) as refusal:
        await close_until(runtime.database, PAGE, today + 2 * DAY)
    assert refusal.value.detail == f"{today + DAY} is not over: it is {today}"
    assert [fault.pointer for fault in refusal.value.faults] == ["/date"]
    with pytest.raises(SandboxOnly):
        await close.advance(runtime, today + DAY)


async def test_past_and_far_dates_are_refused_by_name(desk: Desk) -> None:
    with pytest.raises(DayAlreadyClosed):
        await close.advance(desk.runtime, ON - DAY)
    with pytest.raises(DateTooFar):
        await close.advance(desk.runtime, date(2040, 1, 1))
    assert await open_date(desk) == ON
    assert await ran(desk) == set()


async def test_the_command_reports_what_each_step_counted(desk: Desk) -> None:
    person = await a_borrower(desk)
    await a_loan(desk, person, credited_on=date(2026, 10, 22))  # 4,080.27 due today
    paid = await a_loan(desk, person, credited_on=date(2026, 10, 23))  # due tomorrow
    await a_loan(desk, person, credited_on=date(2026, 7, 24))  # late by 90 days today
    await a_payment(desk, paid, 408_026, ON)
    [rehearsed] = await close.close_command(desk.runtime, None, dry_run=True)
    assert await ran(desk) == set()
    assert await open_date(desk) == ON
    [report] = await close.close_command(desk.runtime, None)
    assert report == rehearsed
    assert report["date"] == ON.isoformat()
    steps = report["steps"]
    assert list(steps) == [name for name, _ in PAGE.rows(ON) if name != "close.turn"]
    assert steps["close.cut_off"] == {
        "receipts": 1,
        "returns": 0,
        "pending_debits": 0,
        "money": {"received": 408_026, "returned": 0, "pending": 0},
    }
    assert steps["close.penalties"] == {
        "installments": 1,
        "money": {"overdue": 408_027, "principal": 396_027, "penalty_a_day": 195},
    }
    assert steps["close.delinquency"] == {
        "loans": 2,
        "to_M1": 1,
        "to_special_mention": 1,
        "to_M4": 1,
        "to_substandard": 1,
        "to_stage_3": 1,
        "stop_accruing": 1,
        "money": {
            "loans": 2_400_000,
            "to_M1": 1_200_000,
            "to_special_mention": 1_200_000,
            "to_M4": 1_200_000,
            "to_substandard": 1_200_000,
            "to_stage_3": 1_200_000,
            "stop_accruing": 1_200_000,
            "past_due": 408_027 + 3 * 408_027 - 1,
        },
    }
    assert steps["close.snapshots"]["loans"] == 3
    assert steps["open.due"] == {"installments": 1, "met": 0, "money": {"due": 1}}


async def test_the_command_closes_no_day_that_has_not_begun(desk: Desk) -> None:
    for days in (1, 3, 30, 36_500):
        with pytest.raises(DateToCome) as refusal:
            await close.close_command(desk.runtime, ON + days * DAY)
        assert [fault.code for fault in refusal.value.faults] == ["in_the_future"]
        with pytest.raises(DateToCome):
            await close.close_command(desk.runtime, ON + days * DAY, dry_run=True)
    assert await open_date(desk) == ON


async def test_the_command_closes_days_in_order_and_none_twice(desk: Desk) -> None:
    await close.close_command(desk.runtime, None)
    await desk.clock_at(ON + 5 * DAY, time(0, 5))
    await desk.service.turn_to(ON + DAY)
    assert [each["date"] for each in await close.close_command(desk.runtime, ON + 3 * DAY)] == [
        (ON + days * DAY).isoformat() for days in (1, 2, 3)
    ]
    with pytest.raises(DayAlreadyClosed):
        await close.close_command(desk.runtime, ON + DAY)
    with pytest.raises(DateToCome):
        await close.close_command(desk.runtime, ON + 5 * DAY)
    [last] = await close.close_command(desk.runtime, None, catch_up=True)
    assert last["date"] == (ON + 4 * DAY).isoformat()
    assert await close.close_command(desk.runtime, None, catch_up=True) == []


async def test_writers_wait_while_the_date_turns_and_see_one_date(desk: Desk) -> None:
    seen: set[tuple[date, date]] = set()

    async def write(database: Database) -> None:
        for _ in range(15):
            async with database.work(SYSTEM) as work:
                before = work.on
                await asyncio.sleep(0.002)
                seen.add((before, await _date_in(work)))

    await asyncio.gather(
        close.advance(desk.runtime, ON + 6 * DAY), *(write(desk.runtime.database) for _ in range(4))
    )
    assert all(before == after for before, after in seen)
    assert await open_date(desk) == ON + 6 * DAY


async def _date_in(work: Work) -> date:
    raw = await work.raw()
    found: date = await raw.fetchval("SELECT business_date FROM business_clock")
    return found


async def test_a_firing_is_once_and_a_finish_too(desk: Desk) -> None:
    database = desk.runtime.database

    async def fire() -> bool:
        async with database.work(SYSTEM) as work:
            return await runs.fire(work, "tally", ON)

    assert sorted(await asyncio.gather(*(fire() for _ in range(6)))) == [False] * 5 + [True]
    async with database.work(SYSTEM) as work:
        assert await runs.unfinished(work, "tally") == [ON]
        assert await runs.unfinished(work, "tally", older_than=timedelta(minutes=1)) == []
        assert await runs.finish(work, "tally", ON, {"n": 1})
        assert not await runs.finish(work, "tally", ON, {"n": 2})
        assert await runs.reports(work, [ON]) == {("tally", ON): {"n": 1}}


async def test_what_time_ends_ends_at_the_close(desk: Desk) -> None:
    person = await given.a_card_holder(desk.service)
    applied = await desk.service.post(
        "/v1/applications", {"statement": person.statement, "term": 3}, who=person
    )
    assert applied.json()["status"] == "approved", applied.text
    await close.advance(desk.runtime, ON + 8 * DAY)
    [before] = await desk.service.rows("SELECT status FROM applications")
    await close.advance(desk.runtime, ON + 9 * DAY)
    [after] = await desk.service.rows("SELECT status FROM applications")
    assert (before.status, after.status) == ("approved", "expired")


async def test_from_the_close_to_the_inbox(desk: Desk) -> None:
    """Three closers, five weeks day by day: each reminder arrives once, on its day."""
    person = await a_borrower(desk, device=True)
    await a_loan(desk, person)
    for days in range(1, 36):
        await asyncio.gather(*(close.advance(desk.runtime, ON + days * DAY) for _ in range(3)))
        await desk.work_off()
    rows = await desk.service.rows("SELECT stage, planned_on, status FROM messages ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("T-3", DUE - 3 * DAY, "sent"),
        ("T-1", day_before(DUE), "sent"),
        ("T", DUE, "sent"),
        ("T+1", DUE + DAY, "sent"),
        ("T+3", DUE + 3 * DAY, "sent"),
    ]
    assert len(await desk.inbox()) == 3  # who gave no e-mail address reads T-3 and T in the app


async def test_reminders_of_days_that_were_skipped_lapse(desk: Desk) -> None:
    await a_loan(desk, await a_borrower(desk))
    await close.advance(desk.runtime, DUE + timedelta(days=5))
    await desk.work_off()
    assert {(row.stage, row.status, row.reason) for row in await desk.messages()} == {
        ("T-3", "skipped", "lapsed"),
        ("T-1", "skipped", "lapsed"),
        ("T", "skipped", "lapsed"),
        ("T+1", "skipped", "lapsed"),
        ("T+3", "sent", None),
    }
    assert len(await desk.inbox()) == 1
