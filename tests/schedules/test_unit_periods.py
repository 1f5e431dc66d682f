"""Unit periods by name, as Appendix J finds them, and time measured in them."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest

from refi.errors import Fault
from refi.schedules.dates import add_months
from refi.schedules.unit_periods import (
    DAY,
    HALF_MONTH,
    YEAR,
    UnknownUnitPeriod,
    common,
    eu_months,
    measure,
    months_30,
    months_back,
    named,
)

START = date(2026, 1, 5)


@pytest.mark.parametrize(
    ("name", "months", "days", "per_year"),
    [
        ("day", 0, 1, Fraction(365)),
        ("week", 0, 7, Fraction(52)),
        ("one_week", 0, 7, Fraction(52)),
        ("biweek", 0, 14, Fraction(26)),
        ("two_weeks", 0, 14, Fraction(26)),
        ("2_weeks", 0, 14, Fraction(26)),
        ("four_weeks", 0, 28, Fraction(13)),
        ("10_weeks", 0, 70, Fraction(26, 5)),
        ("52_weeks", 0, 364, Fraction(1)),
        ("half_month", 0, 0, Fraction(24)),
        ("semimonth", 0, 0, Fraction(24)),
        ("month", 1, 0, Fraction(12)),
        ("1_month", 1, 0, Fraction(12)),
        ("two_months", 2, 0, Fraction(6)),
        ("quarter", 3, 0, Fraction(4)),
        ("three_months", 3, 0, Fraction(4)),
        ("half_year", 6, 0, Fraction(2)),
        ("six_months", 6, 0, Fraction(2)),
        ("twelve_months", 12, 0, Fraction(1)),
        ("year", 12, 0, Fraction(1)),
    ],
)
def test_unit_periods_by_name(name: str, months: int, days: int, per_year: Fraction) -> None:
    unit = named(name)
    assert (unit.months, unit.days, unit.half_month) == (months, days, unit == HALF_MONTH)
    assert unit.per_year == per_year


def test_one_length_has_one_name() -> None:
    assert [named(n).name for n in ("1_week", "14_weeks", "biweek")] == [
        "week", "14_weeks", "2_weeks",
    ]  # fmt: skip
    assert [named(n).name for n in ("1_months", "3_months", "12_months", "semimonth", "day")] == [
        "month", "3_months", "year", "half_month", "day",
    ]  # fmt: skip
    for number in range(1, 13):
        words = "one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
        assert named(f"{words[number - 1]}_months") == named(f"{number}_months")


@pytest.mark.parametrize(
    "name",
    [
        "", "fortnight_and_a_half", "thirteen_months", "13_months", "0_months", "0_weeks", "53_weeks",
        "100_weeks", "001_week", "٣_weeks", "_", "two_years", "-1_weeks", "three_days", "MONTH", "eleven",
    ],
)  # fmt: skip
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UnknownUnitPeriod) as refusal:
        named(name)
    assert refusal.value.faults == (Fault("/unit_period", "unknown"),)


def days_apart(gap: int, count: int) -> list[date]:
    return [START + timedelta(days=gap * k) for k in range(1, count + 1)]


def months_apart(gap: int, count: int) -> list[date]:
    return [add_months(START, gap * k) for k in range(1, count + 1)]


def test_the_interval_that_occurs_most_often_is_the_unit_period() -> None:
    assert common([START], days_apart(1, 8)) == DAY
    assert common([START], days_apart(7, 8)).days == 7
    assert common([START], days_apart(14, 8)).days == 14
    assert common([START], days_apart(364, 4)).days == 364
    assert common([START], [date(2026, 1, 20), date(2026, 2, 5), date(2026, 2, 20)]) == HALF_MONTH
    assert common([date(2026, 1, 16)], [date(2026, 1, 31), date(2026, 2, 15)]) == HALF_MONTH
    mixed = [date(2026, 1, 16), date(2026, 2, 1), date(2026, 7, 1)]
    assert common([date(2026, 1, 1)], mixed) == HALF_MONTH
    for gap in (1, 2, 3, 6, 11):
        assert common([START], months_apart(gap, 4)).months == gap
    assert common([START], [*days_apart(7, 2), *months_apart(1, 5)]).months == 1


def test_a_unit_period_is_at_most_a_year() -> None:
    assert common([START], months_apart(12, 3)) == common([START], months_apart(24, 3)) == YEAR
    assert common([START], [*months_apart(12, 1), add_months(START, 36), add_months(START, 37)]) == YEAR


def test_weeks_beyond_a_year_are_no_interval() -> None:
    assert common([START], days_apart(371, 3)) == YEAR


def test_the_smaller_of_intervals_equally_frequent() -> None:
    weeks, then = days_apart(7, 2), START + timedelta(days=14)
    assert common([START], [*weeks, *(add_months(then, k) for k in (1, 2))]).days == 7


def test_without_a_repeated_interval_the_average_is_rounded_to_a_standard_one() -> None:
    def found(*gaps: int) -> str:
        on, days = START, []
        for gap in gaps:
            on += timedelta(days=gap)
            days.append(on)
        return common([START], days).name

    assert found(3, 4) == "day"  # 3.5 lies nearer to 1 than to 7
    assert found(3, 5) == "day"  # 4 lies between 1 and 7: the lower
    assert found(4, 5) == "week"
    assert found(10, 12) == "2_weeks"  # 11 lies nearer to 14 than to 7
    assert found(13, 16) == "2_weeks"
    assert found(15, 17) == "half_month"
    assert found(29, 32) == "month"
    assert found(88, 95) == "3_months"
    assert found(*[13] * 17, 42) == "half_month"  # 14.61: half a month is 15.208 days
    assert found(*[29] * 8, 31) == "month"  # 29.22: a month is 30.417 days
    assert found(10, 10, 10) == "week"  # repeated, but no standard interval


def test_a_single_payment_takes_its_term() -> None:
    days = common([START], [date(2026, 4, 20)])
    assert (days.name, days.term_days, days.months, days.per_year) == ("term", 105, 0, Fraction(365, 105))
    months = common([START], [add_months(START, 6)])
    assert (months.name, months.months, months.per_year) == ("term", 6, Fraction(2))
    assert common([START], [add_months(START, 11)]).months == 11
    assert common([START], [add_months(START, 12)]) == common([START], [add_months(START, 18)]) == YEAR
    assert common([START], [date(2026, 1, 5) + timedelta(days=364)]).term_days == 364
    assert common([date(2026, 1, 31)], [date(2026, 2, 28)]).months == 1
    assert common([START], [START]).term_days == 0


@pytest.mark.parametrize(
    ("unit", "start", "end", "anchor", "expected"),
    [
        ("month", date(2026, 1, 10), date(2026, 2, 15), 15, (1, Fraction(5, 30))),
        ("month", date(2026, 1, 10), date(2026, 1, 20), 20, (0, Fraction(10, 30))),
        ("month", date(2026, 1, 31), date(2026, 2, 28), 31, (1, 0)),
        ("month", date(2026, 1, 30), date(2026, 2, 28), 30, (1, 0)),
        ("month", date(2028, 1, 31), date(2028, 2, 29), 31, (1, 0)),
        ("month", date(2026, 2, 28), date(2026, 3, 31), 31, (1, 0)),
        ("month", date(2026, 2, 27), date(2026, 4, 30), 31, (2, Fraction(1, 30))),
        ("month", date(2026, 1, 10), date(2027, 3, 15), 15, (14, Fraction(5, 30))),
        ("month", date(1978, 2, 10), date(1978, 4, 1), 1, (1, Fraction(19, 30))),
        ("half_month", date(1978, 2, 23), date(1978, 3, 1), 16, (0, Fraction(6, 15))),
        ("half_month", date(1978, 2, 23), date(1978, 3, 16), 16, (1, Fraction(6, 15))),
        ("quarter", date(1978, 5, 23), date(1978, 10, 1), 1, (1, Fraction(39, 90))),
        ("quarter", date(2026, 1, 10), date(2026, 5, 1), 1, (1, Fraction(22, 90))),
        ("half_year", date(2026, 1, 10), date(2026, 8, 1), 1, (1, Fraction(22, 180))),
        ("year", date(2026, 1, 10), date(2028, 1, 10), 10, (2, 0)),
        ("year", date(2026, 1, 10), date(2027, 7, 10), 10, (1, Fraction(6, 12))),
        ("year", date(2026, 4, 27), date(2027, 4, 30), 30, (1, Fraction(3, 365))),
        ("year", date(2024, 2, 29), date(2027, 3, 31), 31, (3, Fraction(1, 12))),
        ("year", date(2027, 2, 27), date(2028, 2, 29), 31, (1, Fraction(1, 365))),
        ("year", date(2024, 2, 27), date(2027, 2, 28), 31, (3, Fraction(2, 365))),
        ("week", date(1978, 3, 20), date(1978, 4, 21), 21, (4, Fraction(4, 7))),
        ("two_weeks", date(1978, 4, 3), date(1978, 4, 11), 11, (0, Fraction(8, 14))),
        ("day", date(2026, 1, 1), date(2026, 2, 1), 1, (31, 0)),
    ],
)
def test_whole_periods_are_counted_back_and_the_rest_are_odd_days(
    unit: str, start: date, end: date, anchor: int, expected: tuple[int, Fraction]
) -> None:
    assert measure(named(unit), start, end, anchor) == expected


def test_a_term_measures_itself() -> None:
    end = date(2026, 4, 20)
    assert measure(common([START], [end]), START, end, 20) == (1, 0)
    assert measure(common([START], [add_months(START, 6)]), START, add_months(START, 6), 5) == (1, 0)


def test_months_are_counted_back_from_the_anchor_day() -> None:
    assert months_back(date(2026, 1, 30), date(2026, 2, 28), 30) == (1, date(2026, 1, 30))
    assert months_back(date(2026, 1, 30), date(2026, 2, 28), 31) == (1, date(2026, 1, 31))
    assert months_back(date(2026, 1, 30), date(2026, 2, 28), 28) == (0, date(2026, 2, 28))
    assert months_back(date(2026, 3, 31), date(2027, 2, 28), 31) == (11, date(2026, 3, 31))
    assert months_back(date(2025, 12, 31), date(2026, 2, 28), 30) == (1, date(2026, 1, 30))


def test_months_of_thirty_days_start_by_the_advances_own_day() -> None:
    assert months_30(date(2026, 1, 31), date(2026, 2, 28), 31) == 1
    assert months_30(date(2026, 2, 28), date(2026, 3, 31), 31) == Fraction(32, 30)
    assert months_30(date(2026, 1, 31), date(2026, 2, 28), 28) == Fraction(28, 30)
    assert months_30(date(2026, 1, 30), date(2026, 1, 31), 31) == 0
    assert months_30(START, START, 5) == months_30(date(2026, 2, 28), date(2026, 2, 28), 31) == 0


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (date(2019, 1, 31), date(2019, 3, 1), 1 + Fraction(12, 365)),
        (date(2020, 12, 31), date(2021, 3, 1), 2 + Fraction(12, 366)),
        (date(2019, 1, 1), date(2020, 6, 15), 17 + Fraction(14 * 12, 365)),
        (date(2020, 3, 1), date(2021, 8, 15), 17 + Fraction(14 * 12, 366)),
        (date(2019, 1, 12), date(2020, 1, 12), Fraction(12)),
    ],
)
def test_european_days_are_parts_of_the_year_that_ends_with_them(
    start: date, end: date, expected: Fraction
) -> None:
    """Figures published with another implementation of Annex I."""
    assert eu_months(start, end, end.day, by_weeks=False) == expected


def test_european_weeks() -> None:
    assert eu_months(date(2019, 1, 1), date(2019, 1, 8), 8, by_weeks=True) == Fraction(12, 52)
