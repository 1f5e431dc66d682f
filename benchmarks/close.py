"""The daily close of 100,000 and 1,000,000 active loans against a hand-written pass of unavoidable writes.

Ours is `refi.close` as the worker runs it: every step with its row, its report and its commit. The baseline
is one transaction of set-based SQL that writes what a close cannot leave out (events of loans that got later,
snapshots, jobs of the reminders, the date) and computes no report. They take turns on the same book; each
turn is undone. Aim: within 2 times; the book doubled by loans without an event costs at most 20 % more. A
session for each loan through the ORM is timed on a sample. ``--loans 100000,1000000 --rounds 5 --sample 500``
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import select

from benchmarks.side_by_side import big_book
from benchmarks.side_by_side.bed import Bed, bed
from benchmarks.side_by_side.big_book import DAY, ON
from refi import settings
from refi.business_day import SETTINGS, close_until
from refi.cli.running import quickest_loop
from refi.close import STEPS
from refi.collections import ladder
from refi.db.migrate import open_books, upgrade
from refi.db.work import SYSTEM
from refi.ids import LoanId
from refi.loans import service as loans
from refi.loans.delinquency import bands, standing_on, turning
from refi.loans.tables import Loan, LoanSnapshot
from refi.processes import collect_rarely
from refi.runtime import Runtime, build

Side = Callable[[], Awaitable[None]]

EVENTS = """
    INSERT INTO events (id, type, subject, body, actor, business_date, at, request_id)
    SELECT 'evt_' || left(md5(l.id), 26), 'LoanDelinquencyChanged', l.id,
        jsonb_build_object('subject', l.id, 'borrower_id', l.borrower_id, 'on', $2::date + 1,
            'days_past_due', $2::date + 1 - l.unmet_on, 'bucket', b.bucket),
        'system:refi', $2, now(), NULL
    FROM loans l JOIN unnest($1::date[], $3::text[]) AS b (unmet_on, bucket) USING (unmet_on)
    WHERE l.status = 'active'"""
SNAPSHOTS = """
    INSERT INTO loan_snapshots (loan_id, business_date, status, unmet_on, days_past_due, bucket, asset_class,
        stage, accrues, principal, past_due, version)
    SELECT l.id, $1, l.status, l.unmet_on, greatest($1 - coalesce(l.unmet_on, $1), 0), b.bucket,
        b.asset_class, b.stage, b.accrues, owed.principal, owed.past_due, l.version
    FROM (SELECT id, status, unmet_on, version FROM loans WHERE changed_on = $1 UNION ALL
          SELECT id, status, unmet_on, version FROM loans
          WHERE status = 'active' AND unmet_on = ANY($2::date[]) AND changed_on <> $1) AS l
    JOIN unnest($3::int[], $4::int[], $5::text[], $6::text[], $7::smallint[], $8::boolean[])
        AS b (first, below, bucket, asset_class, stage, accrues)
        ON greatest($1 - coalesce(l.unmet_on, $1), 0) >= b.first
        AND greatest($1 - coalesce(l.unmet_on, $1), 0) < coalesce(b.below, 100000)
    CROSS JOIN LATERAL (SELECT sum(i.unpaid_principal)::bigint AS principal,
        coalesce(sum(i.unpaid) FILTER (WHERE i.due_on < $1), 0)::bigint AS past_due
        FROM installments i WHERE i.loan_id = l.id) AS owed"""
REMINDERS = """
    INSERT INTO queue.pgqueuer (priority, created, updated, execute_after, status, entrypoint, payload,
        dedupe_key)
    SELECT 0, now(), now(), now(), 'queued', 'plan_reminders',
        convert_to(jsonb_build_object('on', $2::date, 'stage', stage, 'borrowers',
            jsonb_agg(borrower_id))::text, 'utf8'), stage || chunk
    FROM (
        SELECT stage, borrower_id,
            (row_number() OVER (PARTITION BY stage ORDER BY borrower_id) - 1) / 500 AS chunk
        FROM (SELECT DISTINCT s.stage, l.borrower_id FROM unnest($1::date[], $3::text[]) AS s (due_on, stage)
            JOIN installments i USING (due_on) JOIN loans l ON l.id = i.loan_id
            WHERE l.unmet_on <= i.due_on AND l.status = 'active') AS concerned
    ) AS numbered GROUP BY stage, chunk"""


async def by_hand(connection: asyncpg.Connection, runtime: Runtime) -> None:
    """The baseline: one transaction, five statements, planned under the same settings as ours."""
    policy = runtime.database.policy
    found, tomorrow = bands(policy.delinquency), turning(policy.delinquency, ON + DAY)
    stages = ladder.begun(policy.ladder, ON + DAY)
    async with connection.transaction():
        await connection.execute(SETTINGS)
        await connection.execute(
            EVENTS, [turn.unmet_on for turn in tomorrow], ON, [turn.after.bucket for turn in tomorrow]
        )
        await connection.execute(
            SNAPSHOTS,
            ON,
            [turn.unmet_on for turn in turning(policy.delinquency, ON)],
            [band.from_days for band in found],
            [band.below_days for band in found],
            [band.standing.bucket for band in found],
            [band.standing.asset_class for band in found],
            [band.standing.stage for band in found],
            [band.standing.accrues for band in found],
        )
        due_on, names = [each.due_on for each in stages], [each.stage.name for each in stages]
        await connection.execute(REMINDERS, due_on, ON + DAY, names)
        await connection.execute("INSERT INTO job_runs VALUES ('close', $1, now(), now(), '{}')", ON)
        await connection.execute("UPDATE business_clock SET business_date = $1", ON + DAY)


async def one_by_one(runtime: Runtime, sample: int) -> float:
    """Seconds for each loan when every loan is loaded, replayed and kept in a session of its own."""
    async with runtime.database.work(SYSTEM, reading=True) as work:
        ids = list(await work.session.scalars(select(Loan.id).order_by(Loan.id).limit(sample)))
    rules, begun = runtime.database.policy.delinquency, time.perf_counter()
    for loan_id in ids:
        async with runtime.database.work(SYSTEM, rehearsing=True) as work:
            loan = await loans.lock(work, LoanId(loan_id))
            state = (await loans.account(work, loan)).state(ON)
            stood = standing_on(rules, state.unmet_on, ON)
            work.session.add(
                LoanSnapshot(
                    loan_id=loan_id, on=ON, status=loan.status, unmet_on=state.unmet_on,
                    days_past_due=state.days_past_due, bucket=stood.bucket, asset_class=stood.asset_class,
                    stage=stood.stage, accrues=stood.accrues, principal=state.balances.principal,
                    past_due=state.balances.past_due, version=loan.version,
                )
            )  # fmt: skip
            await work.session.flush()
    return (time.perf_counter() - begun) / sample


async def timed(side: Side) -> float:
    """Seconds that one side takes."""
    begun = time.perf_counter()
    await side()
    return time.perf_counter() - begun


async def in_turns(sides: list[tuple[asyncpg.Connection, Side]], rounds: int) -> list[tuple[float, float]]:
    """Seconds of both sides for each round, after one that warms up; who begins changes."""
    pairs = []
    for number in range(rounds + 1):
        took: dict[Side, float] = {}
        for connection, side in sides if number % 2 else sides[::-1]:
            await big_book.begin_again(connection)
            took[side] = await timed(side)
        if number:
            pairs.append((took[sides[0][1]], took[sides[1][1]]))
    return pairs


def line(what: str, pairs: list[tuple[float, float]], loan_count: int) -> str:
    """One row: the ratio with its spread, and the median seconds."""
    ratios = sorted(our / their for our, their in pairs)
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return (
        f"{what:34s} ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f});"
        f"  ours {ours:.2f} s, by hand {theirs:.2f} s, {ours / loan_count * 1e6:.2f} µs a loan of the book"
    )


async def measure(sizes: list[int], rounds: int, sample: int) -> None:
    """Every size in turns; the smallest once more, beside one doubled by loans without an event."""
    with bed() as made:
        async with a_book(made.url) as (runtime, connection):

            async def ours() -> None:
                await close_until(runtime.database, STEPS, ON + DAY)

            async def theirs() -> None:
                await by_hand(connection, runtime)

            there = 0
            for size in sizes:
                begun = time.perf_counter()
                await big_book.add(connection, there + 1, size)
                print(f"{size:,} loans made in {time.perf_counter() - begun:.0f} s", flush=True)
                there = size
                pairs = await in_turns([(connection, ours), (connection, theirs)], rounds)
                print(line(f"close of {size:,}", pairs, size), flush=True)
                counts = await connection.fetchrow(WRITTEN)
                print(f"  {counts['snapshots']:,} snapshots, {counts['told']:,} events")
                if size == sizes[0]:
                    await big_book.begin_again(connection)
                    each = await one_by_one(runtime, sample)
                    alone = statistics.median(our for our, _ in pairs)
                    print(
                        f"  a session for each loan: {each * 1e3:.2f} ms each on {sample}, for the book"
                        f" {each * size:,.0f} s: {each * size / alone:,.0f} times ours"
                    )
                    await _doubled(made, (connection, ours), size, rounds)


WRITTEN = "SELECT (SELECT count(*) FROM loan_snapshots) AS snapshots, (SELECT count(*) FROM events) AS told"


@asynccontextmanager
async def a_book(url: str) -> AsyncIterator[tuple[Runtime, asyncpg.Connection]]:
    """The service on the migrated database ``url``, its books open on the day, and a bare connection."""
    runtime = build(settings.read(database_url=url, env="sandbox"))
    collect_rarely()  # as a process of the service does
    await open_books(runtime.database.engine, "cn", ON)
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg://", "postgresql://", 1))
    try:
        yield runtime, connection
    finally:
        await connection.close()
        await runtime.close()


async def _doubled(made: Bed, single: tuple[asyncpg.Connection, Side], size: int, rounds: int) -> None:
    """The same events in a book of ``size`` and, in turns, in one doubled by loans without an event."""
    made.server.create_database("doubled")
    url = made.server.url("doubled")
    await upgrade(url)
    async with a_book(url) as (runtime, connection):
        await big_book.add(connection, 1, size)
        await big_book.add(connection, size + 1, 2 * size, quiet=True)

        async def double() -> None:
            await close_until(runtime.database, STEPS, ON + DAY)

        pairs = await in_turns([(connection, double), single], rounds)
        ratios = sorted(double / alone for double, alone in pairs)
    print(
        f"{size:,} and as many again without an event: {statistics.median(ratios) - 1:+.0%}"
        f" ({ratios[0] - 1:+.0%} to {ratios[-1] - 1:+.0%})",
        flush=True,
    )


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="The close against a hand-written pass.")
    parser.add_argument("--loans", default="100000,1000000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sample", type=int, default=500)
    asked = parser.parse_args()
    with asyncio.Runner(loop_factory=quickest_loop()) as runner:
        runner.run(measure([int(size) for size in asked.loans.split(",")], asked.rounds, asked.sample))


if __name__ == "__main__":
    main()
