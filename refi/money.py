"""Money: whole minor units (fen, cents) in plain ``int``, and the only rounding in the service.

Amounts are never floats. A rate is a ``Fraction`` or ``Decimal``; an amount times a rate is an exact
rational that comes back to whole minor units through `round_div` (or `round_exact`) and nothing else.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from fractions import Fraction

MAX_AMOUNT = 10**15
"""Largest amount any surface accepts, in minor units: far above any card bill, and far enough below
2**63 that sums over a large book stay inside BIGINT."""

RATE_PLACES = Decimal("0.000001")


class Rounding(StrEnum):
    """How an exact amount becomes whole minor units. A contract names the one it was made with."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


def round_div(numerator: int, denominator: int, rounding: Rounding = Rounding.HALF_UP) -> int:
    """Round ``numerator / denominator`` to a whole number; halves go away from zero or to the even one.

    ``denominator`` must be positive (``ValueError`` otherwise).
    """
    if denominator <= 0:
        raise ValueError("denominator must be positive")
    if numerator < 0:
        return -round_div(-numerator, denominator, rounding)
    whole, rest = divmod(numerator, denominator)
    doubled = rest + rest
    if doubled == denominator:
        return whole + 1 if whole % 2 or rounding is Rounding.HALF_UP else whole
    return whole + 1 if doubled > denominator else whole


def round_exact(value: Fraction, rounding: Rounding = Rounding.HALF_UP) -> int:
    """Round an exact rational amount of minor units to a whole number."""
    return round_div(value.numerator, value.denominator, rounding)


def rate_text(rate: Decimal | Fraction) -> str:
    """A rate as the six-place decimal string that the API shows, e.g. ``"0.120000"``."""
    if isinstance(rate, Fraction):
        return str(
            Decimal(round_div(rate.numerator * 10**6, rate.denominator, Rounding.HALF_EVEN)).scaleb(-6)
        )
    return str(rate.quantize(RATE_PLACES, rounding=ROUND_HALF_EVEN))
