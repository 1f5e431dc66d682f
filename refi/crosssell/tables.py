"""Rows of cross-sell: suggestions."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

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
from sqlalchemy.orm import Mapped, mapped_column

from refi.crosssell.states import SuggestionStatus
from refi.db.base import Base, Id, IdText, PrimaryId, states


class Suggestion(Base):
    """A micro-loan that a borrower may apply for; its price is indicative, the offer's is binding.

    One open suggestion per borrower and product, and one per loan that earned it, ever.
    """

    __tablename__ = "suggestions"
    __table_args__ = (
        CheckConstraint("amount > 0 AND installment_amount > 0", name="amount"),
        UniqueConstraint("loan_id", "product"),
        Index(
            "uq_suggestions_open",
            "borrower_id",
            "product",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        Index("ix_suggestions_expires_on", "expires_on", postgresql_where=text("status = 'open'")),
        Index("ix_suggestions_borrower_id", "borrower_id", "id"),
    )

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    loan_id: Mapped[Id] = mapped_column(ForeignKey("loans.id"))
    product: Mapped[str] = mapped_column(String(40))
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    term: Mapped[int] = mapped_column(SmallInteger)
    apr: Mapped[Decimal] = mapped_column(Numeric(9, 6))
    installment_amount: Mapped[int]
    reason: Mapped[str] = mapped_column(String(60))
    status: Mapped[SuggestionStatus] = mapped_column(states(SuggestionStatus))
    application_id: Mapped[str | None] = mapped_column(IdText)
    suggested_on: Mapped[date]
    expires_on: Mapped[date]
    policy_version: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
