"""`Work`: one transaction with its frozen time and actor, and the only commit of the service.

A request's transaction is opened by the route class, a job's by ``async with database.work(actor)``. Both
end here: announced events and enqueued jobs are written, then the transaction commits. An exception inside
rolls everything back.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from refi import clock, ids
from refi import events as facts
from refi.db import connections, queue
from refi.db.availability import answering
from refi.db.rows import Rows
from refi.db.statements import insertion
from refi.db.vault import Vault
from refi.errors import Unavailable
from refi.policies import Policy

BUSINESS_DAY_LOCK = 7_302_001
"""Advisory lock: every writing transaction holds it shared, turning the business date holds it alone."""

IN_TURN = {"key_share": True}
"""How a row is locked that is about to be changed: FOR NO KEY UPDATE. Who changes it takes turns; a row that
points to it may be written meanwhile, which FOR UPDATE would not let: two transactions that lock different
rows and each write one that points to the other's would wait for each other."""

FEW = 20
"""More events than this are copied in."""
_EVENT = ("id", "type", "subject", "body", "actor", "business_date", "at", "request_id")

# Locks come first and in a statement of their own: a statement sees what was committed before it began, so
# what is read together with waiting for a lock may be older than the lock.
_READ = "BEGIN READ ONLY"
_SHARE_DAY = f"BEGIN; SELECT pg_advisory_xact_lock_shared({BUSINESS_DAY_LOCK})"
_TURN_DAY = f"BEGIN; SELECT pg_advisory_xact_lock({BUSINESS_DAY_LOCK})"
_TAKE_KEY = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))"
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

    rows: Rows
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

    @property
    def session(self) -> AsyncSession:
        """The ORM inside this transaction, for what is not read or written by key (`rows`)."""
        return self.rows.session

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
        return self.rows.raw

    async def _finish(self) -> None:
        raw = self.rows.raw
        rows = []
        for event in self._events:
            name, key = type(event).__name__, ids.new("evt")
            body = json.dumps(facts.dump(event))
            rows.append((key, name, event.subject, body, str(self.actor), self.on, self.now, self.request_id))
            if name in self.subscribed:
                self._jobs.append(queue.Job("event", {"id": key}))
        if len(rows) > FEW:
            await raw.copy_records_to_table("events", records=rows, columns=_EVENT)
            rows = []
        await self.rows.save(*insertion("events", _EVENT, rows))
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
        async with (
            answering(),
            connections.lent(self._unbegun) as connection,
            aclosing(Rows(connection)) as rows,
        ):
            raw = connection.raw
            begin = _READ if reading else _TURN_DAY if turning_day else _SHARE_DAY
            row, claim = await self._begin(raw, begin, key)
            wall = clock.utc_now()
            now = wall + row["shift"] if self.sandbox else wall
            work = Work(
                rows, actor, self.policy, self.vault, row["business_date"], now, wall, request_id,
                self.subscribed, claim, row["closing"],
            )  # fmt: skip
            yield work
            if not reading:
                await work._finish()
            end = "ROLLBACK" if rehearsing else "COMMIT"
            if await raw.execute(end) != end:  # a statement had failed and nobody said so
                raise RuntimeError("the transaction was rolled back")

    @cached_property
    def _unbegun(self) -> AsyncEngine:
        """The engine whose connections begin nothing by themselves: a `Work` begins and ends."""
        return self.engine.execution_options(isolation_level="AUTOCOMMIT")

    async def _begin(
        self, raw: asyncpg.Connection, begin: str, key: Key | None
    ) -> tuple[asyncpg.Record, Claim | None]:
        """Begin the transaction with ``begin``, take ``key``, and read the clock after both."""
        try:
            await raw.execute(begin)
        except asyncpg.LockNotAvailableError as error:
            raise BusinessDayClosing("the business date is being turned; try again") from error
        if key is None:
            return self._ours(await raw.fetchrow(_CLOCK)), None
        free = await raw.fetchval(_TAKE_KEY, f"{key.scope}\x01{key.text}")
        row = await raw.fetchrow(_CLOCK_AND_ANSWER, key.scope, key.text)
        answered = row if row is not None and row["status"] is not None else None
        return self._ours(row), Claim(key, free, answered)

    def _ours(self, row: asyncpg.Record | None) -> asyncpg.Record:
        if row is None:
            raise OtherBooks("the books of this database were never opened: run refi migrate")
        if row["market"] != self.policy.market.name:
            raise OtherBooks(f"this database belongs to market {row['market']}: set REFI_MARKET")
        return row

    async def today(self) -> date:
        """The open business date, for who needs nothing else of the database: one statement, no lock."""
        async with answering(), connections.lent(self._unbegun) as connection:
            on: date = self._ours(await connection.raw.fetchrow(_CLOCK))["business_date"]
        return on

    @property
    def zone(self) -> ZoneInfo:
        """The market's time zone."""
        return ZoneInfo(self.policy.market.time_zone)


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
    engine = connections.engine(url, size=2 * pool_size, pool_wait=pool_wait, lock_wait=lock_wait)
    return Database(engine, policy, vault, sandbox)
