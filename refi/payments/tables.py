"""Rows of payments, payouts, refunds, and the provider's news as it arrived."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from refi.db.base import Base, Id, IdText, PrimaryId, states
from refi.payments.autopay import TryStatus
from refi.payments.states import Call, PaymentStatus, PayoutStatus, RefundStatus
from refi.payments.suspense import SuspenseKind, SuspenseStatus


class SourceType(StrEnum):
    """How a repayment comes."""

    BANK_DEBIT = "bank_debit"
    TRANSFER = "transfer"


class Destination(StrEnum):
    """Where a payout goes."""

    CARD = "card"
    BANK_ACCOUNT = "bank_account"


class Ordered:
    """Columns of a row that is ordered from the provider under its own id."""

    call: Mapped[Call] = mapped_column(states(Call))
    called_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    provider_id: Mapped[str | None] = mapped_column(String(100))
    reason: Mapped[str | None]


UNFINISHED = (
    "call IN ('planned', 'calling', 'unknown') OR (call = 'accepted' AND status IN ('pending', 'sent'))"
)
"""To be ordered, perhaps ordered, or ordered and its end not told: what the sweep reads, by index."""


class Payment(Ordered, Base):
    """A repayment."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_payments_loan_id", "loan_id", "id"),
        Index("ix_payments_unfinished", "id", postgresql_where=text(UNFINISHED)),
        Index(
            "uq_payments_transfer",
            "provider_id",
            unique=True,
            postgresql_where=text("source_type = 'transfer'"),
        ),
    )

    id: Mapped[PrimaryId]
    loan_id: Mapped[Id] = mapped_column(ForeignKey("loans.id"))
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    source_type: Mapped[SourceType] = mapped_column(states(SourceType))
    bank_account_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("bank_accounts.id"))
    mode: Mapped[str] = mapped_column(String(40))
    status: Mapped[PaymentStatus] = mapped_column(states(PaymentStatus))
    ordered_on: Mapped[date]
    effective_on: Mapped[date | None]
    returned_on: Mapped[date | None]
    created_at: Mapped[datetime]


class Payout(Ordered, Base):
    """Money to a card issuer (the payoff) or to the borrower's bank account (a micro-loan).

    One per loan that has arrived or still may; those that failed or came back stay beside it.
    """

    __tablename__ = "payouts"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_payouts_unfinished", "id", postgresql_where=text(UNFINISHED)),
        Index("ix_payouts_loan_id", "loan_id", "id"),
        Index(
            "uq_payouts_live",
            "loan_id",
            unique=True,
            postgresql_where=text("status IN ('planned', 'sent', 'unknown', 'delivered')"),
        ),
    )

    id: Mapped[PrimaryId]
    loan_id: Mapped[Id] = mapped_column(ForeignKey("loans.id"))
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    destination: Mapped[Destination] = mapped_column(states(Destination))
    token: Mapped[str]
    status: Mapped[PayoutStatus] = mapped_column(states(PayoutStatus))
    ordered_on: Mapped[date]
    effective_on: Mapped[date | None]
    returned_on: Mapped[date | None]
    created_at: Mapped[datetime]


class Refund(Ordered, Base):
    """Money that goes back to who paid it: the excess of a payment, all of one that no loan could take, or
    money that named nobody."""

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("payment_id IS NOT NULL OR suspense_id IS NOT NULL", name="of_what"),
        Index("ix_refunds_unfinished", "id", postgresql_where=text(UNFINISHED)),
    )

    id: Mapped[PrimaryId]
    payment_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("payments.id"), index=True)
    suspense_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("suspense_items.id"))
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    of: Mapped[str] = mapped_column(String(100))
    status: Mapped[RefundStatus] = mapped_column(states(RefundStatus))
    ordered_on: Mapped[date]
    effective_on: Mapped[date | None]
    created_at: Mapped[datetime]


class ProviderNews(Base):
    """A signed webhook, stored raw before it is handled; one effect per event id."""

    __tablename__ = "provider_news"
    __table_args__ = (
        Index("ix_provider_news_waiting", "received_at", postgresql_where=text("handled_at IS NULL")),
    )

    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    raw: Mapped[str]
    received_at: Mapped[datetime]
    handled_at: Mapped[datetime | None]
    refusal: Mapped[str | None]


class UnmatchedReceipt(Base):
    """Money that arrived and that nobody could be found for: it waits in suspense."""

    __tablename__ = "unmatched_receipts"
    __table_args__ = (CheckConstraint("amount > 0", name="amount"),)

    provider_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    reference: Mapped[str | None]
    effective_on: Mapped[date]
    received_at: Mapped[datetime]


class SuspenseItem(Base):
    """Something that fits nowhere and waits for a person. ``key`` is what it is about: once each.

    ``provider_id`` is the provider's id of the money that came; ``said`` what was told that contradicts us.
    """

    __tablename__ = "suspense_items"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index(
            "ix_suspense_items_waiting",
            "id",
            postgresql_where=text("status IN ('open', 'awaiting_second', 'refunding')"),
        ),
        Index("ix_suspense_items_payment_id", "payment_id"),
    )

    id: Mapped[PrimaryId]
    key: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[SuspenseKind] = mapped_column(states(SuspenseKind))
    status: Mapped[SuspenseStatus] = mapped_column(states(SuspenseStatus))
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    effective_on: Mapped[date]
    provider_id: Mapped[str | None] = mapped_column(String(100))
    reference: Mapped[str | None]
    payment_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("payments.id"))
    loan_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("loans.id"))
    order_id: Mapped[str | None] = mapped_column(IdText)
    news_id: Mapped[str | None] = mapped_column(String(100), ForeignKey("provider_news.id"))
    approval_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("approvals.id"))
    said: Mapped[str | None]
    note: Mapped[str | None]
    opened_on: Mapped[date]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own declaration


class AutopayMandate(Base):
    """A borrower's agreement that installments are debited; one in force per loan, those before are kept."""

    __tablename__ = "autopay_mandates"
    __table_args__ = (
        CheckConstraint("day_offset >= 0", name="day_offset"),
        Index(
            "uq_autopay_mandates_in_force",
            "loan_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index("ix_autopay_mandates_loan_id", "loan_id", "id"),
    )

    id: Mapped[PrimaryId]
    loan_id: Mapped[Id] = mapped_column(ForeignKey("loans.id"))
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    bank_account_id: Mapped[Id] = mapped_column(ForeignKey("bank_accounts.id"))
    day_offset: Mapped[int] = mapped_column(SmallInteger)
    created_on: Mapped[date]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    reason: Mapped[str | None]


class AutopayTry(Base):
    """A debit planned for what falls due on ``due_on``; its number makes it happen once, ever."""

    __tablename__ = "autopay_tries"
    __table_args__ = (
        Index(
            "ix_autopay_tries_planned",
            "planned_for",
            "loan_id",
            postgresql_where=text("status = 'planned'"),
        ),
    )

    loan_id: Mapped[Id] = mapped_column(ForeignKey("loans.id"), primary_key=True)
    due_on: Mapped[date] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger)
    planned_for: Mapped[date]
    status: Mapped[TryStatus] = mapped_column(states(TryStatus))
    payment_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("payments.id"), unique=True)
    reason: Mapped[str | None]
    created_at: Mapped[datetime]


Order = Payment | Payout | Refund
"""What is ordered from the provider under its own id."""
