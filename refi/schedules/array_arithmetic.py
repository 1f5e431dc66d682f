"""Whole-number arithmetic over arrays for the recurrence: float64 while exact, int64 beyond it.

`refi.schedules.bulk` proves the limits and picks one; see `refi.schedules.recurrence` for the steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from refi.money import Rounding, round_div

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FLOAT64_LIMIT = 2.0**53
INT64_LIMIT = 2.0**62
"""Compared in float64, so one bit below 2**63 leaves room for the rounding of the comparison itself."""


NUDGE = 1 + 2.0**-50
"""8 u, with u = 2**-53: more than the 3 u by which a float product of rate and balance can be off."""


def float64_exact(largest_product: Floats, denominator: int) -> NDArray[np.bool_]:
    """Where interest comes out exactly in float64, for products ``a`` and denominator ``d``.

    Half up: balance × fl(rate / d) × `NUDGE` exceeds x = a / d by between 5 u x and 11 u x. A value that is
    not half a unit is at least 1 / (2 d) away from any half, which 11 u x stays below while 22 a < 2**53;
    and the nudge carries every exact half upwards, as the rule asks. Half to even divides for real: the
    product and its halves are then exact, and the quotient errs by less than its distance to other halves.
    """
    return np.asarray(32 * largest_product + 8 * denominator < FLOAT64_LIMIT)


def int64_exact(largest_product: Floats, denominator: int) -> NDArray[np.bool_]:
    """Where the doubled product and the denominator fit int64."""
    return np.asarray(2 * largest_product + denominator < INT64_LIMIT)


class Float64Arrays:
    """Whole numbers in float64 arrays, in work arrays that are used over and over.

    `clamp` lets through what it is given: the caller checks afterwards that nothing had to be clamped, which
    for ordinary loans is two comparisons instead of two per installment, and else runs `Int64Arrays`.
    """

    def __init__(self, rounding: Rounding, size: int) -> None:
        self.even = rounding is Rounding.HALF_EVEN
        self.ring = [np.empty(size) for _ in range(6)]
        self.at = 0

    def _next(self, size: int) -> Floats:
        self.at = (self.at + 1) % len(self.ring)
        return self.ring[self.at][:size]

    def rate(self, numerator: Ints, denominator: int) -> Floats:
        """A period rate as `product` and `divide` want it: already divided and nudged, for half up."""
        if self.even:
            return numerator.astype(np.float64)
        nudged = numerator / denominator
        return np.multiply(nudged, NUDGE, out=nudged)

    def product(self, balance: Floats, numerator: Floats) -> Floats:
        """``balance × rate``, in a work array."""
        return np.multiply(balance, numerator, out=self._next(len(balance)))

    def divide(self, numerator: Floats, denominator: int) -> Floats:
        """Divide (unless the rate already was) and round, in place."""
        if self.even:
            np.divide(numerator, denominator, out=numerator)
        return np.rint(numerator, out=numerator)

    def clamp(self, value: Floats, most: Floats) -> Floats:  # noqa: ARG002 - the shape of Arithmetic
        """``value`` as it is; see the class."""
        return value

    def less(self, balance: Floats, part: Floats) -> Floats:
        """``balance − part``, in a work array."""
        return np.subtract(balance, part, out=self._next(len(balance)))


class Int64Arrays:
    """Whole numbers in int64 arrays."""

    def __init__(self, rounding: Rounding) -> None:
        self.even = rounding is Rounding.HALF_EVEN

    def product(self, balance: Ints, numerator: Ints) -> Ints:
        """``balance × numerator``."""
        return balance * numerator

    def divide(self, numerator: Ints, denominator: int | Ints) -> Ints:
        """Divide and round; nothing here is negative."""
        whole, rest = np.divmod(numerator, denominator)
        twice = 2 * rest
        up = twice > denominator
        tie = twice == denominator
        return np.asarray(whole + (up | (tie & (whole % 2 == 1)) if self.even else up | tie), np.int64)

    def clamp(self, value: Ints, most: Ints) -> Ints:
        """``value`` between 0 and ``most``."""
        return np.minimum(np.maximum(value, 0), most)

    def less(self, balance: Ints, part: Ints) -> Ints:
        """``balance − part``."""
        return balance - part


def rounded_quotient(left: Ints, right: Ints | int, denominator: Ints | int, codes: Ints) -> Ints:
    """``left × right / denominator`` rounded, for arrays that fit each other; nothing is negative.

    ``codes`` are indices into ``tuple(Rounding)``. Exact at any size: where int64 cannot hold the product, in
    Python integers, one by one.
    """
    left, right, denominator, codes = np.broadcast_arrays(left, right, denominator, codes)
    fits = int64_exact(left.astype(np.float64) * right, 0) & (denominator < INT64_LIMIT)
    found = np.zeros(left.shape, np.int64)
    for code, rounding in enumerate(Rounding):
        at = codes == code
        quick = at & fits
        if quick.all():
            return Int64Arrays(rounding).divide(left * right, denominator)
        found[quick] = Int64Arrays(rounding).divide(left[quick] * right[quick], denominator[quick])
        slow = zip(*(array[at & ~fits].tolist() for array in (left, right, denominator)), strict=True)
        found[at & ~fits] = [round_div(a * b, d, rounding) for a, b, d in slow]
    return found
