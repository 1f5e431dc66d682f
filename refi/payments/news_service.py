"""Book what the payment provider tells: payouts, debits, transfers, each once, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select, text

from refi import events, ids
from refi.db.work import Work
from refi.errors import Fault
from refi.ids import LoanId
from refi.ledger import service as ledger
from refi.ledger.entries import Kind, Split
from refi.loans import service as loans
from refi.loans.states import LoanStatus
from refi.loans.tables import Loan
from refi.payments import autopay_service, suspense_service
from refi.payments import service as payments
from refi.payments.processor import Outcome, Status
from refi.payments.provider_events import EventType, ProviderEvent
from refi.payments.returning_service import reverse
from refi.payments.states import (
    PAYMENT_MOVES,
    PAYOUT_MOVES,
    Call,
    NewsRefused,
    NewsTooEarly,
    PaymentStatus,
    PayoutStatus,
)
from refi.payments.suspense import SuspenseKind
from refi.payments.tables import Payment, Payout, SourceType, UnmatchedReceipt
from refi.schedules.contract import Mode, Receipt
from refi.states import move


async def book_news(work: Work, news: ProviderEvent) -> None:
    """Book what the provider tells. The same news again changes nothing.

    Raises `NewsRefused` when it contradicts our rows, `NewsTooEarly` when its beginning is still missing.
    """
    if news.currency != work.policy.market.currency:
        raise NewsRefused(f"the currency is {news.currency}", faults=[Fault("/currency", "other_currency")])
    if news.type is EventType.TRANSFER_RECEIVED:
        await _transfer_received(work, news)
    elif news.type in (EventType.DEBIT_POSTED, EventType.DEBIT_FAILED, EventType.DEBIT_RETURNED):
        await _debit_news(work, news)
    else:
        await _payout_news(work, news)


async def book_outcome(work: Work, row: Payment | Payout, outcome: Outcome) -> None:
    """Book what asking told, as if its webhooks had come; those, when they come, change nothing."""
    payout = isinstance(row, Payout)
    moved = EventType.PAYOUT_DELIVERED if payout else EventType.DEBIT_POSTED
    returned = EventType.PAYOUT_RETURNED if payout else EventType.DEBIT_RETURNED
    last = outcome.effective_on or work.on
    told = {
        Status.DELIVERED: [(moved, last)],
        Status.POSTED: [(moved, last)],
        Status.FAILED: [(EventType.PAYOUT_FAILED if payout else EventType.DEBIT_FAILED, last)],
        Status.RETURNED: [(moved, outcome.moved_on or last), (returned, last)],
    }
    for kind, on in told.get(outcome.status, []):
        news = ProviderEvent(
            id=f"asked_{row.id}",
            type=kind,
            provider_id=outcome.provider_id,
            amount=outcome.amount,
            currency=outcome.currency,
            effective_on=on,
            key=row.id,
            reason=outcome.reason,
        )
        await book_news(work, news)


async def _payout_news(work: Work, news: ProviderEvent) -> None:
    row = await work.rows.lock(Payout, str(news.key))
    if row is None:
        raise NewsRefused("no such payout", faults=[Fault("/key", "unknown_key")])
    _same_amount(row.amount, news)
    target = {
        EventType.PAYOUT_DELIVERED: PayoutStatus.DELIVERED,
        EventType.PAYOUT_FAILED: PayoutStatus.FAILED,
        EventType.PAYOUT_RETURNED: PayoutStatus.RETURNED,
    }[news.type]
    if row.status is target or (row.status is PayoutStatus.RETURNED and target is PayoutStatus.DELIVERED):
        return
    if target is PayoutStatus.RETURNED and row.status is PayoutStatus.FAILED:
        raise NewsRefused("a failed payout was returned", faults=[Fault("/type", "contradicts_failure")])
    if target is PayoutStatus.RETURNED and row.status is not PayoutStatus.DELIVERED:
        raise NewsTooEarly
    if row.status is PayoutStatus.PLANNED:  # the answer to our call was lost, the news outran it
        row.status = move(PAYOUT_MOVES, row.status, PayoutStatus.SENT)
    row.status = move(PAYOUT_MOVES, row.status, target)
    row.call, row.provider_id, row.reason = Call.ACCEPTED, news.provider_id, news.reason
    if target is PayoutStatus.RETURNED:
        row.returned_on = news.effective_on
        await _lock_repayments(work, LoanId(row.loan_id))
    else:
        row.effective_on = news.effective_on
    loan = await loans.lock(work, LoanId(row.loan_id))
    if target is PayoutStatus.DELIVERED:
        credited_on = max(min(news.effective_on, work.on), loan.opened_on)  # not before it was signed
        await loans.activate(work, LoanId(loan.id), credited_on=credited_on, cause=row.id)
    elif target is PayoutStatus.FAILED:
        await loans.cancel(work, loan, news.reason or "payout_failed")
    else:
        await loans.cancel(work, loan, news.reason or "payout_returned", returned_by=row.id)
        await _refund_repayments(work, LoanId(loan.id))


async def _lock_repayments(work: Work, loan_id: LoanId) -> Sequence[Payment]:
    """The loan's posted payments, locked: what of them goes back is decided by one at a time.

    Payments come before their loan, as wherever both are locked; those posted meanwhile are few.
    """
    rows = await work.session.scalars(
        select(Payment)
        .where(Payment.loan_id == loan_id, Payment.status == PaymentStatus.POSTED)
        .order_by(Payment.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def _refund_repayments(work: Work, loan_id: LoanId) -> None:
    """The issuer sent the payoff back: what the borrower had repaid goes back to them."""
    for payment in await _lock_repayments(work, loan_id):
        if (rest := await payments.not_sent_back(work, payment)) > 0:
            await payments.plan_refund(work, payment, rest)


async def _debit_news(work: Work, news: ProviderEvent) -> None:
    row = await work.rows.lock(Payment, str(news.key))
    if row is None:
        raise NewsRefused("no such payment", faults=[Fault("/key", "unknown_key")])
    _same_amount(row.amount, news)
    if news.type is EventType.DEBIT_FAILED:
        if row.status is not PaymentStatus.FAILED:
            row.call, row.reason = Call.ACCEPTED, news.reason or "debit_failed"
            await fail(work, row, row.reason)
    elif news.type is EventType.DEBIT_POSTED:
        if row.status is PaymentStatus.PENDING:
            await post(work, row, news.provider_id, news.effective_on)
        elif row.status is PaymentStatus.FAILED:
            raise NewsRefused("a failed debit was posted", faults=[Fault("/type", "contradicts_failure")])
    elif row.status is PaymentStatus.PENDING:
        raise NewsTooEarly
    else:
        await reverse(work, row, news.reason or "debit_returned", news.effective_on)


async def fail(work: Work, row: Payment, reason: str) -> None:
    """A debit that the bank refused: nothing was booked. Autopay may try again."""
    row.status = move(PAYMENT_MOVES, row.status, PaymentStatus.FAILED)
    await autopay_service.failed(work, row, reason)
    work.announce(events.PaymentFailed(row.id, row.borrower_id, row.loan_id, reason))


async def _transfer_received(work: Work, news: ProviderEvent) -> None:
    """Money that came unasked is always booked: to the loan that its reference names, or to suspense."""
    raw = await work.raw()
    await raw.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", news.provider_id)
    known = await work.session.scalar(
        select(Payment.id).where(Payment.provider_id == news.provider_id, text("source_type = 'transfer'"))
    )
    unmatched = await work.session.scalar(
        select(UnmatchedReceipt.provider_id).where(UnmatchedReceipt.provider_id == news.provider_id)
    )
    if known or unmatched:
        return
    row = await _payment_for(work, news)
    if row is not None:
        row.amount = news.amount
        await post(work, row, news.provider_id, news.effective_on)
        return
    work.session.add(
        UnmatchedReceipt(
            provider_id=news.provider_id,
            amount=news.amount,
            currency=news.currency,
            reference=news.reference,
            effective_on=news.effective_on,
            received_at=work.now,
        )
    )
    await ledger.book(
        work,
        Kind.UNIDENTIFIED_RECEIPT,
        Split(suspense=news.amount),
        cause=f"transfer:{news.provider_id}",
        effective_on=min(news.effective_on, work.on),
    )
    await suspense_service.open_item(
        work,
        f"transfer:{news.provider_id}",
        SuspenseKind.UNMATCHED,
        amount=news.amount,
        currency=news.currency,
        effective_on=news.effective_on,
        provider_id=news.provider_id,
        reference=news.reference,
    )


async def _payment_for(work: Work, news: ProviderEvent) -> Payment | None:
    """The announced transfer that the reference names, or a new one for the loan it names."""
    reference = (news.reference or "").strip()
    if ids.is_id(reference, "pay"):
        row = await work.rows.lock(Payment, reference)
        announced = row is not None and row.source_type is SourceType.TRANSFER
        if row is not None and announced and row.status is PaymentStatus.PENDING:
            return row
        reference = row.loan_id if row is not None else ""
    if not ids.is_id(reference, "loan"):
        return None
    # Locked before a row that points to it is made: two at once would each wait for the other's.
    loan = await work.rows.lock(Loan, reference)
    if loan is None:
        return None
    return await new_transfer(work, loan, news.amount, news.currency)


async def new_transfer(work: Work, loan: Loan, amount: int, currency: str) -> Payment:
    """A transfer for that loan which nobody announced, not posted yet."""
    row = Payment(
        id=ids.new("pay"),
        loan_id=loan.id,
        borrower_id=loan.borrower_id,
        amount=amount,
        currency=currency,
        source_type=SourceType.TRANSFER,
        mode=Mode.DUE.value,
        status=PaymentStatus.PENDING,
        call=Call.NONE,
        ordered_on=work.on,
        created_at=work.now,
    )
    await work.rows.add(row)
    return row


async def post(work: Work, row: Payment, provider_id: str, effective_on: date) -> None:
    """Book a payment's money; what the loan cannot take goes to suspense and back to the payer.

    The row keeps the provider's day. It counts for the loan on that day, but not in our future (the
    provider's day may turn before ours) and not before the loan's own.
    """
    loan = await loans.lock(work, LoanId(row.loan_id))
    row.status = move(PAYMENT_MOVES, row.status, PaymentStatus.POSTED)
    row.provider_id = provider_id
    if row.source_type is SourceType.BANK_DEBIT:
        row.call = Call.ACCEPTED
    row.effective_on, counts_on = effective_on, min(effective_on, work.on)
    if row.source_type is SourceType.BANK_DEBIT and row.mode == Mode.PAYOFF:
        counts_on = min(
            counts_on, row.ordered_on
        )  # ordered on a quote's good-through day: it settles that quote
    if loan.status in (LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF):
        counts_on = max(counts_on, loan.credited_on or counts_on)
        receipt = Receipt(row.id, counts_on, row.amount, Mode(row.mode))
        surplus = (await loans.post_receipt(work, loan, receipt)).surplus
    else:
        surplus = {row.id: row.amount}
        await ledger.book(
            work,
            Kind.UNIDENTIFIED_RECEIPT,
            Split(suspense=row.amount),
            cause=f"{row.id}:unidentified",
            source=row.id,
            effective_on=counts_on,
            loan_id=row.loan_id,
        )
    for source, amount in surplus.items():  # an earlier date may leave nothing to pay for later money
        payer = row if source == row.id else await work.session.get_one(Payment, source)
        await payments.plan_refund(work, payer, amount)
    work.announce(events.PaymentPosted(row.id, row.borrower_id, row.loan_id, row.amount, counts_on))


def _same_amount(expected: int, news: ProviderEvent) -> None:
    if news.amount != expected:
        raise NewsRefused(
            f"the amount is {news.amount}, ordered was {expected}", faults=[Fault("/amount", "other_amount")]
        )
