"""Rows of staff: people, tries to sign in, proposals that wait for a second person, and every act."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from refi.db.base import Base, Id, IdText, PrimaryId, states
from refi.staff.approvals import ApprovalStatus
from refi.staff.roles import Permission


class StaffMember(Base):
    """A person who works here. ``roles`` are names of `refi.staff.roles.Role`."""

    __tablename__ = "staff_members"

    id: Mapped[PrimaryId]
    username: Mapped[str] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(JSONB)
    totp_sealed: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class SignInTries(Base):
    """Failed tries of a user name, known or not: the answer must not tell. Times are wall-clock."""

    __tablename__ = "staff_sign_in_tries"

    username: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(SmallInteger)
    last_failed_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]


class Approval(Base):
    """A proposal that a second person decides: the kind of act, its arguments, the version it was about.

    ``maker`` is a member of staff, or the service itself (a step of the close that proposes). ``again_on`` is
    the business date on which the service looks anew at what was declined.
    """

    __tablename__ = "approvals"
    __table_args__ = (
        Index("ix_approvals_pending", "id", postgresql_where=text("status = 'pending'")),
        Index("ix_approvals_again_on", "again_on", "subject", postgresql_where=text("again_on IS NOT NULL")),
        Index(
            "uq_approvals_pending_subject",
            "kind",
            "subject",
            unique=True,
            postgresql_where=text("status = 'pending'"),
        ),
    )

    id: Mapped[PrimaryId]
    kind: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(IdText)
    arguments: Mapped[dict[str, Any]]
    version_seen: Mapped[int]
    permission: Mapped[Permission] = mapped_column(states(Permission))
    amount: Mapped[int | None]
    status: Mapped[ApprovalStatus] = mapped_column(states(ApprovalStatus))
    maker: Mapped[Id]
    checker: Mapped[str | None] = mapped_column(IdText, ForeignKey("staff_members.id"))
    note: Mapped[str | None]
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    again_on: Mapped[date | None]


class StaffAct(Base):
    """What somebody of the staff did. Append-only, without gaps, each hash covering the one before."""

    __tablename__ = "staff_acts"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(IdText, unique=True)
    at: Mapped[datetime]
    on: Mapped[date] = mapped_column("business_date")
    actor: Mapped[str]
    act: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(IdText, index=True)
    details: Mapped[dict[str, Any]]
    request_id: Mapped[str | None]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
