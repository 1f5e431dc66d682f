"""POST /v1/quotes: the savings comparison. No sign-in with free numbers, no credit effect, no key."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, model_validator

from refi.applications.quotes import QuoteRefused, Wish, quote, shown
from refi.cards import service as cards
from refi.db.work import Database, Work
from refi.errors import Fault
from refi.ids import BorrowerId, StatementId
from refi.web import problems
from refi.web.fields import Amount, Body, BusinessDate, Out, Rate, RateOut, known_id
from refi.web.messages import language
from refi.web.route import OpenWork, PublicRoute
from refi.web.tokens import Tokens

router = APIRouter(
    prefix="/v1",
    tags=["quotes"],
    route_class=PublicRoute,
    responses=problems.responses(400, 401, 404, 413, 415, 422, 503),
)


class QuoteIn(Body):
    """Either ``statement`` (signed in) or ``balance`` with, if known, the card's rate and due date."""

    statement: Annotated[str, Field(max_length=40, description="a bill's id")] | None = None
    balance: Amount | None = None
    card_apr: Rate | None = None
    due_date: BusinessDate | None = None
    terms: (
        Annotated[tuple[int, ...], Field(min_length=1, max_length=12, strict=False, examples=[[3, 6, 12]])]
        | None
    ) = None
    method: (
        Annotated[str, Field(max_length=40, pattern=r"^[a-z_]+$", examples=["equal_installment"])] | None
    ) = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> QuoteIn:
        if (self.statement is None) == (self.balance is None):
            raise ValueError("send either statement or balance")
        return self


class BaselineOut(Out):
    """What happens without a plan; None when the card would never be cleared."""

    kind: str
    months: int | None
    total_interest: int | None
    total_of_payments: int | None
    first_payment: int


class BandRateOut(Out):
    """What one risk band pays; ``shown``: the plan is computed at it. An offer names the borrower's own."""

    band: str
    annual_rate: RateOut
    monthly_fee_rate: RateOut
    shown: bool


class PlanOut(Out):
    """One term, compared with the card."""

    term: int
    method: str
    apr: RateOut
    effective_annual_rate: RateOut
    installment_amount: int
    first_due_date: BusinessDate
    total_interest: int
    total_fees: int
    total_of_payments: int
    saving_same_payment: int | None
    saving_vs_minimum: int | None
    worthwhile: bool
    rates_by_band: list[BandRateOut]


class AssumptionOut(Out):
    """What the figures rest on."""

    code: str
    text: str


class RangeOut(Out):
    """The price list from the best to the worst, and what most borrowers get."""

    lowest: RateOut
    highest: RateOut
    representative: RateOut


class QuoteOut(Out):
    """The comparison; ``indicative``: an offer's price is binding, a quote's is not."""

    balance: int
    currency: str
    card_apr: RateOut
    baselines: list[BaselineOut]
    plans: list[PlanOut]
    assumptions: list[AssumptionOut]
    apr_range: RangeOut
    indicative: bool
    policy_version: str


@router.post("/quotes", openapi_extra={"security": [{}, {"bearer": []}]})
async def make_quote(body: QuoteIn, request: Request, open_work: OpenWork) -> QuoteOut:
    """Compare paying in full, the minimum only, and a plan for each term. Leaves no credit mark."""
    database: Database = request.app.state.database
    if body.balance is not None:  # of the database it needs the date alone
        on = await database.today()
        wish = Wish(body.balance, body.card_apr, body.due_date, terms=body.terms or (), method=body.method)
    else:
        work = await open_work()
        on, wish = work.on, await _wish(body, request, work)
    locale = language(request.headers.get("accept-language", ""))
    made = quote(database.policy, wish, on)
    return QuoteOut.model_validate(shown(made, database.policy, locale))


async def _wish(body: QuoteIn, request: Request, work: Work) -> Wish:
    """The wish of a signed-in borrower: their bill, their card's rate unless they name another."""
    tokens: Tokens = request.app.state.tokens
    actor = tokens.read(request.headers.get("authorization"), "borrower")
    statement_id = StatementId(known_id(str(body.statement), "stmt"))
    bill, card = await cards.own_statement(work, BorrowerId(actor.id), statement_id)
    if bill.statement_balance < 1:
        raise QuoteRefused("there is nothing to pay on it", faults=[Fault("/statement", "no_balance")])
    rate = body.card_apr if body.card_apr is not None else card.apr
    coming = bill.due_date if bill.due_date >= work.on else None  # of a bill past due nothing waits
    due_date = body.due_date or coming
    return Wish(
        bill.statement_balance,
        rate,
        due_date,
        bill.statement_date,
        terms=body.terms or (),
        method=body.method,
    )
