"""The other company of the random lives: a payment provider with a book of its own.

It lives in a schema of its own and commits by itself before it tells anything, as another company would. What
it did once under a key it never does otherwise: the same order gets the same answer, and a debit or a payout
has one end, however often and by whomever its news are told. Its choices follow from amount and date, so that
they do not depend on ids.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

import asyncpg

from refi.payments.processor import (
    Accepted,
    CashEntry,
    CashPage,
    EntryKind,
    Operation,
    OrderAnswer,
    Outcome,
    Refused,
    Status,
    Unknown,
)
from refi.payments.provider_events import EventType, ProviderEvent

T = TypeVar("T")
CURRENCY = "CNY"
CUT = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

TABLES = """
    CREATE SCHEMA bank;
    CREATE TABLE bank.lanes (
        lane int PRIMARY KEY, borrower text, account text, card text, card_token text, shared bool);
    CREATE TABLE bank.orders (
        key text PRIMARY KEY, operation text, amount bigint, on_day date, status text);
    CREATE TABLE bank.news (
        event text PRIMARY KEY, lane int, type text, provider_id text, amount bigint, effective_on date,
        key text, stage int, cause text, reason text, reference text);
    CREATE UNIQUE INDEX news_of_an_order ON bank.news (key, stage) WHERE key IS NOT NULL;
    CREATE INDEX astray ON bank.news (lane) WHERE key IS NULL AND reference IS NULL;"""
TOLD = "SELECT * FROM bank.news WHERE event = $1"
TELL = """
    INSERT INTO bank.news (event, lane, type, provider_id, amount, effective_on, key, stage, cause, reason,
                           reference)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING *"""
ORDER = "INSERT INTO bank.orders VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"
CASH = """
    SELECT row_number() OVER () AS number, * FROM (
        SELECT type AS kind, provider_id, cause, amount, effective_on FROM bank.news
        WHERE type NOT IN ('payout.failed', 'debit.failed')
        UNION ALL SELECT 'refund', key, key, amount, on_day FROM bank.orders
        WHERE operation = 'refund' AND status <> 'refused'
    ) AS lines"""
KINDS = {
    "payout.delivered": EntryKind.PAYOUT,
    "payout.returned": EntryKind.PAYOUT_RETURN,
    "debit.posted": EntryKind.DEBIT,
    "debit.returned": EntryKind.DEBIT_RETURN,
    "transfer.received": EntryKind.TRANSFER,
    "refund": EntryKind.REFUND,
}
ENDS = {
    EventType.PAYOUT_DELIVERED: Status.DELIVERED,
    EventType.PAYOUT_FAILED: Status.FAILED,
    EventType.PAYOUT_RETURNED: Status.RETURNED,
    EventType.DEBIT_POSTED: Status.POSTED,
    EventType.DEBIT_FAILED: Status.FAILED,
    EventType.DEBIT_RETURNED: Status.RETURNED,
}
BACK = (EventType.PAYOUT_RETURNED, EventType.DEBIT_RETURNED)


@dataclass(frozen=True)
class Happening:
    """What the bank is about to do: a piece of news without its ids."""

    type: EventType
    amount: int
    on: date
    key: str | None = None
    of: str | None = None
    """The provider's id of the transfer that goes back; a debit goes back under our key."""
    reason: str | None = None
    reference: str | None = None


@dataclass
class Bank:
    """The provider, as `refi.payments.processor.PaymentProcessor` and as the sender of news."""

    pool: asyncpg.Pool

    @classmethod
    async def open(cls, url: str, size: int = 4) -> Bank:
        """The bank whose books are in the database at ``url`` (of SQLAlchemy or plain)."""
        plain = url.replace("+asyncpg", "")
        return cls(
            await asyncpg.create_pool(plain, min_size=1, max_size=size, init=_reads_json, reset=_as_it_is)
        )

    async def found(self) -> None:
        """Make the books."""
        await self.pool.execute(TABLES)

    async def told(self, event: str) -> ProviderEvent | None:
        """The news that were written for this event of a life, if any: they are told until acknowledged."""
        row = await self.again(lambda: self.pool.fetchrow(TOLD, event))
        return None if row is None else _news(row)

    async def tell(self, event: str, lane: int, what: Happening) -> ProviderEvent:
        """Move money and write down its news; the news of what had moved before, when it had."""
        stage = 2 if what.type in BACK else 1
        provider_id = what.key or what.of or f"in_{event}"
        cause = what.of or what.key or provider_id
        row = await self.again(
            lambda: self.pool.fetchrow(
                TELL, event, lane, what.type.value, provider_id, what.amount, what.on, what.key,
                stage if what.key else None, cause, what.reason, what.reference,
            )
        )  # fmt: skip
        if row is None:
            row = await self.again(
                lambda: self.pool.fetchrow(
                    "SELECT * FROM bank.news WHERE event = $1 OR (key = $2 AND stage = $3)",
                    event, what.key, stage,
                )
            )  # fmt: skip
        return _news(row)

    async def send_payout(
        self, key: str, *, amount: int, currency: str, card_token: str, on: date
    ) -> OrderAnswer:
        """A payoff."""
        return await self._order(key, Operation.PAYOUT, amount, on, refused=3, lost=6)

    async def start_debit(
        self, key: str, *, amount: int, currency: str, account_token: str, on: date
    ) -> OrderAnswer:
        """A debit."""
        return await self._order(key, Operation.DEBIT, amount, on, refused=5, lost=5)

    async def refund(self, key: str, *, amount: int, currency: str, of: str, on: date) -> OrderAnswer:
        """Money back."""
        return await self._order(key, Operation.REFUND, amount, on, refused=12, lost=8)

    async def _order(
        self, key: str, operation: Operation, amount: int, on: date, *, refused: int, lost: int
    ) -> OrderAnswer:
        chance = zlib.crc32(f"{operation}:{amount}:{on}".encode()) % 100
        status = Status.REFUSED if chance < refused else Status.ACCEPTED
        await self.again(lambda: self.pool.execute(ORDER, key, operation.value, amount, on, status.value))
        if chance < refused:
            return Refused("account_closed")
        if chance < refused + lost:
            return Unknown("the answer got lost")
        return Accepted(key, status)

    async def find(self, key: str) -> Outcome | None:
        """What became of an order."""
        row = await self.again(lambda: self.pool.fetchrow("SELECT * FROM bank.orders WHERE key = $1", key))
        if row is None:
            return None
        news = await self.again(
            lambda: self.pool.fetch("SELECT * FROM bank.news WHERE key = $1 ORDER BY stage", key)
        )
        operation, status = Operation(row["operation"]), Status(row["status"])
        if operation is Operation.REFUND and status is Status.ACCEPTED:
            status = Status.REFUNDED
        if news:
            status = ENDS[EventType(news[-1]["type"])]
        return Outcome(
            key,
            operation,
            key,
            status,
            row["amount"],
            CURRENCY,
            news[-1]["effective_on"] if news else row["on_day"],
            news[-1]["reason"] if news else "account_closed" if status is Status.REFUSED else None,
            news[0]["effective_on"] if news else None,
        )

    async def cash_book(self, after: int = 0, limit: int = 200) -> CashPage:
        """The whole book at once."""
        if after:
            return CashPage()
        rows = await self.pool.fetch(CASH, timeout=600)
        return CashPage(tuple(_line(row) for row in rows))

    async def confirm_card(self, key: str, **about: str) -> Any:
        """Nobody asks."""
        raise NotImplementedError

    async def confirm_account(self, key: str, **about: str) -> Any:
        """Nobody asks."""
        raise NotImplementedError

    async def again(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer: what is written here twice is written once."""
        for attempt in range(50):
            try:
                return await ask()
            except CUT:
                if attempt == 49:
                    raise
                await asyncio.sleep(0.05)
        raise AssertionError


async def _reads_json(connection: asyncpg.Connection) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def _as_it_is(_connection: asyncpg.Connection) -> None:
    """Nothing is set on these connections that would have to be set back, at a round trip each."""


def _line(row: asyncpg.Record) -> CashEntry:
    kind, transfer = KINDS[row["kind"]], row["cause"].startswith("in_")
    return CashEntry(
        row["number"],
        kind,
        row["cause"] if transfer else row["provider_id"],
        row["amount"],
        CURRENCY,
        row["effective_on"],
        None if transfer else row["cause"],
    )


def _news(row: asyncpg.Record) -> ProviderEvent:
    return ProviderEvent(
        id=row["event"],
        type=EventType(row["type"]),
        provider_id=row["provider_id"],
        amount=row["amount"],
        currency=CURRENCY,
        effective_on=row["effective_on"],
        key=row["key"],
        reason=row["reason"],
        reference=row["reference"],
    )
