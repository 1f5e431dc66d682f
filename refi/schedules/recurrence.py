"""The one recurrence behind every schedule, written once over three arithmetics.

A loan's numbers may be Python integers (one loan, any size), int64 arrays or float64 arrays holding whole
numbers (many loans at once). The steps are the same; only *divide and round* and *clamp* differ, and each
arithmetic is exact inside the limits that `refi.schedules.bulk` proves before it picks one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import gcd
from typing import Protocol, TypeVar

from refi.money import Rounding, round_div

T = TypeVar("T")


class Arithmetic(Protocol[T]):
    """Exact whole-number arithmetic over one loan or an array of loans."""

    def product(self, balance: T, numerator: T) -> T:
        """``balance × numerator``."""

    def divide(self, numerator: T, denominator: int) -> T:
        """``numerator / denominator`` rounded to a whole number by the contract's rule."""

    def clamp(self, value: T, most: T) -> T:
        """``value``, but at least 0 and at most ``most``."""

    def less(self, balance: T, part: T) -> T:
        """``balance − part``."""


class ExactIntegers:
    """One loan in Python integers: exact at any size."""

    def __init__(self, rounding: Rounding) -> None:
        self.rounding = rounding

    def product(self, balance: int, numerator: int) -> int:
        """``balance × numerator``."""
        return balance * numerator

    def divide(self, numerator: int, denominator: int) -> int:
        """``numerator / denominator`` rounded by the contract's rule."""
        return round_div(numerator, denominator, self.rounding)

    def clamp(self, value: int, most: int) -> int:
        """``value`` between 0 and ``most``."""
        return 0 if value < 0 else min(value, most)

    def less(self, balance: int, part: int) -> int:
        """``balance − part``."""
        return balance - part


def level(
    arithmetic: Arithmetic[T], principal: T, payment: T, numerators: Sequence[T], denominator: int
) -> Iterator[tuple[T, T, T]]:
    """Level payments: yield (principal, interest, balance after) for each period.

    Interest is rounded once per installment. Principal is what is left of the payment, never below zero and
    never above the balance; the last installment takes the whole balance.
    """
    balance = principal
    final = len(numerators) - 1
    for k, numerator in enumerate(numerators):
        interest = arithmetic.divide(arithmetic.product(balance, numerator), denominator)
        part = balance if k == final else arithmetic.clamp(arithmetic.less(payment, interest), balance)
        balance = arithmetic.less(balance, part)
        yield part, interest, balance


def constant_principal(
    arithmetic: Arithmetic[T], principal: T, share: T, numerators: Sequence[T], denominator: int
) -> Iterator[tuple[T, T, T]]:
    """Equal shares of principal: yield (principal, interest, balance after) for each period."""
    balance = principal
    final = len(numerators) - 1
    for k, numerator in enumerate(numerators):
        interest = arithmetic.divide(arithmetic.product(balance, numerator), denominator)
        part = balance if k == final else arithmetic.clamp(share, balance)
        balance = arithmetic.less(balance, part)
        yield part, interest, balance


def reduced(numerators: Sequence[int], denominator: int) -> tuple[list[int], int]:
    """The same period rates over the smallest common denominator."""
    divisor = gcd(denominator, *numerators)
    return [value // divisor for value in numerators], denominator // divisor


def level_payment(
    principal: int, numerators: Sequence[int], denominator: int, rounding: Rounding = Rounding.HALF_UP
) -> int:
    """The generalized level payment P · Π(1 + f_k) / F_n; F_1 = 1, F_k = 1 + F_(k−1) · (1 + f_k), exactly.

    ``numerators[k] / denominator`` is the rate f of period k. Whole integers all the way, one rounding.
    """
    grown = principal
    series = 0
    power = 1
    for value in numerators:
        factor = denominator + value
        grown *= factor
        series = power + series * factor
        power *= denominator
    return round_div(grown, denominator * series, rounding)
