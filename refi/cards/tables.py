"""Rows of cards and statements. A card number is never here: the provider's token stands for it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from refi.db.base import Base, Id, PrimaryId
from refi.money import MAX_AMOUNT


class Card(Base):
    """A credit card of a borrower."""

    __tablename__ = "cards"
    __table_args__ = (
        UniqueConstraint("borrower_id", "token"),
        Index("ix_cards_token", "token"),
        CheckConstraint("apr >= 0 AND apr <= 10", name="apr"),
        CheckConstraint(f"credit_limit BETWEEN 0 AND {MAX_AMOUNT}", name="credit_limit"),
    )

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    issuer: Mapped[str]
    token: Mapped[str]
    last4: Mapped[str]
    credit_limit: Mapped[int | None]
    apr: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    payable: Mapped[bool]
    not_payable_reason: Mapped[str | None]
    proved_at: Mapped[datetime]
    created_at: Mapped[datetime]


class Statement(Base):
    """A bill as the issuer sent it; never changed after import."""

    __tablename__ = "statements"
    __table_args__ = (
        UniqueConstraint("card_id", "statement_date"),
        CheckConstraint("due_date > statement_date", name="due_date"),
        CheckConstraint(f"abs(statement_balance) <= {MAX_AMOUNT}", name="statement_balance"),
        CheckConstraint(f"minimum_payment BETWEEN 0 AND {MAX_AMOUNT}", name="minimum_payment"),
    )

    id: Mapped[PrimaryId]
    card_id: Mapped[Id] = mapped_column(ForeignKey("cards.id"))
    statement_date: Mapped[date]
    due_date: Mapped[date]
    statement_balance: Mapped[int]
    minimum_payment: Mapped[int]
    purchases: Mapped[int | None]
    payments_since_last: Mapped[int | None]
    last_payment_amount: Mapped[int | None]
    is_overdue: Mapped[bool]
    aprs: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    imported_at: Mapped[datetime]
