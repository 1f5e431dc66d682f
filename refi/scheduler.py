"""The timetable on one page. It wakes and decides nothing: any number of schedulers may run.

APScheduler keeps its jobs in memory on every node. A firing that must happen once becomes a row unique by
(job, business date); a sweep only asks the queue for what is left over, which is harmless to repeat.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from refi import clock
from refi.business_day import CLOSE, DAY
from refi.db import runs
from refi.db.work import SYSTEM, Work
from refi.errors import Unavailable
from refi.notifications import asking_jobs as asking
from refi.notifications import jobs as notifications
from refi.payments import jobs as payments
from refi.runtime import Runtime

LEFT_OVER = timedelta(seconds=30)
"""A close that has not finished after so long is asked for again; asking twice does nothing twice."""
STOPS_WITHIN = 10.0
NOTED = timedelta(seconds=5)
"""A firing is noted at most so often: an operator sees whether anybody keeps time."""

log = structlog.get_logger("refi.scheduler")


@dataclass(frozen=True, slots=True)
class Wake:
    """One line of the timetable."""

    name: str
    every: timedelta
    do: Callable[[Runtime], Awaitable[object]]


async def due_days(runtime: Runtime) -> int:
    """Ask for every business date to be closed that has ended in the market's zone, each once.

    One job closes them in order. A job for each would have as many closers run after the same steps, and each
    would keep all other writers waiting at every cut-off and turn.
    """
    async with runtime.database.work(SYSTEM, reading=True) as work:
        behind = (clock.local_date(work.now, runtime.database.zone) - work.on).days
        left = await runs.unfinished(work, CLOSE, older_than=LEFT_OVER)
    if behind <= 0 and not left:
        return 0
    async with runtime.database.work(SYSTEM) as work:
        return await _ask_for_closes(work, runtime)


async def _ask_for_closes(work: Work, runtime: Runtime) -> int:
    today = clock.local_date(work.now, runtime.database.zone)
    missing = [work.on + days * DAY for days in range((today - work.on).days)]
    wanted = [on for on in missing if await runs.fire(work, CLOSE, on)]
    wanted += [on for on in await runs.unfinished(work, CLOSE, older_than=LEFT_OVER) if on not in wanted]
    if wanted:
        last = max(wanted).isoformat()
        work.enqueue(CLOSE, {"on": last}, dedupe_key=f"close:{last}")
    return len(wanted)


JOBS = (
    Wake("due_days", timedelta(seconds=2), due_days),
    Wake(
        "sweep_payments",
        timedelta(seconds=5),
        lambda runtime: payments.sweep(runtime.database, runtime.waits),
    ),
    Wake("sweep_messages", timedelta(seconds=5), lambda runtime: notifications.sweep(runtime.database)),
    Wake(
        "look_for_receipts",
        timedelta(seconds=30),
        lambda runtime: asking.look(runtime.database, runtime.channels.reports),
    ),
)


async def wake(runtime: Runtime, job: Wake, awake: set[asyncio.Task[None]]) -> None:
    """Run one line of the timetable; an outage is logged, and the next firing tries again."""
    if (task := asyncio.current_task()) is not None:
        awake.add(task)
        task.add_done_callback(awake.discard)
    try:
        found = await job.do(runtime)
        async with runtime.database.work(SYSTEM) as work:
            await runs.woke(work, job.name, at_most_every=NOTED)
    except Unavailable as error:
        log.warning("not_now", job=job.name, reason=error.detail)
    else:
        if found:
            log.info("woke", job=job.name, asked_for=found)


async def run_scheduler(runtime: Runtime, stop: asyncio.Event | None = None, *, signals: bool = True) -> None:
    """Keep the timetable until ``stop`` is set or, with ``signals``, until SIGINT or SIGTERM comes."""
    stopping = stop or asyncio.Event()
    if signals:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    scheduler = AsyncIOScheduler(timezone="UTC")
    awake: set[asyncio.Task[None]] = set()
    for job in JOBS:
        scheduler.add_job(
            wake,
            "interval",
            args=(runtime, job, awake),
            id=job.name,
            seconds=job.every.total_seconds(),
            coalesce=True,
            misfire_grace_time=None,
            max_instances=1,
        )
    scheduler.start()
    log.info("keeping_time", jobs=[job.name for job in JOBS])
    try:
        await stopping.wait()
    finally:
        scheduler.pause()
        if awake:
            await asyncio.wait(awake, timeout=STOPS_WITHIN)
        scheduler.shutdown(wait=False)
