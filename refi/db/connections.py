"""Connections to PostgreSQL: the pool, and one of its connections for the length of a transaction."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncpg
from sqlalchemy import Connection, PoolProxiedConnection
from sqlalchemy import event as hooks
from sqlalchemy.engine.interfaces import AdaptedConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine


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


class Lent:
    """A connection of the pool, held for one transaction, which its borrower begins and ends at ``raw``."""

    def __init__(self, engine: AsyncEngine, pooled: PoolProxiedConnection) -> None:
        self._engine, self._pooled = engine, pooled
        self.raw: asyncpg.Connection = pooled.driver_connection

    def session(self) -> AsyncSession:
        """The ORM on this connection; it begins and ends nothing by itself."""
        connection = Connection(self._engine.sync_engine, self._pooled)
        return AsyncSession(AsyncConnection(self._engine, connection), expire_on_commit=False)

    def give_back(self) -> None:
        """Put it back, if it lives."""
        if self._pooled.is_valid:
            self._pooled.close()


@contextlib.asynccontextmanager
async def lent(unbegun: AsyncEngine) -> AsyncIterator[Lent]:
    """A connection of an engine that begins nothing. What is open when the block fails is rolled back."""
    connection = Lent(unbegun, await unbegun.raw_connection())
    try:
        yield connection
    except BaseException:
        await _roll_back(connection.raw)
        raise
    finally:
        connection.give_back()


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
