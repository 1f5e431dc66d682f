"""The internal rate of a set of flows, found in fixed-precision decimals: the same digits on every machine.

No float takes part. The root is followed by Newton's method inside a bracket to far more digits than are
ever shown, the residual is checked, and flows for which "the" rate would be a matter of choice are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation, localcontext
from fractions import Fraction

from refi.errors import Refused

DIGITS = Context(prec=50, rounding=ROUND_HALF_EVEN)
"""The context of every disclosure figure, whatever the caller's own decimal context is."""

SHOWN = Decimal("1e-12")
"""Rates are given to twelve places, correctly rounded."""

LARGEST_PERIOD_RATE = Decimal(10) ** 6
_ACCURACY = Decimal("1e-40")
_RESIDUAL = Decimal("1e-9")


class NoRate(Refused):
    """The flows have no annual rate: nothing advanced, nothing repaid, or less repaid than advanced."""

    code = "validation_failed"


class AmbiguousRate(Refused):
    """More than one rate fits the flows, because the borrower is owed money part of the time."""

    code = "validation_failed"


@dataclass(frozen=True, slots=True)
class TimedFlow:
    """Money (minor units, positive when advanced to the borrower) after ``whole`` periods and a fraction.

    ``simple`` is the part of a period that is discounted by ``1 + simple × i`` (Regulation Z); any other
    fraction is part of ``periods`` and compounds.
    """

    amount: int
    periods: Fraction | int
    simple: Fraction = Fraction(0)


def _decimal(value: Fraction | int) -> Decimal:
    if value.denominator == 1:
        return Decimal(value.numerator)
    return Decimal(value.numerator) / Decimal(value.denominator)


class Valuation:
    """Flows in order of time, ready to be valued at any rate (inside the fixed context only)."""

    def __init__(self, flows: Sequence[TimedFlow]) -> None:
        ordered = sorted(flows, key=lambda flow: flow.periods + flow.simple if flow.simple else flow.periods)
        self.amounts = [Decimal(flow.amount) for flow in ordered]
        self.times = [_decimal(flow.periods) for flow in ordered]
        self.simple = [_decimal(flow.simple) if flow.simple else None for flow in ordered]
        self.steps: list[Decimal | int] = []
        before: Fraction | int = 0
        for flow in ordered:
            step = flow.periods - before
            self.steps.append(step.numerator if step.denominator == 1 else _decimal(step))
            before = flow.periods
        self.regular = not any(self.simple) and self.steps == [0] + [1] * (len(self.steps) - 1)

    def present_values(self, rate: Decimal) -> list[Decimal]:
        """Each flow discounted to time zero at ``rate`` per period."""
        growth = 1 + rate
        powers: dict[Decimal | int, Decimal] = {0: Decimal(1), 1: 1 / growth}
        discount = Decimal(1)
        values = []
        for amount, step, simple in zip(self.amounts, self.steps, self.simple, strict=True):
            factor = powers.get(step)
            if factor is None:
                factor = powers[step] = growth ** (-step)
            discount *= factor
            values.append(amount * discount if simple is None else amount * discount / (1 + simple * rate))
        return values

    def value_and_slope(self, rate: Decimal) -> tuple[Decimal, Decimal]:
        """The net present value at ``rate`` and its derivative."""
        growth = 1 + rate
        if self.regular:  # one flow a period: Horner's scheme for the polynomial in the discount factor
            discount = 1 / growth
            value = derivative = Decimal(0)
            for amount in reversed(self.amounts):
                derivative = derivative * discount + value
                value = value * discount + amount
            return value, -derivative * discount * discount
        total = slope = Decimal(0)
        for value, time, simple in zip(self.present_values(rate), self.times, self.simple, strict=True):
            total += value
            slope -= value * time / growth
            if simple is not None:
                slope -= value * simple / (1 + simple * rate)
        return total, slope


def period_rate(flows: Sequence[TimedFlow]) -> Decimal:
    """The rate per period at which the flows are worth nothing, at 50 digits.

    Raises `NoRate` when nothing is advanced or repaid, a payment comes before any advance, the payments do
    not reach the advances, or the rate is beyond 10**6 per period; `AmbiguousRate` when the borrower would
    be owed money at the root found, so that other roots may exist (Teichroew, Robichek and Montalbano 1965).
    """
    advanced = sum(flow.amount for flow in flows if flow.amount > 0)
    repaid = -sum(flow.amount for flow in flows if flow.amount < 0)
    if advanced == 0 or repaid == 0:
        raise NoRate("a rate needs at least one advance and one payment")
    if repaid < advanced:
        raise NoRate("the payments do not repay what was advanced", advanced=advanced, repaid=repaid)
    with localcontext(DIGITS):
        valued = Valuation(flows)
        if valued.amounts[0] < 0:
            raise NoRate("a payment comes before the first advance")
        rate = Decimal(0) if repaid == advanced else root(valued)
        _prove(valued, rate)
        return rate


def root(flows: Valuation) -> Decimal:
    """Newton inside a bracket: from zero, where the value is negative, towards the sign change."""
    low, high = Decimal(0), Decimal("0.05")
    while flows.value_and_slope(high)[0] < 0:
        if high == LARGEST_PERIOD_RATE:
            raise NoRate("the rate is beyond any limit")
        low, high = high, min(high * 4, LARGEST_PERIOD_RATE)
    rate = low
    for _ in range(400):
        value, slope = flows.value_and_slope(rate)
        if value == 0:
            return rate
        if value < 0:
            low = rate
        else:
            high = rate
        following = rate - value / slope if slope else low
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - rate) <= _ACCURACY * (1 + rate):
            return following
        rate = following
    raise NoRate("the rate could not be settled")


def _prove(flows: Valuation, rate: Decimal) -> None:
    """Refuse a root that leaves a residual, or at which the borrower would at some time be the lender."""
    owed = Decimal(0)
    lowest = Decimal(0)
    for value in flows.present_values(rate):
        owed += value
        lowest = min(lowest, owed)
    if abs(owed) > _RESIDUAL:
        raise NoRate("the rate could not be settled")
    if lowest < -_RESIDUAL:
        raise AmbiguousRate("more than one rate fits: the payments run ahead of the advances")


def shown(rate: Decimal) -> Decimal:
    """A rate rounded to the places that are shown (twelve), half to even, exponent fixed.

    Raises `NoRate` for one that has too many digits before the point to be told so exactly.
    """
    with localcontext(DIGITS):
        try:
            return rate.quantize(SHOWN)
        except InvalidOperation as error:
            raise NoRate("the rate is beyond every measure") from error


def compound(rate: Decimal, periods: int | Fraction) -> Decimal:
    """``(1 + rate) ** periods − 1`` in the fixed context."""
    with localcontext(DIGITS):
        power = periods if isinstance(periods, int) else _decimal(periods)
        return Decimal((1 + rate) ** power - 1)
