"""The disclosed rates of many plans at once: 12 × the monthly internal rate, and its compounding.

float64 throughout, but only addition, multiplication and division, which IEEE 754 fixes to the last bit: the
same digits on every CPU. They agree with the fixed-precision rates of one plan to better than 1e-10; where
twelve correct places are shown to a borrower, `refi.schedules.apr` gives them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from refi.errors import Fault
from refi.schedules import day_tables
from refi.schedules.apr import InvalidFlows
from refi.schedules.bulk import Plans
from refi.schedules.solver import NoRate

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
BLOCK = 4096
ROUNDS = 100
MONTH = 30
"""The odd days of a first period are thirtieths of a month."""


@dataclass(frozen=True, slots=True)
class ArrayRates:
    """(N,) float64 fractions."""

    apr: Floats
    effective_annual_rate: Floats


def of_plans(plans: Plans) -> ArrayRates:
    """The all-in rates of plans, fees included."""
    terms = plans.loans
    first_due = None if terms.first_due_on is None else terms.first_due_on.view(np.int64)
    dated = day_tables.anchored(terms.disbursed_on.view(np.int64), first_due, 0)
    return of_flows(terms.principal, plans.amount, MONTH if first_due is None else dated.first_days_30())


def of_flows(advanced: ArrayLike, amounts: ArrayLike, first_days: Ints | int = MONTH) -> ArrayRates:
    """The rates of one advance and monthly payments for each loan.

    Args:
        advanced: (N,) minor units.
        amounts: (N, n) minor units, none negative; 0 beyond the last payment.
        first_days: (N,) or one value: 30/360 days until the first payment.

    Raises:
        NoRate: a loan's payments do not reach its advance, or its rate is beyond 10**6 a month.
        InvalidFlows: the amounts are not whole, or not N rows of them.
    """
    lent, paid = np.asarray(advanced), np.asarray(amounts)
    if lent.dtype.kind not in "iu" or paid.dtype.kind not in "iu":
        raise InvalidFlows("flows are whole amounts", faults=[Fault("/amounts", "not_an_integer")])
    if lent.ndim != 1 or paid.shape[:-1] != lent.shape:
        raise InvalidFlows("each advance has a row of payments", faults=[Fault("/amounts", "length_differs")])
    return _of_flows(lent, paid, first_days)


def _of_flows(advanced: Ints, amounts: Ints, first_days: Ints | int) -> ArrayRates:
    count = len(advanced)
    short = np.flatnonzero((amounts.sum(axis=1) < advanced) | (advanced <= 0) | (amounts < 0).any(axis=1))
    if len(short):
        raise NoRate(
            "the payments do not repay what was advanced", faults=[Fault(f"/amounts/{short[0]}", "too_low")]
        )
    days = np.broadcast_to(np.asarray(first_days, np.int64), (count,))
    monthly = np.empty(count)
    columns = amounts.T
    for low in range(0, count, BLOCK):
        at = slice(low, low + BLOCK)
        monthly[at] = _monthly(advanced[at].astype(np.float64), columns[:, at].astype(np.float64), days[at])
    growth = 1 + monthly
    squared = growth * growth
    fourth = squared * squared
    return ArrayRates(12 * monthly, fourth * fourth * fourth - 1)


def _monthly(advanced: Floats, amounts: Floats, first_days: Ints) -> Floats:
    """Newton downwards from no discount: the value is convex in the factor, so no step overshoots.

    With odd first periods the factor is that of a thirtieth of a month, so that every power is whole.
    """
    regular = bool((first_days == MONTH).all())
    factor = np.ones_like(advanced)
    for _ in range(ROUNDS):
        if regular:
            value, slope = _horner(factor, amounts)
            value, slope = value * factor, value + slope * factor
        else:
            value, slope = _odd(factor, amounts, first_days)
        step = (value - advanced) / slope
        factor = factor - step
        if (np.abs(step) <= 1e-15 * factor).all():
            break
    discount = factor if regular else _power(factor, np.int64(MONTH))
    if not (discount > 1e-6).all():
        raise NoRate("the rate is beyond any limit")
    return 1 / discount - 1


def _odd(factor: Floats, amounts: Floats, days: Ints) -> tuple[Floats, Floats]:
    """Σ amounts[k] · x^(days + 30 k) for the factor x of a thirtieth of a month, and its derivative."""
    before = _power(factor, np.int64(MONTH - 1))
    value, slope = _horner(before * factor, amounts)
    first = _power(factor, days)
    return first * value, first * (days * value / factor + slope * MONTH * before)


def _horner(discount: Floats, amounts: Floats) -> tuple[Floats, Floats]:
    """Σ amounts[k] · discount^k and its derivative."""
    value = amounts[-1].copy()
    slope = np.zeros_like(value)
    for row in amounts[-2::-1]:
        slope *= discount
        slope += value
        value *= discount
        value += row
    return value, slope


def _power(base: Floats, exponent: Ints | np.int64) -> Floats:
    """base^exponent for whole exponents, by squaring."""
    result = np.ones_like(base)
    square = base.copy()
    left = np.asarray(exponent, np.int64)
    while (left > 0).any():
        result = np.where(left & 1, result * square, result)
        square = square * square
        left = left >> 1
    return result
