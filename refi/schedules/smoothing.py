"""A level payment whose last installment is nearer to the others (Apache Fineract's EmiAdjustment)."""

from __future__ import annotations

from refi.money import round_div
from refi.schedules.amortization import Method, Terms, period_rates, split
from refi.schedules.recurrence import ExactIntegers, level

MOST = 3
"""How often another payment is tried."""

Rows = list[tuple[int, int, int]]


def smoothed(terms: Terms, weights: list[int]) -> Rows:
    """(principal, interest, balance after) of each installment, as `refi.schedules.amortization.split`.

    While the last installment differs by more minor units than half the installments, the others take their
    share of that, rounded, unless the last one would then not be nearer.
    """
    found = split(terms, weights)
    if terms.method is not Method.EQUAL_INSTALLMENT or len(found) < 2:
        return found
    numerators, denominator = period_rates(terms, weights)
    exact = ExactIntegers(terms.rounding)
    for _ in range(MOST):
        apart = _apart(found)
        share = round_div(abs(apart), len(found), terms.rounding) * (1 if apart > 0 else -1)
        if abs(apart) <= len(found) // 2 or not share:
            break
        payment = sum(found[0][:2]) + share
        again = list(level(exact, terms.principal, payment, numerators, denominator))
        if abs(_apart(again)) >= abs(apart):
            break
        found = again
    return found


def _apart(rows: Rows) -> int:
    """By how much the last installment is above the one before it."""
    return sum(rows[-1][:2]) - sum(rows[-2][:2])
