"""The queue: PGQueuer on the service's own PostgreSQL, in its own schema, in the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.adapters.persistence import qb
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.domain.settings import DBSettings
from pgqueuer.ports.driver import Driver
from pgqueuer.queries import Queries

SCHEMA = "queue"
PATIENT = frozenset({"plan_reminders", "send_messages"})
"""Entry points whose jobs come by the thousand and that nobody waits for: all others go before them."""
_SETTINGS = DBSettings(db_schema=SCHEMA)
_ENQUEUE = qb.QueryQueueBuilder(settings=_SETTINGS).build_enqueue_query("skip")


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work to be done after the commit: the entry point's name and its JSON payload."""

    entrypoint: str
    payload: dict[str, Any]
    after: timedelta | None = None
    dedupe_key: str | None = None


async def put(connection: asyncpg.Connection, jobs: Sequence[Job]) -> None:
    """Write ``jobs`` on the caller's connection, in its transaction. A known ``dedupe_key`` is skipped."""
    if not jobs:
        return
    if not connection.is_in_transaction():
        raise RuntimeError("jobs are written inside the transaction that causes them")
    await connection.execute(
        _ENQUEUE,
        [-1 if job.entrypoint in PATIENT else 0 for job in jobs],
        [job.entrypoint for job in jobs],
        [json.dumps(job.payload).encode() for job in jobs],
        [job.after or timedelta(0) for job in jobs],
        [job.dedupe_key for job in jobs],
        ["null"] * len(jobs),
    )


def queries(driver: Driver) -> Queries:
    """PGQueuer's queries over ``driver``, reading and writing the schema `SCHEMA`."""
    return Queries(
        driver,
        qbe=qb.QueryBuilderEnvironment(settings=_SETTINGS),
        qbq=qb.QueryQueueBuilder(settings=_SETTINGS),
        qbs=qb.QuerySchedulerBuilder(settings=_SETTINGS),
    )


def worker(pool: asyncpg.Pool) -> PgQueuer:
    """A PGQueuer that takes jobs from this queue; entry points are registered on it by ``refi.runtime``."""
    driver = AsyncpgPoolDriver(pool)
    return PgQueuer(driver, queries=queries(driver))


async def waiting(connection: asyncpg.Connection, entrypoints: Sequence[str], at: datetime, most: int) -> int:
    """How many jobs of these entry points are due at ``at`` (wall clock) and free; counts to ``most``."""
    return int(
        await connection.fetchval(
            f"SELECT count(*) FROM (SELECT FROM {SCHEMA}.pgqueuer WHERE status = 'queued'"  # noqa: S608
            " AND entrypoint = ANY($1::text[]) AND execute_after <= $2 LIMIT $3) AS due",
            list(entrypoints),
            at,
            most,
        )
    )


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits in the queue: due now, later, being worked on, parked; how long the oldest has been due."""

    due: int
    later: int
    working: int
    parked: int
    oldest: timedelta


async def depth(connection: asyncpg.Connection) -> Depth:
    """How deep the queue is now."""
    row = await connection.fetchrow(
        "SELECT count(*) FILTER (WHERE status = 'queued' AND execute_after <= now()) AS due,"  # noqa: S608
        " count(*) FILTER (WHERE status = 'queued' AND execute_after > now()) AS later,"
        " count(*) FILTER (WHERE status = 'picked') AS working,"
        " count(*) FILTER (WHERE status = 'failed') AS parked,"
        " coalesce(now() - min(execute_after) FILTER (WHERE status = 'queued' AND execute_after <= now()),"
        f" interval '0') AS oldest FROM {SCHEMA}.pgqueuer"
    )
    return Depth(**dict(row))


async def its_time(connection: asyncpg.Connection) -> datetime:
    """What the queue's clock says, by which its jobs fall due."""
    found: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return found


async def unfinished(connection: asyncpg.Connection) -> int:
    """How many jobs are due now or being worked on; the sandbox waits for zero."""
    return int(
        await connection.fetchval(
            f"SELECT count(*) FROM {SCHEMA}.pgqueuer WHERE status = 'picked'"  # noqa: S608 - a constant
            " OR (status = 'queued' AND execute_after <= now())"
        )
    )
