"""Sending: reminders through the sandbox channel against the queue's no-op rate, by 1, 2 and 4 workers.

Ours is what production does for a message: take the job, lock message and loan, replay the contract, ask
consent, holds, preferences and caps, word it, commit the claim, send it over HTTP to the sandbox provider (a
process of its own, which writes it to its file), record the answer. The baseline are jobs of the same queue
that do nothing, one for each message, taken by as many workers. The rate is that of the middle nine tenths,
so that starting a worker does not count. fsync is on; provider, workers and PostgreSQL share the machine.

Arguments: the number of messages for each count of workers (100,000).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg

from benchmarks.side_by_side import book
from benchmarks.side_by_side.bed import Bed, bed
from refi import clock, runtime, settings
from refi.collections import jobs
from refi.collections import planning_service as planning
from refi.db.work import SYSTEM, Database
from refi.processes import collect_rarely, free_port

ON = date(2026, 12, 10)
MESSAGES = 100_000
WORKERS = (1, 2, 4)
LOANS_A_MESSAGE = 7
"""Of so many loans of the book one is told something on any day: 28 due dates, half unpaid, 8 stages."""
FIRST, LAST = 0.05, 0.95
DONE = "SELECT count(*) FROM messages WHERE planned_on = $1 AND status NOT IN ('planned', 'claimed')"
LEFT = "SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = 'noop'"


async def turn_to(connection: asyncpg.Connection, on: date) -> None:
    """Let it be a quarter past ten on that day in Shanghai."""
    then = datetime(on.year, on.month, on.day, 10, 15, tzinfo=ZoneInfo("Asia/Shanghai"))
    await connection.execute(
        "UPDATE business_clock SET business_date = $1, shift = $2", on, then - clock.utc_now()
    )


async def plan(connection: asyncpg.Connection, database: Database, on: date) -> int:
    """Plan the day; the jobs that send it wait in the queue."""
    async with database.work(SYSTEM) as work:
        await planning.fan_out(work, on)
    rows = await connection.fetch("SELECT payload FROM queue.pgqueuer WHERE entrypoint = 'plan_reminders'")
    await connection.execute("DELETE FROM queue.pgqueuer WHERE entrypoint = 'plan_reminders'")
    chunks = [json.loads(row["payload"]) for row in rows]
    return sum([await jobs.plan_reminders(database, on, one["stage"], one["borrowers"]) for one in chunks])


async def rate(bedded: Bed, connection: asyncpg.Connection, program: Sequence[str], workers: int, total: int,
               question: str, *values: object, falling: bool = False) -> float:  # fmt: skip
    """How many a second ``workers`` processes of ``program`` do, by asking the database how far they are."""
    names = [f"worker-{number}" for number in range(workers)]
    for name in names:
        bedded.processes.start(name, *program)
    marks: list[tuple[float, int]] = []
    while not marks or marks[-1][1] < total:
        found = int(await connection.fetchval(question, *values))
        marks.append((time.perf_counter(), total - found if falling else found))
        if dead := bedded.processes.dead():
            raise RuntimeError(bedded.processes.log_tail(dead[0]))
        await asyncio.sleep(0.1)
    bedded.processes.stop(names)
    first = next(mark for mark in marks if mark[1] >= FIRST * total)
    last = next(mark for mark in marks if mark[1] >= LAST * total)
    return (last[1] - first[1]) / (last[0] - first[0]) if last[0] > first[0] else float("nan")


async def noops(connection: asyncpg.Connection, count: int) -> None:
    """So many jobs that do nothing."""
    await connection.execute(
        "INSERT INTO queue.pgqueuer (priority, status, entrypoint, payload)"
        " SELECT 0, 'queued', 'noop', '' FROM generate_series(1, $1::int)",
        count,
    )


async def measure(messages: int) -> None:
    """Both sides for each number of workers."""
    with bed() as bedded:
        port = free_port()
        provider = f"http://127.0.0.1:{port}"
        bedded.processes.environment = {**bedded.processes.environment, "REFI_PROVIDER_URL": provider}
        chosen = settings.read(database_url=bedded.url, pool_size=4, provider_url=provider)
        bedded.processes.start(
            "provider", "refi.gateways.sandbox", "--port", str(port),
            "--data", str(bedded.processes.log_dir.parent / "provider.db"),
            "--webhook-url", "http://127.0.0.1:1/hooks",
            "--api-key", chosen.provider_key.get_secret_value(),
            "--webhook-secret", "whsec_c2FuZGJveC13ZWJob29rLXNlY3JldC1wdWJsaXNoZWQ=",
        )  # fmt: skip
        made = runtime.build(chosen)
        collect_rarely()  # as a process of the service does
        connection = await asyncpg.connect(bedded.url.replace("+asyncpg", ""))
        await book.write(
            connection, LOANS_A_MESSAGE * messages, ON, made.database.vault.seal("+8613800000000")
        )
        for number, workers in enumerate(WORKERS):
            on = ON + timedelta(days=number)
            await turn_to(connection, on)
            planned = await plan(connection, made.database, on)
            await connection.execute("ANALYZE")
            ours = await rate(bedded, connection, ("refi.cli", "worker"), workers, planned, DONE, on)
            outcomes = await connection.fetch(
                "SELECT status, count(*) AS n FROM messages WHERE planned_on = $1 GROUP BY status", on
            )
            await noops(connection, planned)
            program = ("benchmarks.side_by_side.noop_worker",)
            idle = await rate(bedded, connection, program, workers, planned, LEFT, falling=True)
            ended = ", ".join(f"{row['n']:,} {row['status']}" for row in outcomes)
            print(
                f"{workers} workers: {planned:,} messages at {ours:,.0f}/s, as many no-ops at {idle:,.0f}/s,"
                f" ratio {ours / idle:.3f}; {ended}",
                flush=True,
            )
        await connection.close()
        await made.close()


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES))
