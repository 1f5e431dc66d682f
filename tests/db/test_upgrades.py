"""Every migration upgrades a database that has data: the data of a service at the first revision."""

from __future__ import annotations

import json
from pathlib import Path

import asyncpg
from alembic.script import ScriptDirectory

from refi import audit, runtime, settings
from refi.db import migrate
from refi.schedules import conventions

DATA = Path(__file__).with_name("data_0001.sql")
UNTOUCHED = """
    SELECT count(*) FILTER (WHERE status = 'active') AS active, count(*) AS loans,
    (SELECT count(*) FROM movements) AS movements FROM loans"""

UNMET = [
    ("active", "2026-12-22"),
    ("active", "2027-01-22"),
    ("active", "2026-12-22"),
    ("active", "2026-12-22"),
    ("paid_off", None),
    ("active", "2027-01-22"),
    ("active", "2026-12-22"),
    ("cancelled", None),
    ("active", "2026-12-22"),
    ("pending_disbursement", None),
]
"""What 0002 fills in: by loan, oldest first."""


async def test_every_migration_upgrades_a_database_that_has_data(blank_database_url: str) -> None:
    """Step by step, each revision onto the data as the one before left it; the audit is clean in the end."""
    await migrate.upgrade(blank_database_url, "0001")
    connection = await asyncpg.connect(blank_database_url.replace("+asyncpg", ""))
    try:
        await connection.execute(DATA.read_text(encoding="utf-8"))
        before = await connection.fetchrow(UNTOUCHED)
        revisions = ScriptDirectory.from_config(migrate.config("")).walk_revisions("0001", "head")
        for revision in reversed([each.revision for each in revisions]):
            await migrate.upgrade(blank_database_url, revision)
        assert await connection.fetchrow(UNTOUCHED) == before
        kept = await connection.fetch("SELECT DISTINCT conventions::text FROM loans")
        unmet = await connection.fetch("SELECT status, unmet_on::text FROM loans ORDER BY created_at")
    finally:
        await connection.close()
    assert [tuple(row) for row in unmet] == UNMET
    assert [conventions.named(json.loads(row["conventions"])) for row in kept] == [conventions.OURS]
    made = runtime.build(settings.read(database_url=blank_database_url))
    try:
        report = await audit.run(made.database, None)
    finally:
        await made.close()
    assert report.findings == ()
    assert report.checked["derived_equals_stored"] == before["loans"]
