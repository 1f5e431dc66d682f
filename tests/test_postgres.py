"""The tests' own ground: wiping brings back what the migrations left, and clones do not see each other."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from tests.postgres import RunServer, Wiper, make_run_dir, owned

SEEDED = """
CREATE TABLE kinds
    (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, raw bytea, since timestamptz);
INSERT INTO kinds (name, raw, since) VALUES ('it''s 借', '\\x00ff', now()), (NULL, NULL, NULL);
CREATE TABLE facts (id int PRIMARY KEY, kind bigint REFERENCES kinds);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''append-only''; END';
CREATE TRIGGER facts_kept BEFORE UPDATE OR DELETE ON facts FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE SCHEMA side; CREATE TABLE side.jobs (id int);
"""


async def test_wiping_keeps_what_was_there_at_first(blank_database_url: str) -> None:
    url = blank_database_url.replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    await connection.execute(SEEDED)
    before = await connection.fetch("TABLE kinds")
    wiper = await Wiper.learn(url)
    await connection.execute("INSERT INTO facts SELECT n, 1 FROM generate_series(1, 100) n")
    await connection.execute("INSERT INTO side.jobs VALUES (1); UPDATE kinds SET name = 'other'")
    with pytest.raises(asyncpg.RaiseError):
        await connection.execute("DELETE FROM facts")
    await wiper.wipe(connection)
    assert await connection.fetch("TABLE kinds") == before
    assert await connection.fetchval("SELECT count(*) FROM facts") == 0
    assert await connection.fetchval("SELECT count(*) FROM side.jobs") == 0
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute("INSERT INTO facts VALUES (1, 99)")
    await connection.close()


async def test_a_clone_is_migrated_and_private(run_server: RunServer, cloned_database_url: str) -> None:
    connection = await asyncpg.connect(cloned_database_url.replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE mine (id int)")
    other = run_server.clone()
    beside = await asyncpg.connect(run_server.url(other, driver=""))
    assert await beside.fetchval("SELECT to_regclass('mine')") is None
    assert await beside.fetchval("SELECT to_regclass('alembic_version')") == "alembic_version"
    await beside.close()
    await connection.close()
    run_server.drop(other)


async def test_the_database_is_empty_of_other_tests_rows(database_url: str) -> None:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    assert await connection.fetchval("SELECT current_setting('session_replication_role')") == "origin"
    await connection.close()


def test_what_a_killed_run_left_is_removed_and_a_living_run_is_not(tmp_path: Path) -> None:
    killed, living = make_run_dir(tmp_path), make_run_dir(tmp_path)
    (killed / "owner").touch()
    with owned(living):
        mine = make_run_dir(tmp_path)
        assert sorted(tmp_path.iterdir()) == sorted([living, mine])
