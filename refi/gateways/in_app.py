"""The app's own inbox as a channel: a row that the borrower reads with ``GET /v1/messages``."""

from __future__ import annotations

from refi.db.work import SYSTEM, Database
from refi.errors import Unavailable
from refi.ids import BorrowerId, MessageId
from refi.notifications import inbox_service as inbox
from refi.notifications.channels import Answer, ChannelUnavailable, Outgoing, Sent, Unknown


class InApp:
    """Keeps what it is given in the service's own database, once per message."""

    name = "inbox"
    deduplicates = True
    can_ask = True

    def __init__(self, database: Database) -> None:
        self._database = database

    def opt_out_url(self, message_id: str) -> str | None:  # noqa: ARG002 - the protocol's shape
        """None: the app has its settings."""
        return None

    async def send(self, message: Outgoing) -> Answer:
        """Put the message into the inbox of the borrower whose id is its address."""
        try:
            async with self._database.work(SYSTEM) as work:
                await inbox.deliver(work, message.id, BorrowerId(message.to))
        except Unavailable as error:  # it may have committed before the line was cut
            return Unknown(type(error).__name__)
        return Sent(message.id)

    async def find(self, message_id: str) -> Sent | None:
        """Whether it is there. Raises `ChannelUnavailable`."""
        try:
            async with self._database.work(SYSTEM, reading=True) as work:
                found = await inbox.entry(work, MessageId(message_id))
        except Unavailable as error:
            raise ChannelUnavailable(f"the inbox does not answer: {error.detail}") from error
        return None if found is None else Sent(message_id)
