"""The worker: takes jobs from the queue, any number of processes at once.

A job that cannot be done yet goes back with a delay; an unexpected error is retried with growing delays and
then parked, where ``refi doctor`` and the operations page show it. A killed worker's jobs are taken over by
others when its heartbeat is missed.
"""

from __future__ import annotations

import asyncio
import json
import signal
from datetime import timedelta

import asyncpg
import structlog
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job
from prometheus_client import Counter

from refi import close
from refi.db import queue
from refi.errors import Unavailable
from refi.runtime import JOBS as ROOMS
from refi.runtime import Runtime, TryAgain

TRIES = 8
LONGEST_WAIT = timedelta(minutes=10)
LOOKS_EVERY = timedelta(seconds=2)
BATCH = 20

JOBS = {**ROOMS, **close.JOBS}

log = structlog.get_logger("refi.worker")
DONE = Counter("refi_jobs_total", "Jobs by how they ended", ["entrypoint", "outcome"])


def wait_before(attempt: int) -> timedelta:
    """The delay before another try: doubling from half a second to ten minutes."""
    return min(timedelta(seconds=0.5) * int(2 ** min(attempt, 20)), LONGEST_WAIT)


async def run_job(runtime: Runtime, job: Job) -> None:
    """Run one job; raises ``RetryRequested`` to have it again, and its own error to have it parked."""
    payload = json.loads(job.payload or b"{}")
    structlog.contextvars.bind_contextvars(job=job.entrypoint, job_id=int(job.id))
    try:
        await JOBS[job.entrypoint](runtime, payload)
    except TryAgain as again:
        DONE.labels(job.entrypoint, "again").inc()
        raise RetryRequested(again.delay) from again
    except Exception as error:
        passing = isinstance(error, Unavailable)
        if passing or job.attempts < TRIES:
            DONE.labels(job.entrypoint, "retried").inc()
            log.warning("job_retried", attempt=job.attempts, reason=str(error), exc_info=not passing)
            raise RetryRequested(wait_before(job.attempts), str(error)) from error
        DONE.labels(job.entrypoint, "parked").inc()
        log.exception("job_parked", payload=payload)
        raise
    DONE.labels(job.entrypoint, "done").inc()


async def run_worker(runtime: Runtime, stop: asyncio.Event | None = None, *, signals: bool = True) -> None:
    """Work until ``stop`` is set or, with ``signals``, until SIGINT or SIGTERM comes."""
    url = runtime.settings.database_url.replace("postgresql+asyncpg://", "postgresql://", 1)
    async with asyncpg.create_pool(url, min_size=2, max_size=4) as pool:
        worker = queue.worker(pool)
        for entrypoint in JOBS:

            @worker.entrypoint(entrypoint, on_failure="hold")
            async def run(job: Job) -> None:
                await run_job(runtime, job)

        if signals:
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, worker.shutdown.set)
        watch = asyncio.create_task(_stop_with(stop, worker.shutdown)) if stop is not None else None
        log.info("working", entrypoints=sorted(JOBS))
        try:
            await worker.run(
                dequeue_timeout=LOOKS_EVERY, batch_size=BATCH,
                heartbeat_timeout=timedelta(seconds=runtime.settings.heartbeat_seconds),
                max_concurrent_tasks=2 * BATCH,
            )  # fmt: skip
        finally:
            if watch is not None:
                watch.cancel()


async def _stop_with(stop: asyncio.Event, shutdown: asyncio.Event) -> None:
    await stop.wait()
    shutdown.set()
