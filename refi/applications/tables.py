"""Rows of applications, their offers, their reviews and the documents that came with them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Numeric,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from refi.applications.states import ApplicationStatus, OfferStatus, ReviewStatus
from refi.db.base import Base, Id, IdText, PrimaryId, states
from refi.money import MAX_AMOUNT
from refi.underwriting.facts import Product

RUNNING = "status IN ('submitted', 'referred', 'info_requested', 'approved')"
UNFINISHED = "status IN ('open', 'info_requested', 'awaiting_second')"


class Application(Base):
    """What a borrower asks for. ``decision_id`` is the newest decision about it."""

    __tablename__ = "applications"
    __table_args__ = (
        CheckConstraint(f"amount BETWEEN 1 AND {MAX_AMOUNT}", name="amount"),
        CheckConstraint("term BETWEEN 1 AND 60", name="term"),
        CheckConstraint("(product = 'card_refinance') = (statement_id IS NOT NULL)", name="statement"),
        CheckConstraint("(product = 'micro_loan') = (bank_account_id IS NOT NULL)", name="bank_account"),
        Index("ix_applications_borrower_id", "borrower_id", "id"),
        Index("ix_applications_statement_id", "statement_id"),
        Index("ix_applications_running", "expires_on", "id", postgresql_where=text(RUNNING)),
    )

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    product: Mapped[Product] = mapped_column(states(Product))
    status: Mapped[ApplicationStatus] = mapped_column(states(ApplicationStatus))
    statement_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("statements.id"))
    card_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("cards.id"))
    bank_account_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("bank_accounts.id"))
    suggestion_id: Mapped[str | None] = mapped_column(IdText, unique=True)
    amount: Mapped[int]
    term: Mapped[int] = mapped_column(SmallInteger)
    method: Mapped[str] = mapped_column(String(40))
    monthly_income: Mapped[int | None]
    decision_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("decisions.id"))
    information_requested: Mapped[str | None]
    submitted_on: Mapped[date]
    expires_on: Mapped[date]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own declaration


class Offer(Base):
    """A binding price. ``agreement`` is what will be signed and ``agreement_hash`` its SHA-256."""

    __tablename__ = "offers"
    __table_args__ = (
        CheckConstraint(f"amount BETWEEN 1 AND {MAX_AMOUNT}", name="amount"),
        CheckConstraint("(status = 'accepted') = (loan_id IS NOT NULL)", name="loan"),
        Index("ix_offers_application_id", "application_id", "id"),
        Index("ix_offers_borrower_id", "borrower_id", "id"),
        Index("ix_offers_open", "expires_on", "id", postgresql_where=text("status = 'open'")),
    )

    id: Mapped[PrimaryId]
    application_id: Mapped[Id] = mapped_column(ForeignKey("applications.id"))
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    status: Mapped[OfferStatus] = mapped_column(states(OfferStatus))
    amount: Mapped[int]
    term: Mapped[int] = mapped_column(SmallInteger)
    method: Mapped[str] = mapped_column(String(40))
    annual_rate: Mapped[Decimal] = mapped_column(Numeric(9, 6))
    monthly_fee_rate: Mapped[Decimal] = mapped_column(Numeric(9, 6))
    apr: Mapped[Decimal] = mapped_column(Numeric(9, 6))
    effective_annual_rate: Mapped[Decimal] = mapped_column(Numeric(9, 6))
    installment_amount: Mapped[int]
    total_interest: Mapped[int]
    total_fees: Mapped[int]
    saving_same_payment: Mapped[int | None]
    agreement: Mapped[dict[str, Any]]
    agreement_hash: Mapped[str] = mapped_column(String(64))
    expires_on: Mapped[date]
    loan_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("loans.id"), unique=True)
    policy_version: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own declaration


class Review(Base):
    """A person's look at an application: one unfinished review each. Times are business instants."""

    __tablename__ = "reviews"
    __table_args__ = (
        Index("uq_reviews_unfinished", "application_id", unique=True, postgresql_where=text(UNFINISHED)),
        Index("ix_reviews_open", "due_at", "id", postgresql_where=text("status = 'open'")),
    )

    id: Mapped[PrimaryId]
    application_id: Mapped[Id] = mapped_column(ForeignKey("applications.id"))
    status: Mapped[ReviewStatus] = mapped_column(states(ReviewStatus))
    due_at: Mapped[datetime]
    claimed_by: Mapped[str | None] = mapped_column(IdText, ForeignKey("staff_members.id"))
    lease_until: Mapped[datetime | None]
    proposal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    approval_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("approvals.id"))
    answer: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own declaration


class LentSnapshot(Base):
    """Principal of the loans that were open after a closed day, by card issuer (empty: all together).

    ``upto`` is the last loan that was counted; later ones are added when a decision asks.
    """

    __tablename__ = "lent_snapshots"
    __table_args__ = (UniqueConstraint("taken_on", "issuer"),)

    id: Mapped[PrimaryId]
    taken_on: Mapped[date]
    issuer: Mapped[str]
    principal: Mapped[int]
    upto: Mapped[str] = mapped_column(IdText)


class Document(Base):
    """Evidence that the borrower sent; name and content are sealed."""

    __tablename__ = "application_documents"
    __table_args__ = (Index("ix_application_documents_application_id", "application_id", "id"),)

    id: Mapped[PrimaryId]
    application_id: Mapped[Id] = mapped_column(ForeignKey("applications.id"))
    kind: Mapped[str] = mapped_column(String(40))
    content_type: Mapped[str] = mapped_column(String(100))
    name_sealed: Mapped[str]
    content_sealed: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
