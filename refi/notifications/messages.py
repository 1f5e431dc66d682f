"""The life of a message, and what may be answered when it is about to be sent. Pure.

A message is planned once ever (its plan key is unique), claimed before it is sent, and sent under its own
row's id. ``unknown`` is resolved by asking the channel; a channel that cannot be asked leaves it final. The
channel's receipt makes it ``delivered`` or ``undelivered``; it may outrun our own record of the sending.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from refi.ids import MessageId
from refi.notifications.channels import Outgoing


class MessageStatus(StrEnum):
    """Where a message is."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    PARKED = "parked"


class Gate(StrEnum):
    """The class of contact that decides which rules a message meets; the last three may be exempt."""

    REMINDER = "reminder"
    COLLECTION = "collection"
    MARKETING = "marketing"
    ONE_TIME_CODE = "one_time_code"
    RECEIPT = "receipt"
    REQUESTED_NOTICE = "requested_notice"


_S = MessageStatus
MOVES = {
    _S.PLANNED: frozenset({_S.CLAIMED, _S.SKIPPED, _S.FAILED, _S.PARKED, _S.DELIVERED, _S.UNDELIVERED}),
    _S.CLAIMED: frozenset(
        {_S.SENT, _S.PLANNED, _S.FAILED, _S.UNKNOWN, _S.PARKED, _S.DELIVERED, _S.UNDELIVERED}
    ),
    _S.UNKNOWN: frozenset({_S.SENT, _S.PLANNED, _S.PARKED, _S.DELIVERED, _S.UNDELIVERED}),
    _S.SENT: frozenset({_S.DELIVERED, _S.UNDELIVERED}),
    _S.DELIVERED: frozenset[MessageStatus](),
    _S.UNDELIVERED: frozenset[MessageStatus](),
    _S.PARKED: frozenset({_S.PLANNED, _S.UNKNOWN, _S.DELIVERED, _S.UNDELIVERED}),
    _S.SKIPPED: frozenset[MessageStatus](),
    _S.FAILED: frozenset[MessageStatus](),
}

COUNTED = (_S.CLAIMED, _S.SENT, _S.UNKNOWN, _S.PARKED, _S.DELIVERED)
"""A message in one of these reached the borrower, or may have: it counts against the caps."""

FOLLOWED_UP = frozenset({Gate.REMINDER, Gate.COLLECTION})
"""The classes of contact that go on by another channel when a message could not be delivered."""

ONE_TIME_CODE = "one_time_code"
"""The kind of message whose text is made when it is planned."""

LONGEST_PAUSE = timedelta(minutes=10)
MOST_TRIES_OF_A_CODE = 6
MOST_FAILURES = 5
"""So many errors of our own park a message: a person looks at it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The message is still right; ``values`` fill its template.

    ``stops`` is what the borrower is in (``past_due``, ``dispute`` …) with its last day, None for no end.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    stops: Mapping[str, date | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dropped:
    """The reason for the message is gone, e.g. ``paid``."""

    reason: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this caller, and nobody else, sends now; ``at`` is when it was claimed (wall clock)."""

    id: MessageId
    attempt: int
    channel: str
    outgoing: Outgoing
    at: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """A message whose fate is unknown: the channel is asked before anything else happens."""

    id: MessageId
    attempt: int
    channel: str


def pause(attempt: int, asked: float | None = None) -> timedelta:
    """How long to wait before try number ``attempt + 1``; at least what the channel asked for (seconds)."""
    own = min(LONGEST_PAUSE, timedelta(seconds=2 ** min(attempt, 12)))
    return own if asked is None else max(own, timedelta(seconds=min(asked, 86_400.0)))


def tries_are_used_up(gate: Gate, attempt: int) -> bool:
    """Whether to give up: a one-time code is soon worthless, everything else ends with its stage."""
    return gate is Gate.ONE_TIME_CODE and attempt >= MOST_TRIES_OF_A_CODE


def is_over(expires_at: datetime | None, wall: datetime) -> bool:
    """Whether the moment is past up to which the message makes sense."""
    return expires_at is not None and wall >= expires_at
