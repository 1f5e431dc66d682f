"""Due dates that are not a month apart, and principal that is due on the day of the payout."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refi.errors import Fault
from refi.schedules import periods
from refi.schedules.amortization import InvalidTerms, Terms, level_amount
from refi.schedules.contract import Contract, Deferral, Event, Reage, Receipt, Reversal, payoff, replay
from refi.schedules.conventions import named
from refi.schedules.dates import DateOutOfRange
from refi.schedules.day_count import DayCount
from refi.schedules.periods import Period, UnknownPeriod

START = date(2024, 1, 31)
TERMS = Terms(100_000, Decimal("0.36"), 4)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("day", Period(days=1)),
        ("15_days", Period(days=15)),
        ("1_week", Period(days=7)),
        ("2_weeks", Period(days=14)),
        ("month", Period(months=1)),
        ("2_months", Period(months=2)),
        ("quarter", Period(months=3)),
        ("half_year", Period(months=6)),
        ("12_months", Period(months=12)),
        ("366_days", Period(days=366)),
        ("52_weeks", Period(days=364)),
    ],
)
def test_a_period_has_a_name(name: str, found: Period) -> None:
    assert periods.named(name) == found


@pytest.mark.parametrize(
    "name", ["", "0_days", "-1_days", "367_days", "53_weeks", "13_months", "1000_days", "1.5_months",
             "\uff11_days", "years", "days", "15 days", "15_days ", "month_s"],
)  # fmt: skip
def test_no_other_period_has_one(name: str) -> None:
    with pytest.raises(UnknownPeriod) as refused:
        periods.named(name)
    assert refused.value.faults == (Fault("/period", "unknown"),)


def due(contract: Contract) -> list[date]:
    return [row.due_date for row in replay(contract, [], START).installments]


def test_due_dates_are_a_period_apart() -> None:
    assert due(Contract(TERMS, START, period=Period(days=15))) == [
        date(2024, 2, 15), date(2024, 3, 1), date(2024, 3, 16), date(2024, 3, 31),
    ]  # fmt: skip
    assert due(Contract(TERMS, START, period=Period(months=3))) == [
        date(2024, 4, 30), date(2024, 7, 31), date(2024, 10, 31), date(2025, 1, 31),
    ]  # fmt: skip
    assert due(Contract(TERMS, START, date(2024, 2, 2), period=Period(days=7)))[:2] == [
        date(2024, 2, 2), date(2024, 2, 9),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "period", "rates"),
    [
        (DayCount.THIRTY_360, Period(days=15), [Fraction(15, 360)] * 4),
        (DayCount.THIRTY_360, Period(months=3), [Fraction(1, 4)] * 4),
        (DayCount.ACTUAL_365, Period(days=14), [Fraction(14, 365)] * 4),
        (DayCount.ACTUAL_360, Period(months=2), [Fraction(days, 360) for days in (60, 61, 61, 61)]),
        (DayCount.ACTUAL_ACTUAL, Period(days=100), [
            Fraction(100, 366), Fraction(100, 366), Fraction(100, 366), Fraction(36, 366) + Fraction(64, 365),
        ]),
    ],
)  # fmt: skip
def test_interest_is_that_of_the_days_or_the_months(
    kind: DayCount, period: Period, rates: list[Fraction]
) -> None:
    """Against the generalized level payment of the periods; 30/360 counts the days of a period of days."""
    terms = Terms(100_000, Decimal("0.36"), 4, day_count=kind)
    rows = replay(Contract(terms, START, period=period), [], START).installments
    shares = [Fraction("0.36") * rate for rate in rates]
    assert {row.amount for row in rows[:-1]} == {level_amount(100_000, shares)}
    assert rows[0].interest == round(100_000 * shares[0])


def test_a_deferral_moves_dates_by_months_and_keeps_the_period() -> None:
    contract = Contract(TERMS, START, period=Period(days=15))
    rows = replay(contract, [Deferral("d", START, 1)], START).installments
    assert [row.due_date for row in rows] == [
        date(2024, 3, 15), date(2024, 3, 30), date(2024, 4, 14), date(2024, 4, 29),
    ]  # fmt: skip
    assert sum(row.principal for row in rows) == 100_000


def test_a_re_aged_loan_may_have_another_period_and_keeps_it() -> None:
    aged = Reage("r", date(2024, 3, 10), 2, date(2024, 3, 17), Period(days=7))
    later = Deferral("d", date(2024, 3, 10), 1)
    contract = Contract(TERMS, START, penalty_multiple=Decimal(0))
    rows = replay(contract, [aged], date(2024, 3, 10)).installments
    assert [row.due_date for row in rows[1:]] == [date(2024, 3, 17), date(2024, 3, 24)]
    again = replay(contract, [aged, later], date(2024, 3, 10)).installments
    assert [row.due_date for row in again[1:]] == [date(2024, 4, 17), date(2024, 4, 24)]


def test_no_due_date_lies_beyond_the_years() -> None:
    contract = Contract(TERMS, date(2299, 12, 20), period=Period(days=4))
    with pytest.raises(DateOutOfRange):
        replay(contract, [], date(2299, 12, 20))


@pytest.mark.parametrize("amount", [-1, 100_000, 100_001])
def test_a_down_payment_is_a_part(amount: int) -> None:
    with pytest.raises(InvalidTerms) as refused:
        Contract(TERMS, START, down_payment=amount)
    assert refused.value.faults == (Fault("/down_payment", "out_of_range"),)


def test_a_down_payment_is_due_on_the_day_and_the_plan_is_of_the_rest() -> None:
    contract = Contract(TERMS, START, down_payment=40_000)
    rows = replay(contract, [], START).installments
    rest = replay(Contract(Terms(60_000, Decimal("0.36"), 4), START), [], START).installments
    assert (rows[0].number, rows[0].due_date, rows[0].amount, rows[0].balance_after) == (
        1,
        START,
        40_000,
        60_000,
    )
    assert [row[1:5] for row in rows[1:]] == [row[1:5] for row in rest]
    assert replay(contract, [], START + timedelta(days=1)).days_past_due == 1
    assert replay(contract, [], START).balances.total == 100_000


def test_what_is_not_paid_down_bears_interest_on_the_actual_balance() -> None:
    """300 a month on 10,000; paid down, on 6,000."""
    contract = Contract(
        Terms(10_000, Decimal("0.36"), 4), date(2024, 1, 1), down_payment=4_000,
        penalty_multiple=Decimal(0), conventions=named({"interest": "actual_balance"}),
    )  # fmt: skip
    on = date(2024, 2, 1)
    late = replay(contract, [], on).installments
    paid = replay(contract, [Receipt("down", date(2024, 1, 1), 4_000)], on).installments
    assert [(rows[0].amount, rows[1].interest) for rows in (late, paid)] == [(4_000, 300), (4_000, 180)]


days = st.integers(0, 200)
receipts = st.lists(st.tuples(days, st.integers(1, 60_000)), max_size=6)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.builds(Period, days=st.integers(1, 60)), st.builds(Period, months=st.integers(1, 4))),
    st.sampled_from([0, 1, 25_000, 99_999]),
    st.sampled_from(["scheduled_balance", "actual_balance"]),
    st.sampled_from(list(DayCount)),
    receipts,
    days,
)
def test_every_period_keeps_the_promises_of_a_month(
    period: Period, down: int, interest: str, kind: DayCount, money: list[tuple[int, int]], day: int
) -> None:
    """Principal adds up, money adds up, nothing is negative, the payoff settles, a reversal undoes."""
    contract = Contract(
        Terms(100_000, Decimal("0.36"), 4, day_count=kind), START, penalty_multiple=Decimal(0),
        conventions=named({"interest": interest}), period=period, down_payment=down,
    )  # fmt: skip
    paid: list[Event] = [Receipt(str(k), START + timedelta(days=d), a) for k, (d, a) in enumerate(money)]
    on = max([START + timedelta(days=day), *(event.on for event in paid)])
    state = replay(contract, paid, on)
    assert sum(row.principal for row in state.installments) == 100_000
    assert all(
        row.outstanding >= 0 and row.interest >= 0 and row.principal >= 0 for row in state.installments
    )
    for event in paid:
        assert isinstance(event, Receipt)
        met = sum(part.amount for part in state.allocations[event.id])
        assert met + state.excess[event.id] == event.amount
    quote = payoff(contract, paid, on)
    assert quote.total == state.balances.total
    if quote.total:
        last = Receipt("all", on, quote.total)
        settled = replay(contract, [*paid, last], on)
        assert (settled.settled, settled.excess["all"], settled.balances.total) == (True, 0, 0)
        assert replay(contract, [*paid, last, Reversal("no", on, "all")], on) == state
