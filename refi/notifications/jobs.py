"""Jobs of notifications: send messages, or ask what became of them; find what a crash left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

import structlog

from refi import clock
from refi.db.work import SYSTEM, Database
from refi.errors import Unavailable
from refi.ids import MessageId
from refi.notifications import claiming_service as claiming
from refi.notifications import parking_service as parking
from refi.notifications import sending_service as sending
from refi.notifications import service as messages
from refi.notifications.channels import Answer, ChannelUnavailable
from refi.notifications.claiming_service import Channels, StillWanted
from refi.notifications.messages import Claim, Question

LATE_BY = timedelta(seconds=5)
RECORDED_WITHIN = 1.0
"""Seconds for which an answer may wait for the others of its batch before it is written down."""
TRIED_AGAIN = (0.2, 1.0, 3.0)
"""Seconds between tries to write down what was answered, while the database does not answer."""
LONGEST_CAUSE = 200
log = structlog.get_logger("refi.notifications")

_T = TypeVar("_T")


async def send_messages(
    database: Database, lines: Channels, checks: Mapping[str, StillWanted], message_ids: Collection[str]
) -> None:
    """Claim and commit, send under the rows' ids outside any transaction, record. Harmless to repeat.

    An error of our own is counted on its message, which is tried again later and parked at last: one message
    that cannot be sent holds up no other. What fails as a batch is tried in halves, until it is found.
    """
    left = sorted(set(message_ids))
    while left:
        batch, rest = left[: messages.TOGETHER], left[messages.TOGETHER :]
        try:
            async with database.work(SYSTEM) as work:
                taken = await claiming.take(work, checks, lines, batch)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - kept on the message that it is found to be of
            if len(batch) == 1:
                await _count_failure(database, batch[0], error)
            else:
                for half in _halves(batch):
                    await send_messages(database, lines, checks, half)
        else:
            rest += taken.left
            asking = (_ask(database, lines, question) for question in taken.questions)
            await _all(deliver(database, lines, checks, taken.claims), *asking)
        left = rest


async def _all(*parts: Awaitable[None]) -> None:
    """Let every part come to its end, then raise what went wrong with the first that failed."""
    for found in await asyncio.gather(*parts, return_exceptions=True):
        if found is not None:
            raise found


async def deliver(
    database: Database, lines: Channels, checks: Mapping[str, StillWanted], claims: Sequence[Claim]
) -> None:
    """Send what was claimed, all at the same time, and record the answers as they come."""
    failed: list[BaseException] = []
    pending = {asyncio.create_task(_send(database, lines, checks, claim)) for claim in claims}
    try:
        while pending:
            done, pending = await asyncio.wait(pending, timeout=RECORDED_WITHIN)
            failed += [error for task in done if (error := task.exception()) is not None]
            heard = [task.result() for task in done if task.exception() is None]
            try:
                await _record(database, lines, [answer for answer in heard if answer is not None])
            except Unavailable as error:  # the others' answers are still to be heard
                failed.append(error)
    finally:
        for task in pending:
            task.cancel()
    if failed:
        raise failed[0]


async def _send(
    database: Database, lines: Channels, checks: Mapping[str, StillWanted], claim: Claim
) -> tuple[Claim, Answer] | None:
    """The answer to a claim, which is asked for again first if it has grown old; None if there is none."""
    try:
        if clock.utc_now() - claim.at > claiming.CLAIM_IS_OLD:
            async with database.work(SYSTEM) as work:
                renewed = await claiming.renew(work, checks, lines, claim)
            if renewed is None:
                return None
            claim = renewed
        return claim, await lines[claim.channel].send(claim.outgoing)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - kept on the message
        await _count_failure(database, claim.id, error)
        return None


async def _record(database: Database, lines: Channels, answers: Sequence[tuple[Claim, Answer]]) -> None:
    """Write answers down; what was heard is not given up at the first sign that the database is away."""
    if not answers:
        return
    for wait in (*TRIED_AGAIN, None):
        try:
            async with database.work(SYSTEM) as work:
                await sending.record(work, answers, lines)
            return
        except Unavailable:
            if wait is None:
                raise
            await asyncio.sleep(wait)
        except Exception as error:  # noqa: BLE001 - kept on the message that it is found to be of
            if len(answers) == 1:
                await _count_failure(database, answers[0][0].id, error)
                return
            for half in _halves(answers):
                await _record(database, lines, half)
            return


async def _count_failure(database: Database, message_id: str, error: Exception) -> None:
    """Count an error of our own on its message, which is parked at last."""
    cause = f"{type(error).__name__}: {error}"[:LONGEST_CAUSE]
    async with database.work(SYSTEM) as work:
        parked = await parking.record_failure(work, MessageId(message_id), cause)
    log.error("message_parked" if parked else "message_failed", id=message_id, exc_info=error)


async def _ask(database: Database, lines: Channels, question: Question) -> None:
    channel = lines[question.channel]
    try:
        found = await channel.find(question.id) if channel.can_ask else None
        async with database.work(SYSTEM) as work:
            if channel.can_ask:
                await sending.record_found(work, question, found, channel)
            else:
                await sending.record_doubt(work, question, channel)
    except ChannelUnavailable as error:  # asked again when the question falls due once more
        log.warning("message_fate_unknown", id=question.id, cause=error.detail)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - kept on the message
        await _count_failure(database, question.id, error)


def _halves(items: Sequence[_T]) -> tuple[Sequence[_T], Sequence[_T]]:
    middle = len(items) // 2
    return items[:middle], items[middle:]


async def sweep(database: Database) -> int:
    """Put back to work what a crash, an outage or a jump of the sandbox's clock left behind."""
    async with database.work(SYSTEM) as work:
        return await messages.wake(work, LATE_BY)
