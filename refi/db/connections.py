"""Connections to PostgreSQL: the pool, and one of its connections for the length of a transaction."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncpg
from sqlalchemy import event as hooks
from sqlalchemy.engine.interfaces import AdaptedConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine


def engine(url: str, *, size: int, pool_wait: float, lock_wait: float) -> AsyncEngine:
    """The pool of ``size`` connections to ``url`` (``postgresql+asyncpg://…``); waits in seconds."""
    made = create_async_engine(
        url,
        pool_size=size,  # opened when first needed, then kept:
        max_overflow=0,  # an overflowing connection would be opened and closed for each use under load
        pool_use_lifo=True,
        pool_timeout=pool_wait,
        hide_parameters=True,  # an error's text goes to the log; a parameter may be a person's number
        connect_args={
            "server_settings": {
                "timezone": "UTC",
                "lock_timeout": f"{lock_wait}s",
                "statement_timeout": "60s",
            }
        },
    )
    hooks.listen(made.sync_engine, "checkout", _refuse_closed)
    return made


def _refuse_closed(connection: AdaptedConnection, _: object, __: object) -> None:
    """Have the pool replace a connection that the server closed.

    The event loop has noticed by the time that somebody asks, so this costs nothing, where ``pool_pre_ping``
    asks the server in a transaction of its own: three round trips before every request.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server closed this connection")


@contextlib.asynccontextmanager
async def lent(unbegun: AsyncEngine) -> AsyncIterator[tuple[AsyncConnection, asyncpg.Connection]]:
    """A connection of an engine that begins nothing by itself, and the driver's own below it.

    The borrower begins and commits. What is open when its block fails is rolled back.
    """
    async with unbegun.connect() as connection:
        raw: asyncpg.Connection = (await connection.get_raw_connection()).driver_connection
        try:
            yield connection, raw
        except BaseException:
            await _roll_back(raw)
            raise


async def _roll_back(raw: asyncpg.Connection) -> None:
    """Undo what is open. A connection that cannot do that now is ended, so that the server undoes it."""
    undone = False
    try:
        with contextlib.suppress(OSError, asyncpg.InterfaceError, asyncpg.PostgresError):
            await raw.execute("ROLLBACK")
            undone = True
    finally:
        if not undone:
            raw.terminate()
