"""Whom a suggestion is for: the habit over all cards of a borrower, as `cards.revolving` sees each. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from refi.cards.revolving import Habit, Segment

WEIGHT = {
    Segment.UNKNOWN: 0,
    Segment.INACTIVE: 1,
    Segment.TRANSACTOR: 2,
    Segment.OCCASIONAL_REVOLVER: 3,
    Segment.PERSISTENT_REVOLVER: 4,
}


def of_borrower(habits: Iterable[Habit]) -> Segment:
    """The heaviest habit of any card: who revolves on one card revolves."""
    return max((habit.segment for habit in habits), key=WEIGHT.__getitem__, default=Segment.UNKNOWN)
