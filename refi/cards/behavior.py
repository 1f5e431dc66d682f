"""How a card is used, read from up to six consecutive bills: features for decisions and reports. Pure.

A payment is set against the *previous* bill, as in `refi.cards.revolving`. Shares are exact fractions;
None says that the bills do not tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, takewhile

from refi.cards.revolving import Cycle, closed_cycles
from refi.cards.statements import Bill

MINIMUM_TOLERANCE = Fraction(11, 10)
"""Paid up to a tenth above the minimum still counts as the minimum: people round up. Less counts too: the
bill's minimum may be our own estimate (seeded bills), and who pays less is no better off."""


@dataclass(frozen=True, slots=True)
class Behavior:
    """What the bills say.

    Attributes:
        utilization: newest balance / credit limit; a credit balance is 0, above the limit is above 1.
        paid_share: paid / billed over the closed cycles with a balance, a cycle counting at most in full.
        revolving_streak: closed cycles in a row, back from the newest, that were not paid in full.
        minimum_cycles: closed revolved cycles in which something was paid, and at most about the minimum.
        unpaid_cycles: closed cycles with a balance in which nothing was paid.
        minimum_payer: more than half of the closed cycles with a balance were minimum cycles.
    """

    utilization: Fraction | None
    paid_share: Fraction | None
    revolving_streak: int
    minimum_cycles: int
    unpaid_cycles: int
    minimum_payer: bool


def behavior(bills: Sequence[Bill], credit_limit: int | None) -> Behavior:
    """Features of consecutive ``bills``, newest first, of a card with ``credit_limit`` (minor units)."""
    cycles = closed_cycles([(bill.statement_balance, bill.payments_since_last) for bill in bills])
    billed = [cycle for cycle in cycles if cycle.has_balance]
    minimum_cycles = sum(_at_most_the_minimum(before, after) for after, before in pairwise(bills))
    return Behavior(
        utilization=_utilization(bills, credit_limit),
        paid_share=_paid_share(billed),
        revolving_streak=sum(1 for _ in takewhile(lambda cycle: cycle.revolved, cycles)),
        minimum_cycles=minimum_cycles,
        unpaid_cycles=sum(cycle.paid == 0 for cycle in billed),
        minimum_payer=2 * minimum_cycles > len(billed),
    )


def _utilization(bills: Sequence[Bill], credit_limit: int | None) -> Fraction | None:
    if not bills or not credit_limit:
        return None
    return Fraction(max(bills[0].statement_balance, 0), credit_limit)


def _paid_share(billed: Sequence[Cycle]) -> Fraction | None:
    if not billed:
        return None
    paid = sum(min(cycle.paid, cycle.balance) for cycle in billed)
    return Fraction(paid, sum(cycle.balance for cycle in billed))


def _at_most_the_minimum(before: Bill, after: Bill) -> bool:
    """Whether, as ``after`` says, something was paid of ``before``: about its minimum at most, not all."""
    paid = after.payments_since_last
    if not paid or paid >= before.statement_balance:
        return False
    return paid <= before.minimum_payment * MINIMUM_TOLERANCE
