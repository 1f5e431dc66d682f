"""Loans as staff find them: any borrower's."""

from __future__ import annotations

from refi.db.work import Work
from refi.errors import NotFound
from refi.loans.tables import Loan
from refi.web.fields import known_id


async def any_loan(work: Work, loan_id: str) -> Loan:
    """The loan of that id, whoever's it is; `NotFound`."""
    loan = await work.rows.get(Loan, known_id(loan_id, "loan"))
    if loan is None:
        raise NotFound("no such loan")
    return loan
