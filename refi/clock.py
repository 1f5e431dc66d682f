"""The only reader of the wall clock, and the arithmetic between instants and business dates.

Everything else receives its time: `refi.db.work.Work` freezes the business instant and date for one
transaction, pure functions take ``on: date``.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

NO_PLACE = frozenset({"Factory", "localtime", "posixrules"})
"""Names of files beside the zones: what they say differs from machine to machine, or is nothing."""


def utc_now() -> datetime:
    """The wall clock, UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds of a clock that never goes back, for measuring durations."""
    return time.monotonic()


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar date of ``instant`` in ``zone``."""
    return instant.astimezone(zone).date()


@cache
def zones() -> frozenset[str]:
    """The names of the IANA time zones that may be lived in."""
    return frozenset(available_timezones()) - NO_PLACE


def zone(name: str) -> ZoneInfo:
    """The time zone of that name; ``ValueError`` when there is none."""
    if name not in zones():
        raise ValueError(f"there is no time zone {name}")
    return ZoneInfo(name)
