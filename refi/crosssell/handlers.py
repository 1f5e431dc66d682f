"""What cross-sell does when something happened elsewhere."""

from __future__ import annotations

from refi import events
from refi.crosssell import service as suggestions
from refi.db.work import Work
from refi.ids import BorrowerId, LoanId


async def payment_posted(work: Work, event: events.PaymentPosted) -> None:
    """See whether the borrower has earned a suggestion."""
    await suggestions.consider(work, BorrowerId(event.borrower_id), LoanId(event.loan_id))
