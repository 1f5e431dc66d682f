"""Rows of loans: the signed agreement, the account, and the installments as activation dated them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from refi.db.base import Base, Id, IdText, PrimaryId, states
from refi.loans.acts import ActKind
from refi.loans.holds import HoldKind
from refi.loans.states import LoanStatus
from refi.money import MAX_AMOUNT


class Product(StrEnum):
    """What is lent: the payoff of a card bill, or a micro-loan to a bank account."""

    CARD_REFINANCE = "card_refinance"
    MICRO_LOAN = "micro_loan"


class Agreement(Base):
    """What was signed: amounts and the date rule, under their hash. Never changed."""

    __tablename__ = "agreements"

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"), index=True)
    offer_id: Mapped[str] = mapped_column(IdText, unique=True)
    hash: Mapped[str] = mapped_column(String(64))
    body: Mapped[dict[str, Any]]
    signed_on: Mapped[date]
    signed_at: Mapped[datetime]


class Loan(Base):
    """An account. ``credited_on`` and ``first_due_on`` are fixed when the issuer is credited.

    ``unmet_on`` is a copy: the due date, past or coming, of the oldest installment that is not fully met, as
    `refi.schedules.contract` says (none when nothing scheduled is left). Days past due on a day are the day
    minus it, so what a day brings is found by index. ``refi audit`` proves it. ``changed_on`` is the business
    date of the last change to what is owed: the loans that a day's close takes a snapshot of.
    ``conventions`` are those of the policy at signing, by name (`refi.schedules.conventions`).
    """

    __tablename__ = "loans"
    __table_args__ = (
        CheckConstraint(f"principal BETWEEN 1 AND {MAX_AMOUNT}", name="principal"),
        CheckConstraint("term BETWEEN 1 AND 60", name="term"),
        CheckConstraint("annual_rate >= 0 AND annual_rate <= 10", name="annual_rate"),
        CheckConstraint("monthly_fee_rate >= 0 AND monthly_fee_rate <= 1", name="monthly_fee_rate"),
        CheckConstraint(
            "(status IN ('pending_disbursement')) = (credited_on IS NULL) OR status = 'cancelled'",
            name="credited_on",
        ),
        CheckConstraint("(credited_on IS NULL) = (first_due_on IS NULL)", name="first_due_on"),
        CheckConstraint("unmet_on IS NULL OR status IN ('active', 'charged_off')", name="unmet_on"),
        Index("ix_loans_borrower_id", "borrower_id", "id"),
        Index("ix_loans_open", "id", postgresql_where=text("status = 'active'")),
        Index("ix_loans_changed_on", "changed_on"),
        Index("ix_loans_first_due_on", "first_due_on", postgresql_include=["status", "unmet_on"]),
        Index("ix_loans_unmet_on", "unmet_on", "id", postgresql_where=text("status = 'active'")),
    )

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    agreement_id: Mapped[Id] = mapped_column(ForeignKey("agreements.id"), unique=True)
    product: Mapped[Product] = mapped_column(states(Product))
    status: Mapped[LoanStatus] = mapped_column(states(LoanStatus))
    currency: Mapped[str] = mapped_column(String(3))
    principal: Mapped[int]
    term: Mapped[int] = mapped_column(SmallInteger)
    method: Mapped[str] = mapped_column(String(40))
    annual_rate: Mapped[Decimal] = mapped_column(Numeric(9, 6))
    monthly_fee_rate: Mapped[Decimal] = mapped_column(Numeric(9, 6))
    day_count: Mapped[str] = mapped_column(String(20))
    rounding: Mapped[str] = mapped_column(String(20))
    penalty_multiple: Mapped[Decimal] = mapped_column(Numeric(6, 3))
    penalty_year_days: Mapped[int] = mapped_column(SmallInteger)
    conventions: Mapped[dict[str, Any]]
    apr: Mapped[Decimal] = mapped_column(Numeric(9, 6))
    effective_annual_rate: Mapped[Decimal] = mapped_column(Numeric(9, 6))
    opened_on: Mapped[date]
    credited_on: Mapped[date | None]
    first_due_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    unmet_on: Mapped[date | None]
    changed_on: Mapped[date]
    policy_version: Mapped[str]
    acts: Mapped[int] = mapped_column(SmallInteger, default=0)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class LoanAct(Base):
    """What was done to a loan: a fact, never changed. ``arguments`` are those of `refi.loans.acts`.

    ``number`` counts a loan's acts from 1; ``Loan.acts`` is the last one. ``undoes`` names the act that this
    one takes back; an act is taken back once.
    """

    __tablename__ = "loan_acts"
    __table_args__ = (
        UniqueConstraint("loan_id", "number"),
        UniqueConstraint("undoes"),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("(kind = 'reversal') = (undoes IS NOT NULL)", name="undoes"),
    )

    id: Mapped[PrimaryId]
    loan_id: Mapped[Id] = mapped_column(ForeignKey("loans.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    kind: Mapped[ActKind] = mapped_column(states(ActKind))
    arguments: Mapped[dict[str, Any]]
    undoes: Mapped[str | None] = mapped_column(IdText, ForeignKey("loan_acts.id"))
    reason: Mapped[str]
    effective_on: Mapped[date]
    at: Mapped[datetime]
    actor: Mapped[str]
    approved_by: Mapped[str | None]
    approval_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("approvals.id"))
    version: Mapped[int]
    policy_version: Mapped[str]


class Installment(Base):
    """One installment of the contract as it stands: a copy for queries, rewritten by what changes the plan.

    ``unpaid`` is what is missing of principal, interest and fee (nothing once the loan was cancelled), and
    ``unpaid_principal`` the principal in it. The audit proves all of it equal to the replayed contract.
    """

    __tablename__ = "installments"
    __table_args__ = (
        CheckConstraint("principal >= 0 AND interest >= 0 AND fee >= 0", name="parts"),
        CheckConstraint("unpaid >= 0 AND unpaid_principal >= 0", name="unpaid"),
        Index("ix_installments_due_on_loan_id", "due_on", "loan_id"),
    )

    loan_id: Mapped[Id] = mapped_column(ForeignKey("loans.id"), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    due_on: Mapped[date]
    principal: Mapped[int]
    interest: Mapped[int]
    fee: Mapped[int]
    unpaid: Mapped[int] = mapped_column(default=0)
    unpaid_principal: Mapped[int] = mapped_column(default=0)


class Hold(Base):
    """Something that stops contact about one loan, or (``loan_id`` empty) about all of the borrower's.

    It stands from ``from_on`` through ``until_on`` (empty: no end), unless it is lifted before. ``source`` is
    what it came from: a contact, a complaint, a request for help.
    """

    __tablename__ = "holds"
    __table_args__ = (
        CheckConstraint("until_on >= from_on", name="until_on"),
        CheckConstraint(
            "(lifted_on IS NULL) = (lifted_by IS NULL) AND (lifted_on IS NULL) = (lifted_because IS NULL)",
            name="lifted",
        ),
        Index("ix_holds_live", "borrower_id", "id", postgresql_where=text("lifted_on IS NULL")),
        Index("ix_holds_source", "source", postgresql_where=text("source IS NOT NULL")),
    )

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    loan_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("loans.id"))
    kind: Mapped[HoldKind] = mapped_column(states(HoldKind))
    reason_sealed: Mapped[str]
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    placed_by: Mapped[str]
    source: Mapped[str | None] = mapped_column(IdText)
    lifted_on: Mapped[date | None]
    lifted_by: Mapped[str | None]
    lifted_because: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class LoanSnapshot(Base):
    """The state of a loan at the end of a day that changed it, or that moved it to another bucket.

    Not a row per loan and day: between two rows only days past due grow. Written by the close, never changed;
    the state on any day is the last row until then. ``principal`` and ``past_due`` are minor units.
    """

    __tablename__ = "loan_snapshots"

    loan_id: Mapped[PrimaryId]
    on: Mapped[date] = mapped_column("business_date", primary_key=True)
    status: Mapped[LoanStatus] = mapped_column(states(LoanStatus))
    unmet_on: Mapped[date | None]
    days_past_due: Mapped[int] = mapped_column(Integer)
    bucket: Mapped[str] = mapped_column(String(40))
    asset_class: Mapped[str] = mapped_column(String(40))
    stage: Mapped[int] = mapped_column(SmallInteger)
    accrues: Mapped[bool]
    principal: Mapped[int]
    past_due: Mapped[int]
    version: Mapped[int]
