"""The database's own rows: the business clock, stored answers, announced events, and firings."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, Index, Interval, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from refi.db.base import Base, PrimaryId


class BusinessClock(Base):
    """One row: the open business date of the market, and how far the sandbox's time runs ahead.

    ``shift`` is zero in live; in the sandbox it is what ``business-date/advance`` added. ``closing`` from the
    cut-off until the next day is open: nothing changes what a loan owes in between.
    """

    __tablename__ = "business_clock"
    __table_args__ = (CheckConstraint("singleton = 1", name="one_row"),)

    singleton: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, default=1)
    market: Mapped[str]
    on: Mapped[date] = mapped_column("business_date")
    shift: Mapped[timedelta] = mapped_column(Interval, default=timedelta(0))
    closing: Mapped[bool] = mapped_column(default=False)


class StoredAnswer(Base):
    """What an Idempotency-Key was answered with: committed with the effect it stands for."""

    __tablename__ = "stored_answers"

    scope: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    status: Mapped[int] = mapped_column(SmallInteger)
    content_type: Mapped[str]
    body: Mapped[bytes]
    at: Mapped[datetime]


class EventRow(Base):
    """An announced fact, as `refi.events` writes it; append-only."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_subject", "subject", "id"),)

    id: Mapped[PrimaryId]
    type: Mapped[str]
    subject: Mapped[str]
    body: Mapped[dict[str, Any]]
    actor: Mapped[str]
    on: Mapped[date] = mapped_column("business_date")
    at: Mapped[datetime]
    request_id: Mapped[str | None]


class JobRun(Base):
    """A firing of the timetable, unique by job and business date: many schedulers, one run."""

    __tablename__ = "job_runs"

    job: Mapped[str] = mapped_column(primary_key=True)
    on: Mapped[date] = mapped_column("business_date", primary_key=True)
    fired_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    report: Mapped[dict[str, Any] | None]


class Firing(Base):
    """When a line of the scheduler's page last ran, by the wall clock of the machine that ran it."""

    __tablename__ = "firings"

    job: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
