"""How a price is earned from day to day, and given back when it was collected too early."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from refi.money import Rounding
from refi.schedules.allocation import MATRIX, Across, Component, Order, Part, When
from refi.schedules.amortization import Method, Terms
from refi.schedules.contract import (
    ChargeOff,
    Contract,
    Event,
    Mode,
    Reamortization,
    Receipt,
    Status,
    payoff,
    replay,
)
from refi.schedules.day_count import DayCount
from tests.schedules.usual import DAY, FIRST, LEVEL, LOAN, after


def test_interest_paid_in_advance_goes_back_to_principal_when_terms_change() -> None:
    ahead = Receipt("ahead", DAY, 10_049)
    state = replay(LOAN, [*FIRST, ahead, Reamortization("x", DAY, 5, Decimal(0))], DAY)
    assert state.rebates["x"] == 10_049 - 3_242
    assert sum(part.amount for part in state.rebate_parts["x"]) == 0


def test_flat_fees_follow_the_balance_they_are_the_price_of() -> None:
    terms = Terms(1_200_000, Decimal("0.12"), 12, Method.FLAT_FEE, Decimal("0.006"))
    contract = Contract(terms, date(2026, 12, 10))
    day = date(2027, 1, 10)
    events: list[Event] = [
        Receipt("one", day, 107_200),
        Receipt("pre", day, 550_000, Mode.PREPAY_LOWER),
    ]
    rows = replay(contract, events, day).installments[1:]
    assert {(row.principal, row.fee) for row in rows} == {(50_000, 3_600)}
    assert payoff(contract, events[:1], day).fees_saved == 11 * 7_200


@pytest.mark.parametrize("day_count", list(DayCount))
@pytest.mark.parametrize("method", [Method.EQUAL_INSTALLMENT, Method.EQUAL_PRINCIPAL, Method.FLAT_FEE])
def test_payoff_on_every_day_of_the_term(day_count: DayCount, method: Method) -> None:
    """It meets the schedule on due dates, starts at the principal, and never falls between them."""
    terms = Terms(1_200_000, Decimal("0.18"), 12, method, Decimal("0.004"), day_count)
    contract = Contract(terms, date(2027, 1, 31))
    rows = replay(contract, [], contract.disbursed_on).installments
    paid: list[Event] = []
    day, before = contract.disbursed_on, 1_200_000
    for row in rows:
        while day < row.due_date:
            quote = payoff(contract, paid, day)
            assert before <= quote.total
            assert quote.accrued_interest + quote.interest_saved == sum(
                r.interest for r in rows[row.number - 1 :]
            )
            before, day = quote.total, day + timedelta(days=1)
        assert payoff(contract, paid, day).total == row.amount + row.balance_after
        paid.append(Receipt(str(row.number), day, row.amount))
        before = row.balance_after


def test_prepayments_of_equal_shares() -> None:
    shares = Contract(Terms(1_200_000, Decimal("0.12"), 6, Method.EQUAL_PRINCIPAL), date(2026, 12, 10))
    day = date(2027, 1, 10)
    first = Receipt("one", day, 212_000)
    shorter = replay(shares, [first, Receipt("pre", day, 300_000, Mode.PREPAY_SHORTEN)], day).installments[1:]
    assert [row.principal for row in shorter] == [200_000, 200_000, 200_000, 100_000]
    assert [row.interest for row in shorter] == [7_000, 5_000, 3_000, 1_000]
    lower = replay(shares, [first, Receipt("pre", day, 300_000, Mode.PREPAY_LOWER)], day).installments[1:]
    assert [row.principal for row in lower] == [140_000] * 5


def test_a_prepayment_beyond_the_principal_meets_the_interest_of_the_period() -> None:
    events: list[Event] = [*FIRST, Receipt("two", date(2027, 2, 10), LEVEL)]
    day = date(2027, 2, 15)  # payoff 8,093.76: principal 8,079.33 and 14.43 of interest
    for mode in (Mode.PREPAY_SHORTEN, Mode.PREPAY_LOWER):
        state = replay(LOAN, [*events, Receipt("pre", day, 808_500, mode)], day)
        assert state.allocations["pre"] == (
            Part(0, Component.PRINCIPAL, 807_933),
            Part(3, Component.INTEREST, 567),
        )
        assert state.balances.total == state.balances.interest == 876
        assert not state.settled
        assert state.excess["pre"] == 0


def test_interest_paid_ahead_goes_back_when_a_prepayment_makes_it_too_much() -> None:
    events: list[Event] = [*FIRST, Receipt("ahead", DAY, 10_049)]
    state = replay(LOAN, [*events, Receipt("pre", DAY, 900_000, Mode.PREPAY_LOWER)], DAY)
    left = 1_004_942 - 900_000
    price = 3_242 + round(round(left / 100) * 21 / 31)
    assert state.rebates == {"pre": 10_049 - price}
    row = state.installments[1]
    assert (row.interest, row.paid_by.interest, row.paid_by.principal) == (price, price, 10_049 - price)


def test_halves_round_as_the_contract_says() -> None:
    for rounding, accrued in ((Rounding.HALF_UP, 1), (Rounding.HALF_EVEN, 0)):
        terms = Terms(1_500, Decimal("0.12"), 3, rounding=rounding)  # 15 of interest over 30 days
        contract = Contract(terms, date(2027, 4, 10))
        assert payoff(contract, [], date(2027, 4, 11)).accrued_interest == accrued
        day = date(2027, 4, 11)
        changed = replay(contract, [Reamortization("x", day)], day)
        assert changed.installments[0].interest == accrued + (15 if accrued else 14)
        assert replay(contract, [ChargeOff("off", day)], day).balances.interest == accrued
        daily_half = Terms(250, Decimal("0.73"), 1, rounding=rounding)
        late = Contract(daily_half, date(2027, 4, 10), penalty_multiple=Decimal(1))
        assert replay(late, [], date(2027, 5, 11)).balances.penalties == accrued


def test_a_price_already_paid_stays_when_no_debt_is_left_to_take_it() -> None:
    """Only an order that skips overdue debts can come here: all coming principal paid, then a rate of 0."""
    ahead = Order((Component.PRINCIPAL, Component.INTEREST), (When.IN_ADVANCE,), Across.COMPONENTS_OVERALL)
    contract = Contract(LOAN.terms, LOAN.disbursed_on, orders={**MATRIX, "due": ahead})
    paid: list[Event] = [Receipt("ahead", DAY, 1_004_942 + 30_000)]
    before = replay(contract, paid, DAY)
    state = replay(contract, [*paid, Reamortization("x", DAY, None, Decimal(0))], DAY)
    last = state.installments[5]
    assert (last.interest, last.paid_by.interest, last.outstanding) == (1_702, 1_702, 0)
    assert state.rebates == {}
    assert state.balances.total == before.balances.total


def test_after_a_change_within_a_period_the_rest_is_earned_evenly() -> None:
    lower = Reamortization("x", DAY, None, Decimal("0.06"))
    for days in (0, 5, 12, 21):
        on = DAY + timedelta(days=days)
        assert after(lower, on).balances.interest == 3_242 + round(3_404 * days / 21)


def test_on_its_due_date_an_installment_is_next_and_not_late() -> None:
    day = date(2027, 2, 10)
    state = replay(LOAN, FIRST, day)
    assert (state.on, state.next_due_date, state.next_due_amount) == (day, day, LEVEL)
    assert (state.balances.past_due, state.days_past_due) == (0, 0)


def test_one_unit_unpaid_is_late() -> None:
    day = date(2027, 2, 10)
    state = replay(LOAN, [*FIRST, Receipt("short", day, LEVEL - 1)], day + timedelta(days=1))
    assert (state.days_past_due, state.balances.past_due) == (1, 1)
    assert state.installments[1].status is Status.OVERDUE
    assert replay(LOAN, [*FIRST, Receipt("short", day, LEVEL - 1)], day).next_due_amount == 1
