"""Rows of collections: promises, requests for help, complaints."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from refi.collections.promises import PromiseStatus
from refi.collections.requests import ComplaintStatus, HelpStatus
from refi.db.base import Base, Id, IdText, PrimaryId, states


class Promise(Base):
    """A promise to pay ``amount`` by the end of ``on``; at most one waits per loan.

    ``stops_contact`` is false after too many broken ones. ``received`` is what came, written on its day.
    """

    __tablename__ = "promises"
    __table_args__ = (
        CheckConstraint("amount > 0 AND tolerance >= 0", name="amount"),
        CheckConstraint("promised_on >= made_on", name="promised_on"),
        CheckConstraint("(status = 'pending') = (settled_on IS NULL)", name="settled_on"),
        Index("uq_promises_pending", "loan_id", unique=True, postgresql_where=text("status = 'pending'")),
        Index("ix_promises_promised_on", "promised_on", postgresql_where=text("status = 'pending'")),
        Index("ix_promises_loan_id", "loan_id", "id"),
    )

    id: Mapped[PrimaryId]
    loan_id: Mapped[Id] = mapped_column(ForeignKey("loans.id"))
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"), index=True)
    amount: Mapped[int]
    tolerance: Mapped[int]
    on: Mapped[date] = mapped_column("promised_on")
    status: Mapped[PromiseStatus] = mapped_column(states(PromiseStatus))
    stops_contact: Mapped[bool]
    received: Mapped[int | None]
    made_by: Mapped[str]
    made_on: Mapped[date]
    made_at: Mapped[datetime]
    settled_on: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1)


class HelpRequest(Base):
    """A borrower in hardship asks for help with a loan; a hold stands until it is answered."""

    __tablename__ = "help_requests"
    __table_args__ = (
        CheckConstraint("(status = 'requested') = (answered_at IS NULL)", name="answered_at"),
        Index("uq_help_requests_open", "loan_id", unique=True, postgresql_where=text("status = 'requested'")),
        Index("ix_help_requests_loan_id", "loan_id", "id"),
    )

    id: Mapped[PrimaryId]
    loan_id: Mapped[Id] = mapped_column(ForeignKey("loans.id"))
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    reason_sealed: Mapped[str]
    proposal_sealed: Mapped[str | None]
    status: Mapped[HelpStatus] = mapped_column(states(HelpStatus))
    asked_by: Mapped[str]
    asked_on: Mapped[date]
    answer_sealed: Mapped[str | None]
    answered_by: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class Complaint(Base):
    """A complaint; contact stands still until it is answered, if the policy says so."""

    __tablename__ = "complaints"
    __table_args__ = (
        CheckConstraint("(status = 'open') = (answered_at IS NULL)", name="answered_at"),
        Index("ix_complaints_open", "id", postgresql_where=text("status = 'open'")),
        Index("ix_complaints_borrower_id", "borrower_id", "id"),
    )

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    loan_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("loans.id"))
    text_sealed: Mapped[str]
    status: Mapped[ComplaintStatus] = mapped_column(states(ComplaintStatus))
    answer_sealed: Mapped[str | None]
    answered_by: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    filed_on: Mapped[date]
    created_at: Mapped[datetime]
