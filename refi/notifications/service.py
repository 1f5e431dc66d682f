"""Messages: plan them once ever, wake those that are due, list what a borrower was sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, or_, select
from sqlalchemy.dialects.postgresql import insert as insert_new

from refi import ids
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, LoanId, MessageId
from refi.notifications.messages import Gate, MessageStatus
from refi.notifications.tables import Message, MessageSubject
from refi.notifications.templates import words_of

MOST_WOKEN = 5_000


@dataclass(frozen=True, slots=True)
class About:
    """One installment at one stage; ``key`` is unique for ever."""

    key: str
    loan_id: LoanId
    number: int
    due_on: date


@dataclass(frozen=True, slots=True)
class Plan:
    """A message to be. ``key`` is unique for ever; ``to`` and ``text`` are given when they are known already.

    With ``about`` the message is planned for those installments that no earlier message was planned for.
    ``not_before`` is a business instant, ``lapses_on`` a business date, ``expires_at`` wall clock.
    """

    key: str
    kind: str
    template: str
    gate: Gate
    channel: str
    locale: str
    borrower_id: BorrowerId | None = None
    stage: str | None = None
    not_before: datetime | None = None
    lapses_on: date | None = None
    expires_at: datetime | None = None
    to: str | None = None
    text: str | None = None
    about: tuple[About, ...] = ()


async def plan(work: Work, wishes: Sequence[Plan]) -> list[MessageId]:
    """Write the messages that were never planned before and ask for each to be sent at its time.

    Two callers that plan the same installment at the same instant: one of them fails on the unique key and
    finds nothing left to plan when it tries again.
    """
    rows, subjects = await _new_rows(work, wishes)
    if not rows:
        return []
    made = await work.session.execute(
        insert_new(Message)
        .values(rows)
        .on_conflict_do_nothing(index_elements=["plan_key"])
        .returning(Message.id, Message.not_before)
    )
    times: dict[str, datetime] = {row.id: row.not_before for row in made}
    if wanted := [subject for subject in subjects if subject["message_id"] in times]:
        await work.session.execute(insert(MessageSubject), wanted)
    for message_id, at in times.items():
        send_at(work, MessageId(message_id), 0, at)
    return [MessageId(message_id) for message_id in times]


async def _new_rows(work: Work, wishes: Sequence[Plan]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    keys = [item.key for wish in wishes for item in wish.about]
    known = set[str]()
    if keys:
        known.update(
            await work.session.scalars(select(MessageSubject.key).where(MessageSubject.key.in_(keys)))
        )
    rows, subjects = [], []
    for wish in wishes:
        about = [item for item in wish.about if item.key not in known]
        if wish.about and not about:
            continue
        row = _row(work, wish, about[0].key if about else wish.key)
        rows.append(row)
        subjects += [
            {
                "key": a.key,
                "message_id": row["id"],
                "loan_id": a.loan_id,
                "number": a.number,
                "due_on": a.due_on,
            }
            for a in about
        ]
    return rows, subjects


def _row(work: Work, wish: Plan, key: str) -> dict[str, Any]:
    return {
        "id": ids.new("msg"),
        "plan_key": key,
        "borrower_id": wish.borrower_id,
        "kind": wish.kind,
        "stage": wish.stage,
        "gate": wish.gate,
        "channel": wish.channel,
        "template": wish.template,
        "template_version": words_of(wish.template, wish.channel, wish.locale)[0],
        "locale": wish.locale,
        "to_sealed": None if wish.to is None else work.vault.seal(wish.to),
        "text_sealed": None if wish.text is None else work.vault.seal(wish.text),
        "status": MessageStatus.PLANNED,
        "attempts": 0,
        "not_before": wish.not_before or work.now,
        "lapses_on": wish.lapses_on,
        "expires_at": wish.expires_at,
        "planned_on": work.on,
        "policy_version": work.policy.version,
        "created_at": work.now,
    }


def send_at(work: Work, message_id: MessageId, attempt: int, at: datetime) -> None:
    """Ask for the message to be sent at the business instant ``at``."""
    after = at - work.now
    key = f"send:{message_id}:{attempt}:{at.timestamp():.0f}"
    wait = after if after > timedelta(0) else None
    work.enqueue("send_message", {"id": message_id}, after=wait, dedupe_key=key)


async def wake(work: Work, late_by: timedelta = timedelta(0)) -> int:
    """Put to work every message that has been due for ``late_by`` and every claim whose fate must be asked.

    The queue waits by the wall clock; when the sandbox's clock jumps, or a job was lost, this finds what is
    due. Returns how many jobs were asked for.
    """
    found = await work.session.scalars(
        select(Message.id)
        .where(
            or_(
                (Message.status == MessageStatus.PLANNED) & (Message.not_before <= work.now - late_by),
                Message.ask_at <= work.wall,
            )
        )
        .order_by(Message.not_before)
        .limit(MOST_WOKEN)
    )
    count = 0
    for message_id in found:
        work.enqueue("send_message", {"id": message_id}, dedupe_key=f"wake:{message_id}")
        count += 1
    return count


async def subjects_of(work: Work, message_id: MessageId) -> Sequence[MessageSubject]:
    """What a message is about."""
    rows = await work.session.scalars(
        select(MessageSubject).where(MessageSubject.message_id == message_id).order_by(MessageSubject.key)
    )
    return rows.all()


async def messages_of(
    work: Work, borrower_id: BorrowerId, *, limit: int, starting_after: str | None = None
) -> Sequence[Message]:
    """What was planned for and sent to the borrower, newest first."""
    query = select(Message).where(Message.borrower_id == borrower_id).order_by(Message.id.desc()).limit(limit)
    if starting_after is not None:
        query = query.where(Message.id < starting_after)
    return (await work.session.scalars(query)).all()


async def locked(work: Work, message_id: MessageId) -> Message:
    """The message's row, locked."""
    row = await work.session.get(Message, message_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("no such message")
    return row
