"""The app's inbox: put a message in once, find it, mark it read."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, MessageId
from refi.notifications.messages import MOVES, MessageStatus
from refi.notifications.service import locked
from refi.notifications.tables import InboxEntry
from refi.states import move


async def deliver(work: Work, message_id: MessageId, borrower_id: BorrowerId) -> None:
    """Put the message into the borrower's inbox; a second time changes nothing."""
    values = {"message_id": message_id, "borrower_id": borrower_id, "delivered_at": work.now}
    await work.session.execute(insert(InboxEntry).values(values).on_conflict_do_nothing())


async def entry(work: Work, message_id: MessageId) -> InboxEntry | None:
    """The entry of a message, if it is there."""
    row: InboxEntry | None = await work.session.get(InboxEntry, message_id)
    return row


async def entries(work: Work, message_ids: Sequence[str]) -> dict[str, InboxEntry]:
    """The entries of these messages, by message."""
    rows = await work.session.scalars(select(InboxEntry).where(InboxEntry.message_id.in_(message_ids)))
    return {row.message_id: row for row in rows}


async def read(work: Work, borrower_id: BorrowerId, message_id: MessageId) -> InboxEntry:
    """The borrower has read the message: from then on it counts as delivered. Again changes nothing."""
    row = await work.session.get(InboxEntry, message_id, with_for_update=True)
    if row is None or row.borrower_id != borrower_id:
        raise NotFound("no such message in your inbox")
    if row.read_at is None:
        row.read_at = work.now
        message = await locked(work, message_id)
        if message.status is MessageStatus.SENT:
            message.status = move(MOVES, message.status, MessageStatus.DELIVERED)
    return row
