"""Claiming: lock messages, ask whether each is still right and allowed now, and take what is for sending.

A batch is claimed in one transaction, so that what asking costs is shared; one message is a batch of one.
Order of locks, each in the order of ids: the messages, their borrowers' turns, then whatever the kind's check
locks (loans). One transaction claims messages of one kind only: two checks one after the other would not keep
that order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from refi import clock
from refi.db.work import Work
from refi.ids import MessageId
from refi.notifications import address_service, channels, facts_service, subjects_service, templates
from refi.notifications import service as messages
from refi.notifications import turn_service as turns
from refi.notifications.facts_service import Contacted, Facts
from refi.notifications.messages import (
    MOVES,
    Claim,
    Dropped,
    Gate,
    MessageStatus,
    Question,
    Wanted,
    is_over,
)
from refi.notifications.parking_service import log
from refi.notifications.tables import Message
from refi.states import move

StillWanted = Callable[[Work, Sequence[Message]], Awaitable[Mapping[str, Wanted | Dropped]]]
"""Asked under the claim's locks: which of the messages are still right, and what fills their templates?"""

Channels = Mapping[str, channels.Channel]

CLAIM_IS_OLD = timedelta(seconds=10)
CLAIM_IS_OLD_ELSEWHERE = timedelta(seconds=120)
"""A claim this old was left by a crash. The second is for a channel that does not deduplicate: longer than
any call can take, since asking while the first call is still on its way would deceive."""


@dataclass(slots=True)
class Taken:
    """What came of messages that were taken: claims to be sent, questions to be asked first, and ``left``,
    which are of another kind and wait for the next transaction."""

    claims: list[Claim] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


async def code_still_wanted(_work: Work, rows: Sequence[Message]) -> dict[str, Wanted]:
    """A one-time code is right until it expires."""
    return {row.id: Wanted() for row in rows}


async def take(
    work: Work, checks: Mapping[str, StillWanted], lines: Channels, message_ids: Collection[str]
) -> Taken:
    """Claim the messages for sending now, or say what must be asked first; nothing for what is done."""
    taken = Taken()
    ready: list[Message] = []
    early: dict[str, datetime] = {}
    for row in await messages.locked_all(work, message_ids):
        if row.status in (MessageStatus.CLAIMED, MessageStatus.UNKNOWN):
            if row.ask_at is not None and row.ask_at <= work.wall:
                row.ask_at = work.wall + _patience(lines[row.channel])
                taken.questions.append(Question(MessageId(row.id), row.attempts, row.channel))
            elif row.ask_at is not None and row.status is MessageStatus.UNKNOWN:
                early[row.id] = work.now + (row.ask_at - work.wall) + messages.A_LITTLE
        elif row.status is not MessageStatus.PLANNED:
            continue
        elif row.not_before > work.now:
            early[row.id] = row.not_before
        elif not ready or row.kind == ready[0].kind:
            ready.append(row)
        else:
            taken.left.append(row.id)
    messages.send_each_at(work, early, f"early:{work.wall.timestamp()}")  # not the key of this very job
    taken.claims = await _claim(work, checks, lines, ready)
    return taken


async def renew(work: Work, checks: Mapping[str, StillWanted], lines: Channels, claim: Claim) -> Claim | None:
    """Ask everything again for a claim that grew old before it was sent; None when it is no longer right.

    Nothing of it was sent, so a payment, a promise or a hold of the meantime still stops it.
    """
    row = await messages.locked(work, claim.id)
    if row.status is not MessageStatus.CLAIMED or row.attempts != claim.attempt:
        return None
    row.status, row.ask_at, row.contacted_at = move(MOVES, row.status, MessageStatus.PLANNED), None, None
    if row.attempts == 1 and row.worded_when_sent:  # later ones may have to repeat what was said before
        row.text_sealed = row.subject_sealed = row.to_sealed = None
    return next(iter(await _claim(work, checks, lines, [row])), None)


async def _claim(
    work: Work, checks: Mapping[str, StillWanted], lines: Channels, rows: Sequence[Message]
) -> list[Claim]:
    """Claim those of the rows, all planned and of one kind, that are right and allowed now."""
    today, ready = _today(work), []
    for row in rows:
        if is_over(row.expires_at, work.wall) or (row.lapses_on is not None and today >= row.lapses_on):
            _skip(work, row, "lapsed")
        else:
            ready.append(row)
    if not ready:
        return []
    borrowers = {row.borrower_id for row in ready if row.borrower_id is not None}
    if borrowers:
        await turns.take(work, *borrowers)
    answers = await checks[ready[0].kind](work, ready)
    known = await facts_service.of_all(work, borrowers) if borrowers else {}
    found: list[Claim] = []
    later: dict[str, datetime] = {}
    for row in ready:
        answer = answers[row.id]
        if isinstance(answer, Dropped):
            _skip(work, row, answer.reason)
            continue
        facts = None if row.borrower_id is None else known[row.borrower_id]
        if facts is None or await _addressed(work, row, lines, facts, answer):
            found.append(_claimed(work, row, lines, facts, answer))
        elif row.status is MessageStatus.PLANNED:
            later[row.id] = row.not_before
    messages.send_each_at(work, later)
    return found


def _claimed(work: Work, row: Message, lines: Channels, facts: Facts | None, answer: Wanted) -> Claim:
    """Word the message and take it for this caller alone; from now on it counts as a contact."""
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
    if facts is not None:
        facts.earlier.append(Contacted(work.now, row.channel, row.gate.value))
    log(work, row, "allowed")
    return Claim(MessageId(row.id), row.attempts, row.channel, _outgoing(work, row, link), work.wall)


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
        at=work.now,
    )


def _today(work: Work) -> date:
    """The business date, or the market's calendar date when closing the days before takes longer.

    While missed days are caught up, a stage of a day long gone must not be sent as if it were that day.
    """
    return max(work.on, clock.local_date(work.now, ZoneInfo(work.policy.market.time_zone)))


async def _addressed(work: Work, row: Message, lines: Channels, facts: Facts, wanted: Wanted) -> bool:
    """Choose channel and address under the rules, or put the message off, or end it."""
    order = (row.channel, *row.fallbacks.split())

    async def usable(channel: str) -> bool:
        return channel == row.channel or await subjects_service.also_by(work, row, channel)

    choice = await address_service.choose(
        work, facts, row.gate, order, lines, stops=wanted.stops, fixed=row.to_sealed, usable=usable
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
    return False


def _skip(work: Work, row: Message, reason: str) -> None:
    row.status, row.reason = move(MOVES, row.status, MessageStatus.SKIPPED), reason
    log(work, row, "refused", reason)


def _patience(channel: channels.Channel) -> timedelta:
    return CLAIM_IS_OLD if channel.deduplicates else CLAIM_IS_OLD_ELSEWHERE
