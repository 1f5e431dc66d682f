"""Due dates that fall on holidays: what moves, what does not, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from refi.schedules import bulk
from refi.schedules.amortization import schedule
from refi.schedules.contract import (
    Contract,
    DueDateChange,
    Reage,
    Reamortization,
    replay,
)
from refi.schedules.dates import BusinessDays, CalendarMissing, InvalidFirstDueDate, Rolling
from tests.schedules.usual import DAY, FIRST, LOAN


def test_a_holiday_moves_the_due_date_and_nothing_else() -> None:
    sunday = date(2027, 1, 10)
    closed = frozenset(
        sunday + timedelta(days=k) for k in range(-400, 400) if (sunday + timedelta(days=k)).weekday() > 4
    )
    days = BusinessDays(closed, 2026, 2027)
    rolled = Contract(LOAN.terms, LOAN.disbursed_on, sunday, rolling=Rolling.FOLLOWING, business_days=days)
    state = replay(rolled, [], date(2027, 1, 11))
    plain = replay(LOAN, [], date(2027, 1, 11))
    assert state.installments[0].due_date == date(2027, 1, 11)
    assert (state.days_past_due, plain.days_past_due) == (0, 1)
    assert [row[2:5] for row in state.installments] == [row[2:5] for row in plain.installments]
    with pytest.raises(CalendarMissing):
        replay(
            Contract(LOAN.terms, date(2027, 9, 10), rolling=Rolling.FOLLOWING, business_days=days),
            [],
            date(2027, 9, 10),
        )


@pytest.mark.parametrize("rolling", [Rolling.PRECEDING, Rolling.MODIFIED_FOLLOWING])
def test_no_due_date_rolls_back_over_the_payout(rolling: Rolling) -> None:
    friday, saturday = date(2027, 1, 29), date(2027, 1, 30)
    days = BusinessDays(frozenset({saturday, date(2027, 1, 31)}), 2026, 2028)

    def replayed(paid_out: date) -> date:
        contract = Contract(LOAN.terms, paid_out, saturday, rolling=rolling, business_days=days)
        return replay(contract, [], paid_out).installments[0].due_date

    def planned(paid_out: date) -> date:
        return schedule(LOAN.terms, paid_out, saturday, rolling, days).installments[0].due_date

    def planned_in_bulk(paid_out: date) -> date:
        first = np.array(["2027-03-01", saturday], "datetime64[D]")
        book = bulk.loans([100, 100], 0, 1, np.datetime64(paid_out), first)
        due: date = bulk.schedules(book, 1, rolling, days).due_date[1, 0].item()
        return due

    for shown in (replayed, planned, planned_in_bulk):
        assert shown(date(2027, 1, 28)) == friday
        with pytest.raises(InvalidFirstDueDate, match="rolls back") as error:
            shown(friday)
        assert error.value.faults[0].code == "rolls_to_disbursed_on_or_before"


@pytest.mark.parametrize("rolling", [Rolling.PRECEDING, Rolling.MODIFIED_FOLLOWING])
def test_no_due_date_rolls_back_over_the_day_it_was_agreed(rolling: Rolling) -> None:
    saturday = date(2027, 1, 30)
    days = BusinessDays(frozenset({saturday, date(2027, 1, 31)}), 2026, 2028)
    contract = Contract(LOAN.terms, date(2026, 12, 20), rolling=rolling, business_days=days)
    for agreed_on, ignored in ((date(2027, 1, 28), ()), (date(2027, 1, 29), ("e",))):
        change, again = DueDateChange("e", agreed_on, saturday), Reage("e", agreed_on, 12, saturday)
        assert tuple(replay(contract, [change], agreed_on).ignored) == ignored
        assert tuple(replay(contract, [again], agreed_on).ignored) == ignored


def test_an_extension_on_holidays_rolls_the_new_due_dates() -> None:
    closed = frozenset({date(2027, 8, 10)})
    days = BusinessDays(closed, 2026, 2028)
    contract = Contract(LOAN.terms, LOAN.disbursed_on, rolling=Rolling.FOLLOWING, business_days=days)
    state = replay(contract, [*FIRST, Reamortization("x", DAY, 9)], DAY)
    assert [row.due_date.day for row in state.installments] == [10] * 7 + [11] + [10] * 2
