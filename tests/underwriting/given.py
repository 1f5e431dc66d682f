"""Builders of underwriting values with visible defaults: a clean, approvable card holder."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from refi.underwriting.bureau import Report
from refi.underwriting.card_history import Month
from refi.underwriting.facts import Fact, Facts, Product, Source, Wish

ON = date(2026, 11, 22)


def fact(value: Any, source: Source = Source.OUR_BOOKS) -> Fact[Any]:
    return Fact(value, source, ON if value is not None else None)


def months(balance: int = 1_200_000, paid: int = 200_000, count: int = 6, **newest: Any) -> tuple[Month, ...]:
    """Monthly bills, newest first, each 200.00 above the one before; ``newest`` changes the first one.

    With a limit of 50,000.00 they score 651: band B.
    """
    made = [
        Month(date(2026, 11 - k, 12), balance - 20_000 * k, balance // 10, paid, False, None)
        for k in range(count)
    ]
    return (replace(made[0], **newest), *made[1:])


def facts(*, wish: dict[str, Any] | None = None, on: date = ON, **changed: Any) -> Facts:
    """Facts of a borrower whom everything speaks for, with named facts changed (plain values)."""
    base = Facts(
        on=on,
        wish=replace(Wish(Product.CARD_REFINANCE, 1_200_000, 6, "equal_installment"), **(wish or {})),
        age=fact(34, Source.BORROWER),
        identity_verified=fact(True, Source.PROVIDER),
        consents=fact(("bureau_query", "statement_read"), Source.BORROWER),
        fraud_signals=fact(()),
        issuer=fact("CMB", Source.BORROWER),
        card_payable=fact(True, Source.PROVIDER),
        card_apr=fact(Decimal("0.1825"), Source.STATEMENT),
        statement_date=fact(date(2026, 11, 12), Source.STATEMENT),
        statement_due_date=fact(date(2026, 12, 2), Source.STATEMENT),
        statement_balance=fact(1_200_000, Source.STATEMENT),
        statement_minimum=fact(120_000, Source.STATEMENT),
        statement_overdue=fact(False, Source.STATEMENT),
        refinanced=fact(0),
        monthly_income=fact(850_000, Source.BORROWER),
        other_card_minimums=fact(0, Source.STATEMENT),
        loan_installments=fact(0),
        exposure=fact(0),
        days_past_due=fact(0),
        worst_days_past_due=fact(0),
        charged_off=fact(False),
        bureau=fact(None, Source.BUREAU),
        issuer_exposure=fact(0),
        portfolio_exposure=fact(0),
        credit_limit=fact(5_000_000, Source.BORROWER),
        bills=fact(months(), Source.STATEMENT),
        verified_income=fact(None, Source.STAFF),
    )
    return replace(base, **{name: fact(value, getattr(base, name).source) for name, value in changed.items()})


def report(**changed: Any) -> Report:
    """A clean bureau report."""
    return replace(Report(ON, 0, 0, 1, 60, None), **changed)
