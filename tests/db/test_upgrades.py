"""Every migration upgrades a database that has data: the data of a service at the first revision."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
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


async def test_loans_late_enough_before_are_looked_at_by_the_next_close(blank_database_url: str) -> None:
    """0018: 120 days late and more count as changed today; a declined charge-off is looked at in 30 days."""
    await migrate.upgrade(blank_database_url, "0001")
    connection = await asyncpg.connect(blank_database_url.replace("+asyncpg", ""))
    try:
        await connection.execute(DATA.read_text(encoding="utf-8"))
        await migrate.upgrade(blank_database_url, "0017")
        today = await connection.fetchval("SELECT business_date FROM business_clock")
        some = await connection.fetch("SELECT id FROM loans WHERE status = 'active' ORDER BY id LIMIT 3")
        for row, days in zip(some, (119, 120, 400), strict=True):
            await connection.execute(
                "UPDATE loans SET unmet_on = $2, changed_on = $3 WHERE id = $1",
                row["id"], today - timedelta(days=days), today - timedelta(days=9),
            )  # fmt: skip
        await connection.execute(
            "INSERT INTO approvals (id, kind, subject, arguments, version_seen, permission, status, maker,"
            " created_at, decided_at) VALUES ('appr_1', 'loan_charge_off', $1, '{}', 1, 'second_money',"
            " 'rejected', 'refi', now(), $2)",
            some[2]["id"], datetime.combine(today, time(9), UTC),
        )  # fmt: skip
        await migrate.upgrade(blank_database_url, "0018")
        changed = await connection.fetch(
            "SELECT changed_on FROM loans WHERE id = ANY($1) ORDER BY id", [row["id"] for row in some]
        )
        again = await connection.fetchval("SELECT again_on FROM approvals WHERE id = 'appr_1'")
    finally:
        await connection.close()
    assert [row["changed_on"] for row in changed] == [today - timedelta(days=9), today, today]
    assert again == today + timedelta(days=30)
