"""Time between two dates as the disclosure rules measure it: whole periods counted back, then odd days.

Source: Regulation Z, Appendix J (b)(2)–(5) for the US unit periods; Directive 2008/48/EC and 2014/17/EU,
Annex I, for the EU; whole months and thirtieths of a month for the Chinese internal rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise

from refi.errors import Fault, Refused
from refi.schedules.dates import add_months, nominal_day
from refi.schedules.day_count import days_30


class UnknownUnitPeriod(Refused):
    """The unit period's name is not one that the rules know."""

    code = "validation_failed"


@dataclass(frozen=True, slots=True)
class UnitPeriod:
    """A standard interval: ``months`` or ``days`` long, or half a month, or the term of a single payment."""

    name: str
    months: int = 0
    days: int = 0
    half_month: bool = False
    term_days: int = 0

    @property
    def per_year(self) -> Fraction:
        """Unit periods in a year: 12 months, 24 half months, 52 weeks, 365 days."""
        if self.term_days:
            return Fraction(365, self.term_days)
        if self.half_month:
            return Fraction(24)
        if self.months:
            return Fraction(12, self.months)
        return Fraction(365, self.days) if self.days % 7 else Fraction(52 * 7, self.days)


def _weeks(count: int) -> UnitPeriod:
    return UnitPeriod("week" if count == 1 else f"{count}_weeks", days=7 * count)


def _months(count: int) -> UnitPeriod:
    return UnitPeriod({1: "month", 12: "year"}.get(count, f"{count}_months"), months=count)


DAY = UnitPeriod("day", days=1)
HALF_MONTH = UnitPeriod("half_month", half_month=True)
YEAR = _months(12)
_STANDARD = (DAY, HALF_MONTH, *map(_weeks, range(1, 53)), *map(_months, range(1, 13)))
"""The standard intervals of Appendix J (b)(3)."""

_COUNTS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_NAMED = {
    "day": DAY,
    "biweek": _weeks(2),
    "half_month": HALF_MONTH,
    "semimonth": HALF_MONTH,
    "quarter": _months(3),
    "half_year": _months(6),
    "year": YEAR,
}


def named(name: str) -> UnitPeriod:
    """The unit period of a name: day, week, two_weeks …, half_month, month, two_months …, quarter, half_year,
    year. Numbers may be digits (2_weeks).

    Raises `UnknownUnitPeriod` for any other name, or for more than a year.
    """
    known = _NAMED.get(name)
    if known is not None:
        return known
    word, _, unit = name.rpartition("_")
    count = _count(word)
    if unit.removesuffix("s") == "week" and 1 <= count <= 52:
        return _weeks(count)
    if unit.removesuffix("s") == "month" and 1 <= count <= 12:
        return _months(count)
    raise UnknownUnitPeriod(f"no unit period is called {name!r}", faults=[Fault("/unit_period", "unknown")])


def _count(word: str) -> int:
    """A number in words or digits; nothing is one, anything else none."""
    if word in _COUNTS:
        return _COUNTS.index(word) + 1
    if word.isascii() and word.isdigit() and len(word) <= 2:
        return int(word)
    return 0 if word else 1


def anchor_day(dates: Sequence[date]) -> int:
    """The day of the month that a series keeps, seen from its dates: the latest day among them."""
    return max(on.day for on in dates)


def months_back(start: date, end: date, anchor: int) -> tuple[int, date]:
    """Whole months measured back from ``end``, and the day (on or after ``start``) where they begin."""
    day = nominal_day(end, anchor)
    months = (end.year - start.year) * 12 + end.month - start.month
    begins = add_months(end, -months, day)
    if begins < start:
        months -= 1
        begins = add_months(end, -months, day)
    return months, begins


def measure(unit: UnitPeriod, start: date, end: date, anchor: int) -> tuple[int, Fraction]:
    """Whole unit periods from ``start`` to ``end`` and the remaining fraction (Appendix J (b)(5))."""
    if unit.term_days:
        return divmod_fraction(Fraction((end - start).days, unit.term_days))
    if unit.months == 12:
        return _years(start, end, anchor)
    if unit.days:
        return divmod_fraction(Fraction((end - start).days, unit.days))
    months, begins = months_back(start, end, anchor)
    odd = (begins - start).days
    if unit.months == 1:
        return months, Fraction(odd, 30)
    length = 15 if unit.half_month else 30 * unit.months
    return divmod_fraction(Fraction(30 * months + odd, length))


def _years(start: date, end: date, anchor: int) -> tuple[int, Fraction]:
    months, begins = months_back(start, end, anchor)
    years = months // 12
    if begins == start:
        return years, Fraction(months % 12, 12)
    begins = add_months(end, -12 * years, nominal_day(end, anchor))
    return years, Fraction((begins - start).days, 365)


def divmod_fraction(value: Fraction) -> tuple[int, Fraction]:
    """A value as its whole part and the rest."""
    whole = value.numerator // value.denominator
    return whole, value - whole


def common(advances: Sequence[date], payments: Sequence[date]) -> UnitPeriod:
    """The unit period of a US transaction that names none (Appendix J (b)(4)).

    The interval that occurs most often, the smaller of equals, at most a year; without a repeated interval,
    the standard interval nearest the average. A single advance and payment take their whole term.
    """
    if len(advances) == 1 and len(payments) == 1:
        return _single(advances[0], payments[0])
    days = sorted({*advances, *payments})
    anchor = anchor_day(days)
    found = Counter(_interval(a, b, anchor) for a, b in pairwise(days))
    repeated = {unit: times for unit, times in found.items() if times > 1 and unit is not None}
    if repeated:
        most = max(repeated.values())
        return min((unit for unit, times in repeated.items() if times == most), key=_length)
    average = Fraction((days[-1] - days[0]).days, len(days) - 1)
    return min(_STANDARD, key=lambda unit: (abs(_length(unit) - average), _length(unit)))


def _single(start: date, end: date) -> UnitPeriod:
    months, begins = months_back(start, end, max(start.day, end.day))
    if months >= 12:
        return YEAR
    if begins == start and months:
        return UnitPeriod("term", months=months)
    return UnitPeriod("term", term_days=(end - start).days)


def _interval(start: date, end: date, anchor: int) -> UnitPeriod | None:
    """The standard interval between two days, ``None`` if there is none; more than a year counts as one."""
    months, begins = months_back(start, end, anchor)
    if months and begins == start:
        return _months(min(months, 12))
    gap = (end - start).days
    if gap == 1:
        return DAY
    if gap % 7 == 0 and gap <= 364:
        return _weeks(gap // 7)
    return HALF_MONTH if 15 in (gap, days_30(start, end)) else None


def _length(unit: UnitPeriod) -> Fraction:
    if unit.half_month:
        return Fraction(365, 24)
    return Fraction(365 * unit.months, 12) if unit.months else Fraction(unit.days)


def months_30(start: date, end: date, anchor: int) -> Fraction:
    """Months from the first advance when every month has 30 days and short months keep the anchor day.

    The first advance counts by its own day, as in the schedule that it opens.
    """
    return Fraction(days_30(start, end, None, nominal_day(end, anchor)), 30) if end > start else Fraction(0)


def eu_months(start: date, end: date, anchor: int, by_weeks: bool) -> Fraction:
    """Time in equal months (twelfths of a year): whole periods counted back, then days over 365 or 366.

    The days are divided by the length of the year that ends on the last of them (Annex I, remark (c)).
    """
    if by_weeks:
        return Fraction((end - start).days * 12, 7 * 52)
    months, begins = months_back(start, end, anchor)
    if begins == start:
        return Fraction(months)
    year = (begins - add_months(begins, -12)).days
    return months + Fraction((begins - start).days * 12, year)
