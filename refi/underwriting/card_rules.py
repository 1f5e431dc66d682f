"""Rules that look at the card and its bill: ours to pay off, current, not late, and worth refinancing."""

from __future__ import annotations

from refi.underwriting.findings import Case, Finding, decline, passed, refer


def amount_within_statement(case: Case) -> Finding:
    """A refinancing pays at most what is left of the bill, else it would be a way to cash out."""
    amount, balance = case.facts.wish.amount, case.facts.statement_balance.value
    paid = case.facts.refinanced.value
    seen = {"amount": amount, "balance": balance, "refinanced": paid}
    if balance is None or paid is None:
        return refer("AMOUNT_WITHIN_STATEMENT", "application_incomplete", **seen)
    if amount + paid > balance:
        return decline("AMOUNT_WITHIN_STATEMENT", "policy_exposure_limit", **seen)
    return passed("AMOUNT_WITHIN_STATEMENT", **seen)


def statement_fresh(case: Case) -> Finding:
    """The bill must be the current one and not past its due date; a bill from the future is looked at."""
    facts, days = case.facts, case.policy.product.statement_fresh_days
    dated = facts.statement_date.value
    if dated is None:
        return refer("STATEMENT_FRESH", "application_incomplete", statement_date=None)
    age = (facts.on - dated).days
    if age < 0:
        return refer("STATEMENT_FRESH", "suspected_fraud", statement_date=dated, age_days=age)
    due = facts.statement_due_date.value
    if age > days or (due is not None and facts.on > due):
        return decline(
            "STATEMENT_FRESH",
            "statement_too_old",
            statement_date=dated,
            due_date=due,
            age_days=age,
            limit=days,
        )
    return passed("STATEMENT_FRESH", statement_date=dated, due_date=due, age_days=age, limit=days)


def card_not_overdue(case: Case) -> Finding:
    """The issuer must not say that the card is past due."""
    overdue = case.facts.statement_overdue.value
    if overdue is None:
        return refer("CARD_NOT_OVERDUE", "application_incomplete", overdue=None)
    if overdue:
        return decline("CARD_NOT_OVERDUE", "card_overdue", overdue=True)
    return passed("CARD_NOT_OVERDUE", overdue=False)


def card_payable(case: Case) -> Finding:
    """The provider must have proved that the card is the borrower's and can receive money."""
    payable = case.facts.card_payable.value
    if payable is None:
        return refer("CARD_PAYABLE", "card_not_payable", payable=None)
    if not payable:
        return decline("CARD_PAYABLE", "card_not_payable", payable=False)
    return passed("CARD_PAYABLE", payable=True)


def benefit(case: Case) -> Finding:
    """The plan must cost less than paying the same each month to the card."""
    if case.priced is None:
        return passed("BENEFIT", saving=None)
    saving, apr = case.priced.saving_same_payment, case.facts.card_apr.value
    if case.priced.worthwhile is None:
        return refer("BENEFIT", "no_benefit", saving=None, card_apr=apr)
    if not case.priced.worthwhile:
        return decline("BENEFIT", "no_benefit", saving=saving, card_apr=apr, cost=case.priced.cost)
    return passed("BENEFIT", saving=saving, card_apr=apr, cost=case.priced.cost)
