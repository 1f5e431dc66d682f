"""What time does to suggestions."""

from __future__ import annotations

from refi.crosssell import service as suggestions
from refi.db.work import Work


async def expire(work: Work) -> int:
    """End the suggestions whose last day is over; returns how many."""
    return await suggestions.expire(work)
