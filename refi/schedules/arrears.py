"""Lateness: one definition of days past due, and the buckets that everybody sorts by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

BUCKET_DAYS = 30
LAST_BUCKET = 7


def oldest_unmet(due: Iterable[tuple[date, int]]) -> date | None:
    """The oldest due date, past or coming, with something unpaid; ``due`` is (due date, unpaid amount)."""
    return min((due_on for due_on, unpaid in due if unpaid > 0), default=None)


def days_past_due(unmet_on: date | None, on: date) -> int:
    """Business date minus oldest unpaid due date; 0 when nothing is past due (RULES: the one definition)."""
    if unmet_on is None:
        return 0
    return max(0, (on - unmet_on).days)


def bucket(days: int) -> str:
    """``current``, ``M1`` for 1–30 days past due, ``M2`` for 31–60 … ``M6`` for 151–180, ``M7+`` from 181."""
    if days <= 0:
        return "current"
    number = (days + BUCKET_DAYS - 1) // BUCKET_DAYS
    return f"M{number}" if number < LAST_BUCKET else f"M{LAST_BUCKET}+"
