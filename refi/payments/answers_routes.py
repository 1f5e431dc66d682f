"""Payments as borrower and staff see them: one shape for both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from refi.db.work import Work
from refi.ledger import service as ledger
from refi.ledger.entries import Kind, Movement
from refi.loans.tables import Loan
from refi.payments import service as payments
from refi.payments.previews import Preview
from refi.payments.states import PaymentStatus, RefundStatus
from refi.payments.tables import Payment, Refund, SourceType
from refi.schedules.contract import InstallmentState, Mode
from refi.web.fields import Amount, Body, BusinessDate, Currency, Instant, Out


class SourceIn(Body):
    """Where the money comes from; without ``bank_account`` the newest verified one is debited."""

    type: Annotated[SourceType, Field(strict=False)]
    bank_account: Annotated[str, Field(max_length=40, description="the account's id")] | None = None


class PaymentIn(Body):
    """A repayment.

    ``due`` pays what is due first, then what comes; ``prepay_shorten`` and ``prepay_lower`` pay what is due
    and then principal, so that the plan ends earlier or the installments become smaller; ``payoff`` settles
    the loan. With ``preview`` the answer says what would be, and nothing is stored. ``currency`` may be said
    with the amount; it is the loan's.
    """

    amount: Amount
    currency: Currency | None = None
    source: SourceIn
    mode: Annotated[Mode, Field(strict=False)] = Mode.DUE
    preview: bool = False


class SourceOut(Out):
    """Where the money comes from."""

    type: SourceType
    bank_account: str | None


class AllocationOut(Out):
    """A part of a payment: which installment's what it paid. Installment 0 is principal ahead of the plan."""

    installment: int
    component: Literal["fee", "penalty", "interest", "principal"]
    amount: int


class RefundOut(Out):
    """Money of this payment that goes back to who paid it."""

    id: str
    amount: int
    status: RefundStatus
    effective_on: BusinessDate | None


class PaymentOut(Out):
    """A repayment; ``allocations`` while it is posted, ``returned_on`` once it was taken back."""

    id: str
    loan: str
    status: PaymentStatus
    amount: int
    currency: str
    mode: str
    source: SourceOut
    allocations: list[AllocationOut]
    effective_on: BusinessDate | None
    returned_on: BusinessDate | None
    refunds: list[RefundOut]
    reason: str | None
    created_at: Instant


class PlannedOut(Out):
    """An installment of a plan, minor units; ``outstanding`` of it is still to be paid."""

    number: int
    due_date: BusinessDate
    principal: int
    interest: int
    fee: int
    penalty: int
    amount: int
    outstanding: int
    status: str


class PreviewOut(Out):
    """What a payment would do if its money left the borrower ``on``. Nothing of it is stored."""

    preview: Literal[True]
    loan: str
    on: BusinessDate
    amount: int
    currency: str
    mode: Mode
    allocations: list[AllocationOut]
    excess: int
    interest_saved: int
    settles: bool
    schedule_before: list[PlannedOut]
    schedule_after: list[PlannedOut]


async def payments_out(work: Work, loan_id: str, rows: Sequence[Payment]) -> list[PaymentOut]:
    """Payments of one loan with what they paid, from the movements of their loan."""
    movements = await ledger.of_loan(work, loan_id)
    refunds = await payments.refunds_of(work, [row.id for row in rows])
    return [payment_out(row, movements, refunds.get(row.id, ())) for row in rows]


def payment_out(row: Payment, movements: Sequence[Movement], refunds: Sequence[Refund]) -> PaymentOut:
    """One payment with what it paid."""
    taken = (*ledger.live(movements, Kind.REPAYMENT), *ledger.live(movements, Kind.RECOVERY))
    booked = [m for m in taken if m.source == row.id]
    posted = row.status is PaymentStatus.POSTED
    parts = [part for m in booked for part in m.allocations] if posted else []
    return PaymentOut(
        id=row.id,
        loan=row.loan_id,
        status=row.status,
        amount=row.amount,
        currency=row.currency,
        mode=row.mode,
        source=SourceOut(type=row.source_type, bank_account=row.bank_account_id),
        allocations=[AllocationOut.model_validate(part) for part in parts],
        effective_on=row.effective_on,
        returned_on=row.returned_on,
        refunds=[RefundOut.model_validate(refund) for refund in refunds],
        reason=row.reason,
        created_at=row.created_at,
    )


def preview_out(work: Work, loan: Loan, amount: int, mode: Mode, made: Preview) -> PreviewOut:
    """A preview as it is answered."""

    def plan(rows: Sequence[InstallmentState]) -> list[PlannedOut]:
        return [PlannedOut.model_validate(row) for row in rows]

    return PreviewOut(
        preview=True,
        loan=loan.id,
        on=work.on,
        amount=amount,
        currency=loan.currency,
        mode=mode,
        allocations=[
            AllocationOut(installment=p.installment, component=p.component.value, amount=p.amount)
            for p in made.allocations
        ],
        excess=made.excess,
        interest_saved=made.interest_saved,
        settles=made.settles,
        schedule_before=plan(made.before),
        schedule_after=plan(made.after),
    )
