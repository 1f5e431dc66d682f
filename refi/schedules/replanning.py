"""A new plan for the installments still open: after principal repaid ahead, or terms agreed anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from refi.money import Rounding, round_div, round_exact
from refi.schedules.amortization import BEARS_INTEREST, Method, Terms, fraction_of
from refi.schedules.day_count import DENOMINATOR
from refi.schedules.recurrence import level_payment
from refi.schedules.rows import Row


@dataclass(frozen=True, slots=True)
class Pricing:
    """What a contract needs to price a balance for a period."""

    terms: Terms
    numerator: int
    denominator: int

    @classmethod
    def of(cls, terms: Terms) -> Pricing:
        """The pricing of a contract's terms."""
        if terms.method not in BEARS_INTEREST:
            return cls(terms, 0, 1)
        numerator, denominator = fraction_of(terms.annual_rate)
        return cls(terms, numerator, denominator * DENOMINATOR[terms.day_count])

    def interest(self, balance: int, weight: int) -> int:
        """Interest of a whole period on ``balance``."""
        return round_div(balance * self.numerator * weight, self.denominator, self.terms.rounding)

    def level(self, balance: int, first_interest: int, weights: Sequence[int]) -> int:
        """The level payment of ``balance`` whose first interest is given; ``weights``: the later periods."""
        numerators = [0] + [self.numerator * weight for weight in weights]
        return level_payment(balance + first_interest, numerators, self.denominator, self.terms.rounding)

    def level_exact(self, owed: Fraction, weights: Sequence[int]) -> int:
        """The level payment of what is owed, first interest included, before that is rounded."""
        worth = part = Fraction(1)
        for weight in weights:
            part /= 1 + Fraction(self.numerator * weight, self.denominator)
            worth += part
        return round_exact(owed / worth, self.terms.rounding)


def replan(rows: list[Row], pricing: Pricing, on: date, balance: int, keep_amount: bool) -> list[Row]:
    """Spread ``balance`` over the open ``rows`` from ``on`` and return those that remain.

    ``balance`` counts principal already paid on the first row (paid in advance). With ``keep_amount`` the
    installments keep their size and the plan ends sooner; otherwise the dates stay and the installments
    become smaller. Fees follow the balance they are the price of. The interest of the days before ``on``
    keeps its price.
    """
    first = rows[0]
    before = sum(row.principal for row in rows)
    method, rounding = pricing.terms.method, pricing.terms.rounding
    old_part, old_amount = first.principal, first.principal + first.interest
    fees = [_fee(row.period_fee, balance, before, rounding) for row in rows]
    first.reprice(on, pricing.interest(balance, first.weight), fees[0], rounding)
    if method is Method.EQUAL_INSTALLMENT:
        lower = pricing.level(balance, first.interest, [row.weight for row in rows[1:]])
        size = old_amount if keep_amount else lower
    else:
        size = old_part if keep_amount else round_div(balance, len(rows), rounding)
    reserved = sum(_met(row) for row in rows)
    for k, row in enumerate(rows):
        if k:
            row.reprice(row.starts_on, pricing.interest(balance, row.weight), fees[k], rounding)
        target = size - row.interest if method is Method.EQUAL_INSTALLMENT else size
        reserved -= _met(row)
        last = k + 1 == len(rows)
        row.principal = balance if last else min(max(target, _met(row)), balance - reserved)
        balance -= row.principal
    if not keep_amount:
        return rows
    return [row for row in rows if row.principal or row.paid.total or row is first]


def _fee(fee: int, balance: int, before: int, rounding: Rounding) -> int:
    """The fee of an installment once the balance that it is the price of has shrunk."""
    return fee if balance >= before else round_div(fee * balance, before, rounding)


def _met(row: Row) -> int:
    """Principal of an installment that was paid or waived already; a new plan keeps it there."""
    return row.paid.principal + row.waived.principal
