"""Messages: plan them once ever, wake those that are due, list what a borrower was sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import or_, select

from refi import ids
from refi.db import queue
from refi.db.base import among
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, LoanId, MessageId
from refi.notifications.messages import Gate, MessageStatus
from refi.notifications.tables import Message
from refi.notifications.templates import words_of

MOST_WOKEN = 10_000
A_LITTLE = timedelta(seconds=0.5)
"""The queue counts a delay from the beginning of the transaction, which lies a little before `Work.now`."""
MOST_WAITING = 50
"""Jobs of sending that wait for a worker: with so many, waking more would only make a longer queue."""
TOGETHER = 50
"""Messages in one job of the queue, claimed in one transaction and then sent at the same time: few enough
that none of them waits long, neither for the others' locks nor for the others' answers."""

COLUMNS = (
    *("id text", "plan_key text", "borrower_id text", "kind text", "stage text", "gate text"),
    *("channel text", "fallbacks text", "ladder text", "arm text", "rule text"),
    *("template text", "template_version smallint", "locale text", "to_sealed text"),
    *("subject_sealed text", "text_sealed text"),
    *("status text", "not_before timestamptz", "lapses_on date", "expires_at timestamptz"),
    *("planned_on date", "policy_version text", "created_at timestamptz"),
)
NAMES = ", ".join(column.split()[0] for column in COLUMNS)
SUBJECT_COLUMNS = ("loan_id", "number", "due_on", "stage", "channel", "message_id")
PLANNED_BEFORE = """
    SELECT s.loan_id, s.number, s.due_on, s.stage FROM message_subjects s
    JOIN unnest($1::text[], $2::smallint[], $3::date[], $4::text[]) AS w (loan_id, number, due_on, stage)
    ON s.loan_id = w.loan_id AND s.number = w.number AND s.due_on = w.due_on AND s.stage = w.stage
"""


@dataclass(frozen=True, slots=True)
class About:
    """One installment that a message tells of."""

    loan_id: LoanId
    number: int
    due_on: date


@dataclass(frozen=True, slots=True)
class Origin:
    """What planned a message: version of the ladder, the borrower's arm, and the rule."""

    ladder: str
    arm: str
    rule: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A message to be. ``key`` is unique for ever; ``to`` and ``text`` are given when they are known already.

    With ``about`` (and then a ``stage``) the message is planned for those installments that no message was
    planned for at that stage. ``fallbacks`` are the channels after ``channel``, in their order.
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
    subject: str | None = None
    about: tuple[About, ...] = ()
    fallbacks: tuple[str, ...] = ()
    origin: Origin | None = None


def stage_key(about: About, stage: str, channel: str) -> str:
    """What makes an installment be told of at most once at that stage by that channel, ever."""
    return f"{about.loan_id}:{about.number}:{about.due_on}:{stage}:{channel}"


async def plan(work: Work, wishes: Sequence[Plan]) -> list[MessageId]:
    """Write the messages that were never planned before and ask for each to be sent at its time.

    Two callers that plan the same installment at the same instant: one of them fails on the unique key and
    finds nothing left to plan when it tries again.
    """
    return await write(work, await unplanned(work, wishes))


async def write(work: Work, left: Sequence[Plan]) -> list[MessageId]:
    """Write messages whose subjects nobody was told of by their channel, and ask for them to be sent."""
    if not left:
        return []
    rows = [_row(work, wish) for wish in left]
    raw = await work.raw()
    insert, values = _insertion(list(zip(*rows, strict=True)))
    made = await raw.fetch(insert, *values)
    times: dict[str, datetime] = {row["id"]: row["not_before"] for row in made}
    subjects = [
        (about.loan_id, about.number, about.due_on, wish.stage, wish.channel, row[0])
        for wish, row in zip(left, rows, strict=True)
        for about in wish.about
        if row[0] in times
    ]
    if subjects:
        await raw.copy_records_to_table("message_subjects", columns=SUBJECT_COLUMNS, records=subjects)
    send_each_at(work, times)
    return [MessageId(message_id) for message_id in times]


async def unplanned(work: Work, wishes: Sequence[Plan]) -> list[Plan]:
    """What is left of ``wishes`` without the installments that were planned for at their stage before."""
    asked = [(about, wish.stage) for wish in wishes for about in wish.about]
    known = set[tuple[str, int, date, str]]()
    if asked:
        raw = await work.raw()
        rows = await raw.fetch(
            PLANNED_BEFORE,
            [about.loan_id for about, _ in asked],
            [about.number for about, _ in asked],
            [about.due_on for about, _ in asked],
            [stage for _, stage in asked],
        )
        known.update(tuple(row) for row in rows)
    left = []
    for wish in wishes:
        about = tuple(a for a in wish.about if (a.loan_id, a.number, a.due_on, str(wish.stage)) not in known)
        if about != wish.about:
            if not about:
                continue
            wish = replace(wish, about=about, key=stage_key(about[0], str(wish.stage), wish.channel))
        left.append(wish)
    return left


def _row(work: Work, wish: Plan) -> tuple[object, ...]:
    origin = wish.origin
    return (
        ids.new("msg"),
        wish.key,
        wish.borrower_id,
        wish.kind,
        wish.stage,
        wish.gate.value,
        wish.channel,
        " ".join(wish.fallbacks),
        origin and origin.ladder,
        origin and origin.arm,
        origin and origin.rule,
        wish.template,
        words_of(wish.template, wish.channel, wish.locale)[0],
        wish.locale,
        None if wish.to is None else work.vault.seal(wish.to),
        None if wish.subject is None else work.vault.seal(wish.subject),
        None if wish.text is None else work.vault.seal(wish.text),
        MessageStatus.PLANNED.value,
        wish.not_before or work.now,
        wish.lapses_on,
        wish.expires_at,
        work.on,
        work.policy.version,
        work.now,
    )


def _insertion(columns: Sequence[tuple[object, ...]]) -> tuple[str, list[object]]:
    """The statement that writes messages whose columns these are, in the order of `COLUMNS`, and its values.

    A column that is the same in all of them (of a stage most are) is handed over once and not as an array,
    which is most of what handing them over costs.
    """
    chosen, arrays, values = [], {}, list[object]()
    for number, (column, found) in enumerate(zip(COLUMNS, columns, strict=True), start=1):
        name, kind = column.split()
        same = name != "id" and found.count(found[0]) == len(found)
        if not same:
            arrays[name] = f"${number}::{kind}[]"
        chosen.append(f"${number}::{kind}" if same else name)
        values.append(found[0] if same else found)
    rows = f"unnest({', '.join(arrays.values())}) AS w ({', '.join(arrays)})"
    return (
        f"INSERT INTO messages ({NAMES}, attempts, failures) "  # noqa: S608 - our own column names
        f"SELECT {', '.join(chosen)}, 0, 0 FROM {rows} "
        "ON CONFLICT (plan_key) DO NOTHING RETURNING id, not_before"
    ), values


def send_each_at(work: Work, times: Mapping[str, datetime], why: str = "0") -> None:
    """Ask for each message to be sent at its business instant, those of one instant `TOGETHER` in a job.

    The same messages asked for at the same instant, and ``why``, wait in the queue once.
    """
    found: dict[datetime, list[str]] = {}
    for message_id, at in times.items():
        found.setdefault(at, []).append(message_id)
    for at, message_ids in found.items():
        _enqueue(work, message_ids, f"{why}:{at.timestamp():.0f}", at - work.now)


def _enqueue(work: Work, message_ids: Sequence[str], why: str, after: timedelta | None = None) -> None:
    wait = after if after is not None and after > timedelta(0) else None
    for first in range(0, len(message_ids), TOGETHER):
        part = list(message_ids[first : first + TOGETHER])
        key = f"send:{part[0]}:{len(part)}:{why}"
        if len(part) == 1:
            work.enqueue("send_message", {"id": part[0]}, after=wait, dedupe_key=key)
        else:
            work.enqueue("send_messages", {"ids": part}, after=wait, dedupe_key=key)


async def wake(work: Work, late_by: timedelta = timedelta(0)) -> int:
    """Put to work every message that has been due for ``late_by`` and every claim whose fate must be asked.

    The queue waits by the wall clock; when the sandbox's clock jumps, or a job was lost, this finds what is
    due. While the workers are far behind it asks for no more. Returns how many messages were asked for.
    """
    sending = ("send_message", "send_messages")
    if await queue.waiting(await work.raw(), sending, work.wall, MOST_WAITING) >= MOST_WAITING:
        return 0
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
    woken = list(found)
    _enqueue(work, woken, "wake")
    return len(woken)


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
    return (await locked_all(work, [message_id]))[0]


async def locked_all(work: Work, message_ids: Collection[str]) -> Sequence[Message]:
    """The messages' rows, locked and in the order of their ids."""
    wanted = set(message_ids)
    rows = await work.session.scalars(
        select(Message)
        .where(among(Message.id, wanted))
        .order_by(Message.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = rows.all()
    if len(found) < len(wanted):
        raise NotFound("no such message")
    return found
