"""The borrower's applications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from refi.applications import offer_service
from refi.applications import service as applications
from refi.applications.offer_routes import OfferOut, offer_out
from refi.applications.states import ApplicationStatus
from refi.applications.tables import Application
from refi.borrowers import service as borrowers
from refi.db.work import Work
from refi.ids import BorrowerId, StatementId
from refi.underwriting import query_service, reasons
from refi.underwriting import service as underwriting
from refi.underwriting.bureau import Bureau
from refi.underwriting.tables import DecisionRecord
from refi.web import problems
from refi.web.deps import CurrentPage
from refi.web.fields import (
    Amount,
    AmountOrZero,
    Body,
    BusinessDate,
    Instant,
    LongText,
    Out,
    Page,
    known_id,
)
from refi.web.messages import language
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork, OpenWork

router = APIRouter(
    prefix="/v1/applications",
    tags=["applications"],
    route_class=BorrowerRoute,
    responses=problems.responses(400, 401, 404, 409, 413, 415, 422, 503),
)


class ApplicationIn(Body):
    """Which bill to pay off, in how many months; ``amount`` is the whole bill unless said otherwise."""

    statement: Annotated[str, Field(max_length=40, description="the bill's id")]
    term: Annotated[int, Field(ge=1, le=60, examples=[6])]
    amount: Amount | None = None
    monthly_income: AmountOrZero | None = None


class AnswerIn(Body):
    """The answer to a request for information; documents go to ``/documents``."""

    message: LongText | None = None
    monthly_income: AmountOrZero | None = None


class ReviewWanted(Body):
    """Why a person should look; it may be left out."""

    reason: LongText | None = None


class ReasonOut(Out):
    """A principal reason; rank 1 is the most important."""

    code: str
    text: str
    rank: int


class DecisionOut(Out):
    """The newest decision: by the engine under a policy, or by a person."""

    id: str
    outcome: str
    reasons: list[ReasonOut]
    policy_version: str
    model_version: str | None
    counter_offer: bool
    """What was asked for is declined for these reasons, and something else is offered instead."""
    decided_by: Literal["engine", "person"]
    decided_at: Instant


class ApplicationOut(Out):
    """An application. ``information_requested`` is what a reviewer wants to know."""

    id: str
    product: str
    status: ApplicationStatus
    statement: str | None
    card: str | None
    bank_account: str | None
    currency: str
    amount: int
    term: int
    method: str
    monthly_income: int | None
    decision: DecisionOut | None
    offers: list[OfferOut]
    information_requested: str | None
    submitted_on: BusinessDate
    expires_on: BusinessDate
    version: int
    created_at: Instant


@router.post("", status_code=201)
async def submit(
    body: ApplicationIn, request: Request, open_work: OpenWork, actor: CurrentActor
) -> ApplicationOut:
    """Apply to have a bill paid off. Most are decided at once: the answer has the decision and the offer."""
    bureau: Bureau | None = request.app.state.bureau
    if bureau is not None:
        await query_service.ask(request.app.state.database, actor, BorrowerId(actor.id), bureau)
    work = await open_work()
    row = await applications.submit(
        work,
        BorrowerId(actor.id),
        StatementId(known_id(body.statement, "stmt")),
        term=body.term,
        amount=body.amount,
        monthly_income=body.monthly_income,
    )
    return await _application(work, request, row)


@router.get("")
async def list_applications(
    request: Request, work: CurrentWork, actor: CurrentActor, page: CurrentPage
) -> Page[ApplicationOut]:
    """The borrower's applications, newest first."""
    found = await applications.applications_of(
        work, BorrowerId(actor.id), limit=page.limit + 1, starting_after=page.starting_after
    )
    rows, has_more = page.cut(found)
    return Page(data=await _applications(work, request, rows), has_more=has_more)


@router.get("/{application_id}")
async def show(
    application_id: str, request: Request, work: CurrentWork, actor: CurrentActor
) -> ApplicationOut:
    """One application with its decision and offers."""
    row = await applications.own(work, BorrowerId(actor.id), known_id(application_id, "app"))
    return await _application(work, request, row)


@router.post("/{application_id}/withdraw")
async def withdraw(
    application_id: str, request: Request, work: CurrentWork, actor: CurrentActor
) -> ApplicationOut:
    """Leave: open offers end with the application."""
    row = await applications.withdraw(work, BorrowerId(actor.id), known_id(application_id, "app"))
    return await _application(work, request, row)


@router.post("/{application_id}/respond")
async def respond(
    application_id: str, body: AnswerIn, request: Request, work: CurrentWork, actor: CurrentActor
) -> ApplicationOut:
    """Answer a request for information; the application goes back to the person who asked."""
    row = await applications.respond(
        work,
        BorrowerId(actor.id),
        known_id(application_id, "app"),
        message=body.message,
        monthly_income=body.monthly_income,
    )
    return await _application(work, request, row)


@router.post("/{application_id}/request-review")
async def request_review(
    application_id: str,
    request: Request,
    work: CurrentWork,
    actor: CurrentActor,
    body: ReviewWanted | None = None,
) -> ApplicationOut:
    """Ask that a person looks at a decline."""
    row = await applications.request_review(
        work, BorrowerId(actor.id), known_id(application_id, "app"), reason=body.reason if body else None
    )
    return await _application(work, request, row)


async def _application(work: Work, request: Request, row: Application) -> ApplicationOut:
    return (await _applications(work, request, [row]))[0]


async def _applications(work: Work, request: Request, rows: Sequence[Application]) -> list[ApplicationOut]:
    decisions = await underwriting.many(work, [row.decision_id for row in rows if row.decision_id])
    offers = await offer_service.of_applications(work, [row.id for row in rows])
    locale = await _locale(work, request, rows)
    return [
        ApplicationOut(
            id=row.id,
            product=row.product.value,
            status=row.status,
            statement=row.statement_id,
            card=row.card_id,
            bank_account=row.bank_account_id,
            currency=work.policy.market.currency,
            amount=row.amount,
            term=row.term,
            method=row.method,
            monthly_income=row.monthly_income,
            decision=_decision(decisions[row.decision_id], work, locale) if row.decision_id else None,
            offers=[offer_out(work, offer) for offer in offers[row.id]],
            information_requested=row.information_requested,
            submitted_on=row.submitted_on,
            expires_on=row.expires_on,
            version=row.version,
            created_at=row.created_at,
        )
        for row in rows
    ]


async def _locale(work: Work, request: Request, rows: Sequence[Application]) -> str:
    """The language that the request prefers, else the borrower's own."""
    header = request.headers.get("accept-language")
    if header or not rows:
        return language(header or "")
    return (await borrowers.get(work, BorrowerId(rows[0].borrower_id))).locale


def _decision(row: DecisionRecord, work: Work, locale: str) -> DecisionOut:
    found = [reasons.Reason(each["code"], each["rank"]) for each in row.reasons]
    return DecisionOut(
        id=row.id,
        outcome=row.outcome.value,
        reasons=[
            ReasonOut(code=reason.code, text=reasons.text(reason.code, locale), rank=reason.rank)
            for reason in reasons.shown(found, work.policy.underwriting.reasons_shown)
        ],
        policy_version=row.policy_version,
        model_version=row.model_version,
        counter_offer=bool(row.record.get("counter")),
        decided_by="engine" if row.decided_by == underwriting.ENGINE else "person",
        decided_at=row.decided_at,
    )
