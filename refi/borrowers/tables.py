"""Rows of borrowers. Sensitive columns are sealed (``…_sealed``) and found by keyed digests (``…_index``)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from refi.db.base import Base, Id, PrimaryId, states
from refi.money import MAX_AMOUNT


class Purpose(StrEnum):
    """What a borrower can consent to, each apart."""

    BUREAU_QUERY = "bureau_query"
    STATEMENT_READ = "statement_read"
    MARKETING = "marketing"
    CONTACT = "contact"


class Borrower(Base):
    """A person, known by a phone number."""

    __tablename__ = "borrowers"
    __table_args__ = (
        CheckConstraint(f"monthly_income BETWEEN 0 AND {MAX_AMOUNT}", name="monthly_income"),
        Index("ix_borrowers_national_id_index", "national_id_index"),
    )

    id: Mapped[PrimaryId]
    phone_index: Mapped[str] = mapped_column(unique=True)
    phone_sealed: Mapped[str]
    name_sealed: Mapped[str | None]
    national_id_index: Mapped[str | None]
    national_id_sealed: Mapped[str | None]
    born_on: Mapped[date | None]
    monthly_income: Mapped[int | None]
    locale: Mapped[str]
    time_zone: Mapped[str]
    made_up: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class FormerZone(Base):
    """The time zone in which a borrower lived until they moved: which hours were quiet then. Append-only."""

    __tablename__ = "former_zones"

    borrower_id: Mapped[PrimaryId] = mapped_column(ForeignKey("borrowers.id"))
    until: Mapped[datetime] = mapped_column(primary_key=True)
    zone: Mapped[str]


class EmailAddress(Base):
    """Where a borrower gets e-mail: said by them, and used once a code that was sent there came back.

    ``code_index`` digests that code; ``asked_at`` and ``code_until`` are wall clock.
    """

    __tablename__ = "email_addresses"

    borrower_id: Mapped[PrimaryId] = mapped_column(ForeignKey("borrowers.id"))
    email_sealed: Mapped[str]
    verified_at: Mapped[datetime | None]
    code_index: Mapped[str | None]
    code_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime]


class Consent(Base):
    """The consent ledger: append-only; the newest row of a purpose counts."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_borrower_id_purpose", "borrower_id", "purpose", "id"),)

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    purpose: Mapped[Purpose] = mapped_column(states(Purpose))
    granted: Mapped[bool]
    text_version: Mapped[str]
    on: Mapped[date] = mapped_column("business_date")
    at: Mapped[datetime]


class Device(Base):
    """A push target."""

    __tablename__ = "devices"
    __table_args__ = (
        UniqueConstraint("borrower_id", "token_index"),
        Index("ix_devices_token_index", "token_index"),
        CheckConstraint("platform IN ('ios', 'android', 'harmony', 'web')", name="platform"),
    )

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    platform: Mapped[str]
    token_sealed: Mapped[str]
    token_index: Mapped[str]
    created_at: Mapped[datetime]


class BankAccount(Base):
    """Where debits come from and a micro-loan goes to; the number is with the provider, here is its token."""

    __tablename__ = "bank_accounts"
    __table_args__ = (UniqueConstraint("borrower_id", "token"), Index("ix_bank_accounts_token", "token"))

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    bank: Mapped[str]
    token: Mapped[str]
    last4: Mapped[str]
    verified: Mapped[bool]
    created_at: Mapped[datetime]
