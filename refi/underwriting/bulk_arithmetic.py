"""Whole minor units over arrays, exact at any size, for many decisions at once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from refi.schedules.savings import MAX_MONTHS

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def beyond(amounts: Ints, lent: int | None, most: int) -> Flags:
    """Rows for which there is no room any more; everybody when nobody knows what is lent."""
    if lent is None:
        return np.ones(len(amounts), dtype=np.bool_)
    return np.asarray(amounts + lent > most, dtype=np.bool_)


def ranked(declines: Flags, refers: Flags, weights: Sequence[int], most: int) -> NDArray[np.int8]:
    """The ``most`` heaviest reasons of each row (N, most), -1 for none; what declines before what refers.

    ``declines`` and ``refers`` are (reasons, N); a reason of lesser weight comes first.
    """
    n = declines.shape[1]
    found = np.full((n, most), -1, dtype=np.int8)
    filled = np.zeros(n, dtype=np.int64)
    for hits in (declines, refers & ~declines):
        for code in np.argsort(np.array(weights)):
            rows = np.flatnonzero(hits[code] & (filled < most))
            found[rows, filled[rows]] = code
            filled[rows] += 1
    return found


def rounded(amounts: Ints, part: Fraction, *, times: Ints | int = 1) -> Ints:
    """``amounts × times × part`` to whole minor units, the half up; nothing is negative.

    Exact: where 63 bits are not enough, in integers of any size.
    """
    numerator, denominator = part.numerator, part.denominator
    most = int(amounts.max(initial=0)) * int(np.max(times, initial=0)) * 2 * numerator + denominator
    if most < 2**63:
        return np.asarray((2 * amounts * times * numerator + denominator) // (2 * denominator), np.int64)
    exact = amounts.astype(object) * times
    return np.asarray((2 * exact * numerator + denominator) // (2 * denominator), dtype=np.int64)


def saves(amounts: Ints, due: Ints, costs: Ints, apr: Decimal, *, full: bool) -> Flags:
    """Whether each plan costs less than its own payments made to the card: `savings.same_payments` for many.

    ``due`` is (N, term), what the plan asks each month; the last payment goes on. ``full``: interest on the
    whole balance, else on the unpaid part. A card that would never be cleared that way makes any plan
    worthwhile.
    """
    monthly, term = Fraction(apr) / 12, due.shape[1]
    balance, interest = amounts.copy(), np.zeros(len(amounts), dtype=np.int64)
    cleared, going = np.zeros(len(balance), dtype=np.bool_), np.ones(len(balance), dtype=np.bool_)
    for month in range(MAX_MONTHS):
        paid = due[:, min(month, term - 1)]
        charged = rounded(balance if full else np.maximum(balance - paid, 0), monthly)
        after = balance + charged - np.minimum(paid, balance + charged)
        interest += np.where(going, charged, 0)
        cleared |= going & (after <= 0)
        going = going & (after > 0) & ((after < balance) | (month + 1 < term))
        balance = np.where(going, after, balance)
        if not going.any():
            break
    return np.asarray(~cleared | (interest > costs), dtype=np.bool_)
