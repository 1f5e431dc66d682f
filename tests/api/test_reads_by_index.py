"""No statement reads a table that grows from end to end.

Every operation of the API is done once, with a worker and a scheduler behind it, and every statement that was
made is planned again, with its values. On small tables PostgreSQL prefers to read everything, and a missing
index is not felt; so it is asked for the plan that it would make if it had to avoid that. What it still reads
whole it has no index for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import Pool

from tests.api.walk import walk
from tests.stack import running_stack

Heard = dict[str, Sequence[Any]]
STAYS_SMALL = {
    "business_clock": "one row",
}
"""Tables that may be read whole, and why they do not grow with the book."""
PLANNED = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)


@contextmanager
def overhearing() -> Iterator[Heard]:
    """The statements from now on with the values of one use each: SQLAlchemy's, and ours over the driver."""
    heard: Heard = {}

    def connected(connection: Any, _: object) -> None:
        connection.driver_connection.add_query_logger(lambda said: heard.setdefault(said.query, said.args))

    def executed(_: object, __: object, statement: str, values: Any, ___: object, many: bool) -> None:
        heard.setdefault(statement, values[0] if many else values)

    event.listen(Pool, "connect", connected)
    event.listen(Engine, "before_cursor_execute", executed)
    try:
        yield heard
    finally:
        event.remove(Pool, "connect", connected)
        event.remove(Engine, "before_cursor_execute", executed)


@pytest.fixture
async def heard(database_url: str, tmp_path: Path) -> Heard:
    """The statements of a walk through every operation."""
    with overhearing() as statements:
        async with running_stack(database_url, tmp_path, scheduler=True, receipts=True) as stack:
            await walk(stack)
    return statements


def read_whole(plan: Any) -> Iterator[str]:
    """The tables that a plan reads from end to end."""
    if isinstance(plan, list):
        for each in plan:
            yield from read_whole(each)
    elif isinstance(plan, dict):
        if plan.get("Node Type") == "Seq Scan":
            yield plan["Relation Name"]
        for each in plan.values():
            yield from read_whole(each)


async def test_no_statement_reads_a_growing_table_whole(heard: Heard, database_url: str) -> None:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    await connection.set_type_codec("json", schema="pg_catalog", encoder=str, decoder=str)
    found: list[str] = []
    looked_at = 0
    try:
        await connection.execute("SET enable_seqscan = off")
        for statement, values in heard.items():
            if PLANNED.match(statement):
                looked_at += 1
                plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *values)
                whole = set(read_whole(json.loads(plan))) - STAYS_SMALL.keys()
                found += [f"{table}: {' '.join(statement.split())}" for table in whole]
    finally:
        await connection.close()
    assert looked_at > 100
    assert not found, "\n".join(sorted(found))
