"""Suggestions as the borrower sees and answers them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from refi.applications.states import ApplicationStatus
from refi.crosssell import service as suggestions
from refi.crosssell.states import SuggestionStatus
from refi.crosssell.tables import Suggestion
from refi.db.work import Work
from refi.ids import BorrowerId
from refi.web import problems
from refi.web.deps import CurrentPage
from refi.web.fields import Body, BusinessDate, Instant, Out, Page, RateOut, known_id
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork

router = APIRouter(
    prefix="/v1/suggestions",
    tags=["suggestions"],
    route_class=BorrowerRoute,
    responses=problems.responses(401, 404, 422, 503),
)


class SuggestionOut(Out):
    """A micro-loan that the borrower may apply for; the price is indicative, an offer's is binding."""

    id: str
    product: str
    amount: int
    currency: str
    term: int
    apr: RateOut
    installment_amount: int
    coupon: str | None = None
    reason: str
    status: SuggestionStatus
    expires_on: BusinessDate
    expires_at: Instant
    created_at: Instant


class AcceptIn(Body):
    """Where the money shall go; the newest verified bank account if none is named."""

    bank_account: (
        Annotated[str, Field(max_length=60, pattern=r"^bacc_[a-z0-9]+$", description="the account's id")]
        | None
    ) = None


class AcceptedOut(Out):
    """The application that the suggestion became; follow it under ``/v1/applications/{id}``."""

    id: str
    product: str
    status: ApplicationStatus
    amount: int
    term: int
    suggestion: str


@router.get("")
async def list_suggestions(work: CurrentWork, actor: CurrentActor, page: CurrentPage) -> Page[SuggestionOut]:
    """What is open to the borrower today, newest first."""
    rows, has_more = page.cut(
        await suggestions.suggestions_of(
            work, BorrowerId(actor.id), limit=page.limit + 1, starting_after=page.starting_after
        )
    )
    return Page(data=[_shown(work, row) for row in rows], has_more=has_more)


@router.post("/{suggestion_id}/accept", status_code=201, responses=problems.responses(400, 409, 413, 415))
async def accept(suggestion_id: str, body: AcceptIn, work: CurrentWork, actor: CurrentActor) -> AcceptedOut:
    """Apply for it."""
    row = await suggestions.accept(
        work, BorrowerId(actor.id), known_id(suggestion_id, "sug"), bank_account=body.bank_account
    )
    return AcceptedOut(
        id=row.id,
        product=row.product.value,
        status=row.status,
        amount=row.amount,
        term=row.term,
        suggestion=suggestion_id,
    )


@router.post("/{suggestion_id}/dismiss", responses=problems.responses(400, 409, 413, 415))
async def dismiss(suggestion_id: str, work: CurrentWork, actor: CurrentActor) -> SuggestionOut:
    """Do not show it again."""
    return _shown(work, await suggestions.dismiss(work, BorrowerId(actor.id), known_id(suggestion_id, "sug")))


def _shown(work: Work, row: Suggestion) -> SuggestionOut:
    return SuggestionOut(
        id=row.id,
        product=row.product,
        amount=row.amount,
        currency=row.currency,
        term=row.term,
        apr=row.apr,
        installment_amount=row.installment_amount,
        reason=row.reason,
        status=row.status,
        expires_on=row.expires_on,
        expires_at=suggestions.expires_at(work, row),
        created_at=row.created_at,
    )
