"""What refinancing saves: golden figures and what must hold for any card."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.errors import Fault
from refi.money import MAX_AMOUNT
from refi.schedules.amortization import Terms
from refi.schedules.savings import Card, InterestOn, InvalidCard, compare, minimum_only, same_payments

CARD = Card(1_200_000, Decimal("0.1825"))
TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("term", "interest", "same"), [(3, 24080, 12991), (6, 42348, 23549), (12, 79423, 46925)]
)
def test_golden_savings(term: int, interest: int, same: int) -> None:
    quote = compare(CARD, [Terms(CARD.balance, Decimal("0.12"), term)], TODAY)
    (plan,) = quote.plans
    assert plan.schedule.total_interest == interest
    assert plan.saving_same_payment == same
    assert plan.saving_vs_minimum == 207269 - interest
    assert plan.worthwhile


def test_golden_minimum_only() -> None:
    found = minimum_only(CARD)
    assert (found.months, found.total_interest) == (47, 207269)


def test_pay_in_full_costs_nothing() -> None:
    quote = compare(CARD, [], TODAY)
    assert (quote.pay_in_full.months, quote.pay_in_full.total_interest) == (0, 0)
    assert quote.pay_in_full.first_payment == CARD.balance


def test_a_minimum_below_the_interest_never_clears() -> None:
    card = Card(1_200_000, Decimal("0.36"), Decimal("0.02"), 0)
    quote = compare(card, [Terms(card.balance, Decimal("0.12"), 12)], TODAY)
    assert (quote.minimum_only.months, quote.minimum_only.total_interest) == (None, None)
    assert quote.plans[0].saving_vs_minimum is None


def test_payments_below_the_interest_never_clear_and_any_plan_is_worthwhile() -> None:
    assert same_payments(CARD, [10_000]).months is None


def test_interest_on_the_unpaid_part_is_cheaper() -> None:
    unpaid = Card(1_200_000, Decimal("0.1825"), interest_on=InterestOn.UNPAID_PART)
    full, part = minimum_only(CARD), minimum_only(unpaid)
    assert full.total_interest is not None
    assert part.total_interest is not None
    assert part.total_interest < full.total_interest
    # one month by hand: 12,000.00, pay 4,080.27 first, interest on 7,919.73 at 18.25 %/12
    assert unpaid.interest(1_200_000, 408_027) == 12_045
    assert CARD.interest(1_200_000, 408_027) == 18_250


def test_a_dear_plan_is_not_worthwhile() -> None:
    (plan,) = compare(CARD, [Terms(CARD.balance, Decimal("0.24"), 12)], TODAY).plans
    assert plan.saving_same_payment is not None
    assert plan.saving_same_payment < 0
    assert not plan.worthwhile


@given(st.integers(1, 10**9), st.decimals(0, 1, places=4), st.sampled_from(InterestOn))
def test_a_plan_at_the_cards_own_rate_saves_next_to_nothing(
    balance: int, rate: Decimal, interest_on: InterestOn
) -> None:
    card = Card(balance, rate, interest_on=interest_on)
    (plan,) = compare(card, [Terms(balance, rate, 6)], TODAY).plans
    if interest_on is InterestOn.FULL_BALANCE and plan.saving_same_payment is not None:
        assert abs(plan.saving_same_payment) <= 12


@given(
    st.integers(1, 10**9), st.decimals(0, 10, places=4), st.decimals(0, 1, places=2), st.integers(0, 10**4)
)
def test_every_card_ends_or_never_does(balance: int, rate: Decimal, minimum: Decimal, floor: int) -> None:
    found = minimum_only(Card(balance, rate, minimum, floor))
    assert (found.months is None) == (found.total_interest is None)


@pytest.mark.parametrize(
    "change",
    [{"balance": 0}, {"balance": 1.0}, {"balance": MAX_AMOUNT + 1}, {"annual_rate": Decimal(-1)},
     {"annual_rate": Decimal("NaN")}, {"annual_rate": Decimal("10.1")}, {"minimum_rate": Decimal("1.1")},
     {"minimum_floor": -1}, {"minimum_floor": MAX_AMOUNT + 1}],
)  # fmt: skip
def test_bad_cards_are_refused(change: dict[str, object]) -> None:
    good: dict[str, object] = {"balance": 100, "annual_rate": Decimal("0.1825")}
    with pytest.raises(InvalidCard) as refusal:
        Card(**{**good, **change})  # type: ignore[arg-type]
    (name,) = change
    assert refusal.value.faults == (Fault(f"/{name}", "out_of_range"),)


def test_the_largest_card_is_followed() -> None:
    assert minimum_only(Card(MAX_AMOUNT, Decimal(10), Decimal(1), MAX_AMOUNT)).months == 1


def test_a_card_by_hand() -> None:
    """100.00 at 12 %, minimum 50 % floor 30.00: 50.50, 30.00, then all of 21.01."""
    found = minimum_only(Card(10_000, Decimal("0.12"), Decimal("0.5"), 3_000))
    assert (found.months, found.total_interest, found.first_payment) == (3, 100 + 51 + 21, 5_050)
    unpaid = Card(10_000, Decimal("0.12"), Decimal("0.5"), 3_000, InterestOn.UNPAID_PART)
    found = minimum_only(unpaid)
    # pay 50.00, 0.50 on 50.00; pay 30.00, 0.21 on 20.50; pay 20.71
    assert (found.months, found.total_interest, found.first_payment) == (3, 50 + 21, 5_000)


def test_payments_that_only_meet_the_interest_never_clear() -> None:
    found = same_payments(Card(10_000, Decimal("0.12")), [5_000, 51])
    assert (found.months, found.total_interest, found.first_payment) == (None, None, 5_000)


def test_a_plan_keeps_its_dates_and_card_figures() -> None:
    quote = compare(CARD, [Terms(CARD.balance, Decimal("0.12"), 3)], TODAY, date(2027, 1, 5))
    (plan,) = quote.plans
    assert quote.card is CARD
    assert plan.schedule.installments[0].due_date == date(2027, 1, 5)
    assert plan.card_interest_same_payment is not None
    assert plan.saving_same_payment == plan.card_interest_same_payment - plan.schedule.total_interest


def test_a_plan_that_saves_nothing_is_not_worthwhile_and_one_that_saves_anything_is() -> None:
    free = Card(1_200, Decimal(0), minimum_floor=100)
    (even,) = compare(free, [Terms(1_200, Decimal(0), 3)], TODAY).plans
    assert (even.saving_same_payment, even.worthwhile) == (0, False)
    cheap = Card(1_200, Decimal("0.006"), minimum_floor=100)
    (one,) = compare(cheap, [Terms(1_200, Decimal(0), 2)], TODAY).plans
    assert (one.saving_same_payment, one.worthwhile) == (1, True)


def test_a_card_that_never_clears_makes_any_plan_worthwhile() -> None:
    card = Card(1_000_000, Decimal(5))
    (plan,) = compare(card, [Terms(1_000_000, Decimal("0.12"), 12)], TODAY).plans
    assert plan.card_interest_same_payment is None
    assert plan.saving_same_payment is None
    assert plan.worthwhile
