"""Planning a day's reminders: whom the stages that begin concern, what each is told, all at once.

Whom: installments due on the stage's date of loans with nothing met since (``loans.unmet_on``), two indexed
equalities. What: `refi.collections.ladder`, in Python, on values read in bulk. A chunk that fails is halved
until only whom it fails for is left over, so one borrower never holds up the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import select

from refi.cards import service as cards
from refi.collections import ladder
from refi.collections.service import KIND
from refi.db.work import Work
from refi.ids import BorrowerId, LoanId
from refi.loans import service as loans
from refi.loans.tables import Loan
from refi.notifications import preference_service as preferences
from refi.notifications import service as messages
from refi.notifications.messages import Gate
from refi.policies import Rule
from refi.underwriting import history

CHUNK = 1_000
"""Borrowers in one job: large enough to load in bulk, small enough to spread over workers."""

CONCERNED = """
    SELECT DISTINCT l.borrower_id FROM installments i CROSS JOIN LATERAL (
        SELECT borrower_id FROM loans
        WHERE id = i.loan_id AND unmet_on <= $1 AND status = 'active' AND borrower_id > $2 OFFSET 0
    ) AS l
    WHERE i.due_on = $1 ORDER BY l.borrower_id
"""
"""OFFSET keeps PostgreSQL from joining the other way round: for a date to come nearly every loan that is late
on anything has ``unmet_on`` before it, and so it reads the whole book to find a thirtieth of it."""

UNPAID = """
    SELECT l.borrower_id, b.locale, b.time_zone, l.id, l.product, l.unmet_on, i.number,
        i.principal + i.interest + i.fee AS amount,
        (SELECT count(*) FROM loans o WHERE o.borrower_id = b.id AND o.credited_on < l.credited_on)
            AS earlier,
        EXISTS (SELECT FROM devices d WHERE d.borrower_id = b.id) AS has_device,
        EXISTS (SELECT FROM email_addresses e WHERE e.borrower_id = b.id AND e.verified_at IS NOT NULL)
            AS has_email
    FROM loans l
    JOIN installments i ON i.loan_id = l.id AND i.due_on = $2
    JOIN borrowers b ON b.id = l.borrower_id
    WHERE l.borrower_id = ANY($1) AND l.unmet_on <= $2 AND l.status = 'active'
    ORDER BY l.borrower_id, l.id, i.number
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A borrower whom a stage concerns: the rule that fits (none: nothing is said) and what it sees."""

    borrower_id: BorrowerId
    case: ladder.Case
    rule: Rule | None
    wish: messages.Plan | None


@dataclass(slots=True)
class Known:
    """What was looked up in bulk: what borrowers want of contact, and what only some rules ask for."""

    wants: Mapping[str, preferences.Wants]
    segments: dict[str, str] = field(default_factory=dict)
    were_late: set[str] = field(default_factory=set)


async def fan_out(work: Work, on: date, size: int = CHUNK) -> dict[str, int]:
    """Ask for the reminders of every stage that begins on ``on`` to be planned, ``size`` borrowers a job.

    The cost follows the unpaid installments due around the date, found by index, not the size of the book.
    """
    counts = {"chunks": 0, "borrowers": 0}
    for each in ladder.begun(work.policy.ladder, on):
        everybody = await concerned(work, each.due_on)
        for first in range(0, len(everybody), size):
            chunk = everybody[first : first + size]
            _ask(work, on, each.stage.name, chunk)
            counts["chunks"] += 1
            counts["borrowers"] += len(chunk)
    return counts


async def concerned(work: Work, due_on: date, *, after: str = "", limit: int | None = None) -> list[str]:
    """The borrowers with something unpaid that is due on that day, in order, from the one after ``after``."""
    raw = await work.raw()
    query = CONCERNED if limit is None else f"{CONCERNED} LIMIT {int(limit)}"
    return [row["borrower_id"] for row in await raw.fetch(query, due_on, after)]


def halve(work: Work, on: date, stage: str, borrowers: Sequence[str]) -> None:
    """Ask for a chunk that failed again, in halves: what is wrong with one borrower stays with that one."""
    middle = len(borrowers) // 2
    for half in (borrowers[:middle], borrowers[middle:]):
        _ask(work, on, stage, half)


def _ask(work: Work, on: date, stage: str, borrowers: Sequence[str]) -> None:
    work.enqueue(
        "plan_reminders",
        {"on": on.isoformat(), "stage": stage, "borrowers": list(borrowers)},
        dedupe_key=f"plan:{on}:{stage}:{borrowers[0]}:{len(borrowers)}",
    )


async def plan_chunk(work: Work, on: date, stage: str, borrowers: Sequence[str]) -> int:
    """Plan the reminders of one stage that begins on ``on`` for these borrowers.

    Returns how many messages were planned; planning again plans nothing twice.
    """
    made = 0
    for each in ladder.begun(work.policy.ladder, on):
        if each.stage.name == stage:
            found = await find(work, each, on, borrowers)
            made += len(await messages.plan(work, [one.wish for one in found if one.wish is not None]))
    return made


async def find(work: Work, begun: ladder.Begun, on: date, borrowers: Sequence[str]) -> list[Found]:
    """Of these borrowers whom the stage concerns, each with the rule that fits and the message wished for."""
    raw = await work.raw()
    rows = await raw.fetch(UNPAID, list(borrowers), begun.due_on)
    rules = begun.version.rules_of(begun.stage)
    known = Known(wants=await preferences.of_many(work, borrowers))
    if ladder.asks_for(rules, "segment"):
        known.segments = await _segments(work, borrowers)
    if ladder.asks_for(rules, "on_time", "late_before"):
        known.were_late = await _were_late(work, begun.due_on, [row["id"] for row in rows])
    return [
        _found(work, begun, on, rules, known, list(group))
        for _, group in groupby(rows, key=lambda row: row["borrower_id"])
    ]


def _found(
    work: Work,
    begun: ladder.Begun,
    on: date,
    rules: Sequence[Rule],
    known: Known,
    rows: list[asyncpg.Record],
) -> Found:
    borrower_id = BorrowerId(rows[0]["borrower_id"])
    case = ladder.case(
        work.policy.delinquency,
        on,
        ladder.arm_of(begun.version, borrower_id),
        [
            ladder.Item(row["id"], row["number"], row["amount"], row["unmet_on"], row["product"])
            for row in rows
        ],
        segment=known.segments.get(borrower_id, "unknown"),
        earlier_loans=min(row["earlier"] for row in rows),
        was_late=any(row["id"] in known.were_late for row in rows),
    )
    rule = ladder.chosen(rules, case)
    wants = known.wants.get(borrower_id, preferences.Wants())
    wish = None
    if rule is not None and rule.channels:
        order = ladder.order(rule, _reach(rows[0]), wants.channels, wants.opted_out)
        wish = _wish(begun, on, case, rule, order or rule.channels, rows)  # refused, and logged, when claimed
    return Found(borrower_id, case, rule, wish)


def _reach(row: asyncpg.Record) -> set[str]:
    """The channels by which the borrower can be reached today."""
    also = {"push": row["has_device"], "email": row["has_email"]}
    return {"sms", "inbox", *(channel for channel, reaches in also.items() if reaches)}


def _wish(
    begun: ladder.Begun,
    on: date,
    case: ladder.Case,
    rule: Rule,
    order: tuple[str, ...],
    rows: list[asyncpg.Record],
) -> messages.Plan:
    about = tuple(messages.About(LoanId(row["id"]), row["number"], begun.due_on) for row in rows)
    return messages.Plan(
        key=messages.stage_key(about[0], begun.stage.name, order[0]),
        kind=KIND,
        template=str(rule.template),
        gate=Gate(begun.stage.gate),
        channel=order[0],
        fallbacks=order[1:],
        locale=rows[0]["locale"],
        borrower_id=BorrowerId(rows[0]["borrower_id"]),
        stage=begun.stage.name,
        origin=messages.Origin(begun.version.name, case.arm, rule.name),
        not_before=ladder.send_at(begun, on, ZoneInfo(rows[0]["time_zone"])),
        lapses_on=begun.lapses_on,
        about=about,
    )


async def _segments(work: Work, borrowers: Sequence[str]) -> dict[str, str]:
    """The habit of each borrower as a card holder."""
    found = await cards.habits(work, [BorrowerId(one) for one in borrowers])
    return {borrower_id: habit.segment.value for borrower_id, habit in found.items()}


async def _were_late(work: Work, before: date, loan_ids: Sequence[str]) -> set[str]:
    """Of these loans the ones that were past due on a day up to ``before``, by replay."""
    rows = await work.session.scalars(select(Loan).where(Loan.id.in_(loan_ids)))
    accounts = await loans.accounts(work, rows.all())
    return {loan.id for loan, account in accounts if history.worst_days_past_due(account, before)}
