"""Rows by key: one object for a row in a transaction, whether driver or ORM has read or written it."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from refi import ids, settings
from refi.db.rows import shape
from refi.db.statements import Statement
from refi.db.work import SYSTEM, Database, Work
from refi.ledger.tables import PostingRule
from refi.payments.tables import ProviderNews, SuspenseItem
from refi.runtime import build
from tests.books import opened


@pytest.fixture
async def database(database_url: str):  # type: ignore[no-untyped-def]
    runtime = build(settings.read(database_url=database_url))
    await opened(runtime.database.engine)
    yield runtime.database
    await runtime.close()


def some_news(work: Work) -> ProviderNews:
    return ProviderNews(id=ids.new("evt"), raw="{}", received_at=work.now)


async def kept(database: Database) -> str:
    """A stored row's key."""
    async with database.work(SYSTEM) as work:
        row = some_news(work)
        await work.rows.add(row)
    return row.id


async def refusal_of(database: Database, key: str) -> str | None:
    async with database.work(SYSTEM, reading=True) as work:
        return (await work.session.execute(text("SELECT refusal FROM provider_news"))).scalar_one()


async def test_what_is_added_is_stored_with_its_defaults_and_stays_one_object(database: Database) -> None:
    async with database.work(SYSTEM) as work:
        row = some_news(work)
        await work.rows.add(row)
        assert row.handled_at is None
        assert await work.rows.get(ProviderNews, row.id) is row
        assert await work.rows.lock(ProviderNews, row.id) is row
        assert (await work.session.scalars(select(ProviderNews))).one() is row
    async with database.work(SYSTEM) as work:
        again = await work.rows.get(ProviderNews, row.id)
        assert again is not None
        assert again is not row
        assert (again.raw, again.received_at, again.refusal) == (row.raw, row.received_at, None)
        assert await work.rows.get(ProviderNews, ids.new("evt")) is None


async def test_a_change_is_written_at_the_end_of_the_transaction(database: Database) -> None:
    key = await kept(database)
    async with database.work(SYSTEM) as work:
        row = await work.rows.lock(ProviderNews, key)
        assert row is not None
        row.refusal = "no"
    assert await refusal_of(database, key) == "no"


async def test_a_change_that_is_not_written_yet_reaches_an_orm_that_is_asked_for_later(
    database: Database,
) -> None:
    key = await kept(database)
    async with database.work(SYSTEM) as work:
        row = await work.rows.lock(ProviderNews, key)
        assert row is not None
        row.refusal = "first"
        said = await work.session.scalar(select(ProviderNews.refusal))  # it writes before it reads
        assert said == "first"
        assert await work.session.get(ProviderNews, key) is row
        row.refusal = "second"
    assert await refusal_of(database, key) == "second"


async def test_what_the_driver_wrote_is_not_stale_in_the_orm(database: Database) -> None:
    key = await kept(database)
    async with database.work(SYSTEM) as work:
        row = await work.session.get(ProviderNews, key)
        assert row is not None
        locked = await work.rows.lock(ProviderNews, key)
        assert locked is row
        locked.refusal = "said once"
        await work.rows.save()
        found = await work.session.scalar(select(ProviderNews).where(ProviderNews.refusal == "said once"))
        assert found is row
    assert await refusal_of(database, key) == "said once"


async def test_a_lock_shows_what_another_transaction_committed_meanwhile(database: Database) -> None:
    key = await kept(database)
    for by_orm in (False, True):
        async with database.work(SYSTEM) as work:
            seen = await (work.session.get if by_orm else work.rows.get)(ProviderNews, key)
            async with database.work(SYSTEM) as other:
                row = await other.rows.lock(ProviderNews, key)
                assert row is not None
                row.refusal = f"meanwhile, {by_orm}"
            locked = await work.rows.lock(ProviderNews, key)
            assert locked is seen
            assert locked is not None
            assert locked.refusal == f"meanwhile, {by_orm}"


async def test_a_selection_gives_known_objects_as_they_stand(database: Database) -> None:
    key = await kept(database)
    async with database.work(SYSTEM) as work:
        row = await work.rows.lock(ProviderNews, key)
        assert row is not None
        row.refusal = "just now"
        assert await work.rows.select(ProviderNews, "WHERE refusal = $1", "just now") == [row]
        assert await work.rows.select(ProviderNews, "WHERE refusal IS NULL") == []


async def test_an_attempt_that_failed_leaves_nothing_stale(database: Database) -> None:
    key = await kept(database)

    async def part(work: Work) -> None:
        async with work.attempt():
            row = await work.rows.lock(ProviderNews, key)
            assert row is not None
            row.refusal = "half-done"
            await work.rows.save()
            raise RuntimeError("stop")

    async with database.work(SYSTEM) as work:
        with pytest.raises(RuntimeError, match="stop"):
            await part(work)
        row = await work.rows.get(ProviderNews, key)
        assert row is not None
        assert row.refusal is None
        row.refusal = "whole"
    assert await refusal_of(database, key) == "whole"


async def test_writes_that_do_not_need_each_other_go_together(database: Database) -> None:
    keys = [await kept(database) for _ in range(3)]
    async with database.work(SYSTEM) as work:
        for key in keys[:2]:
            row = await work.rows.lock(ProviderNews, key)
            assert row is not None
            row.refusal = key
        change = Statement("UPDATE provider_news SET refusal = $2 WHERE id = $1", (keys[2], "besides"))
        await work.rows.save(change)
        await work.rows.save()
    async with database.work(SYSTEM, reading=True) as work:
        found = {row.id: row.refusal for row in await work.rows.select(ProviderNews, "ORDER BY id")}
    assert found == {keys[0]: keys[0], keys[1]: keys[1], keys[2]: "besides"}


async def test_a_refused_write_takes_the_transaction_with_it(database: Database) -> None:
    key = await kept(database)

    async def swallowed() -> None:
        async with database.work(SYSTEM) as work:
            row = await work.rows.lock(ProviderNews, key)
            assert row is not None
            row.refusal = "kept?"
            twice = ProviderNews(id=key, raw="{}", received_at=work.now)
            with pytest.raises(Exception, match="pk_provider_news"):
                await work.rows.add(twice)

    with pytest.raises(Exception, match="current transaction is aborted"):
        await swallowed()
    assert await refusal_of(database, key) is None


@pytest.mark.parametrize("kind", [SuspenseItem, PostingRule])
def test_what_only_the_orm_does_is_left_to_it(kind: type) -> None:
    """A version that the ORM checks, and a key of several columns."""
    with pytest.raises(TypeError, match="by one key alone"):
        shape(kind)
