"""Steps of the main road that several slices take, and what must hold when everything has settled."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from refi import audit, clock
from refi.api.settling import settle
from refi.db.work import SYSTEM, Database
from refi.demo.walker import Walker
from refi.ledger import service as ledger
from refi.ledger.accounts import Account
from refi.payments.processor import CashEntry, PaymentProcessor
from refi.runtime import Runtime
from tests.given import national_id
from tests.stack import Stack

CARD, ACCOUNT = "6225880137706868", "6222021234567890128"

UNSETTLED = """
    SELECT id, call || '/' || status FROM payments
        WHERE call IN ('planned', 'calling', 'unknown') OR (source_type = 'bank_debit' AND status = 'pending')
    UNION ALL SELECT id, call || '/' || status FROM payouts
        WHERE call IN ('planned', 'calling', 'unknown') OR status IN ('planned', 'sent', 'unknown')
    UNION ALL SELECT id, call || '/' || status FROM refunds
        WHERE call IN ('planned', 'calling', 'unknown') OR status = 'planned'
    UNION ALL SELECT id, 'news waits' FROM provider_news WHERE handled_at IS NULL
    UNION ALL SELECT id::text, status::text || ' job ' || entrypoint FROM queue.pgqueuer
        WHERE entrypoint <> 'resolve_order' OR status <> 'queued'"""
"""Orders under way, news that waits, jobs to do (a planned look at an order may still lie ahead)."""


async def newcomer(
    stack: Stack,
    number: int = 1,
    *,
    income: int = 2_000_000,
    card: str = CARD,
    account: str = ACCOUNT,
) -> Walker:
    """A borrower who signed in, consented, and linked a card and an account."""
    walker = stack.walker()
    await walker.sign_in(f"+86138001{number:05d}")
    await walker.introduce("张伟", national_id(number), income)
    await walker.link("CMB", card, 30_000_000, "ICBC", account)
    return walker


async def offered(walker: Walker, *, balance: int = 1_200_000, term: int = 3) -> dict[str, Any]:
    """The offer of an approved application for a bill of ``balance``."""
    today = await walker.business_date()
    await walker.import_bill(balance, today - timedelta(days=41), paid=100_000)
    bill = await walker.import_bill(balance, today - timedelta(days=10), paid=150_000)
    application = await walker.apply(bill["id"], term)
    assert application["status"] == "approved", application
    offer: dict[str, Any] = application["offers"][0]
    return offer


async def borrowed(walker: Walker, *, balance: int = 1_200_000, term: int = 3) -> str:
    """A signed loan; its payoff is on the way."""
    signed = await walker.accept(await offered(walker, balance=balance, term=term))
    assert signed["status"] == "pending_disbursement"
    loan_id: str = signed["id"]
    return loan_id


async def active(walker: Walker, *, balance: int = 1_200_000, term: int = 3) -> str:
    """A loan whose payoff has arrived."""
    loan_id = await borrowed(walker, balance=balance, term=term)
    await walker.loan_becomes(loan_id, "active")
    return loan_id


async def rows(database: Database, query: str, **values: Any) -> list[Any]:
    """What the database holds."""
    async with database.work(SYSTEM, reading=True) as work:
        return list(await work.session.execute(text(query), values))


async def one(database: Database, query: str, **values: Any) -> Any:
    """The only value that the query finds."""
    found = await rows(database, query, **values)
    assert len(found) == 1, found
    return found[0][0]


async def until_found(database: Database, query: str, within: float = 10.0) -> None:
    """Wait until the query finds a row."""
    until = clock.monotonic() + within
    while not await rows(database, query):
        assert clock.monotonic() < until, query
        await asyncio.sleep(0.02)


async def converged(runtime: Runtime, within: float = 20.0) -> None:
    """Wait until nothing is under way; the rows that still are make the failure."""
    until = clock.monotonic() + within
    await settle(runtime, within)
    left = await rows(runtime.database, UNSETTLED)
    while left and clock.monotonic() < until:
        await asyncio.sleep(0.1)
        left = await rows(runtime.database, UNSETTLED)
    assert not left, [tuple(row) for row in left]


async def clean(stack: Stack) -> None:
    """Everything has settled and the audit, the provider's cash book included, finds nothing."""
    await converged(stack.runtime)
    report = await audit.run(stack.runtime.database, stack.runtime.processor)
    assert report.findings == ()
    assert report.skipped == {}


async def cash_at_provider(stack: Stack) -> list[tuple[str, str, int]]:
    """The provider's own cash book: kind, cause and amount of every line."""
    lines = await cash_book(stack.runtime.processor)
    return [(line.kind.value, line.key or line.provider_id, line.amount) for line in lines]


async def cash_book(processor: PaymentProcessor) -> list[CashEntry]:
    """Every line of the provider's cash book."""
    lines: list[CashEntry] = []
    while (page := await processor.cash_book(lines[-1].number if lines else 0)).entries:
        lines.extend(page.entries)
    return lines


async def suspense(stack: Stack) -> int:
    """What we owe to people whose money fits no debt, minor units."""
    async with stack.runtime.database.work(SYSTEM, reading=True) as work:
        return -(await ledger.trial_balance(work))[Account.SUSPENSE]


async def transferred(stack: Stack, amount: int, reference: str | None) -> None:
    """Money that arrives by transfer, unasked."""
    sent = {"amount": amount, "reference": reference}
    answer = await stack.client.post("/sandbox/v1/transfers", json=sent)
    assert answer.status_code == 201, answer.text
