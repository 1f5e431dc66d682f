"""Reminders: find whom a step of the ladder concerns, plan the messages, ask again before each is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import select

from refi.borrowers.tables import Borrower
from refi.collections import ladder
from refi.db.work import Work
from refi.ids import BorrowerId, LoanId, MessageId
from refi.loans import service as loans
from refi.loans.states import LoanStatus
from refi.loans.tables import Installment, Loan
from refi.notifications import service as messages
from refi.notifications.messages import Dropped, Gate, Wanted
from refi.notifications.tables import Message

KIND = "installment_reminder"
CHUNK = 500
"""Borrowers in one job: large enough to load in bulk, small enough to spread over workers."""

CHUNKS = """
    SELECT min(borrower_id) AS first, max(borrower_id) AS last, count(*) AS borrowers FROM (
        SELECT borrower_id, (row_number() OVER (ORDER BY borrower_id) - 1) / $2::int AS chunk FROM (
            SELECT DISTINCT l.borrower_id FROM installments i JOIN loans l ON l.id = i.loan_id
            WHERE i.due_on = $1 AND l.status = 'active'
        ) AS concerned
    ) AS numbered GROUP BY chunk ORDER BY chunk
"""


async def fan_out(work: Work, on: date, size: int = CHUNK) -> dict[str, int]:
    """Ask for the reminders of every step that begins on ``on`` to be planned, ``size`` borrowers a job.

    The cost follows the installments due around the date, found by index, not the size of the book.
    """
    raw = await work.raw()
    counts = {"chunks": 0, "borrowers": 0}
    for each in ladder.begun(work.policy.ladder, on):
        for chunk in await raw.fetch(CHUNKS, each.due_on, size):
            span = {"stage": each.step.stage, "first": chunk["first"], "last": chunk["last"]}
            work.enqueue(
                "plan_reminders",
                {"on": on.isoformat(), **span},
                dedupe_key=f"plan:{on}:{each.step.stage}:{chunk['first']}",
            )
            counts["chunks"] += 1
            counts["borrowers"] += chunk["borrowers"]
    return counts


async def plan_chunk(work: Work, on: date, stage: str, first: str, last: str) -> int:
    """Plan the reminders of one stage that begins on ``on`` for the borrowers from ``first`` to ``last``.

    Returns how many messages were planned; planning again plans nothing twice.
    """
    found = [each for each in ladder.begun(work.policy.ladder, on) if each.step.stage == stage]
    if not found:
        return 0
    begun = found[0]
    by_borrower: dict[str, list[ladder.Unpaid]] = defaultdict(list)
    for loan, account in await loans.accounts(work, await _concerned(work, begun.due_on, first, last)):
        by_borrower[loan.borrower_id] += ladder.unpaid(LoanId(loan.id), account.state(work.on), begun.due_on)
    people = {
        row.id: row
        for row in await work.session.scalars(select(Borrower).where(Borrower.id.in_(by_borrower)))
    }
    wishes = [_wish(people[key], begun, on, items) for key, items in by_borrower.items() if items]
    return len(await messages.plan(work, wishes))


async def _concerned(work: Work, due_on: date, first: str, last: str) -> Sequence[Loan]:
    rows = await work.session.scalars(
        select(Loan)
        .join(Installment, Installment.loan_id == Loan.id)
        .where(
            Installment.due_on == due_on,
            Loan.status == LoanStatus.ACTIVE,
            Loan.borrower_id.between(first, last),
        )
        .order_by(Loan.borrower_id, Loan.id)
    )
    return rows.unique().all()


def _wish(borrower: Borrower, begun: ladder.Begun, on: date, items: list[ladder.Unpaid]) -> messages.Plan:
    step = begun.step
    return messages.Plan(
        key=items[0].key(step),
        kind=KIND,
        template=step.template,
        gate=Gate(step.gate),
        channel=step.channel,
        locale=borrower.locale,
        borrower_id=BorrowerId(borrower.id),
        stage=step.stage,
        not_before=ladder.send_at(on, ZoneInfo(borrower.time_zone)),
        lapses_on=begun.lapses_on,
        about=tuple(messages.About(item.key(step), item.loan_id, item.number, item.due_on) for item in items),
    )


async def still_wanted(work: Work, row: Message) -> Wanted | Dropped:
    """Whether a reminder is still right. Locks its loans, as posting a payment does: who paid is not told."""
    about = await messages.subjects_of(work, MessageId(row.id))
    planned: dict[str, list[tuple[int, date]]] = defaultdict(list)
    for item in about:
        planned[item.loan_id].append((item.number, item.due_on))
    locked = [await loans.lock(work, LoanId(loan_id)) for loan_id in sorted(planned)]
    active = [loan for loan in locked if loan.status is LoanStatus.ACTIVE]
    if not active:
        return Dropped("loan_closed")
    missing = 0
    for loan, account in await loans.accounts(work, active):
        missing += ladder.total(ladder.still_unpaid(account.state(work.on), planned[loan.id]))
    if not missing:
        return Dropped("paid")
    return Wanted({"amount": missing, "currency": active[0].currency, "due_on": about[0].due_on})
