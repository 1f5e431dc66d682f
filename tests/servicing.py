"""Builders for tests of loans in service: a desk with a real inbox behind a socket, loans, payments, a clock.

Jobs are run by `Desk.work_off` in this task, in the order in which they were asked for, so that a test can
step in between.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import httpx
from sqlalchemy import event, text

from refi.borrowers import service as borrowers
from refi.db.work import SYSTEM
from refi.gateways.sandbox import create_provider
from refi.ids import BorrowerId, LoanId
from refi.loans import service as loans
from refi.loans.account import terms_of
from refi.loans.tables import Product
from refi.notifications import jobs as notifications
from refi.notifications.claiming_service import Channels
from refi.payments import news_service
from refi.payments.provider_events import EventType, ProviderEvent
from refi.runtime import MESSAGE_KINDS, Runtime
from refi.schedules.amortization import schedule
from refi.worker import JOBS
from tests import given
from tests.books import ON, SHANGHAI, set_clock
from tests.gateways.given import control, listening
from tests.given import Person, Service

DUE = date(2026, 12, 22)
KEY = "sandbox-provider-key"
_numbers = itertools.count(1)


@dataclass
class Desk:
    """The service without worker and scheduler, and the sandbox provider's inbox behind a socket."""

    service: Service
    runtime: Runtime
    provider: httpx.AsyncClient

    async def clock_at(self, on: date, at: time = time(10), zone: ZoneInfo = SHANGHAI) -> None:
        """Let the business date be ``on`` and business time ``at`` of that day, without closing anything."""
        await set_clock(self.runtime.database.engine, on, at, zone)

    async def work_off(self, *, only: str | None = None) -> list[str]:
        """Run the jobs that are due until none is left; the entry points, in order. ``only``: just those."""
        done = []
        while found := await self._next(only):
            await JOBS[found[0]](self.runtime, json.loads(found[1]))
            done.append(found[0])
        return done

    async def _next(self, only: str | None) -> tuple[str, bytes] | None:
        async with self.runtime.database.engine.begin() as connection:
            row = (
                await connection.execute(
                    text(
                        "DELETE FROM queue.pgqueuer WHERE id = (SELECT id FROM queue.pgqueuer"
                        " WHERE status = 'queued' AND execute_after <= now()"
                        " AND (entrypoint = :only OR CAST(:only AS text) IS NULL) ORDER BY id LIMIT 1)"
                        " RETURNING entrypoint, payload"
                    ),
                    {"only": only},
                )
            ).first()
        return None if row is None else (row.entrypoint, row.payload)

    async def queued(self) -> list[str]:
        """The entry points that wait in the queue, due or not."""
        rows = await self.service.rows("SELECT entrypoint FROM queue.pgqueuer ORDER BY id")
        return [row.entrypoint for row in rows]

    async def inbox(self) -> list[dict[str, Any]]:
        """What the provider's inbox received, oldest first."""
        answer = await self.provider.get("/messages", params={"limit": 200})
        found: list[dict[str, Any]] = answer.json()["data"]
        return found[::-1]

    async def fault(self, mode: str, calls: int = 1, **more: Any) -> None:
        """The next calls about messages go wrong."""
        body = {"operation": "messages", "mode": mode, "calls": calls, **more}
        answer = await self.provider.post("/control/faults", json=body)
        assert answer.is_success, answer.text

    async def messages(self) -> list[Any]:
        """The rows of messages, oldest first."""
        return await self.service.rows("SELECT * FROM messages ORDER BY id")

    async def send(self, message_id: str, lines: Channels | None = None) -> None:
        """Run the job that sends one message."""
        await self.send_all([message_id], lines)

    async def send_all(self, message_ids: Sequence[str], lines: Channels | None = None) -> None:
        """Run the job that sends these messages."""
        await notifications.send_messages(
            self.runtime.database, lines or self.runtime.channels, MESSAGE_KINDS, message_ids
        )


@asynccontextmanager
async def a_desk(database_url: str, directory: Path, *, on: date = ON, **changed: Any) -> AsyncIterator[Desk]:
    """A desk whose books are opened at ``on``, ten in the morning."""
    provider = create_provider(
        data=directory / "provider.db", webhook_url="http://127.0.0.1:1/hooks", api_key=KEY,
        webhook_secrets=["whsec_c2FuZGJveC13ZWJob29rLXNlY3JldC1wdWJsaXNoZWQ="],
    )  # fmt: skip
    async with (
        listening(provider) as url,
        given.running(database_url, on=on, provider_url=url, **changed) as service,
        control(url) as client,
    ):
        client.headers["Authorization"] = f"Bearer {KEY}"
        desk = Desk(service, service.app.state.runtime, client)
        await desk.clock_at(on)
        yield desk


async def a_borrower(
    desk: Desk, *, zone: str | None = None, locale: str = "en", device: bool = False
) -> Person:
    """A borrower who reads English, lives in the market's zone, and has no push target."""
    person = await given.a_borrower(desk.service)
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.update_profile(work, person.id, time_zone=zone, locale=locale)
        if device:
            await borrowers.add_device(work, person.id, "ios", f"token-{person.id}")
    return person


async def a_loan(
    desk: Desk, person: Person, *, principal: int = 1_200_000, term: int = 3, credited_on: date = ON
) -> LoanId:
    """An active loan of 12,000.00 over three months at 12 %, paid out on 22 November: due on the 22nds."""
    product = desk.runtime.database.policy.product
    price = desk.runtime.database.policy.price.representative_rate
    terms = terms_of(product, principal=principal, term=term, annual_rate=price, monthly_fee_rate=price * 0)
    async with desk.runtime.database.work(SYSTEM) as work:
        signed = loans.Signed(f"off_{next(_numbers)}", "0" * 64, {})
        plan = schedule(terms, credited_on)
        loan = await loans.open_loan(work, BorrowerId(person.id), Product.CARD_REFINANCE, plan, signed)
        await loans.activate(work, LoanId(loan.id), credited_on=credited_on, cause=f"pout_{loan.id}")
    return LoanId(loan.id)


async def a_payment(desk: Desk, loan_id: LoanId, amount: int, on: date) -> None:
    """Money for that loan arrives by transfer and is posted."""
    async with desk.runtime.database.work(SYSTEM) as work:
        number = next(_numbers)
        news = ProviderEvent(
            id=f"evt_{number}", type=EventType.TRANSFER_RECEIVED, provider_id=f"in_{number}", amount=amount,
            currency="CNY", effective_on=on, reference=loan_id,
        )  # fmt: skip
        await news_service.book_news(work, news)


@contextmanager
def statements(runtime: Runtime) -> Iterator[list[str]]:
    """The statements that the service sends to its database meanwhile, SQLAlchemy's and asyncpg's own."""
    seen: list[str] = []
    engine = runtime.database.engine.sync_engine

    def note(record: asyncpg.connection.LoggedQuery) -> None:
        seen.append(record.query)

    def lent(connection: Any, *_: Any) -> None:
        connection.driver_connection.add_query_logger(note)

    def back(connection: Any, *_: Any) -> None:
        connection.driver_connection.remove_query_logger(note)

    def sent(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    heard = (("checkout", lent), ("checkin", back), ("before_cursor_execute", sent))
    for name, hear in heard:
        event.listen(engine, name, hear)
    try:
        yield seen
    finally:
        for name, hear in heard:
            event.remove(engine, name, hear)


def day_before(on: date) -> date:
    """The day before."""
    return on - timedelta(days=1)
