"""Day counts against figures worked out by hand and day-by-day sums."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from refi.schedules.day_count import DayCount, counted_days, days_30, leap_days, year_fraction

DATES = st.dates(date(2000, 1, 1), date(2100, 12, 31))


def test_a_regular_month_counts_thirty_days_even_when_shortened() -> None:
    assert days_30(date(2027, 1, 31), date(2027, 2, 28), 31, 31) == 30
    assert days_30(date(2027, 2, 28), date(2027, 3, 31), 31, 31) == 30
    assert days_30(date(2027, 1, 30), date(2027, 2, 28), 30, 30) == 30
    assert days_30(date(2027, 1, 15), date(2027, 3, 1)) == 46
    month = year_fraction(DayCount.THIRTY_360, date(2027, 1, 31), date(2027, 2, 28), 31, 31)
    assert month == Fraction(1, 12)
    back = year_fraction(DayCount.THIRTY_360, date(2027, 2, 28), date(2027, 3, 31), 31, 31)
    assert back == Fraction(1, 12)


def test_named_fractions() -> None:
    start, end = date(2023, 12, 15), date(2024, 1, 15)
    assert year_fraction(DayCount.THIRTY_360, start, end) == Fraction(1, 12)
    assert year_fraction(DayCount.ACTUAL_365, start, end) == Fraction(31, 365)
    assert year_fraction(DayCount.ACTUAL_360, start, end) == Fraction(31, 360)
    assert year_fraction(DayCount.ACTUAL_ACTUAL, start, end) == Fraction(17, 365) + Fraction(14, 366)
    assert counted_days(DayCount.ACTUAL_ACTUAL, start, end) == 31


@given(DATES, st.integers(0, 900))
def test_actual_actual_is_a_sum_over_days(start: date, length: int) -> None:
    def leap(year: int) -> bool:
        return (date(year + 1, 1, 1) - date(year, 1, 1)).days == 366

    days = [start + timedelta(days=k) for k in range(length)]
    expected = sum((Fraction(1, 366 if leap(day.year) else 365) for day in days), Fraction(0))
    end = start + timedelta(days=length)
    assert year_fraction(DayCount.ACTUAL_ACTUAL, start, end) == expected
    assert leap_days(start, end) == sum(leap(day.year) for day in days)


@given(DATES, DATES)
def test_thirty_360_is_additive_through_any_day(a: date, b: date) -> None:
    first, last = min(a, b), max(a, b)
    middle = first + (last - first) / 2
    assert days_30(first, middle) + days_30(middle, last) == days_30(first, last)


def test_centuries_are_leap_only_every_fourth_time() -> None:
    assert leap_days(date(2100, 1, 1), date(2101, 1, 1)) == 0
    assert leap_days(date(2000, 1, 1), date(2001, 1, 1)) == 366
    assert leap_days(date(2023, 1, 1), date(2029, 1, 1)) == 2 * 366
