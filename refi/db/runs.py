"""The timetable's rows, and the business clock: what fired, what finished, which date is open.

A row is unique by job and business date. A step writes it in the transaction of its effect, so a step that
is in the table has happened and one that crashed is not there: any number of processes yields one run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from refi.db.tables import BusinessClock, Firing, JobRun
from refi.db.work import Work

Report = dict[str, Any]
"""What a step counted; sums of money, in minor units, stand under ``money``."""


async def fire(work: Work, job: str, on: date) -> bool:
    """Whether this is the first firing of ``job`` for ``on``. Waits for a firing that has not committed."""
    made = await work.session.execute(
        insert(JobRun)
        .values(job=job, on=on, fired_at=work.wall)
        .on_conflict_do_nothing()
        .returning(JobRun.job)
    )
    return made.scalar() is not None


async def finish(work: Work, job: str, on: date, report: Report) -> bool:
    """Mark a fired job as finished; False when it was finished before, whose report stays."""
    done = await work.session.execute(
        update(JobRun)
        .where(JobRun.job == job, JobRun.on == on, JobRun.finished_at.is_(None))
        .values(finished_at=work.wall, report=report)
        .returning(JobRun.job)
    )
    return done.scalar() is not None


async def finished(work: Work, job: str, on: date) -> bool:
    """Whether ``job`` is done for ``on``."""
    row = await work.session.get(JobRun, (job, on))
    return row is not None and row.finished_at is not None


async def unfinished(work: Work, job: str, *, older_than: timedelta = timedelta(0)) -> list[date]:
    """The dates for which ``job`` fired longer ago and has not finished, oldest first."""
    found = await work.session.scalars(
        select(JobRun.on)
        .where(JobRun.job == job, JobRun.finished_at.is_(None), JobRun.fired_at <= work.wall - older_than)
        .order_by(JobRun.on)
    )
    return list(found)


async def first(work: Work, job: str) -> date | None:
    """The earliest date for which ``job`` has fired, if it ever has."""
    found: date | None = await work.session.scalar(select(func.min(JobRun.on)).where(JobRun.job == job))
    return found


async def reports(work: Work, on: Sequence[date]) -> dict[tuple[str, date], Report]:
    """What the finished jobs of those dates reported, in the order in which they fired."""
    rows = await work.session.scalars(
        select(JobRun)
        .where(JobRun.on.in_(on), JobRun.finished_at.is_not(None))
        .order_by(JobRun.fired_at, JobRun.job)
    )
    return {(row.job, row.on): row.report or {} for row in rows}


async def woke(work: Work, job: str, *, at_most_every: timedelta) -> None:
    """Note that the scheduler has run ``job``; many notes within ``at_most_every`` are one."""
    row = insert(Firing).values(job=job, at=work.wall)
    await work.session.execute(
        row.on_conflict_do_update(
            index_elements=[Firing.job],
            set_={"at": row.excluded.at},
            where=Firing.at < row.excluded.at - at_most_every,
        )
    )


async def firings(work: Work) -> dict[str, datetime]:
    """When each line of the scheduler's page last ran (wall clock)."""
    return {row.job: row.at for row in await work.session.scalars(select(Firing))}


async def cut_off(work: Work) -> None:
    """Say that the open day is being closed. Inside ``database.work(turning_day=True)``: nobody is midway."""
    await work.session.execute(update(BusinessClock).values(closing=True))


async def turn(work: Work, to: date, shift: timedelta) -> None:
    """Make ``to`` the business date. Only inside ``database.work(turning_day=True)``."""
    await work.session.execute(update(BusinessClock).values(on=to, shift=shift, closing=False))
