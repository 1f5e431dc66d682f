"""Rows of the ledger: append-only. Triggers refuse UPDATE and DELETE; ``transfers`` is a view over them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from refi.db.base import Base, IdText, PrimaryId, states
from refi.ledger.accounts import Account
from refi.ledger.entries import Component, Kind


class PostingRule(Base):
    """Which accounts a component of a kind of movement moves between: `refi.ledger.entries.RULES` as rows."""

    __tablename__ = "posting_rules"
    __table_args__ = (CheckConstraint("debit <> credit", name="two_accounts"),)

    kind: Mapped[Kind] = mapped_column(states(Kind), primary_key=True)
    component: Mapped[Component] = mapped_column(states(Component), primary_key=True)
    debit: Mapped[Account] = mapped_column(String(40))
    credit: Mapped[Account] = mapped_column(String(40))


class MovementRow(Base):
    """The table of movements, which are read and written as values: `refi.ledger.entries.Movement`."""

    __tablename__ = "movements"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(
            "principal >= 0 AND interest >= 0 AND fee >= 0 AND penalty >= 0 AND suspense >= 0", name="parts"
        ),
        CheckConstraint("amount = principal + interest + fee + penalty + suspense", name="split"),
        UniqueConstraint("reverses"),
        Index("ix_movements_loan_id", "loan_id", "id"),
        Index("ix_movements_source", "source"),
        Index("ix_movements_business_date", "business_date"),
    )

    id: Mapped[PrimaryId]
    loan_id: Mapped[str | None] = mapped_column(IdText)
    kind: Mapped[Kind] = mapped_column(states(Kind))
    amount: Mapped[int]
    principal: Mapped[int] = mapped_column(default=0)
    interest: Mapped[int] = mapped_column(default=0)
    fee: Mapped[int] = mapped_column(default=0)
    penalty: Mapped[int] = mapped_column(default=0)
    suspense: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(3))
    cause: Mapped[str] = mapped_column(unique=True)
    source: Mapped[str | None] = mapped_column(IdText)
    mode: Mapped[str | None] = mapped_column(String(40))
    reverses: Mapped[str | None] = mapped_column(ForeignKey("movements.id"))
    allocations: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    effective_on: Mapped[date]
    on: Mapped[date] = mapped_column("business_date")
    posted_at: Mapped[datetime]
    actor: Mapped[str]
