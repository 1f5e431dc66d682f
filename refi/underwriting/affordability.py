"""Can the borrower carry it: what is due each month against what comes in each month. Exact, no floats."""

from __future__ import annotations

from fractions import Fraction


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


def burden(obligations: int, monthly_income: int) -> Fraction | None:
    """Share of a month's income that a month's obligations take; None when nothing comes in."""
    return Fraction(obligations, monthly_income) if monthly_income > 0 else None
