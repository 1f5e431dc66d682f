"""What is known of the loan that a lane lives with now, and whether all of it is explained.

`look` reads the loan with its whole history (as the audit does) and what is about it at the payments desk.
`wrong` recomputes: the stored state from the history (`refi.loans.replaying`), and every balance from the
transfers: the principal owed, the cash that the bank moved, the money that waits in suspense.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import asyncpg

from refi.ledger.accounts import Account
from refi.ledger.entries import transfers
from refi.loans.replay_service import stored_loan
from refi.loans.replaying import Stored, differences
from refi.loans.states import LoanStatus

NEWEST = "SELECT id FROM loans WHERE borrower_id = $1 ORDER BY id DESC LIMIT 1"
LIFE = """
    WITH paid AS MATERIALIZED (SELECT * FROM payments WHERE loan_id = $1),
    items AS MATERIALIZED (
        SELECT * FROM suspense_items WHERE payment_id = ANY(ARRAY(SELECT id::text FROM paid))
        UNION SELECT s.* FROM bank.news n JOIN suspense_items s ON s.key = 'transfer:' || n.provider_id
        WHERE n.lane = $2 AND n.key IS NULL AND n.reference IS NULL),
    back AS (
        SELECT * FROM refunds WHERE payment_id = ANY(ARRAY(SELECT id::text FROM paid))
        UNION SELECT * FROM refunds WHERE suspense_id = ANY(ARRAY(
            SELECT id::text FROM items WHERE payment_id IS NULL AND status = 'refunding'))
            AND call IN ('planned', 'calling', 'unknown')),
    said AS (
        SELECT * FROM approvals WHERE status = 'pending' AND kind = ANY($3::text[]) AND subject = ANY(ARRAY(
            SELECT $1::text UNION ALL SELECT id::text FROM paid WHERE status = 'posted'
            UNION ALL SELECT id::text FROM items WHERE status = 'awaiting_second'
            UNION ALL SELECT id::text FROM holds WHERE borrower_id = $4 AND lifted_on IS NULL)))
    SELECT json_build_object(
        'on', (SELECT business_date FROM business_clock),
        'version', (SELECT version FROM loans WHERE id = $1),
        'payments', (SELECT json_agg(json_build_array(id, amount, source_type, mode, status, call, ordered_on,
                     effective_on, returned_on, provider_id) ORDER BY id) FROM paid),
        'payouts', (SELECT json_agg(json_build_array(id, amount, status, call) ORDER BY id)
                    FROM payouts WHERE loan_id = $1),
        'refunds', (SELECT json_agg(json_build_array(id, payment_id, amount, status, call) ORDER BY id)
                    FROM back),
        'items', (SELECT json_agg(json_build_array(id, kind, status, amount, payment_id) ORDER BY id)
                  FROM items WHERE status IN ('open', 'awaiting_second', 'refunding')),
        'approvals', (SELECT json_agg(json_build_array(id, kind, subject, maker) ORDER BY id) FROM said),
        'holds', (SELECT json_agg(id ORDER BY id) FROM holds
                  WHERE borrower_id = $4 AND lifted_on IS NULL),
        'mandate', (SELECT id FROM autopay_mandates WHERE loan_id = $1 AND revoked_at IS NULL),
        'tries', (SELECT count(*) FROM autopay_tries
                  WHERE loan_id = $1 AND status = 'planned'
                  AND planned_for <= (SELECT business_date FROM business_clock)))"""


class Paid(NamedTuple):
    """A payment."""

    id: str
    amount: int
    source: str
    mode: str
    status: str
    call: str
    ordered_on: str
    effective_on: str | None
    returned_on: str | None
    provider_id: str | None


class Sent(NamedTuple):
    """A payout."""

    id: str
    amount: int
    status: str
    call: str


class Back(NamedTuple):
    """A refund."""

    id: str
    payment: str | None
    amount: int
    status: str
    call: str


class Item(NamedTuple):
    """Something that fits nowhere and waits."""

    id: str
    kind: str
    status: str
    amount: int
    payment: str | None


class Proposed(NamedTuple):
    """A proposal that waits for a second person."""

    id: str
    kind: str
    subject: str
    maker: str


@dataclass(frozen=True)
class Look:
    """A loan and what is about it, on a day."""

    on: date
    stored: Stored
    version: int
    payments: list[Paid]
    payouts: list[Sent]
    refunds: list[Back]
    items: list[Item]
    approvals: list[Proposed]
    holds: list[str]
    mandate: bool
    tries: int

    @property
    def weight(self) -> int:
        """How much history there is to replay."""
        return len(self.stored.movements) + len(self.stored.acts)

    def errands(self) -> list[str]:
        """The orders that a worker would send, or ask about, now."""
        rows = [*self.payouts, *self.payments, *self.refunds]
        return sorted(row.id for row in rows if row.call in ("planned", "calling", "unknown"))

    def loose(self) -> dict[str, int]:
        """Money of each payment that waits in suspense and that no refund and no item speaks of (yet)."""
        held: dict[str, int] = {}
        of_refund = {row.id: str(row.payment) for row in self.refunds}
        for row in self.stored.movements:
            for debit, credit, amount in transfers(row.kind, row.split):
                if Account.SUSPENSE in (debit, credit):
                    source = of_refund.get(row.source, row.source)
                    held[source] = held.get(source, 0) + (amount if credit is Account.SUSPENSE else -amount)
        for refund in self.refunds:
            if refund.payment is not None and refund.status == "planned":
                held[refund.payment] = held.get(refund.payment, 0) - refund.amount
        for item in self.items:
            if item.payment is not None and item.status != "refunding":
                owed_to_us = item.kind == "refunded_and_returned"
                if owed_to_us or item.kind == "refund_failed":
                    held[item.payment] = held.get(item.payment, 0) + item.amount * (1 if owed_to_us else -1)
        return {source: amount for source, amount in held.items() if amount}


@dataclass(frozen=True)
class Reading:
    """A connection that reads outside of every transaction: each statement sees what is committed."""

    connection: asyncpg.Connection

    async def raw(self) -> asyncpg.Connection:
        """As `refi.db.work.Work.raw`."""
        return self.connection


async def look(connection: asyncpg.Connection, lane: int, borrower: str, kinds: list[str]) -> Look | None:
    """The lane's newest loan; None before its first."""
    loan_id = await connection.fetchval(NEWEST, borrower)
    if loan_id is None:
        return None
    stored = await stored_loan(Reading(connection), loan_id)
    row = await connection.fetchval(LIFE, loan_id, lane, kinds, borrower)
    assert stored is not None
    return Look(
        date.fromisoformat(row["on"]),
        stored,
        row["version"],
        [Paid(*each) for each in row["payments"] or ()],
        [Sent(*each) for each in row["payouts"] or ()],
        [Back(*each) for each in row["refunds"] or ()],
        [Item(*each) for each in row["items"] or ()],
        [Proposed(*each) for each in row["approvals"] or ()],
        row["holds"] or [],
        row["mandate"] is not None,
        row["tries"],
    )


def wrong(seen: Look, *, still: bool = True) -> list[str]:
    """What of the loan its history does not explain.

    ``still``: nobody else is at this loan, so that what was read in two statements belongs together.
    """
    found = differences(seen.stored, seen.on)
    if not still:
        return found
    booked = sum(
        amount * ((debit is Account.CASH_AT_PROVIDER) - (credit is Account.CASH_AT_PROVIDER))
        for row in seen.stored.movements
        for debit, credit, amount in transfers(row.kind, row.split)
    )
    if booked != moved(seen):
        found.append(f"the transfers say that {booked} moved at the bank, the orders say {moved(seen)}")
    known = {row.id for row in seen.payments}
    unsure = {row.payment for row in seen.refunds if row.call in ("calling", "unknown")}
    strange = {
        source: amount
        for source, amount in seen.loose().items()
        if source not in known or (amount < 0 and source not in unsure)
    }
    if strange:
        found.append(f"in suspense, and nothing explains it: {strange}")
    return found


def moved(seen: Look) -> int:
    """What the bank moved for this loan, as payouts, payments and refunds say; in is positive."""
    out = sum(row.amount for row in seen.payouts if row.status == "delivered")
    came = sum(
        row.amount
        for row in seen.payments
        if row.status == "posted" or (row.status == "reversed" and row.returned_on is None)
    )
    back = sum(row.amount for row in seen.refunds if row.status == "done")
    return came - out - back


def over(seen: Look) -> bool:
    """Whether the loan has ended in some way."""
    return seen.stored.status in (LoanStatus.PAID_OFF, LoanStatus.CANCELLED, LoanStatus.CHARGED_OFF)
