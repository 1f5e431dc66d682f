"""A cancelled loan begins again: its payoff failed or came back, and is to be sent once more."""

from __future__ import annotations

from sqlalchemy import delete, select

from refi.db.work import Work
from refi.loans.states import MOVES, LoanStatus
from refi.loans.tables import Installment, Loan
from refi.states import move


async def begin_again(work: Work, loan: Loan) -> None:
    """Let a locked, cancelled loan wait for its payout as on the day of signing.

    Nothing is owed. When the payee is credited, the dates are fixed anew; what the first life had booked
    stays in the ledger, all of it undone.
    """
    loan.status = move(MOVES, loan.status, LoanStatus.PENDING_DISBURSEMENT)
    loan.closed_on = loan.credited_on = loan.first_due_on = None
    loan.version += 1
    loan.changed_on = work.on
    await work.session.execute(delete(Installment).where(Installment.loan_id == loan.id))
    await work.session.flush()


async def replaced(work: Work, loan: Loan) -> bool:
    """Whether the borrower has taken another loan of this product since."""
    other = await work.session.scalar(
        select(Loan.id)
        .where(
            Loan.borrower_id == loan.borrower_id,
            Loan.product == loan.product,
            Loan.id > loan.id,
            Loan.status != LoanStatus.CANCELLED,
        )
        .limit(1)
    )
    return other is not None
