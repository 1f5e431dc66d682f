"""Jobs of notifications: send one message, or ask what became of it; find what a crash left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog

from refi.db.work import SYSTEM, Database
from refi.ids import MessageId
from refi.notifications import sending_service as sending
from refi.notifications import service as messages
from refi.notifications.channels import ChannelUnavailable
from refi.notifications.messages import Claim, Question

LATE_BY = timedelta(seconds=5)
log = structlog.get_logger("refi.notifications")


async def send_message(
    database: Database, lines: sending.Channels, checks: Mapping[str, sending.StillWanted], message_id: str
) -> None:
    """Claim and commit, send under the row's id outside any transaction, record. Harmless to repeat."""
    async with database.work(SYSTEM) as work:
        taken = await sending.take(work, checks, lines, MessageId(message_id))
    if isinstance(taken, Question):
        await _ask(database, lines, taken)
    elif isinstance(taken, Claim):
        channel = lines[taken.channel]
        answer = await channel.send(taken.outgoing)
        async with database.work(SYSTEM) as work:
            await sending.record(work, taken, answer, channel)


async def send_messages(
    database: Database,
    lines: sending.Channels,
    checks: Mapping[str, sending.StillWanted],
    message_ids: Sequence[str],
) -> None:
    """Send each of the messages; harmless to repeat."""
    for message_id in message_ids:
        await send_message(database, lines, checks, message_id)


async def _ask(database: Database, lines: sending.Channels, question: Question) -> None:
    channel = lines[question.channel]
    if not channel.can_ask:
        async with database.work(SYSTEM) as work:
            await sending.record_doubt(work, question, channel)
        return
    try:
        found = await channel.find(question.id)
    except ChannelUnavailable as error:  # asked again when the question falls due once more
        log.warning("message_fate_unknown", id=question.id, cause=error.detail)
        return
    async with database.work(SYSTEM) as work:
        await sending.record_found(work, question, found, channel)


async def sweep(database: Database) -> int:
    """Put back to work what a crash, an outage or a jump of the sandbox's clock left behind."""
    async with database.work(SYSTEM) as work:
        return await messages.wake(work, LATE_BY)
