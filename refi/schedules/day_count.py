"""Day counts: what part of a year a period is, as an exact fraction.

Every convention gives an integer *weight* over a denominator that is the same for all periods, so that
interest = balance × rate × weight / denominator is one division of whole numbers.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from fractions import Fraction

from refi.errors import Fault, Refused
from refi.schedules.dates import checked


class UnknownDayCount(Refused):
    """No day count has that name."""

    code = "validation_failed"


class DayCount(StrEnum):
    """How the days of a period count against a year."""

    THIRTY_360 = "30/360"
    ACTUAL_365 = "actual/365"
    ACTUAL_360 = "actual/360"
    ACTUAL_ACTUAL = "actual/actual"


DENOMINATOR: dict[DayCount, int] = {
    DayCount.THIRTY_360: 360,
    DayCount.ACTUAL_365: 365,
    DayCount.ACTUAL_360: 360,
    DayCount.ACTUAL_ACTUAL: 365 * 366,
}
"""What a period's weight is divided by to give years."""


def days_30(start: date, end: date, start_day: int | None = None, end_day: int | None = None) -> int:
    """Days between two dates when every month has 30 (30E/360).

    ``start_day`` and ``end_day`` are the anchor days that a short month cut: 31 Jan to 28 Feb with an anchor
    of 31 is a regular month and counts 30.
    """
    first = min(start.day if start_day is None else start_day, 30)
    last = min(end.day if end_day is None else end_day, 30)
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + last - first


def leap_days(start: date, end: date) -> int:
    """How many of the days from ``start`` (included) to ``end`` (excluded) lie in leap years."""
    total = 0
    for year in range(start.year, end.year + 1):
        if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):
            total += (min(end, date(year + 1, 1, 1)) - max(start, date(year, 1, 1))).days
    return total


def counted_days(
    day_count: DayCount, start: date, end: date, start_day: int | None = None, end_day: int | None = None
) -> int:
    """The days a period counts for: 30 for a regular month under 30/360, calendar days otherwise."""
    if day_count is DayCount.THIRTY_360:
        return days_30(start, end, start_day, end_day)
    return (end - start).days


def weight(
    day_count: DayCount, start: date, end: date, start_day: int | None = None, end_day: int | None = None
) -> int:
    """The period in units of ``1 / DENOMINATOR[day_count]`` years.

    actual/actual divides the days of leap years by 366 and the others by 365 (ISDA), each day by the year
    it begins in.
    """
    days = counted_days(day_count, start, end, start_day, end_day)
    if day_count is DayCount.ACTUAL_ACTUAL:
        leap = leap_days(start, end)
        return leap * 365 + (days - leap) * 366
    return days


def year_fraction(
    day_count: DayCount, start: date, end: date, start_day: int | None = None, end_day: int | None = None
) -> Fraction:
    """The period as an exact fraction of a year; a day count may be given by its name (``"actual/365"``).

    Raises `UnknownDayCount`, or `DateOutOfRange` for what is no date of the years 1900–2299.
    """
    if day_count not in tuple(DayCount):
        raise UnknownDayCount(
            f"no day count is called {day_count!r}", faults=[Fault("/day_count", "unknown")]
        )
    kind = DayCount(day_count)
    checked(start, "/start")
    checked(end, "/end")
    return Fraction(weight(kind, start, end, start_day, end_day), DENOMINATOR[kind])
