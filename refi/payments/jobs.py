"""Jobs of payments: call the provider outside any transaction, ask about lost answers, find what was left.

Claim (commit) → call with our row's id as the key → record. A crash in between leaves ``calling``, which is
resolved like an unknown answer: by asking.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select, text

from refi.borrowers.tables import BankAccount
from refi.db.work import IN_TURN, SYSTEM, Actor, Database, Work
from refi.ids import LoanId
from refi.ledger import service as ledger
from refi.ledger.entries import Kind, Split
from refi.loans import service as loans
from refi.payments import autopay_service, news_service, processor, reconciliation, suspense_service
from refi.payments.reconciliation import PRODUCTION, Verdict, Waits
from refi.payments.states import (
    PAYOUT_MOVES,
    REFUND_MOVES,
    Call,
    PaymentStatus,
    PayoutStatus,
    RefundStatus,
    retry_after,
)
from refi.payments.tables import UNFINISHED, Destination, Order, Payment, Payout, ProviderNews, Refund
from refi.states import move

PROVIDER = Actor("provider", "payments")
ASK_AGAIN_SHARE = 4
"""An order whose end was not told is asked about again after this part of the time it has waited already."""
LONGEST_ASK = timedelta(hours=6)

TABLES: dict[str, type[Payment | Payout | Refund]] = {
    "pay": Payment,
    "pout": Payout,
    "refd": Refund,
}
log = structlog.get_logger("refi.payments")


@dataclass(frozen=True, slots=True)
class _Claim:
    """What to order, read and committed before the call."""

    row: Order
    target: str


async def send_order(database: Database, provider: processor.PaymentProcessor, order_id: str) -> None:
    """Order a debit, payout or refund from the provider, once."""
    async with database.work(SYSTEM) as work:
        claim = await _claim(work, order_id)
    if claim is None:
        return
    answer = await _call(provider, claim)
    async with database.work(SYSTEM) as work:
        row = await _locked(work, order_id)
        if row.call is Call.CALLING:  # otherwise its news outran the answer
            await _record(work, row, answer)


async def _claim(work: Work, order_id: str) -> _Claim | None:
    row = await _locked(work, order_id)
    if row.call is not Call.PLANNED:
        return None
    if isinstance(row, Refund) and await _is_taken_back(work, row):
        suspense_service.stop_refund(row)
        return None
    if isinstance(row, Payment) and (gone := await autopay_service.look_again(work, row)) is not None:
        await _refused(work, row, gone)
        return None
    row.call, row.called_at = Call.CALLING, work.wall
    row.attempts += 1
    if not isinstance(row, Payment):  # a debit keeps the day on which its borrower ordered it
        row.ordered_on = work.on
    if isinstance(row, Payout):
        row.status = move(PAYOUT_MOVES, row.status, PayoutStatus.SENT)
        return _Claim(row, row.token)
    if isinstance(row, Refund):
        return _Claim(row, row.of)
    account = await work.session.get_one(BankAccount, row.bank_account_id)
    return _Claim(row, account.token)


async def _is_taken_back(work: Work, row: Refund) -> bool:
    """Whether the bank took the payment of a refund back; the payment is locked after its refund."""
    if row.payment_id is None:
        return False
    payment = await work.session.get_one(
        Payment, row.payment_id, with_for_update=IN_TURN, populate_existing=True
    )
    return payment.returned_on is not None


async def _call(provider: processor.PaymentProcessor, claim: _Claim) -> processor.OrderAnswer:
    row = claim.row
    amount, currency, on = row.amount, row.currency, row.ordered_on
    if isinstance(row, Payment):
        return await provider.start_debit(
            row.id, amount=amount, currency=currency, account_token=claim.target, on=on
        )
    if isinstance(row, Refund):
        return await provider.refund(row.id, amount=amount, currency=currency, of=claim.target, on=on)
    if row.destination is Destination.CARD:
        return await provider.send_payout(
            row.id, amount=amount, currency=currency, card_token=claim.target, on=on
        )
    return await provider.send_disbursement_to_account(
        row.id, amount=amount, currency=currency, account_token=claim.target, on=on
    )


async def _record(work: Work, row: Order, answer: processor.OrderAnswer) -> None:
    if isinstance(answer, processor.Accepted):
        row.call, row.provider_id = Call.ACCEPTED, row.provider_id or answer.provider_id
        if isinstance(row, Refund):
            await _refund_done(work, row)
    elif isinstance(answer, processor.Refused):
        await _refused(work, row, answer.code)
    elif isinstance(answer, processor.NotSent):
        _plan_again(work, row, answer.retry_after)
    else:
        row.call, row.reason = Call.UNKNOWN, answer.cause
        if isinstance(row, Payout):
            row.status = move(PAYOUT_MOVES, row.status, PayoutStatus.UNKNOWN)
        _ask_later(work, row)
    log.info("ordered", id=row.id, call=row.call.value, reason=row.reason)


def _plan_again(work: Work, row: Order, wait: float | None) -> None:
    """Nothing reached the provider: the same key may be sent again."""
    row.call = Call.PLANNED
    if isinstance(row, Payout):
        row.status = move(PAYOUT_MOVES, row.status, PayoutStatus.PLANNED)
    delay = max(retry_after(row.attempts), timedelta(seconds=min(wait or 0, 3600)))
    work.enqueue("send_order", {"id": row.id}, after=delay, dedupe_key=f"send:{row.id}:{row.attempts}")


def _ask_later(work: Work, row: Order) -> None:
    key = f"resolve:{row.id}:{work.wall}"
    work.enqueue("resolve_order", {"id": row.id}, after=reconciliation.ASK_AFTER, dedupe_key=key)


async def _refused(work: Work, row: Order, reason: str) -> None:
    row.call, row.reason = Call.REFUSED, reason
    if isinstance(row, Payout):
        row.status = move(PAYOUT_MOVES, row.status, PayoutStatus.FAILED)
        await loans.cancel(work, await loans.lock(work, LoanId(row.loan_id)), reason)
    elif isinstance(row, Payment):
        await news_service.fail(work, row, reason)
    else:
        row.status = move(REFUND_MOVES, row.status, RefundStatus.FAILED)
        await suspense_service.refund_failed(work, row, reason)


async def _refund_done(work: Work, row: Refund) -> None:
    row.status = move(REFUND_MOVES, row.status, RefundStatus.DONE)
    row.effective_on = row.ordered_on
    payment = None if row.payment_id is None else await work.session.get_one(Payment, row.payment_id)
    await ledger.book(
        work,
        Kind.REFUND,
        Split(suspense=row.amount),
        cause=row.id,
        source=row.id,
        effective_on=work.on,
        loan_id=None if payment is None else payment.loan_id,
    )
    await suspense_service.refund_done(work, row)


async def resolve_order(
    database: Database,
    provider: processor.PaymentProcessor,
    order_id: str,
    answer_within: timedelta = PRODUCTION.answer_within,
) -> None:
    """Ask what became of an order whose answer was lost, or whose news is overdue."""
    async with database.work(SYSTEM) as work:
        row = await _locked(work, order_id)
        if row.call not in (Call.CALLING, Call.UNKNOWN) and not _news_overdue(row):
            return
        asked_at, call = work.wall, row.attempts
    outcome = await provider.find(order_id)
    async with database.work(PROVIDER) as work:
        row = await _locked(work, order_id)
        if row.attempts != call:  # another call went out meanwhile: this answer is about an older one
            return
        verdict = reconciliation.verdict(
            outcome,
            amount=row.amount,
            currency=row.currency,
            waited=asked_at - (row.called_at or asked_at),
            answer_within=answer_within,
        )
        if row.call in (Call.CALLING, Call.UNKNOWN):
            await _settle(work, row, verdict, outcome)
        elif verdict is Verdict.NOT_OURS:
            await _contradicted(work, row)
        elif outcome is not None and not isinstance(row, Refund):
            await news_service.book_outcome(work, row, outcome)


async def _settle(work: Work, row: Order, verdict: Verdict, outcome: processor.Outcome | None) -> None:
    if verdict is Verdict.WAIT:
        _ask_later(work, row)
    elif verdict is Verdict.NEVER_HAPPENED:
        _plan_again(work, row, None)
    elif verdict is Verdict.NOT_OURS or outcome is None:
        await _contradicted(work, row)
    elif outcome.status is processor.Status.REFUSED:
        await _refused(work, row, outcome.reason or "refused")
    else:
        row.call, row.provider_id = Call.ACCEPTED, outcome.provider_id
        if isinstance(row, Payout) and row.status is PayoutStatus.UNKNOWN:
            row.status = move(PAYOUT_MOVES, row.status, PayoutStatus.SENT)
        if isinstance(row, Refund):
            await _refund_done(work, row)
        elif verdict is not Verdict.UNDER_WAY:
            await news_service.book_outcome(work, row, outcome)


async def _contradicted(work: Work, row: Order) -> None:
    """Stop asking: nothing may be booked, a person has to look."""
    await suspense_service.contradicted(work, row, "the provider's order under our key has another amount")
    log.error("order_contradicted", id=row.id)


def _news_overdue(row: Order) -> bool:
    """Whether the provider took the order in and we do not know yet how it ended."""
    if row.call is not Call.ACCEPTED:
        return False
    return row.status in (PayoutStatus.SENT, PaymentStatus.PENDING)


async def sweep(database: Database, waits: Waits = PRODUCTION) -> int:
    """Put back to work what a crash or an outage left behind, and ask how orders ended whose news is overdue.

    Returns how many jobs were asked for.
    """
    found = 0
    async with database.work(SYSTEM) as work:
        before = work.wall - waits.sweep_after
        for table in TABLES.values():
            rows: Any = await work.session.scalars(select(table).where(text(UNFINISHED)).limit(1000))
            for row in rows:
                found += _woken(work, row, waits)
        waiting = await work.session.scalars(
            select(ProviderNews.id)
            .where(ProviderNews.handled_at.is_(None), ProviderNews.received_at < before)
            .limit(1000)
        )
        for news_id in waiting:
            work.enqueue("provider_news", {"id": news_id}, dedupe_key=f"news:{news_id}")
            found += 1
    return found


def _woken(work: Work, row: Order, waits: Waits) -> bool:
    """Ask for the job that an unfinished order needs now, if any; a queued one stays the only one."""
    idle = work.wall - (row.called_at or work.wall)
    if row.call is Call.PLANNED:
        if row.called_at is not None and idle < retry_after(row.attempts) + waits.sweep_after:
            return False
        work.enqueue("send_order", {"id": row.id}, dedupe_key=f"send:{row.id}")
        return True
    if row.call is Call.ACCEPTED:
        if idle < waits.news_within:
            return False
        later = min(idle / ASK_AGAIN_SHARE, LONGEST_ASK)
        work.enqueue("resolve_order", {"id": row.id}, after=later, dedupe_key=f"news_of:{row.id}")
        return True
    if idle < waits.sweep_after:
        return False
    work.enqueue("resolve_order", {"id": row.id}, dedupe_key=f"sweep:{row.id}")
    return True


async def _locked(work: Work, order_id: str) -> Order:
    table = TABLES[order_id.partition("_")[0]]
    row: Order = await work.session.get_one(table, order_id, with_for_update=IN_TURN, populate_existing=True)
    return row
