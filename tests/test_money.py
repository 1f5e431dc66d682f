"""Rounding is exact, symmetric and the only one."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.money import Rounding, rate_text, round_div, round_exact


@pytest.mark.parametrize(
    ("numerator", "half_up", "half_even"),
    [(5, 3, 2), (15, 8, 8), (-5, -3, -2), (-15, -8, -8), (4, 2, 2), (6, 3, 3), (0, 0, 0)],
)
def test_halves(numerator: int, half_up: int, half_even: int) -> None:
    assert round_div(numerator, 2, Rounding.HALF_UP) == half_up
    assert round_div(numerator, 2, Rounding.HALF_EVEN) == half_even


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**15), st.sampled_from(Rounding))
def test_never_further_than_half_away(numerator: int, denominator: int, rounding: Rounding) -> None:
    rounded = round_div(numerator, denominator, rounding)
    assert abs(Fraction(numerator, denominator) - rounded) <= Fraction(1, 2)
    assert round_div(-numerator, denominator, rounding) == -rounded
    assert round_exact(Fraction(numerator, denominator), rounding) == rounded


@pytest.mark.parametrize("denominator", [0, -1])
def test_a_denominator_is_positive(denominator: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        round_div(1, denominator)


def test_rates_have_six_places() -> None:
    assert rate_text(Decimal("0.12")) == "0.120000"
    assert rate_text(Fraction(1, 3)) == "0.333333"
    assert rate_text(Decimal("0.0000005")) == "0.000000"
