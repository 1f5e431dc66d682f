"""Payments: start a repayment, order a payout or a refund, read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select, text

from refi import ids
from refi.borrowers import service as borrowers
from refi.db.work import Work
from refi.errors import Fault, NotFound, Refused
from refi.ids import BorrowerId, LoanId, PaymentId
from refi.loans import service as loans
from refi.loans.account import Account
from refi.loans.states import LoanNotActive, LoanStatus
from refi.loans.tables import Loan
from refi.payments import previews, suspense_service
from refi.payments.previews import Preview
from refi.payments.states import Call, PaymentStatus, PayoutStatus, RefundStatus, require_payable
from refi.payments.tables import Destination, Payment, Payout, Refund, SourceType
from refi.schedules.contract import Mode

PENDING = """
    SELECT coalesce(sum(amount), 0)::bigint FROM payments
    WHERE loan_id = $1 AND status = $2 AND source_type = $3"""


_APART = text("""
    SELECT
        (SELECT coalesce(sum(CASE WHEN credit = 'suspense' THEN amount ELSE -amount END), 0) FROM transfers
            WHERE source = :id AND 'suspense' IN (debit, credit)) AS held,
        (SELECT coalesce(sum(amount), 0) FROM refunds
            WHERE payment_id = :id AND status <> 'failed') AS back,
        (SELECT coalesce(sum(amount), 0) FROM suspense_items
            WHERE payment_id = :id AND kind = 'refund_failed'
            AND status IN ('open', 'awaiting_second')) AS waiting""")


class NoBankAccount(Refused):
    """A debit needs a bank account that the provider confirmed as the borrower's own."""


async def order_payout(work: Work, loan: Loan, destination: Destination, token: str) -> Payout:
    """Write the intent to pay the loan's principal to ``token``; the job that calls the provider follows."""
    row = Payout(
        id=ids.new("pout"),
        loan_id=loan.id,
        amount=loan.principal,
        currency=loan.currency,
        destination=destination,
        token=token,
        status=PayoutStatus.PLANNED,
        call=Call.PLANNED,
        ordered_on=work.on,
        created_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    work.enqueue("send_order", {"id": row.id}, dedupe_key=f"send:{row.id}")
    return row


async def start(
    work: Work,
    borrower_id: BorrowerId,
    loan_id: LoanId,
    amount: int,
    source: SourceType,
    mode: Mode,
    bank_account: str | None = None,
) -> Payment:
    """Start a debit (refused above the payoff minus debits under way), or announce a transfer."""
    loan = await loans.lock(work, loan_id)
    if loan.borrower_id != borrower_id:
        raise NotFound("no such loan")
    _require_active(loan)
    account_id = None
    if source is SourceType.BANK_DEBIT:
        account_id = await account_to_debit(work, borrower_id, bank_account)
        await _require_debit(work, loan, await loans.account(work, loan), amount, mode)
    row = Payment(
        id=ids.new("pay"),
        loan_id=loan.id,
        borrower_id=borrower_id,
        amount=amount,
        currency=loan.currency,
        source_type=source,
        bank_account_id=account_id,
        mode=mode.value,
        status=PaymentStatus.PENDING,
        call=Call.PLANNED if account_id else Call.NONE,
        ordered_on=work.on,
        created_at=work.now,
    )
    await work.rows.add(row)
    if account_id:
        work.enqueue("send_order", {"id": row.id}, dedupe_key=f"send:{row.id}")
    return row


async def preview(
    work: Work,
    borrower_id: BorrowerId,
    loan_id: LoanId,
    amount: int,
    source: SourceType,
    mode: Mode,
    bank_account: str | None = None,
) -> tuple[Loan, Preview]:
    """What such a payment would do if its money left the borrower today. Refuses what `start` refuses."""
    loan = await loans.own(work, borrower_id, loan_id)
    _require_active(loan)
    account = await loans.account(work, loan)
    if source is SourceType.BANK_DEBIT:
        await account_to_debit(work, borrower_id, bank_account)
        await _require_debit(work, loan, account, amount, mode)
    return loan, previews.preview(account, amount, mode, work.on)


def _require_active(loan: Loan) -> None:
    if loan.status not in (LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF):
        raise LoanNotActive(f"a loan that is {loan.status.value} takes no payment")


async def _require_debit(work: Work, loan: Loan, account: Account, amount: int, mode: Mode) -> None:
    require_payable(
        amount,
        mode=mode.value,
        payoff_total=account.payoff(work.on).total,
        pending=await pending_debits(work, LoanId(loan.id)),
        minimum=work.policy.product.minimum_payment_amount,
    )


async def account_to_debit(work: Work, borrower_id: BorrowerId, wanted: str | None) -> str:
    """The borrower's verified account of that id, or the newest verified one; `NoBankAccount`, `NotFound`."""
    if wanted is not None:
        account = await borrowers.bank_account(work, borrower_id, wanted)
        if account.verified:
            return account.id
    else:
        for account in await borrowers.bank_accounts(work, borrower_id):
            if account.verified:
                return account.id
    raise NoBankAccount(
        "link a bank account of your own first", faults=[Fault("/source/bank_account", "not_verified")]
    )


async def pending_debits(work: Work, loan_id: LoanId) -> int:
    """What debits under way will still bring, minor units."""
    await work.rows.save()
    raw = await work.raw()
    return int(await raw.fetchval(PENDING, loan_id, PaymentStatus.PENDING, SourceType.BANK_DEBIT))


async def payment(work: Work, payment_id: PaymentId) -> Payment:
    """One payment, for staff; `NotFound`."""
    row = await work.rows.get(Payment, payment_id)
    if row is None:
        raise NotFound("no such payment")
    return row


async def own_payment(work: Work, borrower_id: BorrowerId, payment_id: PaymentId) -> Payment:
    """One of the borrower's own payments, or `NotFound`."""
    row = await payment(work, payment_id)
    if row.borrower_id != borrower_id:
        raise NotFound("no such payment")
    return row


async def refunds_of(work: Work, payment_ids: Sequence[str]) -> dict[str, list[Refund]]:
    """The refunds of those payments, in the order in which they were planned."""
    rows = await work.session.scalars(
        select(Refund).where(Refund.payment_id.in_(payment_ids)).order_by(Refund.id)
    )
    found: dict[str, list[Refund]] = {}
    for row in rows:
        found.setdefault(str(row.payment_id), []).append(row)
    return found


async def payments_of(
    work: Work, loan_id: LoanId, *, limit: int, starting_after: str | None = None
) -> Sequence[Payment]:
    """The loan's payments, newest first."""
    query = select(Payment).where(Payment.loan_id == loan_id).order_by(Payment.id.desc()).limit(limit)
    if starting_after is not None:
        query = query.where(Payment.id < starting_after)
    return (await work.session.scalars(query)).all()


async def not_sent_back(work: Work, payment: Payment) -> int:
    """What of a locked payment was not sent back and is not about to be, by itself or by a person."""
    return payment.amount - (await _apart(work, payment)).spoken_for


async def in_suspense(work: Work, payment: Payment) -> int:
    """What of a locked payment waits in suspense and is not about to be sent back, minor units."""
    apart = await _apart(work, payment)
    return apart.held - apart.spoken_for


class _Apart(NamedTuple):
    """What of a payment its loan did not keep: held in suspense; sent back, about to be, or a person's."""

    held: int
    spoken_for: int


async def _apart(work: Work, payment: Payment) -> _Apart:
    """Read in one statement: what waits for a person becomes a refund while two statements are read."""
    await work.session.flush()
    row = (await work.session.execute(_APART, {"id": payment.id})).one()
    return _Apart(int(row.held), int(row.back) + int(row.waiting))


async def plan_refund(work: Work, payment: Payment, amount: int) -> None:
    """Write the intent to send ``amount`` of a payment back."""
    await suspense_service.plan_refund(
        work,
        Refund(
            id=ids.new("refd"),
            payment_id=payment.id,
            amount=amount,
            currency=payment.currency,
            of=str(payment.provider_id),
            status=RefundStatus.PLANNED,
            call=Call.PLANNED,
            ordered_on=work.on,
            created_at=work.now,
        ),
    )
