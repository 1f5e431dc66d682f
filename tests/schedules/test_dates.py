"""Due dates keep their anchor day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from refi.errors import Fault
from refi.schedules.amortization import Terms, schedule
from refi.schedules.bulk import loans, schedules
from refi.schedules.contract import Contract, replay
from refi.schedules.dates import (
    BusinessDays,
    CalendarMissing,
    DateOutOfRange,
    InvalidAnchorDay,
    InvalidFirstDueDate,
    Rolling,
    add_months,
    anchor_of,
    days_in_month,
    due_dates,
    first_due_on,
    roll,
    rolled,
    written,
)


def test_month_end_stays_month_end() -> None:
    assert due_dates(date(2027, 1, 31), 4) == (
        date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30))  # fmt: skip
    assert due_dates(date(2028, 1, 31), 2)[1] == date(2028, 2, 29)


def test_the_thirtieth_comes_back_after_february() -> None:
    assert due_dates(date(2027, 1, 30), 3) == (date(2027, 1, 30), date(2027, 2, 28), date(2027, 3, 30))


def test_first_due_date_is_one_month_after_the_issuer_was_credited() -> None:
    assert first_due_on(date(2026, 11, 22)) == date(2026, 12, 22)
    assert first_due_on(date(2027, 1, 31)) == date(2027, 2, 28)


@pytest.mark.parametrize(
    ("disbursed", "first", "anchor"),
    [
        (date(2027, 1, 31), date(2027, 2, 28), 31),
        (date(2027, 1, 30), date(2027, 2, 28), 30),
        (date(2027, 2, 10), date(2027, 2, 28), 28),
        (date(2027, 1, 31), date(2027, 3, 15), 15),
        (date(2027, 3, 31), date(2027, 4, 29), 29),
        (date(2027, 3, 31), date(2027, 5, 31), 31),
    ],
)
def test_anchor_is_the_payout_day_only_when_that_explains_the_first_due_date(
    disbursed: date, first: date, anchor: int
) -> None:
    assert anchor_of(disbursed, first) == anchor


def test_every_start_date_from_2024_through_2104_keeps_its_anchor() -> None:
    start = date(2024, 1, 1)
    while start < date(2105, 1, 1):
        dates = due_dates(first_due_on(start), 12, start.day)
        for k, due in enumerate(dates, start=1):
            months = start.year * 12 + start.month - 1 + k
            assert (due.year * 12 + due.month - 1) == months
            assert due.day == min(start.day, days_in_month(due.year, due.month))
        start += timedelta(days=1)


def test_months_go_backwards_too() -> None:
    assert add_months(date(2027, 3, 31), -1) == date(2027, 2, 28)
    assert add_months(date(2027, 1, 15), -13) == date(2025, 12, 15)


def test_dates_outside_the_calendar_are_refused() -> None:
    assert add_months(date(2299, 11, 30), 1) == date(2299, 12, 30)
    with pytest.raises(DateOutOfRange):
        add_months(date(2299, 12, 31), 1)
    with pytest.raises(DateOutOfRange):
        add_months(date(1900, 1, 31), -1)


@pytest.mark.parametrize("anchor", [0, 32, 14, 31])
def test_an_anchor_that_contradicts_the_first_due_date_is_refused(anchor: int) -> None:
    with pytest.raises(InvalidAnchorDay):
        due_dates(date(2027, 1, 15), 3, anchor)


def test_there_is_no_thirty_second_day() -> None:
    with pytest.raises(InvalidAnchorDay):
        due_dates(date(2027, 1, 31), 3, 32)


def test_rolling_moves_off_holidays() -> None:
    def weekday(on: date) -> bool:
        return on.weekday() < 5

    saturday, month_end = date(2027, 1, 9), date(2027, 1, 31)  # 31 Jan 2027 is a Sunday
    assert roll(saturday, Rolling.NONE, weekday) == saturday
    assert roll(saturday, Rolling.FOLLOWING, weekday) == date(2027, 1, 11)
    assert roll(saturday, Rolling.PRECEDING, weekday) == date(2027, 1, 8)
    assert roll(saturday, Rolling.MODIFIED_FOLLOWING, weekday) == date(2027, 1, 11)
    assert roll(month_end, Rolling.FOLLOWING, weekday) == date(2027, 2, 1)
    assert roll(month_end, Rolling.MODIFIED_FOLLOWING, weekday) == date(2027, 1, 29)


def test_no_calendar_no_rolling() -> None:
    saturday = date(2027, 1, 9)
    weekends = BusinessDays(frozenset({saturday, date(2027, 1, 10)}), 2027, 2027)
    assert rolled(saturday, Rolling.NONE, None) == rolled(saturday, Rolling.NONE, weekends) == saturday
    assert rolled(saturday, Rolling.FOLLOWING, weekends) == date(2027, 1, 11)
    with pytest.raises(CalendarMissing):
        rolled(saturday, Rolling.PRECEDING, None)
    with pytest.raises(CalendarMissing) as refusal:
        rolled(date(2028, 1, 8), Rolling.FOLLOWING, weekends)
    assert refusal.value.facts == {"year": 2028}


@pytest.mark.parametrize(
    "text",
    [
        "20260131",
        "2026-W05-6",
        "2026-031",
        "2026-1-31",
        "2026-01-31T",
        " 2026-01-31",
        "2026-01-3１",
        "2026-02-29",
    ],
)
def test_a_date_is_written_in_one_way(text: str) -> None:
    """Every other way of ISO 8601 is refused: `date.fromisoformat` would take the first two."""
    assert written("2026-01-31") == date(2026, 1, 31)
    with pytest.raises(ValueError) as refused:
        written(text)
    assert (str(refused.value) == "a date is written YYYY-MM-DD") is (text != "2026-02-29")


def test_a_first_due_date_that_rolls_back_to_the_payout_is_refused_in_words() -> None:
    closed = BusinessDays(frozenset({date(2026, 12, 12), date(2026, 12, 11)}), 2026, 2027)
    payout, first = date(2026, 12, 10), date(2026, 12, 12)
    terms = Terms(1_200_000, Decimal("0.12"), 2)
    contract = Contract(terms, payout, first, rolling=Rolling.PRECEDING, business_days=closed)
    for refused in (
        lambda: schedule(terms, payout, first, Rolling.PRECEDING, closed),
        lambda: replay(contract, [], payout),
    ):
        with pytest.raises(InvalidFirstDueDate) as refusal:
            refused()
        assert str(refusal.value) == "the first due date rolls back to a day that is not after the payout"
        assert refusal.value.faults == (Fault("/first_due_on", "rolls_to_disbursed_on_or_before"),)
    assert (
        schedule(terms, date(2026, 12, 9), first, Rolling.PRECEDING, closed).installments[0].due_date
        == payout
    )
    book = loans(
        [100, 100], 0, 2, np.array(["2026-12-09", "2026-12-10"], "datetime64[D]"), np.datetime64(first)
    )
    with pytest.raises(InvalidFirstDueDate) as refusal:
        schedules(book, rolling=Rolling.PRECEDING, business_days=closed)
    assert refusal.value.faults == (Fault("/first_due_on/1", "rolls_to_disbursed_on_or_before"),)
    assert schedules(book, rolling=Rolling.FOLLOWING, business_days=closed).due_date[0, 0] == np.datetime64(
        "2026-12-13"
    )
