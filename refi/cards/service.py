"""Cards: link, prove, import bills, read the habit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from refi import ids
from refi.borrowers import service as borrowers
from refi.cards import revolving, statements
from refi.cards.proof import CardProof
from refi.cards.tables import Card, Statement
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, CardId, StatementId


async def link(
    work: Work,
    borrower_id: BorrowerId,
    issuer: str,
    proof: CardProof,
    *,
    credit_limit: int | None = None,
    apr: Decimal | None = None,
) -> Card:
    """Keep a card as the provider's token; the same card again updates its proof and what is told of it."""
    await borrowers.lock(work, borrower_id)
    card = await work.session.scalar(
        select(Card).where(Card.borrower_id == borrower_id, Card.token == proof.token)
    )
    if card is None:
        card = Card(
            id=ids.new("card"),
            borrower_id=borrower_id,
            issuer=issuer,
            token=proof.token,
            last4=proof.last4,
            created_at=work.now,
        )
        work.session.add(card)
    card.payable = proof.payable
    card.not_payable_reason = proof.reason
    card.proved_at = work.now
    card.credit_limit = credit_limit if credit_limit is not None else card.credit_limit
    card.apr = apr if apr is not None else card.apr
    await work.session.flush()
    return card


async def cards_of(work: Work, borrower_id: BorrowerId) -> Sequence[Card]:
    """The borrower's cards, newest first."""
    rows = await work.session.scalars(
        select(Card).where(Card.borrower_id == borrower_id).order_by(Card.id.desc())
    )
    return rows.all()


async def own_card(work: Work, borrower_id: BorrowerId, card_id: CardId) -> Card:
    """One of the borrower's own cards, or `NotFound`."""
    card = await work.session.get(Card, card_id)
    if card is None or card.borrower_id != borrower_id:
        raise NotFound("no such card")
    return card


async def card(work: Work, card_id: CardId) -> Card:
    """Any card, or `NotFound`."""
    found = await work.session.get(Card, card_id)
    if found is None:
        raise NotFound("no such card")
    return found


async def import_statement(
    work: Work, card: Card, bill: statements.Bill, aprs: list[dict[str, Any]]
) -> tuple[Statement, bool]:
    """The statement of that date and whether it is new. The same figures again change nothing; others raise
    `StatementExists`."""
    statements.require_sound(bill, work.on)
    values = {**asdict(bill), "aprs": aprs}
    made = await work.session.execute(
        insert(Statement)
        .values(id=ids.new("stmt"), card_id=card.id, imported_at=work.now, **values)
        .on_conflict_do_nothing(index_elements=["card_id", "statement_date"])
        .returning(Statement.id)
    )
    new = made.scalar() is not None
    row = await work.session.scalar(
        select(Statement).where(Statement.card_id == card.id, Statement.statement_date == bill.statement_date)
    )
    if row is None:
        raise NotFound("no such statement")
    if not new and any(getattr(row, name) != value for name, value in values.items()):
        raise statements.StatementExists("this bill was imported with other figures", statement=row.id)
    return row, new


async def statements_of(work: Work, card_id: CardId, limit: int = 24) -> Sequence[Statement]:
    """The card's bills, newest first."""
    rows = await work.session.scalars(
        select(Statement)
        .where(Statement.card_id == card_id)
        .order_by(Statement.statement_date.desc())
        .limit(limit)
    )
    return rows.all()


async def own_statement(
    work: Work, borrower_id: BorrowerId, statement_id: StatementId
) -> tuple[Statement, Card]:
    """One of the borrower's own bills with its card, or `NotFound`."""
    row = await work.session.get(Statement, statement_id)
    card = None if row is None else await work.session.get(Card, row.card_id)
    if row is None or card is None or card.borrower_id != borrower_id:
        raise NotFound("no such statement")
    return row, card


def habit(bills: Sequence[Statement]) -> revolving.Habit:
    """The card holder's habit from bills, newest first."""
    return revolving.habit(
        revolving.closed_cycles([(row.statement_balance, row.payments_since_last) for row in bills])
    )


async def habits(work: Work, borrower_ids: Sequence[BorrowerId]) -> dict[str, revolving.Habit]:
    """The habit of each borrower with a card, from the bills of the newest one; two queries for all."""
    newest = await work.session.execute(
        select(Card.id, Card.borrower_id)
        .where(Card.borrower_id.in_(borrower_ids))
        .ext(distinct_on(Card.borrower_id))
        .order_by(Card.borrower_id, Card.id.desc())
    )
    holders = {row.id: row.borrower_id for row in newest}
    bills = await work.session.scalars(
        select(Statement).where(Statement.card_id.in_(holders)).order_by(Statement.statement_date.desc())
    )
    by_card: dict[str, list[Statement]] = {card_id: [] for card_id in holders}
    for bill in bills:
        by_card[bill.card_id].append(bill)
    return {holders[card_id]: habit(found) for card_id, found in by_card.items()}
