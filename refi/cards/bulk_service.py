"""Many cards with their bills at once, by COPY: for seeding and for taking over a book."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from refi import ids
from refi.cards.proof import CardProof
from refi.cards.statements import Bill, require_sound
from refi.db.work import Work
from refi.money import rate_text

CARDS = (
    *("id", "borrower_id", "issuer", "token", "last4", "credit_limit", "apr", "payable"),
    *("not_payable_reason", "proved_at", "created_at"),
)
STATEMENTS = (
    *("id", "card_id", "statement_date", "due_date", "statement_balance", "minimum_payment", "purchases"),
    *("payments_since_last", "last_payment_amount", "is_overdue", "aprs", "imported_at"),
)


@dataclass(frozen=True, slots=True)
class BilledCard:
    """A proved card with its bills; the limit in minor units, the rate a fraction a year."""

    issuer: str
    proof: CardProof
    credit_limit: int
    apr: Decimal
    bills: tuple[Bill, ...]


async def add(work: Work, cards: Sequence[tuple[str, BilledCard]]) -> int:
    """Link every card to its borrower's id and import its bills; the number of bills.

    Raises `StatementRefused` for an unsound bill.
    """
    raw = await work.raw()
    keyed = [(ids.new("card"), borrower_id, card) for borrower_id, card in cards]
    await raw.copy_records_to_table("cards", columns=CARDS, records=[_card(work, *one) for one in keyed])
    bills = [row for key, _, card in keyed for row in _statements(work, key, card)]
    await raw.copy_records_to_table("statements", columns=STATEMENTS, records=bills)
    return len(bills)


def _card(work: Work, key: str, borrower_id: str, card: BilledCard) -> tuple[object, ...]:
    return (
        *(key, borrower_id, card.issuer, card.proof.token, card.proof.last4, card.credit_limit, card.apr),
        *(card.proof.payable, card.proof.reason, work.now, work.now),
    )


def _statements(work: Work, card_id: str, card: BilledCard) -> list[tuple[object, ...]]:
    """The rows of a card's bills, oldest first, so that ids rise with the dates."""
    aprs = json.dumps([{"type": "purchase_apr", "apr": rate_text(card.apr), "balance_subject_to_apr": None}])
    rows: list[tuple[object, ...]] = []
    for bill in sorted(card.bills, key=lambda one: one.statement_date):
        require_sound(bill, work.on)
        rows.append(
            (
                *(ids.new("stmt"), card_id, bill.statement_date, bill.due_date, bill.statement_balance),
                *(bill.minimum_payment, bill.purchases, bill.payments_since_last, bill.last_payment_amount),
                *(bill.is_overdue, aprs, work.now),
            )
        )
    return rows
