"""A case is a loan as collections sees it: the same id under another name. Pure.

Whether there is something to do is derived from the loan (late, a promise, a hold, a request for help), so
there is no row that could disagree with it.
"""

from __future__ import annotations

from datetime import date

from refi.ids import LoanId

CASE, LOAN = "case_", "loan_"


def case_of(loan_id: str) -> str:
    """The id of the loan's case."""
    return CASE + loan_id.removeprefix(LOAN)


def loan_of(case_id: str) -> LoanId:
    """The loan of a case."""
    return LoanId(LOAN + case_id.removeprefix(CASE))


def days_past_due(unmet_on: date | None, on: date) -> int:
    """Days since the oldest due date that is not met; zero when that day is not over."""
    return 0 if unmet_on is None else max(0, (on - unmet_on).days)
