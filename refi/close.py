"""The ordered steps of a business day, and the commands that run them.

Close D: the cut-off, then what the night changes and what ends; then the business date becomes D+1; open D+1:
what begins that day is planned. How a day is closed is `refi.business_day`'s; the scheduler, the command line
and the sandbox's clock run this and nothing else.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from refi import clock
from refi.applications import jobs as applications
from refi.applications import lending_service as lending
from refi.applications import warning_service as warnings
from refi.business_day import (
    CLOSE,
    CUT_OFF,
    DAY,
    DayAlreadyClosed,
    OnProgress,
    Step,
    Timetable,
    close_until,
    day_report,
    rehearse,
    unheard,
)
from refi.collections import jobs as collections
from refi.collections import planning_service as reminders
from refi.crosssell import jobs as suggestions
from refi.db import runs
from refi.db.runs import Report
from refi.db.work import SYSTEM, Database, Work
from refi.errors import Fault, Forbidden, Refused
from refi.loans import jobs as loans
from refi.loans import proposing_jobs as proposing
from refi.notifications import service as messages
from refi.payments import autopay_jobs as autopay
from refi.payments import cut_off_jobs as payments
from refi.runtime import Job, Runtime


class SandboxOnly(Forbidden):
    """Live time is not moved."""


class DateToCome(Refused):
    """The date has not begun: a day is closed when it is over, and the sandbox's clock moves day by day."""


class BeforeTheBooks(Refused):
    """The date is before the first business date of these books: there was nothing to close."""


async def _expire(work: Work, _on: date) -> Report:
    return {**asdict(await applications.expire(work)), "suggestions": await suggestions.expire(work)}


async def _plan_reminders(work: Work, on: date) -> Report:
    return dict(await reminders.fan_out(work, on))


async def _wake_messages(work: Work, _on: date) -> Report:
    return {"woken": await messages.wake(work)}


STEPS = Timetable(
    closing=(
        Step(CUT_OFF, payments.cut_off),
        Step("close.penalties", loans.became_overdue),
        Step("close.delinquency", loans.change_delinquency),
        Step("close.promises", collections.settle_promises),
        Step("close.charge_offs", proposing.propose_charge_offs),
        Step("close.expire", _expire),
        Step("close.retention", collections.forget_contacts),
        Step("close.snapshots", loans.take_snapshots),
        Step("close.lent", lending.take_snapshot),
        Step("close.warning", warnings.warn),
    ),
    opening=(
        Step("open.due", loans.fall_due),
        Step("open.autopay", autopay.plan_day),
        Step("open.reminders", _plan_reminders),
        Step("open.messages", _wake_messages),
    ),
)
"""The page: what happens every business day, in this order."""


async def advance(runtime: Runtime, to: date) -> list[date]:
    """Move the sandbox to ``to``: close every date before it with the code that production runs.

    Returns the closed dates at once; what a day set off is done by the workers. Raises what `close_until`
    raises, and `SandboxOnly` in live.
    """
    if runtime.settings.live:
        raise SandboxOnly("time is moved in the sandbox only")
    return await close_until(runtime.database, STEPS, to, jump=True)


async def close_command(
    runtime: Runtime,
    on: date | None,
    *,
    catch_up: bool = False,
    dry_run: bool = False,
    on_progress: OnProgress = unheard,
) -> list[Report]:
    """``refi close``: the open date, every date through ``on``, or every date before today; with reports.

    ``on`` may be the open date or, after an outage, any later one that is over; one that has not begun is
    refused, in the sandbox too (`advance` moves its clock).
    With ``dry_run`` the reports are what the same steps would do; nothing is written.
    """
    async with runtime.database.work(SYSTEM, reading=True) as work:
        open_on, today = work.on, clock.local_date(work.now, runtime.database.zone)
        opened = await runs.first(work, CLOSE) or open_on
    last = open_on if on is None else on
    if not catch_up:
        _require_closable(last, max(open_on, today - DAY), open_on, opened)
    to = max(today, open_on) if catch_up else last + DAY
    if dry_run:
        found = await rehearse(runtime.database, STEPS, to, on_progress=on_progress)
        return [_report(each, reports) for each, reports in found]
    closed = await close_until(runtime.database, STEPS, to, on_progress=on_progress)
    return await _reports(runtime.database, closed)


def _require_closable(last: date, latest: date, open_on: date, opened: date) -> None:
    """Refuse a date that was closed, that is before the books, or that is after ``latest``, by name."""
    said: dict[str, Any] = {"business_date": open_on.isoformat()}
    if last < opened:
        found = [Fault("/date", "before_the_books")]
        raise BeforeTheBooks(f"{last} is before the books were opened on {opened}", faults=found, **said)
    if last < open_on:
        found = [Fault("/date", "closed")]
        raise DayAlreadyClosed(f"{last} is closed, {open_on} is open", faults=found, **said)
    if last > latest:
        found = [Fault("/date", "in_the_future")]
        raise DateToCome(
            f"{last} has not begun: {open_on} is open, and {latest} is the last date that can be closed now",
            faults=found,
            **said,
        )


async def _reports(database: Database, closed: list[date]) -> list[Report]:
    async with database.work(SYSTEM, reading=True) as work:
        done = await runs.reports(work, [*closed, *(each + DAY for each in closed)])
    return [_report(each, day_report(STEPS.rows(each), done)) for each in closed]


def _report(on: date, steps: dict[str, Report]) -> Report:
    """A day's report; what a step counted is in the order of the alphabet, stored or only rehearsed."""
    return {"date": on.isoformat(), "steps": {name: _in_order(found) for name, found in steps.items()}}


def _in_order(report: Report) -> Report:
    return {
        name: _in_order(found) if isinstance(found, dict) else found for name, found in sorted(report.items())
    }


async def _close_job(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Close the day that the timetable asked for, and what was left before it; a closed one is finished."""
    to = date.fromisoformat(payload["on"]) + DAY
    async with runtime.database.work(SYSTEM, reading=True) as work:
        to = max(to, work.on)
    await close_until(runtime.database, STEPS, to)


JOBS: dict[str, Job] = {CLOSE: _close_job}
"""What the worker does besides `refi.runtime.JOBS`."""
