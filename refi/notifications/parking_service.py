"""The log of every contact by message, and messages set aside because sending them fails on our side."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from refi import ids
from refi.db.work import Work
from refi.errors import Conflict
from refi.ids import MessageId
from refi.notifications.messages import MOST_FAILURES, MOVES, MessageStatus, pause
from refi.notifications.service import locked, send_each_at
from refi.notifications.tables import ContactEntry, Message
from refi.states import move


class NotParked(Conflict):
    """The message is not parked (any more)."""


async def record_failure(work: Work, message_id: MessageId, cause: str) -> bool:
    """Count an error of our own; True when it parked the message. What was planned is tried again later.

    What was claimed is asked about first, as after a crash: it may have been sent.
    """
    row = await locked(work, message_id)
    if row.status not in (MessageStatus.PLANNED, MessageStatus.CLAIMED, MessageStatus.UNKNOWN):
        return False
    row.failures += 1
    row.reason = cause
    if row.failures >= MOST_FAILURES:
        park(work, row, cause)
        return True
    if row.status is MessageStatus.PLANNED:
        row.not_before = max(row.not_before, work.now + pause(row.failures))
        send_each_at(work, {message_id: row.not_before})
    return False


def park(work: Work, row: Message, cause: str) -> None:
    """Set a message aside for a person. What may have been sent keeps ``contacted_at``, and counts."""
    if row.status is MessageStatus.PLANNED:
        row.contacted_at = None
    row.status, row.ask_at, row.reason = move(MOVES, row.status, MessageStatus.PARKED), None, cause
    log(work, row, "parked", cause)


async def retry(work: Work, message_id: MessageId) -> Message:
    """Put a parked message back to work with fresh attempts. Raises `NotParked`.

    One that may have been sent is asked about first, as after a crash.
    """
    row = await locked(work, message_id)
    if row.status is not MessageStatus.PARKED:
        raise NotParked(f"the message is {row.status.value}", allowed=[])
    row.failures = 0
    if row.contacted_at is None:
        row.status, row.not_before = move(MOVES, row.status, MessageStatus.PLANNED), work.now
    else:
        row.status, row.ask_at = move(MOVES, row.status, MessageStatus.UNKNOWN), work.wall
    work.enqueue("send_message", {"id": message_id}, dedupe_key=f"retry:{message_id}:{work.wall.timestamp()}")
    return row


async def parked(work: Work, *, limit: int, starting_after: str | None = None) -> Sequence[Message]:
    """The messages that wait for a person, newest first."""
    query = select(Message).where(Message.status == MessageStatus.PARKED).order_by(Message.id.desc())
    if starting_after is not None:
        query = query.where(Message.id < starting_after)
    return (await work.session.scalars(query.limit(limit))).all()


async def count(work: Work) -> int:
    """How many messages wait for a person."""
    found = select(func.count()).select_from(Message).where(Message.status == MessageStatus.PARKED)
    return int((await work.session.scalar(found)) or 0)


def log(work: Work, row: Message, outcome: str, rules: str | None = None) -> None:
    """Write a line of the contact log: what became of the message, and the rules or the cause."""
    work.session.add(
        ContactEntry(
            id=ids.new("ctc"),
            message_id=row.id,
            borrower_id=row.borrower_id,
            channel=row.channel,
            gate=row.gate,
            outcome=outcome,
            rules=rules,
            policy_version=work.policy.version,
            on=work.on,
            at=work.now,
        )
    )
