"""What a debit may be, and how long to wait between tries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.payments.states import (
    AmountBelowMinimum,
    AmountExceedsPayoff,
    require_payable,
    retry_after,
)


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_never_more_than_is_owed(amount: int, owed: int, pending: int) -> None:
    if amount + pending <= owed:
        require_payable(amount, mode="due", payoff_total=owed, pending=pending, minimum=1)
        return
    with pytest.raises(AmountExceedsPayoff) as refused:
        require_payable(amount, mode="due", payoff_total=owed, pending=pending, minimum=1)
    assert refused.value.code == "amount_exceeds_payoff"


@pytest.mark.parametrize(("amount", "pending"), [(99, 0), (100, 1), (1, 0)])
def test_a_payoff_is_exact(amount: int, pending: int) -> None:
    with pytest.raises((AmountBelowMinimum, AmountExceedsPayoff)):
        require_payable(amount, mode="payoff", payoff_total=100, pending=pending, minimum=1)


def test_the_last_cents_may_be_small() -> None:
    require_payable(5, mode="due", payoff_total=5, pending=0, minimum=1000)
    with pytest.raises(AmountBelowMinimum):
        require_payable(5, mode="due", payoff_total=50_000, pending=0, minimum=1000)


def test_waiting_grows_and_ends() -> None:
    waits = [retry_after(n) for n in range(40)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=2)
    assert waits[-1] == timedelta(minutes=10)
