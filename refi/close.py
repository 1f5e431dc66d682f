"""The ordered steps of a business day.

Close D: what time ends, ends; then the business date becomes D+1; open D+1: what begins that day is planned.
Every step is a row unique by (step, business date), written in the transaction of its effect, so the close
may be started again at any point, by any number of processes at once, and each step happens once. The
scheduler, the command line and the sandbox's clock run this and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import structlog

from refi import clock, events
from refi.applications import jobs as applications
from refi.collections import planning_service as reminders
from refi.crosssell import jobs as suggestions
from refi.db import runs
from refi.db.work import SYSTEM, Database, Work
from refi.errors import Conflict, Fault, Forbidden, Refused
from refi.notifications import service as messages
from refi.runtime import Job, Runtime

DAY = timedelta(days=1)
LONGEST_JUMP = timedelta(days=3660)
SANDBOX_OPENS_AT = time(10, 0)
"""Where the sandbox's clock stands after a jump, in the market's zone: a lawful hour for every message."""

CLOSE, TURN = "close", "close.turn"
Report = dict[str, Any]
log = structlog.get_logger("refi.close")


class DayAlreadyClosed(Conflict):
    """The business date is over; a closed day stays closed."""


class DayNotOver(Conflict):
    """In live a day is closed after it has ended in the market's zone."""


class DateTooFar(Refused):
    """The date is more than ten years away."""


class SandboxOnly(Forbidden):
    """Live time is not moved."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name in the table, and what it does in its transaction; answers what it counted."""

    name: str
    do: Callable[[Work, date], Awaitable[Report]]


async def _expire(work: Work, _on: date) -> Report:
    return {**asdict(await applications.expire(work)), "suggestions": await suggestions.expire(work)}


async def _plan_reminders(work: Work, on: date) -> Report:
    return dict(await reminders.fan_out(work, on))


async def _wake_messages(work: Work, _on: date) -> Report:
    return {"woken": await messages.wake(work)}


CLOSING = (Step("close.expire", _expire),)
OPENING = (Step("open.reminders", _plan_reminders), Step("open.messages", _wake_messages))


async def close_until(database: Database, to: date, *, jump: bool = False) -> list[date]:
    """Close every business date before ``to``, in order; returns the dates that this call closed.

    ``to`` becomes the business date. With ``jump`` the sandbox's clock stands at ten in the morning of it.
    Raises `DayAlreadyClosed` for an earlier date, `DateTooFar`, and in live `DayNotOver`.
    """
    async with database.work(SYSTEM, reading=True) as work:
        open_on, today = work.on, clock.local_date(work.now, database.zone)
    if to < open_on:
        raise DayAlreadyClosed(f"the business date is {open_on} already", business_date=open_on.isoformat())
    if to - open_on > LONGEST_JUMP:
        raise DateTooFar(f"the business date is {open_on}", faults=[Fault("/to", "out_of_range")])
    if to > today and not database.sandbox:
        raise DayNotOver(f"{to - DAY} is not over", business_date=open_on.isoformat())
    return await _walk(database, to, jump=jump)


async def _walk(database: Database, to: date, *, jump: bool = False) -> list[date]:
    async with database.work(SYSTEM, reading=True) as work:
        open_on = work.on
        left = [on for on in await runs.unfinished(work, CLOSE) if on < open_on]
    for on in left:  # a crash came after the date had turned: finish opening the next day
        await _close_day(database, on, jump=False)
    closed = []
    for days in range((to - open_on).days):
        on = open_on + timedelta(days=days)
        if await _close_day(database, on, jump=jump):
            closed.append(on)
    return closed


async def _close_day(database: Database, on: date, *, jump: bool) -> bool:
    """Run what is left of closing ``on`` and opening the day after; True if this call turned the date."""
    async with database.work(SYSTEM) as work:
        if not await runs.fire(work, CLOSE, on) and await runs.finished(work, CLOSE, on):
            return False
    for step in CLOSING:
        await _run(database, step, on)
    turned = await _turn(database, on, jump=jump)
    for step in OPENING:
        await _run(database, step, on + DAY)
    async with database.work(SYSTEM) as work:
        if await runs.finish(work, CLOSE, on, {}):
            log.info("business_day_closed", closed=on.isoformat())
    return turned


async def _run(database: Database, step: Step, on: date) -> None:
    """Do the step unless it was done: the row and the effect commit together, or neither."""
    async with database.work(SYSTEM) as work:
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


async def advance(runtime: Runtime, to: date) -> list[date]:
    """Move the sandbox to ``to``: close every date before it with the code that production runs.

    Returns the closed dates at once; what a day set off is done by the workers. Raises what `close_until`
    raises, and `SandboxOnly` in live.
    """
    if runtime.settings.live:
        raise SandboxOnly("time is moved in the sandbox only")
    return await close_until(runtime.database, to, jump=True)


async def close_command(runtime: Runtime, on: date | None, *, catch_up: bool = False) -> list[Report]:
    """``refi close``: the open date, every date through ``on``, or every date before today; with reports."""
    async with runtime.database.work(SYSTEM, reading=True) as work:
        open_on, today = work.on, clock.local_date(work.now, runtime.database.zone)
    last = open_on if on is None else on
    if last < open_on and not catch_up:
        raise DayAlreadyClosed(f"{last} is closed, {open_on} is open", business_date=open_on.isoformat())
    to = max(today, open_on) if catch_up else last + DAY
    closed = await close_until(runtime.database, to)
    async with runtime.database.work(SYSTEM, reading=True) as work:
        done = await runs.reports(work, [*closed, *(each + DAY for each in closed)])
    steps = {step.name: DAY if step in OPENING else timedelta(0) for step in (*CLOSING, *OPENING)}
    return [
        {
            "date": each.isoformat(),
            "steps": {name: done.get((name, each + days), {}) for name, days in steps.items()},
        }
        for each in closed
    ]


async def _close_job(runtime: Runtime, payload: dict[str, Any]) -> None:
    await _walk(runtime.database, date.fromisoformat(payload["on"]) + DAY)


JOBS: dict[str, Job] = {CLOSE: _close_job}
"""What the worker does besides `refi.runtime.JOBS`."""
