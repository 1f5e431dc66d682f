"""Migrations and tables agree, in what Alembic compares and in what it does not."""

from __future__ import annotations

import asyncio
import difflib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine

from refi.db import migrate
from tests.db.catalog import OF_MIGRATIONS, OF_TABLES, describe, of_schema

ROOT = Path(__file__).parents[2]
SNAPSHOT = ROOT / "docs" / "reference" / "schema.txt"
TABLES_SCHEMA = "public"


def difference(expected: list[str], found: list[str], *labels: str) -> str:
    return "\n".join(difflib.unified_diff(expected, found, *labels, lineterm="", n=0))


def test_there_is_one_newest_migration() -> None:
    assert len(ScriptDirectory.from_config(migrate.config("")).get_heads()) == 1


async def test_alembic_finds_nothing_to_migrate(cloned_database_url: str) -> None:
    await asyncio.to_thread(command.check, migrate.config(cloned_database_url))


async def test_tables_and_migrations_make_the_same_schema(
    cloned_database_url: str, blank_database_url: str
) -> None:
    engine = create_async_engine(blank_database_url)
    async with engine.begin() as connection:
        await connection.run_sync(migrate.metadata().create_all)
    await engine.dispose()
    declared = of_schema(await describe(blank_database_url, OF_TABLES), TABLES_SCHEMA)
    migrated = of_schema(await describe(cloned_database_url, OF_TABLES), TABLES_SCHEMA)
    assert declared, "no table was found"
    assert migrated == declared, difference(declared, migrated, "refi/*/tables.py", "migrations")


async def test_the_schema_is_the_one_in_the_reference(
    cloned_database_url: str, request: pytest.FixtureRequest
) -> None:
    """Views, triggers and functions live in migrations alone: their second source is the committed page."""
    described = await describe(cloned_database_url, OF_TABLES | OF_MIGRATIONS)
    lines = "\n".join(line for line in described if "alembic_version" not in line).splitlines()
    if request.config.getoption("--write-schema"):
        SNAPSHOT.parent.mkdir(parents=True, exist_ok=True)
        SNAPSHOT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert SNAPSHOT.exists(), "docs/reference/schema.txt is missing: run make schema"
    kept = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    changes = difference(kept, lines, "docs/reference/schema.txt", "migrations")
    assert not changes, f"look at this; if it is meant, run make schema\n{changes}"


def test_migrators_at_the_same_time_take_turns(blank_database_url: str) -> None:
    script = "import asyncio, sys; from refi.db import migrate; asyncio.run(migrate.upgrade(sys.argv[1]))"
    command_line = [sys.executable, "-c", script, blank_database_url]
    with ThreadPoolExecutor(3) as pool:
        started = [pool.submit(subprocess.run, command_line, cwd=ROOT, capture_output=True) for _ in range(3)]
    assert [(done.result().returncode, done.result().stderr[-800:]) for done in started] == [(0, b"")] * 3
    with ThreadPoolExecutor(1) as pool:  # Alembic's environment starts its own event loop
        pool.submit(command.check, migrate.config(blank_database_url)).result()


async def test_a_forgotten_check_is_noticed(cloned_database_url: str, blank_database_url: str) -> None:
    """The comparison can fail where Alembic's does not."""
    engine = create_async_engine(blank_database_url)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE t (n bigint CHECK (n > 0))")
        await connection.exec_driver_sql("CREATE INDEX i ON t (n) WHERE n > 5")
    first = await describe(blank_database_url, OF_TABLES)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE t DROP CONSTRAINT t_n_check, ADD CHECK (n > 1)")
        await connection.exec_driver_sql("DROP INDEX i")
        await connection.exec_driver_sql("CREATE INDEX i ON t (n) WHERE n > 6")
    await engine.dispose()
    changed = difference(first, await describe(blank_database_url, OF_TABLES))
    assert "CHECK ((n > 1))" in changed
    assert "(n > 6)" in changed
