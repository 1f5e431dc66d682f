"""Can the borrower carry it: what is due each month against what comes in each month. Exact, no floats."""

from __future__ import annotations

from fractions import Fraction

from refi.policies.deciding import Income
from refi.underwriting.facts import Facts


def monthly_obligations(
    *,
    installment: int,
    unrefinanced_minimum: int,
    other_card_minimums: int,
    loan_installments: int,
    elsewhere: int,
) -> int:
    """What would be due each month, in minor units, if the loan were made.

    ``unrefinanced_minimum`` is the minimum of what the loan leaves on the card; it stays due.
    ``elsewhere`` is what a bureau reports beyond the cards we know: the larger of both counts, not their sum.
    """
    cards = unrefinanced_minimum + other_card_minimums
    return installment + loan_installments + max(cards, elsewhere)


def verified_income(facts: Facts, rules: Income | None) -> int | None:
    """The verified income of a month if it is fresh enough to count, minor units; else None."""
    told = facts.verified_income
    if rules is None or told.value is None or told.as_of is None:
        return None
    return told.value if (facts.on - told.as_of).days <= rules.verified_fresh_days else None


def counted_income(facts: Facts, rules: Income | None) -> int | None:
    """What counts as coming in each month, minor units: what is verified, else part of what was told."""
    declared = facts.monthly_income.value
    if rules is None or declared is None:
        return verified_income(facts, rules) if rules else declared
    verified = verified_income(facts, rules)
    return int(declared * rules.declared_counts) if verified is None else verified


def burden(obligations: int, monthly_income: int) -> Fraction | None:
    """Share of a month's income that a month's obligations take; None when nothing comes in."""
    return Fraction(obligations, monthly_income) if monthly_income > 0 else None
