"""The level payment of many loans at once: float64 where it provably rounds right, exact integers elsewhere.

numpy-financial finds the payment of equal periods; unequal ones use the generalized recurrence in float64.
A float payment is off by at most ``payment × error`` (see `relative_error`). Where that window around the
float contains a rounding tie, and above the principal where it is half a unit wide and so always does
(`float64_limit`), `refi.schedules.recurrence.level_payment` decides in whole integers. The result is thus
the exact one for every loan and on every CPU, whatever its ``pow`` returns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy_financial as npf
from numpy.typing import NDArray

from refi.money import Rounding
from refi.schedules.recurrence import level_payment

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
UNIT_ROUNDOFF = 2.0**-53
SAFETY = 8
"""The bound is first order; eight times it covers the rest, and a ``pow`` that is off by several ulps."""


def relative_error(period_rate: Floats | float, installments: int) -> Floats | float:
    """A bound on the relative error of the float64 level payment.

    (1 + r)^n is off by (n + 4) u, and subtracting 1 from it multiplies that by (1 + r)^n / ((1 + r)^n − 1)
    ≤ 1 + 1 / (n r): small rates cancel. u is 2^-53. At rate 0 the payment is one division.
    """
    with np.errstate(divide="ignore"):
        cancelled = np.where(
            np.asarray(period_rate) > 0, 2 + 1 / (installments * np.asarray(period_rate, np.float64)), 1.0
        )
    return SAFETY * UNIT_ROUNDOFF * (installments + 4) * cancelled


def float64_limit(period_rate: float, installments: int) -> int:
    """The principal (minor units) from which float64 could err by a unit, so exact integers always decide.

    At 12 % a year and 12 installments that is about 4 × 10**13 minor units.
    """
    payment_of_one = float(npf.pmt(period_rate, installments, -1.0))
    return int(0.5 / (payment_of_one * float(relative_error(period_rate, installments))))


def equal_periods(
    principal: Ints, numerator: Ints, denominator: int, installments: int, rounding: Rounding
) -> Ints:
    """Level payments for periods that all cost ``numerator / denominator``; int64 minor units."""
    rate = numerator / denominator
    payment = np.asarray(npf.pmt(rate, installments, -principal.astype(np.float64)), np.float64)
    lowest = float(rate.min(initial=1.0))
    window = payment * relative_error(lowest if lowest > 0 else rate, installments)

    def exact(k: int) -> int:
        return level_payment(int(principal[k]), [int(numerator[k])] * installments, denominator, rounding)

    return _decided(payment, window, exact)


def unequal_periods(
    principal: Ints, numerators: Sequence[Ints], denominator: int, rounding: Rounding
) -> Ints:
    """Level payments for periods of different rates; ``numerators[k]`` is the array of period k.

    All terms are positive, so nothing cancels and the relative error stays below 4 n u.
    """
    grown = principal.astype(np.float64)
    series = np.zeros_like(grown)
    for numerator in numerators:
        factor = 1 + numerator / denominator
        grown *= factor
        series = 1 + series * factor
    payment = grown / series
    window = payment * (SAFETY * UNIT_ROUNDOFF * 4 * (len(numerators) + 1))

    def exact(k: int) -> int:
        return level_payment(
            int(principal[k]), [int(numerator[k]) for numerator in numerators], denominator, rounding
        )

    return _decided(payment, window, exact)


def _decided(payment: Floats, window: Floats, exact: Callable[[int], int]) -> Ints:
    """Rounded payments; where a tie lies in the window (only there the rule matters), exact ones."""
    near_tie = np.abs(payment - np.floor(payment) - 0.5) <= window
    rounded = np.floor(payment + 0.5).astype(np.int64)
    for k in np.flatnonzero(near_tie):
        rounded[k] = exact(int(k))
    return rounded
