"""What is stored of a loan's derived state, in one place: written after every change, proved by the audit."""

from __future__ import annotations

from datetime import date

from refi.db.statements import Statement
from refi.db.work import BusinessDayClosing, Work
from refi.loans.booking import left_of
from refi.loans.tables import Loan
from refi.schedules.contract import State

KEEP = """
    UPDATE installments i SET unpaid = now.unpaid, unpaid_principal = now.principal
    FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) AS now (number, unpaid, principal)
    WHERE i.loan_id = $1 AND i.number = now.number
    AND (i.unpaid, i.unpaid_principal) <> (now.unpaid, now.principal)"""
KEEP_NOTHING = "UPDATE installments SET unpaid = 0, unpaid_principal = 0 WHERE loan_id = $1 AND unpaid > 0"


def kept(work: Work, loan: Loan, state: State) -> Statement:
    """Note what a locked loan's new state says on the loan, and how what is missing of each row is stored.

    Raises `BusinessDayClosing` between cut-off and turn: the steps of a close all see the same books.
    """
    _mark(work, loan, state.unmet_on)
    numbers = [row.number for row in state.installments]
    unpaid, principal = zip(*left_of(state), strict=True)
    return Statement(KEEP, (loan.id, numbers, unpaid, principal))


async def keep_nothing(work: Work, loan: Loan) -> None:
    """Store that nothing is owed, whatever the contract would say: the loan was cancelled."""
    _mark(work, loan, None)
    await work.rows.save(Statement(KEEP_NOTHING, (loan.id,)))


def _mark(work: Work, loan: Loan, unmet_on: date | None) -> None:
    refuse_while_closing(work)
    loan.unmet_on, loan.changed_on = unmet_on, work.on


def refuse_while_closing(work: Work) -> None:
    """Raise `BusinessDayClosing` between cut-off and turn: no loan is made or changed then."""
    if work.closing:
        raise BusinessDayClosing("the business day is being closed; try again when the next one is open")
