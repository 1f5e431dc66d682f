"""What came of sending: record what channels said to claims, and what asking about lost ones told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from refi.db.work import Work
from refi.ids import MessageId
from refi.notifications import channels, parking_service, switching_service
from refi.notifications import service as messages
from refi.notifications.messages import (
    MOST_FAILURES,
    MOVES,
    Claim,
    MessageStatus,
    Question,
    pause,
    tries_are_used_up,
)
from refi.notifications.parking_service import log
from refi.notifications.tables import Message
from refi.states import move

LOST = (MessageStatus.CLAIMED, MessageStatus.UNKNOWN)
Times = dict[str, datetime]
"""When messages are to be looked at again: business instants."""


async def record(
    work: Work,
    answers: Sequence[tuple[Claim, channels.Answer]],
    lines: Mapping[str, channels.Channel],
) -> None:
    """Write down what channels said to these claims; a claim that was taken over changes nothing."""
    said = {claim.id: (claim, answer) for claim, answer in answers}
    again: Times = {}
    for row in await messages.locked_all(work, said):
        claim, answer = said[MessageId(row.id)]
        if row.status is not MessageStatus.CLAIMED or row.attempts != claim.attempt:
            continue
        if isinstance(answer, channels.Sent):
            _sent(work, row, answer.provider_id)
        elif isinstance(answer, channels.Refused):
            row.status, row.reason, row.ask_at = (
                move(MOVES, row.status, MessageStatus.FAILED),
                answer.code,
                None,
            )
            log(work, row, "failed", answer.code)
            await switching_service.follow_up(work, row)
        elif isinstance(answer, channels.NotSent):
            _plan_again(work, row, again, answer.cause, answer.retry_after, same_text=False)
        else:
            _unknown(work, row, again, answer.cause, lines[claim.channel])
    messages.send_each_at(work, again)


async def record_found(
    work: Work, question: Question, found: channels.Sent | None, channel: channels.Channel
) -> None:
    """Write down what asking told: it was sent, or the channel never saw it and it may be sent after all."""
    row = await messages.locked(work, question.id)
    if row.status not in LOST or row.attempts != question.attempt:
        return
    again: Times = {}
    if found is not None:
        _sent(work, row, found.provider_id)
    else:
        _plan_again(work, row, again, f"{channel.name} never saw it", None, same_text=False)
    messages.send_each_at(work, again)


async def record_doubt(work: Work, question: Question, channel: channels.Channel) -> None:
    """A channel that cannot be asked: the same goes out again if it deduplicates, or the doubt is final."""
    row = await messages.locked(work, question.id)
    if row.status in LOST and row.attempts == question.attempt:
        again: Times = {}
        _unknown(work, row, again, row.reason or "no answer", channel)
        messages.send_each_at(work, again)


def _sent(work: Work, row: Message, provider_id: str) -> None:
    row.status = move(MOVES, row.status, MessageStatus.SENT)
    row.provider_id, row.sent_at, row.ask_at, row.reason = provider_id, row.contacted_at, None, None
    log(work, row, "sent")


def _unknown(work: Work, row: Message, again: Times, cause: str, channel: channels.Channel) -> None:
    if row.status is not MessageStatus.UNKNOWN:
        row.status = move(MOVES, row.status, MessageStatus.UNKNOWN)
    row.reason = cause
    log(work, row, "unknown", cause)
    if channel.can_ask:
        row.ask_at = work.wall + pause(row.attempts)
        again[row.id] = work.now + pause(row.attempts) + messages.A_LITTLE
    elif channel.deduplicates:
        _plan_again(work, row, again, cause, None, same_text=True)
    else:
        row.ask_at = None


def _plan_again(
    work: Work, row: Message, again: Times, cause: str, asked: float | None, *, same_text: bool
) -> None:
    """Nothing was sent, or sending the same once more is harmless: try again a little later."""
    row.status = move(MOVES, row.status, MessageStatus.PLANNED)
    row.ask_at, row.reason = None, cause
    if row.failures >= MOST_FAILURES:
        parking_service.park(work, row, cause)
        return
    if tries_are_used_up(row.gate, row.attempts):
        row.status = move(MOVES, row.status, MessageStatus.FAILED)
        log(work, row, "failed", cause)
        return
    if not same_text and row.worded_when_sent:
        row.text_sealed = row.subject_sealed = row.to_sealed = None
    row.not_before = again[row.id] = work.now + pause(row.attempts, asked)
