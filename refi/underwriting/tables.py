"""Rows of underwriting: decisions as they were made, the strategies that made them, and what others would
have.

All but questions and alerts are append-only: triggers refuse UPDATE and DELETE.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from refi.db.base import Base, Id, IdText, PrimaryId, states
from refi.money import MAX_AMOUNT
from refi.underwriting.decision import Outcome


class DecisionRecord(Base):
    """A decision of the engine, or of a person about one of the engine's.

    ``record`` is everything that the engine saw and found (`refi.underwriting.decision.read`); a person's
    decision has their words there and names the decision that it ``replaces``.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        Index("ix_decisions_subject", "subject", "id"),
        Index("ix_decisions_decided_on", "decided_on", "id"),
        UniqueConstraint("replaces"),
    )

    id: Mapped[PrimaryId]
    subject: Mapped[str] = mapped_column(IdText)
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    outcome: Mapped[Outcome] = mapped_column(states(Outcome))
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    policy_version: Mapped[str]
    model_version: Mapped[str | None]
    decided_by: Mapped[str]
    replaces: Mapped[str | None] = mapped_column(IdText, ForeignKey("decisions.id"))
    strategy: Mapped[str | None] = mapped_column(String(64), ForeignKey("strategies.fingerprint"))
    record: Mapped[dict[str, Any]]
    decided_on: Mapped[date]
    decided_at: Mapped[datetime]


class StrategyRow(Base):
    """What a strategy was when it first decided, whole: a decision can be made again without any file."""

    __tablename__ = "strategies"

    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[str]
    effective_on: Mapped[date]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    first_used_at: Mapped[datetime]


class BureauQuery(Base):
    """A question to the bureau or the identity register, under which consent, and what came of it.

    Written before the question goes out. ``answer_sealed`` is what was told; it is read until
    ``usable_until``.
    """

    __tablename__ = "bureau_queries"
    __table_args__ = (
        Index("ix_bureau_queries_borrower_id", "borrower_id", "kind", "id"),
        CheckConstraint("(outcome = 'answered') = (answer_sealed IS NOT NULL)", name="answer"),
    )

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    consent_id: Mapped[Id] = mapped_column(ForeignKey("consents.id"))
    kind: Mapped[str] = mapped_column(String(20))
    outcome: Mapped[str | None] = mapped_column(String(20))
    why: Mapped[str | None]
    answer_sealed: Mapped[str | None]
    usable_until: Mapped[date | None]
    asked_on: Mapped[date]
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


class IncomeVerification(Base):
    """A month's income that a member of staff read in evidence. Append-only: a new look is a new row.

    ``as_of`` is the day that the evidence is about, ``documents`` are its ids.
    """

    __tablename__ = "income_verifications"
    __table_args__ = (
        CheckConstraint(f"monthly_income BETWEEN 0 AND {MAX_AMOUNT}", name="monthly_income"),
        CheckConstraint("as_of <= verified_on", name="as_of"),
        Index("ix_income_verifications_borrower_id", "borrower_id", "id"),
    )

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    monthly_income: Mapped[int]
    as_of: Mapped[date]
    documents: Mapped[list[str]] = mapped_column(JSONB)
    verified_by: Mapped[str]
    verified_on: Mapped[date]
    verified_at: Mapped[datetime]


class Alert(Base):
    """Something about the decisions of late to look at, raised once and standing while it lasts.

    ``figures`` are those of ``last_seen_on``, the last day on which it was found. Not append-only.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        Index("uq_alerts_standing", "name", unique=True, postgresql_where=text("ended_on IS NULL")),
        CheckConstraint("(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name="acknowledged"),
    )

    id: Mapped[PrimaryId]
    raised_on: Mapped[date]
    name: Mapped[str]
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
    raised_at: Mapped[datetime]
    last_seen_on: Mapped[date]
    ended_on: Mapped[date | None]
    acknowledged_by: Mapped[str | None]
    acknowledged_at: Mapped[datetime | None]
    note: Mapped[str | None]


class ShadowDecision(Base):
    """What another strategy would have decided about the same facts. Nobody is affected by it."""

    __tablename__ = "shadow_decisions"
    __table_args__ = (Index("ix_shadow_decisions_decided_on", "decided_on", "arm"),)

    id: Mapped[PrimaryId]
    decision_id: Mapped[Id] = mapped_column(ForeignKey("decisions.id"), index=True)
    arm: Mapped[str]
    strategy: Mapped[str] = mapped_column(String(64), ForeignKey("strategies.fingerprint"))
    outcome: Mapped[Outcome] = mapped_column(states(Outcome))
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    record: Mapped[dict[str, Any]] = mapped_column(JSONB)
    decided_on: Mapped[date]
