"""What messages are about, and by which channels it was told of."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select

from refi.db.base import among
from refi.db.work import Work
from refi.ids import MessageId
from refi.notifications.tables import Message, MessageSubject


async def of(work: Work, message_id: MessageId) -> Sequence[MessageSubject]:
    """What a message is about."""
    return (await of_all(work, [message_id]))[message_id]


async def of_all(work: Work, message_ids: Collection[str]) -> dict[str, list[MessageSubject]]:
    """What each of the messages is about, by loan and number."""
    rows = await work.session.scalars(
        select(MessageSubject)
        .where(among(MessageSubject.message_id, message_ids))
        .order_by(MessageSubject.loan_id, MessageSubject.number)
    )
    found: dict[str, list[MessageSubject]] = {message_id: [] for message_id in message_ids}
    for row in rows:
        found[row.message_id].append(row)
    return found


async def also_by(work: Work, row: Message, channel: str) -> bool:
    """Note that a planned message takes another channel; False if its subjects were told of by that one."""
    raw = await work.raw()
    told = await raw.fetch(
        "SELECT 1 FROM message_subjects t JOIN message_subjects s USING (loan_id, number, due_on, stage)"
        " WHERE s.message_id = $1 AND t.channel = $2 AND t.message_id <> $1",
        row.id,
        channel,
    )
    if told:
        return False
    await raw.execute(
        "INSERT INTO message_subjects (loan_id, number, due_on, stage, channel, message_id)"
        " SELECT DISTINCT loan_id, number, due_on, stage, $2::text, message_id FROM message_subjects"
        " WHERE message_id = $1 ON CONFLICT DO NOTHING",
        row.id,
        channel,
    )
    return True


async def told_by(work: Work, message_id: MessageId) -> set[str]:
    """The channels by which anything that the message is about was told of at its stage."""
    raw = await work.raw()
    rows = await raw.fetch(
        "SELECT DISTINCT t.channel FROM message_subjects t"
        " JOIN message_subjects s USING (loan_id, number, due_on, stage) WHERE s.message_id = $1",
        message_id,
    )
    return {row["channel"] for row in rows}
