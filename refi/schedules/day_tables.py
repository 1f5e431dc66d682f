"""Calendar arithmetic on arrays: due dates, day counts and months by table lookup instead of date objects.

Days are int64 counts since 1970-01-01, as in ``datetime64[D]``; months are counted from January 1900. The
tables cover the years of `refi.schedules.dates` and are built once, from numpy's proleptic calendar.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from refi.errors import Fault
from refi.schedules.dates import (
    FIRST_YEAR,
    LAST_YEAR,
    BusinessDays,
    CalendarMissing,
    DateOutOfRange,
    Rolling,
)
from refi.schedules.day_count import DayCount

Days = NDArray[np.int64]
ANCHORS = 31
NEVER = np.iinfo(np.int64).min
"""NaT, as a number of days."""


@dataclass(frozen=True, slots=True)
class DayTables:
    """Lookup tables by day since ``first_day``, by month, and by slot.

    A slot is month × 31 + anchor day − 1; ``due[slot]`` is the day of that month that the anchor gives, and
    ``slot[day]`` the slot of a day that is its own anchor.
    """

    first_day: int
    last_day: int
    slot: Days
    leap_before: Days
    month_length: Days
    due: Days


@lru_cache(maxsize=1)
def tables() -> DayTables:
    """The tables, built at first use (about 10 ms)."""
    months = np.arange(f"{FIRST_YEAR}-01", f"{LAST_YEAR + 1}-02", dtype="datetime64[M]")
    starts = months.astype("datetime64[D]").astype(np.int64)
    lengths = np.diff(starts)
    first, last = int(starts[0]), int(starts[-1]) - 1
    starts = starts[:-1]
    days = np.arange(first, last + 1)
    month = np.repeat(np.arange(len(lengths)), lengths)
    year = month // 12 + FIRST_YEAR
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    anchors = np.arange(1, ANCHORS + 1)
    due = starts[:, None] + np.minimum(anchors[None, :], lengths[:, None]) - 1
    return DayTables(
        first_day=first,
        last_day=last,
        slot=(month * ANCHORS + days - starts[month]).astype(np.int64),
        leap_before=np.concatenate(([0], np.cumsum(leap))).astype(np.int64),
        month_length=lengths.astype(np.int64),
        due=due.ravel().astype(np.int64),
    )


@dataclass(frozen=True, slots=True)
class Anchored:
    """Payout days, first due days (``None``: one month after the payout) and the slots of the latter."""

    disbursed: Days
    first_due: Days | None
    slot: Days

    def due(self, number: int, at: slice | Days) -> Days:
        """The due days of installment ``number`` (from 0) of the loans ``at``."""
        days: Days = np.take(tables().due, self.slot[at] + ANCHORS * number, mode="clip")
        return days

    def write_due(self, due: Days, low: int, high: int) -> None:
        """Write the due days of neighboring loans into ``due`` of shape (n, N)."""
        slot, known = self.slot[low:high], tables().due
        for k, row in enumerate(due):
            np.take(known[ANCHORS * k :], slot, mode="clip", out=row[low:high])

    def first_days_30(self) -> Days:
        """30/360 days of the first period, the anchor day standing in for a shortened due day."""
        known = tables()
        month, anchor = np.divmod(self.slot, ANCHORS)
        start, day = np.divmod(known.slot[self.disbursed - known.first_day], ANCHORS)
        days: Days = 30 * (month - start) + np.minimum(anchor + 1, 30) - np.minimum(day + 1, 30)
        return days


def checked(days: Days, pointer: str, installments: int) -> None:
    """Refuse days outside the tables, room for ``installments`` months included."""
    known = tables()
    room = known.last_day - 31 * (installments + 1)
    if len(days) and not (known.first_day <= int(days.min()) and int(days.max()) <= room):
        raise DateOutOfRange(
            f"dates run from {FIRST_YEAR} to {LAST_YEAR}", faults=[Fault(pointer, "out_of_range")]
        )


def anchored(disbursed: Days, first_due: Days | None, installments: int) -> Anchored:
    """Anchor days and first due days, by the rules of `refi.schedules.dates`."""
    known = tables()
    checked(disbursed, "/disbursed_on", installments)
    slot = known.slot[disbursed - known.first_day]
    if first_due is None:
        slot += ANCHORS
        return Anchored(disbursed, None, slot)
    checked(first_due, "/first_due_on", installments)
    day = slot % ANCHORS
    month, due_day = np.divmod(known.slot[first_due - known.first_day], ANCHORS)
    cut = (due_day < day) & (due_day + 1 == known.month_length[month])
    return Anchored(disbursed, first_due, month * ANCHORS + np.where(cut, day, due_day))


def weights(day_count: DayCount, starts: Days, ends: Days) -> Days:
    """Day-count weights of periods, for the counts that use calendar days."""
    days = ends - starts
    if day_count is not DayCount.ACTUAL_ACTUAL:
        return days
    known = tables()
    leap = known.leap_before[ends - known.first_day] - known.leap_before[starts - known.first_day]
    weighted: Days = leap * 365 + (days - leap) * 366
    return weighted


def rolled(due: Days, rolling: Rolling, business_days: BusinessDays | None) -> Days:
    """Due days moved off the days without business, by table; NaT stays. As `refi.schedules.dates.rolled`."""
    if business_days is None:
        raise CalendarMissing("due dates cannot be rolled without a business calendar")
    years = (business_days.first_year, business_days.last_year + 1)
    first, end = (int(np.datetime64(f"{year}-01-01").astype(np.int64)) for year in years)
    loaded = (due >= first) & (due < end)
    if not (loaded | (due == NEVER)).all():
        raise CalendarMissing("no business calendar is loaded for some of the due dates")
    days = np.arange(first, end)
    closed = np.isin(days, [np.datetime64(on).astype(np.int64) for on in business_days.closed])
    following = np.minimum.accumulate(np.where(closed, end, days)[::-1])[::-1]
    preceding = np.maximum.accumulate(np.where(closed, first - 1, days))

    def moved(table: Days) -> Days:
        found: Days = np.where(loaded, table[np.where(loaded, due - first, 0)], NEVER)
        if (loaded & ((found < first) | (found >= end))).any():
            raise CalendarMissing("the next business day lies in a year without a calendar")
        return found

    if rolling is Rolling.PRECEDING:
        return moved(preceding)
    found = moved(following)
    over = loaded & (_month(found) != _month(due))
    if rolling is Rolling.MODIFIED_FOLLOWING and over.any():
        found[over] = rolled(due[over], Rolling.PRECEDING, business_days)
    return found


def _month(days: Days) -> NDArray[np.datetime64]:
    return days.view("datetime64[D]").astype("datetime64[M]")
