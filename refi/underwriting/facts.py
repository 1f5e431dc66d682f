"""Everything a decision may know, frozen: each fact with its value, where it comes from and as of when.

A missing fact is a value (None) with a source that says who did not tell. Amounts are minor units. Sex,
marriage, education and age do not appear, except that the borrower must be of age.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar

from refi.underwriting.bureau import Report
from refi.underwriting.card_history import Month, share, used_as

T = TypeVar("T")


class Source(StrEnum):
    """Who told a fact."""

    BORROWER = "borrower"
    STATEMENT = "statement"
    PROVIDER = "provider"
    OUR_BOOKS = "our_books"
    BUREAU = "bureau"
    BUREAU_SILENT = "bureau_silent"
    """The bureau was asked and gave no answer that could be used."""
    POLICY = "policy"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """One fact; ``value`` None when nobody told. ``as_of`` is the business date that it describes."""

    value: T | None
    source: Source
    as_of: date | None = None


class Product(StrEnum):
    """What is asked for."""

    CARD_REFINANCE = "card_refinance"
    MICRO_LOAN = "micro_loan"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the borrower asks for: amount in minor units, term in months."""

    product: Product
    amount: int
    term: int
    method: str


@dataclass(frozen=True, slots=True)
class Facts:
    """The frozen input of one decision on business date ``on``."""

    on: date
    wish: Wish
    age: Fact[int]
    identity_verified: Fact[bool]
    consents: Fact[tuple[str, ...]]
    fraud_signals: Fact[tuple[str, ...]]
    issuer: Fact[str]
    card_payable: Fact[bool]
    card_apr: Fact[Decimal]
    statement_date: Fact[date]
    statement_due_date: Fact[date]
    statement_balance: Fact[int]
    statement_minimum: Fact[int]
    statement_overdue: Fact[bool]
    refinanced: Fact[int]
    """Part of this bill that loans of ours have paid off or are about to."""
    monthly_income: Fact[int]
    """As the borrower told it."""
    other_card_minimums: Fact[int]
    """Minimum payments a month on the borrower's other cards."""
    loan_installments: Fact[int]
    """Installments a month on loans with us."""
    exposure: Fact[int]
    """Principal owed to us now, and promised by open offers and loans not yet paid out."""
    days_past_due: Fact[int]
    worst_days_past_due: Fact[int]
    charged_off: Fact[bool]
    bureau: Fact[Report]
    credit_limit: Fact[int] = field(default_factory=lambda: Fact(None, Source.BORROWER))
    bills: Fact[tuple[Month, ...]] = field(default_factory=lambda: Fact(None, Source.STATEMENT))
    """The card's bills up to the one that is refinanced, newest first: what a scorecard reads."""
    utilization: Fact[Decimal] = field(default_factory=lambda: Fact(None, Source.STATEMENT))
    paid_share: Fact[Decimal] = field(default_factory=lambda: Fact(None, Source.STATEMENT))
    """Paid of the closed bills, each against the bill before the payment."""
    revolving_streak: Fact[int] = field(default_factory=lambda: Fact(None, Source.STATEMENT))
    minimum_payer: Fact[bool] = field(default_factory=lambda: Fact(None, Source.STATEMENT))
    cash_share: Fact[Decimal] = field(default_factory=lambda: Fact(None, Source.STATEMENT))
    """Part of the newest balance that was drawn as cash, where the bill says so."""
    issuer_exposure: Fact[int] = field(default_factory=lambda: Fact(None, Source.OUR_BOOKS))
    """Principal lent on cards of this issuer, to everybody."""
    portfolio_exposure: Fact[int] = field(default_factory=lambda: Fact(None, Source.OUR_BOOKS))
    verified_income: Fact[int] = field(default_factory=lambda: Fact(None, Source.STAFF))
    """A month's income that somebody else vouches for, as of the day that the evidence is about."""


def aged(facts: dict[str, Any], on: date) -> dict[str, Any]:
    """Recorded facts as people read them: each that is dated with its age in days on ``on``."""

    def with_age(fact: Any) -> Any:
        if not isinstance(fact, dict) or not isinstance(fact.get("as_of"), str) or "source" not in fact:
            return fact
        return {**fact, "age_days": (on - date.fromisoformat(fact["as_of"])).days}

    return {name: with_age(fact) for name, fact in facts.items()}


def card_facts(months: tuple[Month, ...], limit: int | None, told_on: date, on: date) -> dict[str, Fact[Any]]:
    """What the bills of a card say about its use, as of the newest bill; None where they do not."""
    newest = months[0] if months else None
    used = used_as(months, limit)
    cash = None if newest is None or newest.cash is None else share(newest.cash, newest.balance)
    told: dict[str, object] = {
        "bills": months or None,
        "utilization": used.utilization,
        "paid_share": used.paid_share,
        "revolving_streak": used.revolving_streak,
        "minimum_payer": used.minimum_payer,
        "cash_share": cash,
    }
    found: dict[str, Fact[Any]] = {
        name: Fact(value, Source.STATEMENT, None if value is None else told_on)
        for name, value in told.items()
    }
    return {**found, "credit_limit": Fact(limit, Source.BORROWER, None if limit is None else on)}
