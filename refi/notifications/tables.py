"""Rows of notifications: messages, what each is about, and the log of every contact and refusal."""

from __future__ import annotations

from datetime import date, datetime, time

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from refi.db.base import Base, Id, IdText, PrimaryId, states
from refi.notifications.contacts import Action, Direction, Person, Result
from refi.notifications.messages import ONE_TIME_CODE, Gate, MessageStatus


class Message(Base):
    """A message to a borrower, to a phone that nobody is known for (a one-time code), or to the operators.

    ``plan_key`` makes it be planned at most once, ever. ``not_before`` and ``contacted_at`` are business
    instants; ``expires_at`` and ``ask_at`` are wall clock: until when it makes sense, and when to ask the
    channel what became of it. ``lapses_on`` is the business date on which its stage is over. ``fallbacks``
    are the channels after the planned one, in their order; ``ladder``, ``arm`` and ``rule`` say what planned
    it; ``failures`` counts errors of our own, by which it is parked at last; ``receipts_asked`` how often the
    receipt of a push was asked for.
    """

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint("channel IN ('sms', 'push', 'email', 'inbox', 'webhook')", name="channel"),
        CheckConstraint("status <> 'sent' OR (sent_at IS NOT NULL AND provider_id IS NOT NULL)", name="sent"),
        Index("ix_messages_borrower_id", "borrower_id", "id"),
        Index("ix_messages_borrower_id_contacted_at", "borrower_id", "contacted_at"),
        Index("ix_messages_planned", "not_before", postgresql_where=text("status = 'planned'")),
        Index("ix_messages_provider_id", "provider_id", postgresql_where=text("provider_id IS NOT NULL")),
        Index("ix_messages_ask_at", "ask_at", postgresql_where=text("ask_at IS NOT NULL")),
        Index(
            "ix_messages_receipts",
            "receipts_asked",
            "sent_at",
            postgresql_where=text("status = 'sent' AND channel = 'push'"),
        ),
        Index("ix_messages_parked", "id", postgresql_where=text("status = 'parked'")),
    )

    id: Mapped[PrimaryId]
    plan_key: Mapped[str] = mapped_column(String(200), unique=True)
    borrower_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("borrowers.id"))
    kind: Mapped[str] = mapped_column(String(40))
    stage: Mapped[str | None] = mapped_column(String(40))
    gate: Mapped[Gate] = mapped_column(states(Gate))
    channel: Mapped[str] = mapped_column(String(20))
    fallbacks: Mapped[str] = mapped_column(String(80), default="")
    ladder: Mapped[str | None] = mapped_column(String(64))
    arm: Mapped[str | None] = mapped_column(String(64))
    rule: Mapped[str | None] = mapped_column(String(64))
    template: Mapped[str] = mapped_column(String(64))
    template_version: Mapped[int] = mapped_column(SmallInteger)
    locale: Mapped[str] = mapped_column(String(20))
    to_sealed: Mapped[str | None]
    subject_sealed: Mapped[str | None]
    text_sealed: Mapped[str | None]
    status: Mapped[MessageStatus] = mapped_column(states(MessageStatus))
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    failures: Mapped[int] = mapped_column(SmallInteger, default=0)
    receipts_asked: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    provider_id: Mapped[str | None] = mapped_column(String(100))
    not_before: Mapped[datetime]
    lapses_on: Mapped[date | None]
    expires_at: Mapped[datetime | None]
    contacted_at: Mapped[datetime | None]
    ask_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    planned_on: Mapped[date]
    policy_version: Mapped[str]
    created_at: Mapped[datetime]

    @property
    def worded_when_sent(self) -> bool:
        """Whether words and address are found when it leaves; others came with the plan and stay."""
        return self.borrower_id is not None and self.kind != ONE_TIME_CODE


class MessageSubject(Base):
    """What a message is about: one installment at one stage, by one channel. Told at most once, ever."""

    __tablename__ = "message_subjects"
    __table_args__ = (Index("ix_message_subjects_message_id", "message_id"),)

    loan_id: Mapped[Id] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    due_on: Mapped[date] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(String(40), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    message_id: Mapped[Id] = mapped_column(ForeignKey("messages.id"))


class InboxEntry(Base):
    """A message in the app's inbox, and when the borrower read it."""

    __tablename__ = "inbox_entries"

    message_id: Mapped[PrimaryId] = mapped_column(ForeignKey("messages.id"))
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    delivered_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class MessageNews(Base):
    """What a provider told about messages, stored raw before it is handled; one effect per event id.

    ``source`` says in whose words. ``refusal`` parks what contradicts our rows or speaks of a message that
    nobody knows: it is shown to staff, never lost.
    """

    __tablename__ = "message_news"
    __table_args__ = (
        Index("ix_message_news_waiting", "received_at", postgresql_where=text("handled_at IS NULL")),
        Index("ix_message_news_parked", "received_at", "id", postgresql_where=text("refusal IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    source: Mapped[str] = mapped_column(String(20))
    raw_sealed: Mapped[str]
    received_at: Mapped[datetime]
    handled_at: Mapped[datetime | None]
    message_id: Mapped[str | None] = mapped_column(IdText)
    refusal: Mapped[str | None]


class InboundMessage(Base):
    """What somebody wrote to us by SMS; ``borrower_id`` where the number is known, ``kind`` as we read it."""

    __tablename__ = "inbound_messages"
    __table_args__ = (
        CheckConstraint("kind IN ('opt_out', 'text')", name="kind"),
        Index("ix_inbound_messages_borrower_id", "borrower_id", "id"),
    )

    id: Mapped[PrimaryId]
    news_id: Mapped[str] = mapped_column(String(200), ForeignKey("message_news.id"), unique=True)
    channel: Mapped[str] = mapped_column(String(20))
    from_sealed: Mapped[str]
    from_index: Mapped[str]
    borrower_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("borrowers.id"))
    text_sealed: Mapped[str]
    kind: Mapped[str] = mapped_column(String(20))
    on: Mapped[date] = mapped_column("business_date")
    received_at: Mapped[datetime]


class ContactEntry(Base):
    """The contact log: every contact and every refusal with the rule that made it. Append-only.

    A line is about a message (``message_id``) or about what a person did: ``actor`` is the member of staff,
    ``result`` how it ended, ``connected`` whether the call was taken, ``talked`` whether the borrower was
    reached. The note stands beside it; ``note_digest`` proves that it is the one that was written.
    Only `retention` takes lines away, after the years that the policy names.
    """

    __tablename__ = "contact_log"
    __table_args__ = (
        CheckConstraint("(message_id IS NULL) = (actor IS NOT NULL)", name="machine_or_human"),
        CheckConstraint("message_id IS NOT NULL OR outcome IN ('made', 'refused')", name="human_outcome"),
        Index("ix_contact_log_borrower_id", "borrower_id", "at"),
        Index("ix_contact_log_at", "at"),
        Index("ix_contact_log_case_id", "case_id", "id", postgresql_where=text("case_id IS NOT NULL")),
    )

    id: Mapped[PrimaryId]
    message_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("messages.id"), index=True)
    borrower_id: Mapped[str | None] = mapped_column(IdText)
    channel: Mapped[str] = mapped_column(String(20))
    gate: Mapped[Gate] = mapped_column(states(Gate))
    outcome: Mapped[str] = mapped_column(String(20))
    rules: Mapped[str | None]
    policy_version: Mapped[str]
    on: Mapped[date] = mapped_column("business_date")
    at: Mapped[datetime]
    actor: Mapped[str | None]
    case_id: Mapped[str | None] = mapped_column(IdText)
    loan_id: Mapped[str | None] = mapped_column(IdText)
    direction: Mapped[Direction | None] = mapped_column(states(Direction))
    person: Mapped[Person | None] = mapped_column(states(Person))
    action: Mapped[Action | None] = mapped_column(states(Action))
    result: Mapped[Result | None] = mapped_column(states(Result))
    connected: Mapped[bool | None]
    talked: Mapped[bool | None]
    agency: Mapped[str | None]
    number_index: Mapped[str | None]
    recording: Mapped[str | None]
    note_digest: Mapped[str | None]
    retry_at: Mapped[datetime | None]


class ContactNote(Base):
    """What somebody wrote about a contact, sealed; apart from the log because sealing anew changes it."""

    __tablename__ = "contact_notes"

    contact_id: Mapped[str] = mapped_column(
        IdText, ForeignKey("contact_log.id", ondelete="CASCADE"), primary_key=True
    )
    note_sealed: Mapped[str]


class RetentionRun(Base):
    """Leave to take lines older than ``before`` off the contact log, in this transaction. Append-only.

    The log's trigger asks for it, so nothing is deleted without leaving this line.
    """

    __tablename__ = "retention_runs"
    __table_args__ = (
        CheckConstraint("before <= at - make_interval(years => years)", name="old_enough"),
        CheckConstraint("years BETWEEN 1 AND 30", name="years"),
    )

    id: Mapped[PrimaryId]
    before: Mapped[datetime]
    years: Mapped[int] = mapped_column(SmallInteger)
    policy_version: Mapped[str]
    on: Mapped[date] = mapped_column("business_date")
    at: Mapped[datetime]
    actor: Mapped[str]


class ContactPreference(Base):
    """What a borrower wants of contact: the newest line of a borrower counts. Append-only.

    ``channels`` in the order of liking, ``opted_out`` the closed ones, quiet hours in the borrower's zone.
    ``words`` is what they wrote when a word opted out.
    """

    __tablename__ = "contact_preferences"
    __table_args__ = (
        CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL)", name="quiet_hours"),
        CheckConstraint("quiet_from <> quiet_until", name="quiet_hours_end"),
        Index("ix_contact_preferences_borrower_id", "borrower_id", "id"),
    )

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    channels: Mapped[list[str]] = mapped_column(JSONB)
    opted_out: Mapped[list[str]] = mapped_column(JSONB)
    quiet_from: Mapped[time | None]
    quiet_until: Mapped[time | None]
    source: Mapped[str] = mapped_column(String(20))
    words: Mapped[str | None]
    on: Mapped[date] = mapped_column("business_date")
    at: Mapped[datetime]


class PushPrompt(Base):
    """That a borrower was asked to allow push, at which moment, and what they answered.

    ``arm`` is the moment at which the experiment wanted to ask; ``moment`` the one at which it did.
    """

    __tablename__ = "push_prompts"
    __table_args__ = (
        CheckConstraint("answer IN ('granted', 'denied', 'dismissed')", name="answer"),
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answered_at"),
        Index("ix_push_prompts_borrower_id", "borrower_id", "id"),
        Index("ix_push_prompts_asked_on", "asked_on"),
    )

    id: Mapped[PrimaryId]
    borrower_id: Mapped[Id] = mapped_column(ForeignKey("borrowers.id"))
    experiment: Mapped[str] = mapped_column(String(40))
    arm: Mapped[str] = mapped_column(String(40))
    moment: Mapped[str] = mapped_column(String(40))
    asked_on: Mapped[date]
    asked_at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(String(20))
    answered_at: Mapped[datetime | None]
