"""Sending: claim a message under the rules and its kind's own check, then record what the channel said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from refi import clock
from refi.borrowers import service as borrowers
from refi.borrowers.tables import Borrower
from refi.db.work import Work
from refi.ids import BorrowerId, MessageId
from refi.notifications import (
    address_service,
    channels,
    parking_service,
    switching_service,
    templates,
    turn_service,
)
from refi.notifications.messages import (
    MOST_FAILURES,
    MOVES,
    ONE_TIME_CODE,
    Claim,
    Dropped,
    Gate,
    MessageStatus,
    Question,
    Wanted,
    is_over,
    pause,
    tries_are_used_up,
)
from refi.notifications.parking_service import log
from refi.notifications.service import also_by, locked, send_at
from refi.notifications.tables import Message
from refi.states import move

StillWanted = Callable[[Work, Message], Awaitable[Wanted | Dropped]]
"""Asked under the claim's locks: is the message still right, and what fills its template?"""

Channels = Mapping[str, channels.Channel]

CLAIM_IS_OLD = timedelta(seconds=10)
CLAIM_IS_OLD_ELSEWHERE = timedelta(seconds=120)
"""A claim this old was left by a crash. The second is for a channel that does not deduplicate: longer than
any call can take, since asking while the first call is still on its way would deceive."""


async def code_still_wanted(_work: Work, _row: Message) -> Wanted:
    """A one-time code is right until it expires."""
    return Wanted()


async def take(
    work: Work, checks: Mapping[str, StillWanted], lines: Channels, message_id: MessageId
) -> Claim | Question | None:
    """Claim the message for sending now, or say what must be asked first; None when there is nothing to do.

    Order of locks: the message, the borrower's contacts, then whatever ``checks`` lock.
    """
    row = await locked(work, message_id)
    if row.status in (MessageStatus.CLAIMED, MessageStatus.UNKNOWN):
        if row.ask_at is None or row.ask_at > work.wall:
            return None
        row.ask_at = work.wall + _patience(lines[row.channel])
        return Question(message_id, row.attempts, row.channel)
    if row.status is not MessageStatus.PLANNED:
        return None
    if row.not_before > work.now:
        send_at(work, MessageId(row.id), row.attempts, row.not_before)
        return None
    return await _claim(work, checks, lines, row)


async def _claim(
    work: Work, checks: Mapping[str, StillWanted], lines: Channels, row: Message
) -> Claim | None:
    if is_over(row.expires_at, work.wall) or (row.lapses_on is not None and _today(work) >= row.lapses_on):
        _skip(work, row, "lapsed")
        return None
    if row.borrower_id is not None:
        await turn_service.take(work, row.borrower_id)
    answer = await checks[row.kind](work, row)
    if isinstance(answer, Dropped):
        _skip(work, row, answer.reason)
        return None
    if row.borrower_id is not None:
        borrower = await borrowers.get(work, BorrowerId(row.borrower_id))
        if not await _addressed(work, row, lines, borrower, answer):
            return None
    link = lines[row.channel].opt_out_url(row.id) if row.gate is Gate.MARKETING else None
    if row.text_sealed is None:
        words = templates.render(
            work.policy, row.template, row.channel, row.locale, answer.values, opt_out_url=link
        )
        row.text_sealed = work.vault.seal(words.text)
        row.subject_sealed = None if words.subject is None else work.vault.seal(words.subject)
        row.template_version = templates.words_of(row.template, row.channel, row.locale)[0]
    row.status = move(MOVES, row.status, MessageStatus.CLAIMED)
    row.attempts += 1
    row.contacted_at, row.reason = work.now, None
    row.ask_at = work.wall + _patience(lines[row.channel])
    log(work, row, "allowed")
    return Claim(MessageId(row.id), row.attempts, row.channel, _outgoing(work, row, link), work.wall)


async def renew(work: Work, checks: Mapping[str, StillWanted], lines: Channels, claim: Claim) -> Claim | None:
    """Ask everything again for a claim that grew old before it was sent; None when it is no longer right.

    Nothing of it was sent, so a payment, a promise or a hold of the meantime still stops it.
    """
    row = await locked(work, claim.id)
    if row.status is not MessageStatus.CLAIMED or row.attempts != claim.attempt:
        return None
    row.status, row.ask_at, row.contacted_at = move(MOVES, row.status, MessageStatus.PLANNED), None, None
    if row.attempts == 1 and row.kind != ONE_TIME_CODE:  # later ones may have to repeat what was said before
        row.text_sealed = row.subject_sealed = row.to_sealed = None
    return await _claim(work, checks, lines, row)


def _outgoing(work: Work, row: Message, opt_out_url: str | None) -> channels.Outgoing:
    """The message in the clear, for its channel."""
    if row.to_sealed is None or row.text_sealed is None:
        raise RuntimeError(f"{row.id} has neither a borrower nor an address")
    return channels.Outgoing(
        id=MessageId(row.id),
        to=work.vault.open(row.to_sealed),
        template=row.template,
        text=work.vault.open(row.text_sealed),
        subject=None if row.subject_sealed is None else work.vault.open(row.subject_sealed),
        opt_out_url=opt_out_url,
    )


def _today(work: Work) -> date:
    """The business date, or the market's calendar date when closing the days before takes longer.

    While missed days are caught up, a stage of a day long gone must not be sent as if it were that day.
    """
    return max(work.on, clock.local_date(work.now, ZoneInfo(work.policy.market.time_zone)))


async def _addressed(work: Work, row: Message, lines: Channels, borrower: Borrower, wanted: Wanted) -> bool:
    """Choose channel and address under the rules, or put the message off, or end it."""
    order = (row.channel, *row.fallbacks.split())

    async def usable(channel: str) -> bool:
        return channel == row.channel or await also_by(work, row, channel)

    choice = await address_service.choose(
        work, borrower, row.gate, order, lines, stops=wanted.stops, fixed=row.to_sealed, usable=usable
    )
    if choice is None:
        _skip(work, row, "no_channel")
        return False
    verdict = choice.verdict
    if verdict.allowed:
        if choice.channel != row.channel:
            row.channel, row.fallbacks = choice.channel, " ".join(order[order.index(choice.channel) + 1 :])
        row.to_sealed = choice.to_sealed
        return True
    rules = ",".join(verdict.rules)
    row.policy_version = verdict.policy_version
    if verdict.retry_at is None:
        _skip(work, row, rules)
        return False
    row.not_before, row.reason = verdict.retry_at, rules
    log(work, row, "later", rules)
    send_at(work, MessageId(row.id), row.attempts, verdict.retry_at)
    return False


async def record(work: Work, claim: Claim, answer: channels.Answer, channel: channels.Channel) -> None:
    """Write down what the channel said to this claim; a claim that was taken over changes nothing."""
    row = await locked(work, claim.id)
    if row.status is not MessageStatus.CLAIMED or row.attempts != claim.attempt:
        return
    if isinstance(answer, channels.Sent):
        _sent(work, row, answer.provider_id)
    elif isinstance(answer, channels.Refused):
        row.status, row.reason, row.ask_at = move(MOVES, row.status, MessageStatus.FAILED), answer.code, None
        log(work, row, "failed", answer.code)
        await switching_service.follow_up(work, row)
    elif isinstance(answer, channels.NotSent):
        _plan_again(work, row, answer.cause, answer.retry_after, same_text=False)
    else:
        _unknown(work, row, answer.cause, channel)


async def record_found(
    work: Work, question: Question, found: channels.Sent | None, channel: channels.Channel
) -> None:
    """Write down what asking told: it was sent, or the channel never saw it and it may be sent after all."""
    row = await locked(work, question.id)
    lost = (MessageStatus.CLAIMED, MessageStatus.UNKNOWN)
    if row.status not in lost or row.attempts != question.attempt:
        return
    if found is not None:
        _sent(work, row, found.provider_id)
    else:
        _plan_again(work, row, f"{channel.name} never saw it", None, same_text=False)


async def record_doubt(work: Work, question: Question, channel: channels.Channel) -> None:
    """A channel that cannot be asked: the same goes out again if it deduplicates, or the doubt is final."""
    row = await locked(work, question.id)
    lost = (MessageStatus.CLAIMED, MessageStatus.UNKNOWN)
    if row.status in lost and row.attempts == question.attempt:
        _unknown(work, row, row.reason or "no answer", channel)


def _sent(work: Work, row: Message, provider_id: str) -> None:
    row.status = move(MOVES, row.status, MessageStatus.SENT)
    row.provider_id, row.sent_at, row.ask_at, row.reason = provider_id, row.contacted_at, None, None
    log(work, row, "sent")


def _unknown(work: Work, row: Message, cause: str, channel: channels.Channel) -> None:
    if row.status is not MessageStatus.UNKNOWN:
        row.status = move(MOVES, row.status, MessageStatus.UNKNOWN)
    row.reason = cause
    log(work, row, "unknown", cause)
    if channel.can_ask:
        row.ask_at = work.wall + pause(row.attempts)
        send_at(work, MessageId(row.id), row.attempts, work.now + pause(row.attempts))
    elif channel.deduplicates:
        _plan_again(work, row, cause, None, same_text=True)
    else:
        row.ask_at = None


def _plan_again(work: Work, row: Message, cause: str, asked: float | None, *, same_text: bool) -> None:
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
    if not same_text and row.kind != ONE_TIME_CODE:
        row.text_sealed = row.subject_sealed = row.to_sealed = None
    wait = pause(row.attempts, asked)
    row.not_before = work.now + wait
    send_at(work, MessageId(row.id), row.attempts, row.not_before)


def _skip(work: Work, row: Message, reason: str) -> None:
    row.status, row.reason = move(MOVES, row.status, MessageStatus.SKIPPED), reason
    log(work, row, "refused", reason)


def _patience(channel: channels.Channel) -> timedelta:
    return CLAIM_IS_OLD if channel.deduplicates else CLAIM_IS_OLD_ELSEWHERE
