"""Alembic's environment: async, one migrator at a time, tables found by walking ``refi/*/tables.py``.

The database is ``config.attributes["url"]`` where a program asks (`refi.db.migrate`), else the settings'
``REFI_DATABASE_URL``.
"""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from refi import settings
from refi.db.migrate import ONE_MIGRATOR, metadata


def _address() -> str:
    chosen = context.config.attributes.get("url") or settings.current().database_url
    if not chosen:
        raise SystemExit("no database: set REFI_DATABASE_URL")
    return str(chosen)


def _migrate(connection: Connection) -> None:
    connection.execute(text(f"SELECT pg_advisory_xact_lock({ONE_MIGRATOR})"))
    context.configure(
        connection=connection,
        target_metadata=metadata(),
        compare_server_default=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _online() -> None:
    engine = create_async_engine(_address(), poolclass=pool.NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


def _offline() -> None:
    """Print the SQL instead of running it (``alembic upgrade head --sql``)."""
    context.configure(dialect_name="postgresql", target_metadata=metadata(), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    _offline()
else:
    asyncio.run(_online())
