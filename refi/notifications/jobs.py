"""Jobs of notifications: send one message, or ask what became of it; find what a crash left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog

from refi import clock
from refi.db.work import SYSTEM, Database
from refi.errors import Unavailable
from refi.ids import MessageId
from refi.notifications import parking_service as parking
from refi.notifications import sending_service as sending
from refi.notifications import service as messages
from refi.notifications.channels import ChannelUnavailable
from refi.notifications.messages import Claim, Question

LATE_BY = timedelta(seconds=5)
AT_ONCE = 4
"""Messages of one job that are sent at the same time."""
LONGEST_CAUSE = 200
log = structlog.get_logger("refi.notifications")


async def send_message(
    database: Database, lines: sending.Channels, checks: Mapping[str, sending.StillWanted], message_id: str
) -> None:
    """Claim and commit, send under the row's id outside any transaction, record. Harmless to repeat.

    An error of our own is counted on the message, which is tried again later and parked at last: one message
    that cannot be sent holds up no other.
    """
    try:
        async with database.work(SYSTEM) as work:
            taken = await sending.take(work, checks, lines, MessageId(message_id))
        if isinstance(taken, Question):
            await _ask(database, lines, taken)
        elif isinstance(taken, Claim):
            await deliver(database, lines, checks, taken)
    except Unavailable:
        raise
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"[:LONGEST_CAUSE]
        async with database.work(SYSTEM) as work:
            parked = await parking.record_failure(work, MessageId(message_id), cause)
        log.exception("message_parked" if parked else "message_failed", id=message_id)


async def deliver(
    database: Database, lines: sending.Channels, checks: Mapping[str, sending.StillWanted], claim: Claim
) -> None:
    """Send what was claimed and record the answer; a claim that has grown old is asked for again first."""
    if clock.utc_now() - claim.at > sending.CLAIM_IS_OLD:
        async with database.work(SYSTEM) as work:
            renewed = await sending.renew(work, checks, lines, claim)
        if renewed is None:
            return
        claim = renewed
    channel = lines[claim.channel]
    answer = await channel.send(claim.outgoing)
    async with database.work(SYSTEM) as work:
        await sending.record(work, claim, answer, channel)


async def send_messages(
    database: Database,
    lines: sending.Channels,
    checks: Mapping[str, sending.StillWanted],
    message_ids: Sequence[str],
) -> None:
    """Send each of the messages, some at once; harmless to repeat."""
    left = iter(message_ids)

    async def some() -> None:
        for message_id in left:
            await send_message(database, lines, checks, message_id)

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


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
