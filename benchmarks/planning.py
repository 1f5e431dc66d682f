"""Planning: a day's reminders of a large book against one hand-written statement per stage.

Ours is what the close and the workers do: fan the day out into chunks, then for each chunk read whom the
stages concern, choose rule, arm and channel, and write messages, what they are about, and the jobs that send
them. The baseline is a transaction with one ``INSERT … SELECT`` per stage into the same tables with the same
columns, and one into the queue; it knows no rules, arms, devices or time zones and plans nobody twice only
because nothing was planned before. Each turn plans a day of its own. Ours is measured with one chunk at a
time and with four at once, as four workers would. fsync is on. Aim: at most twice the time per message.

Arguments: the number of loans (1,000,000) and of rounds (3).
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import asyncpg

from benchmarks.side_by_side import book
from benchmarks.side_by_side.bed import bed
from refi import runtime, settings
from refi.collections import jobs, ladder
from refi.collections import planning_service as planning
from refi.db.work import SYSTEM, Database
from refi.processes import collect_rarely

ON = date(2026, 12, 10)
LOANS, ROUNDS = 1_000_000, 3

BY_HAND = """
    WITH due AS (
        SELECT l.borrower_id, l.id, i.number, b.locale FROM installments i JOIN loans l ON l.id = i.loan_id
        JOIN borrowers b ON b.id = l.borrower_id
        WHERE i.due_on = $1::date AND l.unmet_on <= $1::date AND l.status = 'active'
    ), made AS (
        SELECT 'msg_' || $8::text || lpad((row_number() OVER (ORDER BY borrower_id))::text, 15, '0') AS id,
            borrower_id, locale, min(id || ':' || number) AS first FROM due GROUP BY borrower_id, locale
    ), told AS (
        INSERT INTO messages (id, plan_key, borrower_id, kind, stage, gate, channel, fallbacks, ladder, arm,
            rule, template, template_version, locale, status, not_before, lapses_on, planned_on,
            policy_version, created_at, attempts, failures)
        SELECT id, first || ':' || $1::date || ':' || $2::text || ':' || $4::text, borrower_id,
            'installment_reminder', $2::text, $3::text, $4::text, '', 'by-hand', 'champion', $5::text,
            $6::text, 1,
            locale, 'planned', $7::timestamptz, $1::date + 3, $1::date, 'by-hand', $7::timestamptz, 0, 0
        FROM made
    )
    INSERT INTO message_subjects (loan_id, number, due_on, stage, channel, message_id)
    SELECT due.id, due.number, $1::date, $2::text, $4::text, made.id FROM due JOIN made USING (borrower_id)
"""
ASK_FOR_THEM = """
    INSERT INTO queue.pgqueuer (priority, status, entrypoint, payload, execute_after)
    SELECT 0, 'queued', 'send_messages',
        convert_to(json_build_object('ids', json_agg(id))::text, 'utf8'), now() + interval '1 day'
    FROM (
        SELECT id, (row_number() OVER (ORDER BY id) - 1) / 100 AS part FROM messages
        WHERE id BETWEEN $1 AND $1 || '~'
    ) AS numbered GROUP BY part
"""

Turn = Callable[[date], Awaitable[int]]


async def by_hand(connection: asyncpg.Connection, database: Database, on: date) -> int:
    """Everything of the day in one transaction; the number of messages."""
    mark = f"{on:%y%m%d}{'0' * 5}"
    now = await connection.fetchval("SELECT now()")
    async with connection.transaction():
        for number, each in enumerate(ladder.begun(database.policy.ladder, on)):
            rule = next(rule for rule in each.version.rules_of(each.stage) if rule.channels)
            await connection.execute(
                BY_HAND, each.due_on, each.stage.name, each.stage.gate, rule.channels[-1], rule.name,
                rule.template, now, f"{mark[:-1]}{number}",
            )  # fmt: skip
        await connection.execute(ASK_FOR_THEM, f"msg_{mark[:-1]}")
    found: int = await connection.fetchval(
        "SELECT count(*) FROM messages WHERE id BETWEEN $1 AND $1 || '~'", f"msg_{mark[:-1]}"
    )
    return found


async def ours(connection: asyncpg.Connection, database: Database, on: date, at_once: int) -> int:
    """The fan-out, then its chunks, ``at_once`` of them at a time; the number of messages."""
    async with database.work(SYSTEM) as work:
        await planning.fan_out(work, on)
    rows = await connection.fetch("SELECT payload FROM queue.pgqueuer WHERE entrypoint = 'plan_reminders'")
    left = [json.loads(row["payload"]) for row in rows]
    made = 0

    async def plan() -> None:
        nonlocal made
        while left:
            chunk = left.pop()
            planned = await jobs.plan_reminders(database, on, chunk["stage"], chunk["borrowers"])
            made += planned

    await asyncio.gather(*(plan() for _ in range(at_once)))
    return made


async def measure(loans: int, rounds: int) -> None:
    """Make the book, then plan days of it in turns."""
    with bed() as bedded:
        made = runtime.build(settings.read(database_url=bedded.url, pool_size=4))
        collect_rarely()  # as a process of the service does
        connection = await asyncpg.connect(bedded.url.replace("+asyncpg", ""))
        started = time.perf_counter()
        await book.write(connection, loans, ON, made.database.vault.seal("+8613800000000"))
        print(f"{loans:,} loans written in {time.perf_counter() - started:.0f} s", flush=True)
        sides: dict[str, Turn] = {
            "by hand": lambda on: by_hand(connection, made.database, on),
            "ours, 1 at a time": lambda on: ours(connection, made.database, on, 1),
            "ours, 4 at once": lambda on: ours(connection, made.database, on, 4),
        }
        each: dict[str, list[float]] = {name: [] for name in sides}
        day, total = ON - timedelta(days=1), 0
        for number in range(rounds + 1):
            names = list(sides) if number % 2 else list(reversed(sides))
            for name in names:
                day += timedelta(days=1)
                began = time.perf_counter()
                messages = await sides[name](day)
                spent = (time.perf_counter() - began) / messages * 1e6
                total += messages
                await connection.execute("DELETE FROM queue.pgqueuer")
                if number:
                    each[name].append(spent)
            if not number:  # the first round warms up, and fills empty tables, as autovacuum would notice
                await connection.execute("ANALYZE")
        print(f"{total:,} messages in all; microseconds a message, and ratio of time to the hand-written one")
        floor = statistics.median(each["by hand"])
        for name, found in each.items():
            ratios = [mine / theirs for mine, theirs in zip(found, each["by hand"], strict=True)]
            spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
            took = statistics.median(found)
            print(f"{name:20s} {took:8.1f} us  {took / floor:5.2f} {spread}")
        await connection.close()
        await made.close()


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    asyncio.run(measure(*(given + [LOANS, ROUNDS][len(given) :])))
