"""`Work`: one transaction with its frozen time and actor, and the only commit of the service.

A request's transaction is opened by the route class, a job's by ``async with database.work(actor)``. Both
end here: announced events and enqueued jobs are written, then the transaction commits. An exception inside
rolls everything back.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import event as hooks
from sqlalchemy.engine.interfaces import AdaptedConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from refi import clock, ids
from refi import events as facts
from refi.db import queue
from refi.db.availability import LOCK_TIMEOUT, answering
from refi.db.vault import Vault
from refi.errors import Unavailable
from refi.policies import Policy

BUSINESS_DAY_LOCK = 7_302_001
"""Advisory lock: every writing transaction holds it shared, turning the business date holds it alone."""

FEW = 20
"""More events than this are copied in."""
_EVENT = ("id", "type", "subject", "body", "actor", "business_date", "at", "request_id")
_ANNOUNCE = (
    "INSERT INTO events (id, type, subject, body, actor, business_date, at, request_id)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
)

# Locks come first and in a statement of their own: a statement sees what was committed before it began, so
# what is read together with waiting for a lock may be older than the lock.
_SHARE_DAY = f"SELECT pg_advisory_xact_lock_shared({BUSINESS_DAY_LOCK})"
_TURN_DAY = f"SELECT pg_advisory_xact_lock({BUSINESS_DAY_LOCK})"
_SHARE_DAY_TAKE_KEY = f"{_SHARE_DAY}, pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS free"
_CLOCK = "SELECT market, business_date, shift, closing FROM business_clock"
_CLOCK_AND_ANSWER = (
    "SELECT market, business_date, shift, closing, request_hash, status, content_type, body"
    " FROM business_clock LEFT JOIN stored_answers ON scope = $1 AND key = $2"
)


class BusinessDayClosing(Unavailable):
    """The business day is being closed; the request changes nothing and may be sent again at once."""

    code = "business_day_closing"


class OtherBooks(Unavailable):
    """The database is not the one that this configuration is about; nothing is read or written."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: ``borrower``, ``staff``, ``provider`` or ``system``, with an id and, for staff, roles."""

    kind: str
    id: str
    roles: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Key:
    """An Idempotency-Key and what it was sent for; see `refi.db.idempotency`."""

    scope: str
    text: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What became of a `Key` when the transaction began: whether it was ``free``, and the answer it has."""

    key: Key
    free: bool
    answered: asyncpg.Record | None


SYSTEM = Actor("system", "refi")
ANYONE = Actor("anyone", "anonymous")


@dataclass(slots=True)
class Work:
    """One transaction. ``on`` is the business date, ``now`` the business instant (UTC).

    ``closing``: the day's cut-off is over and the next day is not open; what is owed stays as it is.
    """

    session: AsyncSession
    actor: Actor
    policy: Policy
    vault: Vault
    on: date
    now: datetime
    wall: datetime
    request_id: str | None = None
    subscribed: frozenset[str] = frozenset()
    claim: Claim | None = None
    closing: bool = False
    _events: list[facts.Event] = field(default_factory=list)
    _jobs: list[queue.Job] = field(default_factory=list)

    def announce(self, event: facts.Event) -> None:
        """Say that something became true; it is written when this transaction commits."""
        self._events.append(event)

    def enqueue(
        self,
        entrypoint: str,
        payload: dict[str, Any],
        *,
        after: timedelta | None = None,
        dedupe_key: str | None = None,
    ) -> None:
        """Ask for a job to run after this transaction has committed; not at all when it rolls back."""
        self._jobs.append(queue.Job(entrypoint, payload, after, dedupe_key))

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """A part that may fail alone: an exception undoes its rows, events and jobs, and is raised again."""
        told, asked = len(self._events), len(self._jobs)
        try:
            async with self.session.begin_nested():
                yield
        except BaseException:
            del self._events[told:], self._jobs[asked:]
            raise

    async def raw(self) -> asyncpg.Connection:
        """The driver's own connection inside this transaction, for hot and bulk statements."""
        raw = await _driver(await self.session.connection())
        if not raw.is_in_transaction():
            raise RuntimeError("the transaction has not begun")
        return raw

    async def _finish(self) -> None:
        await self.session.flush()
        raw = await self.raw()
        rows = []
        for event in self._events:
            name, key = type(event).__name__, ids.new("evt")
            body = json.dumps(facts.dump(event))
            rows.append((key, name, event.subject, body, str(self.actor), self.on, self.now, self.request_id))
            if name in self.subscribed:
                self._jobs.append(queue.Job("event", {"id": key}))
        if rows:
            if len(rows) > FEW:
                await raw.copy_records_to_table("events", records=rows, columns=_EVENT)
            else:
                await raw.executemany(_ANNOUNCE, rows)
        await queue.put(raw, self._jobs)


@dataclass(frozen=True)
class Database:
    """The engine and what every transaction carries."""

    engine: AsyncEngine
    policy: Policy
    vault: Vault
    sandbox: bool
    subscribed: frozenset[str] = frozenset()

    @asynccontextmanager
    async def work(
        self,
        actor: Actor,
        *,
        request_id: str | None = None,
        turning_day: bool = False,
        reading: bool = False,
        rehearsing: bool = False,
        key: Key | None = None,
    ) -> AsyncIterator[Work]:
        """Open a transaction; commit when the block ends well, roll back otherwise.

        ``turning_day`` waits for every other writer and keeps new ones out (the close alone uses it);
        ``reading`` takes no lock and refuses to write; ``rehearsing`` writes everything and then rolls it
        back; ``key`` is tried to be taken, and what it was answered
        with before is read (``work.claim``).
        """
        async with answering(), AsyncSession(self.engine, expire_on_commit=False) as session:
            begin = _TURN_DAY if turning_day else _SHARE_DAY
            row, claim = await self._begin(session, "SET TRANSACTION READ ONLY" if reading else begin, key)
            wall = clock.utc_now()
            now = wall + row["shift"] if self.sandbox else wall
            work = Work(
                session, actor, self.policy, self.vault, row["business_date"], now, wall, request_id,
                self.subscribed, claim, row["closing"],
            )  # fmt: skip
            yield work
            if not reading:
                await work._finish()
            if rehearsing:
                await session.rollback()
            await session.commit()

    async def _begin(
        self, session: AsyncSession, begin: str, key: Key | None
    ) -> tuple[asyncpg.Record, Claim | None]:
        """Begin the transaction with ``begin``, take ``key``, and read the clock after both."""
        connection = await session.connection()
        try:
            if key is None:
                await connection.exec_driver_sql(begin)
            else:
                named = f"{key.scope}\x01{key.text}"
                taken = await connection.exec_driver_sql(_SHARE_DAY_TAKE_KEY, (named,))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == LOCK_TIMEOUT:
                raise BusinessDayClosing("the business date is being turned; try again") from error
            raise
        if key is None:
            return self._ours(await (await _driver(connection)).fetchrow(_CLOCK)), None
        row = await (await _driver(connection)).fetchrow(_CLOCK_AND_ANSWER, key.scope, key.text)
        answered = row if row is not None and row["status"] is not None else None
        return self._ours(row), Claim(key, taken.one().free, answered)

    def _ours(self, row: asyncpg.Record | None) -> asyncpg.Record:
        if row is None:
            raise OtherBooks("the books of this database were never opened: run refi migrate")
        if row["market"] != self.policy.market.name:
            raise OtherBooks(f"this database belongs to market {row['market']}: set REFI_MARKET")
        return row

    async def today(self) -> date:
        """The open business date, for who needs nothing else of the database: one statement, no lock."""
        async with answering(), self.engine.connect() as connection:
            on: date = self._ours(await (await _driver(connection)).fetchrow(_CLOCK))["business_date"]
        return on

    @property
    def zone(self) -> ZoneInfo:
        """The market's time zone."""
        return ZoneInfo(self.policy.market.time_zone)


async def _driver(connection: AsyncConnection) -> asyncpg.Connection:
    """The driver's own connection."""
    driver: asyncpg.Connection = (await connection.get_raw_connection()).driver_connection
    return driver


def connect(
    url: str,
    policy: Policy,
    vault: Vault,
    *,
    sandbox: bool,
    pool_size: int = 10,
    pool_wait: float = 20,
    lock_wait: float = 15,
) -> Database:
    """A `Database` on ``url`` (``postgresql+asyncpg://…``); waits in seconds."""
    engine = create_async_engine(
        url,
        pool_size=2 * pool_size,  # opened when first needed, then kept:
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
    hooks.listen(engine.sync_engine, "checkout", _refuse_closed)
    return Database(engine, policy, vault, sandbox)


def _refuse_closed(connection: AdaptedConnection, _: object, __: object) -> None:
    """Have the pool replace a connection that the server closed.

    The event loop has noticed by the time that somebody asks, so this costs nothing, where ``pool_pre_ping``
    asks the server in a transaction of its own: three round trips before every request.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server closed this connection")
