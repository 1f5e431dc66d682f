"""Rows of sign-in. Times are wall-clock: the sandbox's time travel does not sign anybody out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from refi.db.base import Base, Id, IdText, PrimaryId


class OneTimeCode(Base):
    """A sign-in code: hashed, short-lived, attempt-limited. Times are wall-clock."""

    __tablename__ = "one_time_codes"
    __table_args__ = (Index("ix_one_time_codes_phone_index_created_at", "phone_index", "created_at"),)

    id: Mapped[PrimaryId]
    phone_index: Mapped[str]
    code_hash: Mapped[str]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RefreshToken(Base):
    """One link of a chain of refresh tokens; using a link twice revokes the chain (``family``)."""

    __tablename__ = "refresh_tokens"

    id: Mapped[PrimaryId]
    family: Mapped[str] = mapped_column(IdText, index=True)
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
