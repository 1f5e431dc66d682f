"""Link cards and import their bills."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field
from stdnum import luhn

from refi.borrowers import service as borrowers
from refi.borrowers.proof import InstrumentRefused, ProofRefused
from refi.cards import service as cards
from refi.cards import statements
from refi.cards.proof import CardProver
from refi.cards.tables import Statement
from refi.errors import Fault
from refi.ids import BorrowerId, CardId
from refi.money import MAX_AMOUNT, rate_text
from refi.web import problems
from refi.web.fields import (
    Amount,
    AmountOrZero,
    Body,
    BusinessDate,
    Instant,
    Out,
    Page,
    Rate,
    RateOut,
    known_id,
)
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork, OpenWork

router = APIRouter(
    prefix="/v1/cards",
    tags=["cards"],
    route_class=BorrowerRoute,
    responses=problems.responses(400, 401, 404, 409, 413, 415, 422, 503),
)


class CardIn(Body):
    """A card; the number goes to the payment provider and is not kept."""

    issuer: Annotated[str, Field(min_length=2, max_length=40, pattern=r"^[A-Za-z0-9 _-]+$", examples=["CMB"])]
    number: Annotated[str, Field(pattern=r"^[0-9]{13,19}$", examples=["6225880137706868"])]
    credit_limit: Amount | None = None
    apr: Rate | None = None


class CardOut(Out):
    """A card; ``payable`` once the provider confirmed that it is the borrower's and can receive money."""

    id: str
    issuer: str
    last4: str
    credit_limit: int | None
    apr: RateOut | None
    payable: bool
    not_payable_reason: str | None
    created_at: Instant


class AprIn(Body):
    """One of the card's annual rates, after Plaid."""

    type: Literal["purchase_apr", "balance_transfer_apr", "cash_apr", "special"]
    apr: Rate
    balance_subject_to_apr: AmountOrZero | None = None


class StatementIn(Body):
    """A bill, in minor units. ``payments_since_last``: paid between the previous statement and this one."""

    statement_date: BusinessDate
    due_date: BusinessDate
    statement_balance: Annotated[
        int,
        Field(
            ge=-MAX_AMOUNT,
            le=MAX_AMOUNT,
            description="below zero: in the holder's favor",
            examples=[1_200_000],
        ),
    ]
    minimum_payment: AmountOrZero
    purchases: AmountOrZero | None = None
    payments_since_last: AmountOrZero | None = None
    last_payment_amount: AmountOrZero | None = None
    is_overdue: bool = False
    aprs: Annotated[tuple[AprIn, ...], Field(max_length=10, strict=False)] = ()


class AprOut(Out):
    """One of the card's annual rates."""

    type: str
    apr: str
    balance_subject_to_apr: int | None


class StatementOut(Out):
    """A bill as imported."""

    id: str
    card: str
    statement_date: BusinessDate
    due_date: BusinessDate
    statement_balance: int
    minimum_payment: int
    purchases: int | None
    payments_since_last: int | None
    last_payment_amount: int | None
    is_overdue: bool
    aprs: list[AprOut]
    imported_at: Instant


async def card_prover(request: Request) -> CardProver:
    """Dependency: who confirms cards."""
    prover: CardProver = request.app.state.processor
    return prover


@router.post("", status_code=201)
async def link(
    body: CardIn,
    request: Request,
    open_work: OpenWork,
    actor: CurrentActor,
    prover: Annotated[CardProver, Depends(card_prover)],
) -> CardOut:
    """Link a card; the provider is asked whose it is before anything is stored."""
    if not luhn.is_valid(body.number):
        raise InstrumentRefused("not a card number", faults=[Fault("/number", "check_digit_wrong")])
    borrower_id = BorrowerId(actor.id)
    async with request.app.state.database.work(actor, reading=True) as before:
        name, national_id = await borrowers.holder(before, borrower_id)
    proof = await prover.confirm_card(
        before.vault.index("card-proof", f"{actor.id}:{body.issuer}:{body.number}:{name}:{national_id}"),
        issuer=body.issuer,
        number=body.number,
        holder_name=name,
        national_id=national_id,
    )
    if isinstance(proof, ProofRefused):
        raise InstrumentRefused(
            "the provider does not know this card",
            faults=[Fault("/number", "number_refused")],
            provider_code=proof.code,
        )
    card = await cards.link(
        await open_work(), borrower_id, body.issuer, proof, credit_limit=body.credit_limit, apr=body.apr
    )
    return CardOut.model_validate(card)


@router.get("")
async def list_cards(work: CurrentWork, actor: CurrentActor) -> Page[CardOut]:
    """The borrower's cards, newest first."""
    rows = await cards.cards_of(work, BorrowerId(actor.id))
    return Page(data=[CardOut.model_validate(row) for row in rows], has_more=False)


@router.get("/{card_id}")
async def show(card_id: str, work: CurrentWork, actor: CurrentActor) -> CardOut:
    """One card."""
    row = await cards.own_card(work, BorrowerId(actor.id), CardId(known_id(card_id, "card")))
    return CardOut.model_validate(row)


@router.post("/{card_id}/statements", status_code=201, responses={200: {"model": StatementOut}})
async def import_statement(
    card_id: str, body: StatementIn, response: Response, work: CurrentWork, actor: CurrentActor
) -> StatementOut:
    """Import a bill. The same again answers 200 with the first; other figures ``statement_exists``."""
    card = await cards.own_card(work, BorrowerId(actor.id), CardId(known_id(card_id, "card")))
    figures = body.model_dump(exclude={"aprs"})
    aprs = [
        {
            "type": item.type,
            "apr": rate_text(item.apr),
            "balance_subject_to_apr": item.balance_subject_to_apr,
        }
        for item in body.aprs
    ]
    row, new = await cards.import_statement(work, card, statements.Bill(**figures), aprs)
    response.status_code = 201 if new else 200
    return _statement(row)


@router.get("/{card_id}/statements")
async def list_statements(card_id: str, work: CurrentWork, actor: CurrentActor) -> Page[StatementOut]:
    """The card's bills, newest first."""
    card = await cards.own_card(work, BorrowerId(actor.id), CardId(known_id(card_id, "card")))
    rows = await cards.statements_of(work, CardId(card.id))
    return Page(data=[_statement(row) for row in rows], has_more=False)


def _statement(row: Statement) -> StatementOut:
    return StatementOut.model_validate(
        {
            **{name: getattr(row, name) for name in StatementOut.model_fields if name != "card"},
            "card": row.card_id,
        }
    )
