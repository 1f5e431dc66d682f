"""How far apart due dates are: one month unless a contract says so many days, weeks or months."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from refi.errors import Fault, Refused
from refi.schedules import dates, day_count
from refi.schedules.day_count import DayCount

WRITTEN = re.compile("([1-9][0-9]{0,2})_(day|week|month)s?")
ALSO = {"day": "1_day", "week": "1_week", "month": "1_month", "quarter": "3_months", "half_year": "6_months"}
LONGEST = 366
"""Days, and months are at most twelve: nothing here is paid less than once a year."""


class UnknownPeriod(Refused):
    """The name is not that of a period, or the period is longer than a year."""

    code = "validation_failed"


@dataclass(frozen=True, slots=True)
class Period:
    """``months`` calendar months or ``days`` days; one of the two is 0."""

    months: int = 0
    days: int = 0


MONTH = Period(months=1)


def named(name: str) -> Period:
    """The period of a name: ``15_days``, ``2_weeks``, ``month``, ``3_months``, ``quarter``, ``half_year``.

    Raises `UnknownPeriod` for any other, and for more than a year.
    """
    found = WRITTEN.fullmatch(ALSO.get(name, name))
    if found is not None:
        count = int(found[1])
        days = {"day": count, "week": 7 * count}.get(found[2], 0)
        if days <= LONGEST and (days or count <= 12):
            return Period(days=days) if days else Period(months=count)
    raise UnknownPeriod(f"no period is called {name!r}", faults=[Fault("/period", "unknown")])


def after(on: date, period: Period, times: int = 1, anchor_day: int | None = None) -> date:
    """The day so many periods later; months keep ``anchor_day``. Raises `DateOutOfRange` after 2299."""
    if period.months:
        return dates.add_months(on, period.months * times, anchor_day)
    if (date(dates.LAST_YEAR, 12, 31) - on).days < period.days * times:
        raise dates.DateOutOfRange(f"dates run from {dates.FIRST_YEAR} to {dates.LAST_YEAR}")
    return on + timedelta(days=period.days * times)


def check_dates(
    disbursed_on: date, first_due_on: date | None, installments: int, period: Period = MONTH
) -> None:
    """Refuse what is no date, or leads out of the years that there are: `DateOutOfRange` with a pointer."""
    dates.checked(disbursed_on, "/disbursed_on")
    start, pointer, times = disbursed_on, "/disbursed_on", installments
    if first_due_on is not None:
        dates.checked(first_due_on, "/first_due_on")
        start, pointer, times = first_due_on, "/first_due_on", installments - 1
    try:
        after(start, period, times)
    except dates.DateOutOfRange:
        raise dates.out_of_range(pointer) from None


def due_dates(first_due_on: date, installments: int, anchor_day: int, period: Period) -> tuple[date, ...]:
    """Every due date of a plan, oldest first."""
    if period == MONTH:
        return dates.due_dates(first_due_on, installments, anchor_day)
    return tuple(after(first_due_on, period, k, anchor_day) for k in range(installments))


def weights(
    kind: DayCount,
    period: Period,
    start: date,
    due: tuple[date, ...],
    anchor: int,
    start_day: int | None = None,
) -> tuple[list[int], list[int]]:
    """The days that each period counts for and its weight (`refi.schedules.day_count`), from ``start`` on.

    Days and weeks count their days, also where a year has 360 (as Apache Fineract does).
    """
    if period.days and kind is DayCount.THIRTY_360:
        kind = DayCount.ACTUAL_360
    days, found = [], []
    for end in due:
        end_day = dates.nominal_day(end, anchor)
        days.append(day_count.counted_days(kind, start, end, start_day, end_day))
        found.append(day_count.weight(kind, start, end, start_day, end_day))
        start, start_day = end, end_day
    return days, found
