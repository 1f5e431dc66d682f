"""Six bills of a card holder as of a business date."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi import policies
from refi.cards import statements
from refi.seeding import borrowing
from refi.seeding.card_clients import Client

CARD = policies.load("cn").card
AMOUNTS = st.integers(-(10**9), 10**9)


def client(bills: list[int], payments: list[int] | None = None, late: int = 0) -> Client:
    return Client(1, 10**7, 30, (late, 0, 3, -1, -2, 1), tuple(bills), tuple(payments or [0] * 6))


@given(
    st.lists(AMOUNTS, min_size=6, max_size=6),
    st.lists(st.integers(0, 10**9), min_size=6, max_size=6),
    st.dates(date(2001, 1, 1), date(2200, 1, 1)),
)
def test_bills_are_sound_and_a_month_apart(balances: list[int], paid: list[int], on: date) -> None:
    made = borrowing.bills(client(balances, paid), CARD, on)
    assert [bill.statement_balance for bill in made] == balances
    assert [bill.payments_since_last for bill in made] == paid
    assert made[0].statement_date == on - timedelta(days=10)
    for newer, older in pairwise(made):
        assert timedelta(days=28) <= newer.statement_date - older.statement_date <= timedelta(days=31)
    for bill in made:
        assert statements.faults(bill, on) == []
        assert bill.due_date - bill.statement_date == timedelta(days=20)


def test_overdue_is_what_the_repayment_status_says() -> None:
    made = borrowing.bills(client([1] * 6, late=1), CARD, date(2026, 11, 22))
    assert [bill.is_overdue for bill in made] == [True, False, True, False, False, True]


@pytest.mark.parametrize(
    ("balance", "minimum"),
    [(1_200_000, 120_000), (50_000, 5_000), (49_999, 5_000), (5_001, 5_000), (4_999, 4_999), (0, 0), (-5, 0)],
)
def test_minimum_payment(balance: int, minimum: int) -> None:
    """A tenth, at least 50.00, at most all of it."""
    assert borrowing.minimum_payment(balance, CARD) == minimum
