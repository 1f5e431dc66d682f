"""The notice before an autopay debit: planned once per installment, dropped when nothing will be taken."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from refi.db.work import Work
from refi.ids import BorrowerId, LoanId, MessageId
from refi.loans import service as loans
from refi.notifications import service as messages
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


async def still_wanted(work: Work, row: Message) -> Wanted | Dropped:
    """Whether the debit that a notice tells of will still be made, and of how much as things stand."""
    about = (await messages.subjects_of(work, MessageId(row.id)))[0]
    loan = await loans.lock(work, LoanId(about.loan_id))
    found = await autopay.debit(work, loan, about.due_on)
    agreed = await autopay.mandate(work, loan.id)
    if found.refusal is not None or agreed is None:
        return Dropped(found.refusal or "mandate_revoked")
    return Wanted(
        {
            "amount": found.amount,
            "currency": loan.currency,
            "debit_on": debit_on(about.due_on, agreed.day_offset),
            "due_on": about.due_on,
        }
    )
