"""One click in an e-mail opts out: whose letter it was, and whether that changes anything."""

from __future__ import annotations

from refi.borrowers import service as borrowers
from refi.borrowers.tables import Purpose
from refi.db.work import Work
from refi.ids import BorrowerId
from refi.notifications import opting_out, preference_service, turn_service
from refi.notifications.tables import Message

EMAIL = "email"


async def borrower_of(work: Work, token: str) -> BorrowerId | None:
    """Whose letter the link stood in; None for a link that we did not make."""
    message_id = opting_out.message_of(work.vault.index, token)
    row = await work.session.get(Message, message_id) if message_id is not None else None
    return None if row is None or row.borrower_id is None else BorrowerId(row.borrower_id)


async def click(work: Work, token: str) -> bool:
    """Opt out by the link of one letter; again changes nothing. False for a link that we did not make."""
    borrower_id = await borrower_of(work, token)
    if borrower_id is None:
        return False
    await turn_service.take(work, borrower_id)
    agreed = Purpose.MARKETING in await borrowers.consented(work, borrower_id)
    closes = work.policy.contact.opt_out_stops == "channel"
    open_still = EMAIL not in (await preference_service.newest(work, borrower_id)).opted_out
    if agreed or (closes and open_still):
        await preference_service.opt_out(work, borrower_id, EMAIL, words="one click")
    return True
