"""The notice before an autopay debit: planned once per installment, dropped when nothing will be taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from refi.db.work import Work
from refi.ids import BorrowerId, LoanId
from refi.loans import service as loans
from refi.loans.tables import Loan
from refi.notifications import service as messages
from refi.notifications import subjects_service
from refi.notifications.contact_policy import opening_at
from refi.notifications.messages import Dropped, Gate, Wanted
from refi.notifications.tables import Message
from refi.payments import autopay_service as autopay
from refi.payments.autopay import debit_on

KIND = "autopay_notice"

COMING = """
    SELECT l.id, l.borrower_id, min(i.number) AS number, i.due_on, b.locale, b.time_zone
    FROM installments i JOIN loans l ON l.id = i.loan_id JOIN autopay_mandates m ON m.loan_id = l.id
    JOIN borrowers b ON b.id = l.borrower_id
    WHERE i.due_on BETWEEN $1 AND $1 + $2::int AND i.due_on = $1 + m.day_offset
    AND m.revoked_at IS NULL AND l.status = 'active' AND l.unmet_on <= i.due_on
    GROUP BY l.id, l.borrower_id, i.due_on, b.locale, b.time_zone"""


async def plan(work: Work, on: date) -> int:
    """Plan the notices of debits that begin as many days from ``on`` as the policy says; how many."""
    rules = work.policy.payments.autopay
    if not rules.notice_days:
        return 0
    debited_on = on + timedelta(days=rules.notice_days)
    rows = await (await work.raw()).fetch(COMING, debited_on, rules.longest_offset)
    wishes = [
        messages.Plan(
            key=f"{KIND}:{row['id']}:{row['due_on']}",
            kind=KIND,
            template=KIND,
            gate=Gate.REQUESTED_NOTICE,
            channel="sms",
            locale=row["locale"],
            borrower_id=BorrowerId(row["borrower_id"]),
            stage="autopay",
            not_before=opening_at(on, rules.notice_at, ZoneInfo(row["time_zone"])),
            lapses_on=debited_on,
            about=(messages.About(LoanId(row["id"]), row["number"], row["due_on"]),),
        )
        for row in rows
    ]
    return len(await messages.plan(work, wishes))


async def still_wanted(work: Work, rows: Sequence[Message]) -> dict[str, Wanted | Dropped]:
    """Whether the debits that notices tell of will still be made, and of how much as things stand."""
    about = await subjects_service.of_all(work, [row.id for row in rows])
    locked = await loans.lock_all(work, {items[0].loan_id for items in about.values()})
    return {
        message_id: await _said(work, locked[items[0].loan_id], items[0].due_on)
        for message_id, items in about.items()
    }


async def _said(work: Work, loan: Loan, due_on: date) -> Wanted | Dropped:
    found = await autopay.debit(work, loan, due_on)
    agreed = await autopay.mandate(work, loan.id)
    if found.refusal is not None or agreed is None:
        return Dropped(found.refusal or "mandate_revoked")
    return Wanted(
        {
            "amount": found.amount,
            "currency": loan.currency,
            "debit_on": debit_on(due_on, agreed.day_offset),
            "due_on": due_on,
        }
    )
