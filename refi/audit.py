"""``refi audit``: every invariant of the books, checked on the database itself.

Each check returns the offending ids with a sentence; an empty list is a clean bill. Nothing is repaired.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import select, text

from refi.collections import lawful_service as lawful_contacts
from refi.db.work import SYSTEM, Database, Work
from refi.errors import Unavailable
from refi.ledger.entries import RULES
from refi.ledger.tables import PostingRule
from refi.loans import replay_service as replays
from refi.loans.replaying import differences
from refi.notifications import lawful_service as contacts
from refi.payments import reconciliation
from refi.payments.processor import CashEntry, EntryKind, PaymentProcessor
from refi.payments.states import PaymentStatus, PayoutStatus, RefundStatus
from refi.payments.tables import Payment, Payout, Refund, SourceType, UnmatchedReceipt
from refi.staff import service as staff

CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: which check, which row, what."""

    check: str
    id: str
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the audit looked at and what it found. ``skipped`` names checks that could not run, and why."""

    checked: dict[str, int]
    findings: tuple[Finding, ...]
    skipped: dict[str, str]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


SQL_CHECKS: dict[str, str] = {
    "transfers_explain_movements": """
        SELECT m.id, 'transfers sum to ' || coalesce(sum(t.amount), 0) || ', the movement is ' || m.amount
        FROM movements m LEFT JOIN transfers t ON t.movement_id = m.id
        GROUP BY m.id, m.amount HAVING coalesce(sum(t.amount), 0) <> m.amount""",
    "payouts_move_money_once": """
        SELECT p.id, p.status || ' with ' || count(m.id) || ' disbursements' FROM payouts p
        LEFT JOIN movements m ON m.source = p.id AND m.kind = 'disbursement' GROUP BY p.id, p.status
        HAVING count(m.id) <> CASE WHEN p.status IN ('delivered', 'returned') THEN 1 ELSE 0 END""",
    "returned_payouts_come_back": """
        SELECT p.id, p.status || ' with ' || count(m.id) || ' returns' FROM payouts p
        LEFT JOIN movements m ON m.source = p.id AND m.kind = 'disbursement_returned' GROUP BY p.id, p.status
        HAVING count(m.id) <> CASE WHEN p.status = 'returned' THEN 1 ELSE 0 END""",
    "payments_move_money_once": """
        SELECT p.id, p.status || ' of ' || p.amount || ', booked ' || coalesce(sum(b.cash), 0) FROM payments p
        LEFT JOIN (
            SELECT source, CASE WHEN debit = 'cash_at_provider' THEN amount ELSE -amount END AS cash
            FROM transfers WHERE 'cash_at_provider' IN (debit, credit) AND kind <> 'refund'
        ) b ON b.source = p.id GROUP BY p.id, p.status, p.amount
        HAVING coalesce(sum(b.cash), 0) <> CASE WHEN p.status = 'posted'
            OR (p.status = 'reversed' AND p.returned_on IS NULL) THEN p.amount ELSE 0 END""",
    "refunds_move_money_once": """
        SELECT r.id, r.status || ' with ' || count(m.id) || ' movements' FROM refunds r
        LEFT JOIN movements m ON m.source = r.id AND m.kind = 'refund' GROUP BY r.id, r.status
        HAVING count(m.id) <> CASE WHEN r.status = 'done' THEN 1 ELSE 0 END""",
    "suspense_is_explained": """
        SELECT key, 'suspense holds ' || sum(amount) || ' that nothing explains' FROM (
            SELECT CASE WHEN t.source LIKE 'pay\\_%' THEN t.source
                        WHEN t.source LIKE 'refd\\_%' THEN coalesce(r.payment_id, r.of)
                        ELSE regexp_replace(t.cause, '^transfer\\:|\\:matched$', '', 'g') END AS key,
                   CASE WHEN t.credit = 'suspense' THEN t.amount ELSE -t.amount END AS amount
            FROM transfers t LEFT JOIN refunds r ON r.id = t.source WHERE 'suspense' IN (t.debit, t.credit)
            UNION ALL
            SELECT coalesce(payment_id, of), -amount FROM refunds WHERE status = 'planned'
            UNION ALL
            SELECT coalesce(payment_id, provider_id),
                   CASE WHEN kind = 'refunded_and_returned' THEN amount ELSE -amount END
            FROM suspense_items WHERE status IN ('open', 'awaiting_second')
            AND kind IN ('unmatched', 'refund_failed', 'refunded_and_returned')
        ) lines GROUP BY key HAVING sum(amount) <> 0""",
    "active_loans_have_a_delivered_payout": """
        SELECT l.id, l.status || ' without a delivered payout' FROM loans l
        WHERE l.status IN ('active', 'paid_off', 'charged_off')
        AND NOT EXISTS (SELECT FROM payouts p WHERE p.loan_id = l.id AND p.status = 'delivered')""",
    "nobody_approved_their_own_work": """
        SELECT id, 'made and checked by ' || maker FROM approvals WHERE checker = maker""",
    "answers_are_stored_once": """
        SELECT scope || ' ' || key, 'stored more than once' FROM stored_answers
        GROUP BY scope, key HAVING count(*) > 1""",
}

Check = Callable[[Work], Awaitable[tuple[int, list[Finding]]]]


async def run(database: Database, processor: PaymentProcessor | None) -> Report:
    """Check everything. Without ``processor`` the provider's cash book is not compared."""
    checked: dict[str, int] = {}
    findings: list[Finding] = []
    skipped: dict[str, str] = {}
    async with database.work(SYSTEM, reading=True) as work:
        for name, query in SQL_CHECKS.items():
            rows = (await work.session.execute(text(query))).all()
            checked[name] = len(rows)
            findings.extend(Finding(name, str(row[0]), str(row[1])) for row in rows)
        for name, check in CHECKS.items():
            checked[name], found = await check(work)
            findings.extend(found)
        judged, wrong = await lawful_contacts.judge(work)
        for name, lines in wrong.items():
            checked[name] = judged
            findings.extend(Finding(name, contact_id, what) for contact_id, what in lines)
        for version, count in (await contacts.unjudged(work)).items():
            skipped[f"contacts_under_{version}"] = (
                f"{count} contacts: the rules of that version are not at hand"
            )
        if processor is None:
            skipped["provider_cash_book"] = "no provider was asked"
        else:
            try:
                checked["provider_cash_book"], found = await _cash_book(work, processor)
                findings.extend(found)
            except Unavailable as error:
                skipped["provider_cash_book"] = error.detail
    return Report(checked, tuple(findings), skipped)


async def _posting_rules(work: Work) -> tuple[int, list[Finding]]:
    rows = (await work.session.scalars(select(PostingRule))).all()
    stored = {(row.kind, row.component): (row.debit, row.credit) for row in rows}
    return len(rows), [
        Finding(
            "posting_rules",
            f"{kind}/{part}",
            f"stored {stored.get((kind, part))}, code says {RULES.get((kind, part))}",
        )
        for kind, part in sorted({*stored, *RULES})
        if stored.get((kind, part)) != RULES.get((kind, part))
    ]


async def _derived_equals_stored(work: Work) -> tuple[int, list[Finding]]:
    """Replay every loan from its history and compare with what is stored and booked."""
    after, count = "", 0
    findings: list[Finding] = []
    while rows := await replays.stored_loans(work, after=after, limit=CHUNK):
        for stored in rows:
            wrong = differences(stored, work.on)
            findings.extend(Finding("derived_equals_stored", stored.id, what) for what in wrong)
        count += len(rows)
        after = rows[-1].id
    return count, findings


async def _staff_trail(work: Work) -> tuple[int, list[Finding]]:
    broken = await staff.broken_acts(work)
    return len(broken), [
        Finding("staff_audit_trail", str(number), "the hash chain breaks here") for number in broken
    ]


async def _cash_book(work: Work, processor: PaymentProcessor) -> tuple[int, list[Finding]]:
    """The provider's cash book, line by line, against what our rows say moved."""
    entries: list[CashEntry] = []
    while (page := await processor.cash_book(entries[-1].number if entries else 0)).entries:
        entries.extend(page.entries)
        if not page.has_more:
            break
    result = reconciliation.compare(entries, await _booked(work))
    return len(entries), [
        Finding("provider_cash_book", item.cause, f"{item.kind}: theirs {item.theirs}, ours {item.ours}")
        for item in result.differences
    ]


async def _booked(work: Work) -> list[reconciliation.Booked]:
    """Every move of money through the provider, as our rows have it."""
    found = []
    for payout in await work.session.scalars(select(Payout)):
        found.extend(_moves(payout, EntryKind.PAYOUT, EntryKind.PAYOUT_RETURN, payout.id))
    for payment in await work.session.scalars(select(Payment)):
        if payment.source_type is SourceType.TRANSFER:
            cause = str(payment.provider_id)
            found.extend(_moves(payment, EntryKind.TRANSFER, EntryKind.DEBIT_RETURN, cause))
        else:
            found.extend(_moves(payment, EntryKind.DEBIT, EntryKind.DEBIT_RETURN, payment.id))
    for refund in await work.session.scalars(select(Refund)):
        found.extend(_moves(refund, EntryKind.REFUND, EntryKind.REFUND, refund.id))
    matched = select(Payment.id).where(Payment.provider_id == UnmatchedReceipt.provider_id).exists()
    for receipt in await work.session.scalars(select(UnmatchedReceipt).where(~matched)):
        kind, on = EntryKind.TRANSFER, receipt.effective_on
        found.append(reconciliation.Booked(kind, receipt.provider_id, receipt.amount, receipt.currency, on))
    return found


MOVED = {
    PayoutStatus.DELIVERED,
    PayoutStatus.RETURNED,
    PaymentStatus.POSTED,
    PaymentStatus.REVERSED,
    RefundStatus.DONE,
}
MOVED_BACK = {PayoutStatus.RETURNED, PaymentStatus.REVERSED}


def _moves(
    row: Payment | Payout | Refund, there: EntryKind, back: EntryKind, cause: str
) -> list[reconciliation.Booked]:
    """The money that a row moved, and moved back."""
    found = []
    if row.status in MOVED and row.effective_on is not None:
        found.append(reconciliation.Booked(there, cause, row.amount, row.currency, row.effective_on))
    if row.status in MOVED_BACK and not isinstance(row, Refund) and row.returned_on is not None:
        found.append(reconciliation.Booked(back, cause, row.amount, row.currency, row.returned_on))
    return found


CHECKS: dict[str, Check] = {
    "posting_rules": _posting_rules,
    "derived_equals_stored": _derived_equals_stored,
    "staff_audit_trail": _staff_trail,
}
