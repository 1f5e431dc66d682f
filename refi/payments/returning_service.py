"""Money that the bank took back: off its loan, or out of suspense."""

from __future__ import annotations

from datetime import date

from refi import events
from refi.db.work import Work
from refi.ids import LoanId
from refi.ledger import service as ledger
from refi.ledger.entries import Kind, Split
from refi.loans import service as loans
from refi.payments import autopay_service, suspense_service
from refi.payments.states import PAYMENT_MOVES, PaymentStatus
from refi.payments.tables import Payment
from refi.states import move


async def reverse(work: Work, row: Payment, reason: str, on: date) -> None:
    """Take a posted payment back (a returned debit); the loan owes again what it had paid."""
    if row.status is PaymentStatus.REVERSED:
        if row.returned_on is None:  # taken off its loan by staff before the bank took it back
            await _returned_from_suspense(work, row, row.amount, on)
        return
    row.status = move(PAYMENT_MOVES, row.status, PaymentStatus.REVERSED)
    row.reason, row.returned_on = reason, on
    loan = await loans.lock(work, LoanId(row.loan_id))
    movements = await ledger.of_loan(work, loan.id)
    taken = [*ledger.live(movements, Kind.REPAYMENT), *ledger.live(movements, Kind.RECOVERY)]
    on_loan = sum(movement.amount for movement in taken if movement.source == row.id)
    if on_loan:
        await loans.take_back_receipt(work, loan, row.id)
    if row.amount > on_loan:  # what the loan did not take, or released, waited in suspense
        await _returned_from_suspense(work, row, row.amount - on_loan, on)
    else:
        await suspense_service.payment_taken_back(work, row)
    await autopay_service.failed(work, row, reason)
    work.announce(events.PaymentReversed(row.id, row.borrower_id, row.loan_id, row.amount, min(on, work.on)))


async def _returned_from_suspense(work: Work, row: Payment, amount: int, on: date) -> None:
    """The bank took money back that was on no loan: what of it went back to its payer is owed to us."""
    row.returned_on = on
    await ledger.book(
        work,
        Kind.UNIDENTIFIED_RETURNED,
        Split(suspense=amount),
        cause=f"{row.id}:returned",
        source=row.id,
        effective_on=work.on,
        loan_id=row.loan_id,
    )
    await suspense_service.payment_taken_back(work, row)
