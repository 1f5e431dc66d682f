"""Where a borrower is reached by each channel today."""

from __future__ import annotations

from refi.borrowers import email_service as emails
from refi.borrowers import service as borrowers
from refi.borrowers.tables import Borrower
from refi.db.work import Work
from refi.ids import BorrowerId


async def address(work: Work, channel: str, borrower: Borrower) -> str | None:
    """The sealed address of the borrower on that channel today; None when it does not reach them.

    An e-mail address that was not proved might be somebody else's.
    """
    if channel == "sms":
        return borrower.phone_sealed
    if channel == "push":
        found = await borrowers.devices(work, BorrowerId(borrower.id))
        return found[0].token_sealed if found else None
    if channel == "email":
        return await emails.proved(work, BorrowerId(borrower.id))
    return work.vault.seal(borrower.id) if channel == "inbox" else None
