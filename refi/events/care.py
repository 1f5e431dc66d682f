"""Facts about care: what stops contact, what was promised, asked and answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from refi.events.base import Event


@dataclass(frozen=True)
class HoldPlaced(Event):
    """Contact stands still: about the loan ``loan_id``, or about everything where there is none."""

    borrower_id: str
    loan_id: str | None
    kind: str


@dataclass(frozen=True)
class HoldLifted(Event):
    """A hold was lifted before it ended by itself."""

    borrower_id: str
    loan_id: str | None
    kind: str


@dataclass(frozen=True)
class PromiseMade(Event):
    """A borrower promised to pay ``amount`` by the end of ``on``."""

    borrower_id: str
    loan_id: str
    amount: int
    on: date


@dataclass(frozen=True)
class PromiseCancelled(Event):
    """A promise was taken back before its day."""

    borrower_id: str
    loan_id: str


@dataclass(frozen=True)
class PromiseSettled(Event):
    """A promise's day is over: ``outcome`` is kept, broken or cancelled; ``received`` is what came."""

    borrower_id: str
    loan_id: str
    outcome: str
    received: int
    on: date


@dataclass(frozen=True)
class HelpAsked(Event):
    """A borrower in hardship asked for help with a loan."""

    borrower_id: str
    loan_id: str


@dataclass(frozen=True)
class HelpAnswered(Event):
    """A request for help was agreed to or refused."""

    borrower_id: str
    loan_id: str
    answer: str


@dataclass(frozen=True)
class ComplaintFiled(Event):
    """A borrower complained, of a loan or of anything."""

    borrower_id: str
    loan_id: str | None


@dataclass(frozen=True)
class ComplaintAnswered(Event):
    """A complaint was answered; contact is possible again."""

    borrower_id: str
    loan_id: str | None


@dataclass(frozen=True)
class DeviceGone(Event):
    """A borrower's push target was removed: its provider says that there is no such device any more."""

    borrower_id: str
    reason: str
