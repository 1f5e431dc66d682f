"""`Work`: one commit, jobs and events inside it, business date and time as data, day-turning alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from refi import events, settings
from refi.db import queue
from refi.db.work import SYSTEM, BusinessDayClosing, Database, connect
from refi.runtime import build
from tests.books import ON, opened


@pytest.fixture
async def database(database_url: str):  # type: ignore[no-untyped-def]
    runtime = build(settings.read(database_url=database_url))
    await opened(runtime.database.engine)
    yield runtime.database
    await runtime.close()


async def count(database: Database, table: str) -> int:
    async with database.work(SYSTEM, reading=True) as work:
        return int(await work.session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


async def test_everything_commits_together(database: Database) -> None:
    async with database.work(SYSTEM) as work:
        assert work.on == ON
        work.announce(events.BusinessDayClosed("cn", ON))
        work.enqueue("event", {"id": "x"}, dedupe_key="one")
        work.enqueue("event", {"id": "x"}, dedupe_key="one")
    assert await count(database, "events") == 1
    assert await count(database, "queue.pgqueuer") == 1


async def test_nothing_survives_an_exception(database: Database) -> None:
    async def stopped() -> None:
        async with database.work(SYSTEM) as work:
            work.announce(events.BusinessDayClosed("cn", ON))
            work.enqueue("event", {"id": "x"})
            await work.session.execute(text("UPDATE business_clock SET business_date = '2030-01-01'"))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        await stopped()
    assert await count(database, "events") == 0
    assert await count(database, "queue.pgqueuer") == 0
    async with database.work(SYSTEM, reading=True) as work:
        assert work.on == ON


async def test_a_part_that_fails_takes_its_events_and_jobs_with_it(database: Database) -> None:
    async with database.work(SYSTEM) as work:
        work.announce(events.BusinessDayClosed("cn", ON))

        async def part() -> None:
            async with work.attempt():
                work.announce(events.BusinessDayClosed("cn", ON))
                work.enqueue("event", {"id": "x"})
                await work.session.execute(text("UPDATE business_clock SET business_date = '2030-01-01'"))
                raise RuntimeError("this part")

        with pytest.raises(RuntimeError, match="this part"):
            await part()
        async with work.attempt():
            work.enqueue("event", {"id": "y"})
    assert await count(database, "events") == 1
    assert await count(database, "queue.pgqueuer") == 1
    async with database.work(SYSTEM, reading=True) as work:
        assert work.on == ON


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError, match="read-only"):
        async with database.work(SYSTEM, reading=True) as work:
            await work.session.execute(text("UPDATE business_clock SET business_date = '2030-01-01'"))


async def test_the_day_turns_alone(database: Database) -> None:
    """A writer of the old day finishes first; one that comes while the day turns sees the new date."""
    order: list[str] = []
    writing, turning = asyncio.Event(), asyncio.Event()

    async def writer() -> None:
        async with database.work(SYSTEM) as work:
            writing.set()
            await asyncio.sleep(0.1)
            order.append(f"wrote on {work.on}")

    async def turner() -> None:
        await writing.wait()
        async with database.work(SYSTEM, turning_day=True) as work:
            turning.set()
            order.append(f"turned {work.on}")
            await work.session.execute(text("UPDATE business_clock SET business_date = business_date + 1"))
            await asyncio.sleep(0.1)

    async def late() -> None:
        await turning.wait()
        async with database.work(SYSTEM) as work:
            order.append(f"wrote on {work.on}")

    await asyncio.gather(writer(), turner(), late())
    assert order == [f"wrote on {ON}", f"turned {ON}", f"wrote on {ON + timedelta(days=1)}"]


async def test_who_comes_while_the_day_turns_for_long_may_come_again(
    database: Database, database_url: str
) -> None:
    impatient = connect(database_url, database.policy, database.vault, sandbox=True, lock_wait=0.1)
    async with database.work(SYSTEM, turning_day=True):
        with pytest.raises(BusinessDayClosing):
            await impatient.work(SYSTEM).__aenter__()
    async with impatient.work(SYSTEM) as work:
        assert work.on == ON
    await impatient.engine.dispose()


async def test_jobs_are_refused_outside_a_transaction(database: Database) -> None:
    async with database.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        with pytest.raises(RuntimeError, match="inside the transaction"):
            await queue.put(raw, [queue.Job("event", {})])


async def test_append_only_rows_refuse_changes(database: Database) -> None:
    async with database.work(SYSTEM) as work:
        work.announce(events.BusinessDayClosed("cn", ON))
    for statement in ("DELETE FROM events", "UPDATE events SET id = id", "DELETE FROM posting_rules"):
        async with database.engine.connect() as connection:
            with pytest.raises(DBAPIError, match="append-only"):
                await connection.execute(text(statement))


async def test_every_ledger_is_guarded(database: Database) -> None:
    async with database.work(SYSTEM, reading=True) as work:
        guarded = await work.session.scalars(
            text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'")
        )
    assert {"movements", "posting_rules", "consents", "events", "agreements"} <= set(guarded)
