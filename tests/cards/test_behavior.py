"""Features of a card's use from its bills."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.cards.behavior import behavior
from refi.cards.revolving import closed_cycles, habit
from refi.cards.statements import Bill

NEWEST = date(2026, 11, 12)


def bills(*figures: tuple[int, int | None]) -> list[Bill]:
    """Bills newest first from (balance, paid since last); the minimum is a tenth."""
    return [
        Bill(
            NEWEST - timedelta(days=30 * k), NEWEST, balance, max(balance // 10, 0), payments_since_last=paid
        )
        for k, (balance, paid) in enumerate(figures)
    ]


def test_a_payment_counts_for_the_bill_before() -> None:
    """Of 1,000 and 2,000 billed, 100 (the minimum) and 500 were paid; the newest bill is still open."""
    found = behavior(bills((1900, 100), (1000, 500), (2000, 0)), 4000)
    assert found.utilization == Fraction(1900, 4000)
    assert found.paid_share == Fraction(600, 3000)
    assert (found.revolving_streak, found.minimum_cycles, found.unpaid_cycles) == (2, 1, 0)
    assert not found.minimum_payer, "one of two is not more than half"


@pytest.mark.parametrize(
    ("paid", "is_minimum"),
    [(1, True), (99, True), (100, True), (110, True), (111, False), (1000, False), (0, False), (None, False)],
)
def test_at_most_about_the_minimum(paid: int | None, is_minimum: bool) -> None:
    found = behavior(bills((1000, paid), (1000, None)), None)
    assert found.minimum_cycles == is_minimum
    assert found.minimum_payer == is_minimum


def test_paying_a_small_bill_in_full_is_not_paying_the_minimum() -> None:
    small = [
        Bill(NEWEST, NEWEST + timedelta(days=20), 0, 0, payments_since_last=50),
        Bill(NEWEST - timedelta(days=30), NEWEST, 50, 50, payments_since_last=0),
    ]
    assert behavior(small, 100).minimum_cycles == 0


@pytest.mark.parametrize(
    ("figures", "streak"),
    [
        ([(9, 1), (9, 1), (9, 1)], 2),
        ([(9, 9), (9, 1), (9, 1)], 0),
        ([(9, 1), (9, 9), (9, 1)], 1),
        ([(9, 1), (0, 1), (9, 1)], 0),
        ([(9, 1)], 0),
        ([], 0),
    ],
)
def test_the_streak_ends_with_a_bill_paid_in_full_or_none(
    figures: list[tuple[int, int]], streak: int
) -> None:
    assert behavior(bills(*figures), 10).revolving_streak == streak


def test_what_bills_do_not_tell_is_none() -> None:
    nothing = behavior([], 100)
    assert (nothing.utilization, nothing.paid_share) == (None, None)
    assert behavior(bills((5, None)), None).utilization is None
    assert behavior(bills((5, None)), 0).utilization is None
    assert behavior(bills((-5, 1), (0, 1)), 10).utilization == 0
    assert behavior(bills((-5, 1), (0, 1)), 10).paid_share is None


@given(
    st.lists(st.tuples(st.integers(-50, 2000), st.none() | st.integers(0, 2000)), max_size=6),
    st.none() | st.integers(0, 2000),
)
def test_features_stay_in_their_bounds(figures: list[tuple[int, int | None]], limit: int | None) -> None:
    found = behavior(bills(*figures), limit)
    told = habit(closed_cycles(figures))
    assert found.paid_share is None or 0 <= found.paid_share <= 1
    assert (found.paid_share is None) == (told.cycles_with_balance == 0)
    assert found.utilization is None or found.utilization >= 0
    assert found.revolving_streak <= told.revolved_cycles
    assert found.minimum_cycles + found.unpaid_cycles <= told.revolved_cycles
    assert not found.minimum_payer or found.minimum_cycles > 0
    if found.paid_share == 1:
        assert told.revolved_cycles == 0
