"""The recurrence of many loans, each in the cheapest arithmetic that is exact for it.

With ``a`` = principal × largest period numerator (no balance is ever above the principal) and ``d`` the
denominator of the period rates:

- float64 holding whole numbers while ``32 a + 8 d < 2**53``;
- int64 while ``2 a + d < 2**62``;
- Python integers beyond.

At 12 % under 30/360 the first bound is a principal of 2.3 × 10**9 minor units, the second 1.9 × 10**13.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from refi.money import Rounding
from refi.schedules import level_payments
from refi.schedules.amortization import Method
from refi.schedules.array_arithmetic import Float64Arrays, Int64Arrays, float64_exact, int64_exact
from refi.schedules.recurrence import Arithmetic, ExactIntegers, constant_principal, level

Ints = NDArray[np.int64]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sink:
    """Where figures go: (n, N) arrays of principal and interest, at these loans."""

    principal: Ints
    interest: Ints
    at: slice | Ints

    @property
    def indices(self) -> Ints:
        """The loans, one by one."""
        return np.arange(self.at.start, self.at.stop) if isinstance(self.at, slice) else self.at

    def part(self, among: Ints) -> Sink:
        """The sink of some of these loans."""
        return Sink(self.principal, self.interest, self.indices[among])


@dataclass(slots=True)
class Recurrence:
    """Principal and interest of blocks of at most ``size`` loans of one method and rounding."""

    method: Method
    rounding: Rounding
    float64: Float64Arrays
    int64: Int64Arrays

    def __init__(self, method: Method, rounding: Rounding, size: int) -> None:
        self.method = method
        self.rounding = rounding
        self.float64 = Float64Arrays(rounding, size)
        self.int64 = Int64Arrays(rounding)

    def run(self, lent: Ints, rates: Sequence[Ints], denominator: int, sink: Sink) -> None:
        """Work out loans of principal ``lent`` whose period k costs ``rates[k] / denominator``."""
        equal = all(rate is rates[0] for rate in rates)
        highest = rates[0] if equal else np.maximum.reduce(list(rates))
        product = lent.astype(np.float64) * highest
        share = self._share(lent, rates, denominator, equal=equal)
        fast = float64_exact(product, denominator)
        if fast.all() and self._fast(lent, share, rates, denominator, sink, equal=equal):
            return
        fits = int64_exact(product, denominator)
        if fits.all():
            self._write(self._steps(self.int64, lent, share, rates, denominator), sink)
            return
        for among in (np.flatnonzero(fits), np.flatnonzero(~fits)):
            some = [rate[among] for rate in rates]
            if fits[among].all():
                steps = self._steps(self.int64, lent[among], share[among], some, denominator)
                self._write(steps, sink.part(among))
            else:
                self._one_by_one(lent[among], share[among], some, denominator, sink.part(among))

    def _share(self, lent: Ints, rates: Sequence[Ints], denominator: int, *, equal: bool) -> Ints:
        """The level payment, or the equal share of principal."""
        if self.method is not Method.EQUAL_INSTALLMENT:
            return self.int64.divide(lent, len(rates))
        if equal:
            return level_payments.equal_periods(lent, rates[0], denominator, len(rates), self.rounding)
        return level_payments.unequal_periods(lent, rates, denominator, self.rounding)

    def _steps(
        self, arithmetic: Arithmetic[T], lent: T, share: T, rates: Sequence[T], denominator: int
    ) -> Iterator[tuple[T, T, T]]:
        if self.method is Method.EQUAL_INSTALLMENT:
            return level(arithmetic, lent, share, rates, denominator)
        return constant_principal(arithmetic, lent, share, rates, denominator)

    def _fast(
        self, lent: Ints, share: Ints, rates: Sequence[Ints], denominator: int, sink: Sink, *, equal: bool
    ) -> bool:
        """Run in float64; whether nothing had to be clamped.

        With equal periods no payment is below its interest and interest only falls, so principal only rises
        until the last part, the balance, which is negative if too much was paid before.
        """
        once = self.float64.rate(rates[0], denominator)
        floats = [once] * len(rates)
        if not equal:
            floats = [self.float64.rate(rate, denominator) for rate in rates]
        steps = self._steps(
            self.float64, lent.astype(np.float64), share.astype(np.float64), floats, denominator
        )
        least = 0.0
        for k, (part, charge, _) in enumerate(steps):
            sink.principal[k, sink.at] = part
            sink.interest[k, sink.at] = charge
            if not equal or k == len(rates) - 1:
                least = min(least, float(part.min()))
        return least >= 0

    def _write(self, steps: Iterator[tuple[Ints, Ints, Ints]], sink: Sink) -> None:
        for k, (part, charge, _) in enumerate(steps):
            sink.principal[k, sink.at] = part
            sink.interest[k, sink.at] = charge

    def _one_by_one(
        self, lent: Ints, share: Ints, rates: Sequence[Ints], denominator: int, sink: Sink
    ) -> None:
        exact = ExactIntegers(self.rounding)
        for j, loan in enumerate(sink.indices):
            own = [int(rate[j]) for rate in rates]
            for k, (part, charge, _) in enumerate(
                self._steps(exact, int(lent[j]), int(share[j]), own, denominator)
            ):
                sink.principal[k, loan] = part
                sink.interest[k, loan] = charge
