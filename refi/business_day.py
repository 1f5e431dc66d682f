"""How a business day is closed, whatever its steps do: each once, in order, from any point of a crash.

Every step is a row unique by (step, business date), written in the transaction of its effect, so the close
may be started again at any point, by any number of processes at once, and each step happens once.
`refi.close` says which steps there are; this module runs them, turns the date, and rehearses.

From the cut-off (the first step) until the next day is open, nothing changes what a loan owes
(`refi.loans.copies_service`): every step sees the same books.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import structlog

from refi import clock, events
from refi.db import runs
from refi.db.runs import Report
from refi.db.work import SYSTEM, Database, Work
from refi.errors import Conflict, Fault, Refused

DAY = timedelta(days=1)
LONGEST_JUMP = timedelta(days=3660)
SANDBOX_OPENS_AT = time(10, 0)
"""Where the sandbox's clock stands after a jump, in the market's zone: a lawful hour for every message."""

CLOSE, CUT_OFF, TURN = "close", "close.cut_off", "close.turn"
SETTINGS = """
    SET LOCAL statement_timeout = '15min'; SET LOCAL lock_timeout = '15min';
    SET LOCAL enable_seqscan = off; SET LOCAL random_page_cost = 1.1; SET LOCAL jit = off"""
"""A step is a few statements over all the events of a day; the second of two closers waits for the first.
The planner shall follow the indexes that the steps are made for: it would rather read all of a table than a
thirtieth of it row by row, and the cost would grow with the book instead of the day's events."""
WITHOUT_WAITING = "SET LOCAL synchronous_commit = off"
"""A step need not wait for the disk: one that a power cut takes back has left neither row nor effect, and is
done again. The turn and the end of the close do wait, and with them every step before; so does whoever acts
on what a step wrote, since his own commit comes later in the same log."""

log = structlog.get_logger("refi.close")

OnProgress = Callable[[str, int, int], None]
"""Told the name of a step that begins, how many are done, and of how many."""


class DayAlreadyClosed(Conflict):
    """The business date is over; a closed day stays closed."""


class DayNotOver(Conflict):
    """In live a day is closed after it has ended in the market's zone."""


class DateTooFar(Refused):
    """The date is more than ten years away."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name in the table and in reports, and what it does in its transaction.

    ``do`` is given the day that is closed or, in the opening steps, opened. It answers what it counted; sums
    of money, in minor units, stand under ``money``.
    """

    name: str
    do: Callable[[Work, date], Awaitable[Report]]


@dataclass(frozen=True, slots=True)
class Timetable:
    """The ordered steps: of closing a day, beginning with the cut-off, and of opening the day after."""

    closing: tuple[Step, ...]
    opening: tuple[Step, ...]

    def rows(self, on: date) -> list[tuple[str, date]]:
        """The steps of closing ``on``, the turn among them, with the date of each in the table."""
        closing = [(step.name, on) for step in self.closing]
        return [*closing, (TURN, on), *((step.name, on + DAY) for step in self.opening)]


def unheard(_step: str, _done: int, _total: int) -> None:
    """Nobody watches the progress."""


async def close_until(
    database: Database,
    steps: Timetable,
    to: date,
    *,
    jump: bool = False,
    on_progress: OnProgress = unheard,
) -> list[date]:
    """Close every business date before ``to``, in order; returns the dates that this call closed.

    ``to`` becomes the business date. With ``jump`` the sandbox's clock stands at ten in the morning of it.
    Raises `DayAlreadyClosed` for an earlier date, `DateTooFar`, and in live `DayNotOver`.
    """
    open_on = await check(database, to)
    await _finish_opening(database, steps, open_on)
    closed = []
    per_day = len(steps.closing) + 1 + len(steps.opening)
    days = (to - open_on).days
    for day in range(days):
        on = open_on + day * DAY

        def told(step: str, done: int, _: int, day: int = day) -> None:
            on_progress(step, day * per_day + done, days * per_day)

        if await _close_day(database, steps, on, jump=jump, on_progress=told):
            closed.append(on)
    return closed


async def check(database: Database, to: date) -> date:
    """The open date, if every day before ``to`` may be closed; raises what `close_until` raises."""
    async with database.work(SYSTEM, reading=True) as work:
        open_on, today = work.on, clock.local_date(work.now, database.zone)
    if to < open_on:
        raise DayAlreadyClosed(f"the business date is {open_on} already", business_date=open_on.isoformat())
    if to - open_on > LONGEST_JUMP:
        latest = open_on + LONGEST_JUMP
        raise DateTooFar(
            f"the business date is {open_on} and moves to {latest} at most",
            faults=[Fault("/to", "out_of_range")],
        )
    if to > today and not database.sandbox:
        raise DayNotOver(
            f"{to - DAY} is not over: it is {today}",
            faults=[Fault("/date", "not_over")],
            business_date=open_on.isoformat(),
        )
    return open_on


async def _finish_opening(database: Database, steps: Timetable, open_on: date) -> None:
    """A crash came after the date had turned: finish opening the days since."""
    async with database.work(SYSTEM, reading=True) as work:
        left = [on for on in await runs.unfinished(work, CLOSE) if on < open_on]
    for on in left:
        await _close_day(database, steps, on, jump=False, on_progress=unheard)


async def _close_day(
    database: Database, steps: Timetable, on: date, *, jump: bool, on_progress: OnProgress
) -> bool:
    """Run what is left of closing ``on`` and opening the day after; True if this call turned the date."""
    async with database.work(SYSTEM) as work:
        if not await runs.fire(work, CLOSE, on) and await runs.finished(work, CLOSE, on):
            return False
    for done, step in enumerate(steps.closing):
        on_progress(step.name, done, 0)
        await _run(database, step, on, alone=step.name == CUT_OFF)
    on_progress(TURN, len(steps.closing), 0)
    turned = await _turn(database, on, jump=jump)
    for done, step in enumerate(steps.opening, start=len(steps.closing) + 1):
        on_progress(step.name, done, 0)
        await _run(database, step, on + DAY)
    async with database.work(SYSTEM) as work:
        if await runs.finish(work, CLOSE, on, {}):
            log.info("business_day_closed", closed=on.isoformat())
    return turned


async def _run(database: Database, step: Step, on: date, *, alone: bool = False) -> None:
    """Do the step unless it was done: the row and the effect commit together, or neither."""
    async with database.work(SYSTEM, turning_day=alone) as work:
        await (await work.raw()).execute(f"{SETTINGS}; {WITHOUT_WAITING}")
        if await runs.fire(work, step.name, on):
            await runs.finish(work, step.name, on, await step.do(work, on))


async def _turn(database: Database, on: date, *, jump: bool) -> bool:
    """Make the day after ``on`` the business date, alone: no other transaction sees two dates."""
    async with database.work(SYSTEM, turning_day=True) as work:
        if work.on != on or not await runs.fire(work, TURN, on):
            return False
        await runs.turn(work, on + DAY, _shift(database, work, on + DAY, jump=jump))
        work.announce(events.BusinessDayClosed(work.policy.market.name, on))
        await runs.finish(work, TURN, on, {})
    return True


def _shift(database: Database, work: Work, on: date, *, jump: bool) -> timedelta:
    """How far business time runs ahead of the wall once ``on`` is open: never at all in live.

    In the sandbox the clock goes along when asked to, or when the date would otherwise be ahead of it.
    """
    if not database.sandbox:
        return timedelta(0)
    if jump or clock.local_date(work.now, database.zone) < on:
        return datetime.combine(on, SANDBOX_OPENS_AT, database.zone) - work.wall
    return work.now - work.wall


async def rehearse(
    database: Database, steps: Timetable, to: date, *, on_progress: OnProgress = unheard
) -> list[tuple[date, dict[str, Report]]]:
    """What closing every date before ``to`` would report: the same steps in one transaction, rolled back.

    Steps of a close that has begun are done again on the books as they are. Raises what `close_until` raises.
    """
    open_on = await check(database, to)
    found = []
    async with database.work(SYSTEM, rehearsing=True) as work:
        await (await work.raw()).execute(SETTINGS)
        for days in range((to - open_on).days):
            on, reports = open_on + days * DAY, {}
            for done, step in enumerate((*steps.closing, *steps.opening)):
                on_progress(step.name, done, len(steps.closing) + len(steps.opening))
                if done == len(steps.closing):
                    work.on = on + DAY
                    work.now = max(work.now, work.wall + _shift(database, work, work.on, jump=False))
                reports[step.name] = await step.do(work, work.on)
            found.append((on, reports))
    return found


def day_report(steps: Sequence[tuple[str, date]], done: dict[tuple[str, date], Report]) -> dict[str, Report]:
    """The reports of a day's steps in their order, by name."""
    return {name: done[name, on] for name, on in steps if (name, on) in done and name != TURN}
