"""Promises to pay: what may be promised, and what becomes of a promise on its day. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum

from refi.errors import Conflict, Fault, Refused
from refi.loans.states import LoanStatus
from refi.policies import Collections


class PromiseStatus(StrEnum):
    """Where a promise is."""

    PENDING = "pending"
    KEPT = "kept"
    BROKEN = "broken"
    CANCELLED = "cancelled"


_S = PromiseStatus
MOVES = {
    _S.PENDING: frozenset({_S.KEPT, _S.BROKEN, _S.CANCELLED}),
    _S.KEPT: frozenset[PromiseStatus](),
    _S.BROKEN: frozenset[PromiseStatus](),
    _S.CANCELLED: frozenset[PromiseStatus](),
}


class PromisePending(Conflict):
    """The loan has a promise already: cancel it, or wait for its day."""


class PromiseDateRefused(Refused):
    """A promise is for today or one of the next days that the policy allows."""


def check_day(rules: Collections, on: date, day: date) -> None:
    """`PromiseDateRefused` unless ``day`` is from ``on`` through the last day that the policy allows."""
    last = on + timedelta(days=rules.promise_within_days)
    if not on <= day <= last:
        raise PromiseDateRefused(
            f"a promise is for {on} to {last}",
            faults=[Fault("/on", "out_of_range")],
            earliest=on.isoformat(),
            latest=last.isoformat(),
        )


def is_trusted(rules: Collections, before: Sequence[PromiseStatus]) -> bool:
    """Whether a new promise stops contact: not after too many in a row (newest first) that were not kept.

    One that was taken back counts like a broken one: else a borrower could stop contact for ever by promising
    anew each time before the day is over.
    """
    in_a_row = itertools.takewhile(lambda status: status is not PromiseStatus.KEPT, before)
    return sum(1 for _ in in_a_row) < rules.trusted_until_broken


def became(*, promised: int, tolerance: int, received: int, loan: LoanStatus) -> PromiseStatus:
    """What a promise became at the end of its day. ``received`` came since it was made, minor units."""
    if loan is LoanStatus.CANCELLED:
        return PromiseStatus.CANCELLED
    kept = received >= promised - tolerance or loan is LoanStatus.PAID_OFF
    return PromiseStatus.KEPT if kept else PromiseStatus.BROKEN
