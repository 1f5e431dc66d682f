"""Seal every sensitive field anew with the first data key, so that an old key can be retired.

Runs beside everything else: rows are taken in batches, each a transaction, and an interrupted run is simply
run again. Sealed columns are those whose name ends in ``_sealed``.
"""

from __future__ import annotations

from sqlalchemy import Table, bindparam, or_, select, update

from refi.db.migrate import metadata
from refi.db.work import SYSTEM, Database

BATCH = 500
SEALED = "_sealed"


async def reseal(database: Database, *, batch: int = BATCH) -> dict[str, int]:
    """Rows sealed anew, by table, ``batch`` in a transaction.

    Raises `refi.db.vault.VaultRefused` when a value opens with no key.
    """
    done = {}
    for table in metadata().sorted_tables:
        if any(column.name.endswith(SEALED) for column in table.columns):
            done[table.name] = await _reseal_table(database, table, batch)
    return done


async def _reseal_table(database: Database, table: Table, batch: int) -> int:
    sealed = [column for column in table.columns if column.name.endswith(SEALED)]
    (key,) = table.primary_key.columns
    page = (
        select(key, *sealed)
        .where(key > bindparam("after"), or_(*(column.is_not(None) for column in sealed)))
        .order_by(key)
        .limit(batch)
        .with_for_update()
    )
    change = update(table).where(key == bindparam("row"))
    change = change.values({column.name: bindparam(f"new_{column.name}") for column in sealed})
    after, count = "", 0
    while True:
        async with database.work(SYSTEM) as work:
            connection = await work.session.connection()
            rows = (await connection.execute(page, {"after": after})).all()
            if not rows:
                return count
            vault = work.vault
            values = [
                {
                    "row": row[0],
                    **{
                        f"new_{column.name}": None if value is None else vault.reseal(value)
                        for column, value in zip(sealed, row[1:], strict=True)
                    },
                }
                for row in rows
            ]
            await connection.execute(change, values)
        after, count = rows[-1][0], count + len(rows)
