"""Staff: the queue of referred applications, everything that the decision saw, and the verdict."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, Field

from refi.applications import document_service as documents
from refi.applications import review_service, reviews
from refi.applications.document_routes import DocumentOut, document_out
from refi.applications.states import ApplicationStatus, ReviewStatus
from refi.applications.tables import Application, Review
from refi.borrowers import identity
from refi.borrowers import service as borrowers
from refi.cards import service as cards
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, CardId
from refi.policies import ReasonCode
from refi.schedules.amortization import schedule
from refi.staff import service as staff
from refi.staff.roles import Permission, require
from refi.underwriting import service as underwriting
from refi.underwriting.decision import Decision
from refi.underwriting.facts import aged
from refi.underwriting.pricing import terms_of
from refi.web import problems
from refi.web.deps import CurrentPage, SeenVersion, check_version, etag
from refi.web.fields import Amount, Body, BusinessDate, Instant, Out, Page, known_id, storable
from refi.web.route import CurrentActor, CurrentWork, StaffRoute, unkeyed, writes

router = APIRouter(
    prefix="/staff/v1/reviews",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(401, 403, 422, 503),
)


class VerdictIn(Body):
    """The verdict. Reasons are needed to decline, a note to override the engine or to ask for information.

    For ``request_info`` the note is what the borrower reads. ``amount`` and ``term`` approve less than asked.
    """

    outcome: Annotated[reviews.Verdict, Field(strict=False)]
    reasons: Annotated[list[ReasonCode], Field(default_factory=list, max_length=4)]
    note: Annotated[str, Field(max_length=4000, examples=["payslip seen"]), AfterValidator(storable)] = ""
    amount: Amount | None = None
    term: Annotated[int, Field(ge=1, le=60, examples=[6])] | None = None


class ReviewOut(Out):
    """A line of the queue. ``awaiting_second`` names the approval that another person must answer."""

    id: str
    status: ReviewStatus
    application: str
    application_status: ApplicationStatus
    borrower: str
    product: str
    currency: str
    amount: int
    term: int
    due_at: Instant
    claimed_by: str | None
    lease_until: Instant | None
    proposal: dict[str, Any] | None
    approval: str | None
    answer: str | None
    version: int
    created_at: Instant
    decided_at: Instant | None


class FindingOut(Out):
    """What one rule found, with the inputs it saw."""

    rule: str
    effect: str
    reason: str | None
    seen: dict[str, Any]


class BillOut(Out):
    """A bill of the card."""

    id: str
    statement_date: BusinessDate
    due_date: BusinessDate
    statement_balance: int
    minimum_payment: int
    payments_since_last: int | None
    is_overdue: bool


class PersonOut(Out):
    """Who asks, masked."""

    id: str
    name: str | None
    phone: str
    locale: str
    since: Instant


class ActOut(Out):
    """Something that staff did with this review."""

    at: Instant
    actor: str
    act: str
    details: dict[str, Any]


class CaseOut(ReviewOut):
    """Everything that the decision saw. ``schedule`` is the plan that the engine priced, if it could."""

    person: PersonOut
    facts: dict[str, Any]
    findings: list[FindingOut]
    reasons: list[dict[str, Any]]
    score: int | None
    score_contributions: list[dict[str, Any]]
    priced: dict[str, Any] | None
    schedule: list[dict[str, Any]]
    exposure: int | None
    statements: list[BillOut]
    documents: list[DocumentOut]
    timeline: list[ActOut]
    policy_version: str
    model_version: str | None


@router.get("", responses=problems.responses(404))
async def queue(
    work: CurrentWork,
    actor: CurrentActor,
    page: CurrentPage,
    state: Annotated[Literal["open", "mine"], Query(description="all that wait, or mine")] = "open",
) -> Page[ReviewOut]:
    """Referred applications, those due first first; ``mine``: the ones that I hold."""
    require(actor.roles, Permission.READ_REVIEWS)
    after = known_id(page.starting_after, "rev") if page.starting_after else None
    found = await review_service.queue(
        work, mine=actor.id if state == "mine" else None, limit=page.limit + 1, starting_after=after
    )
    rows, has_more = page.cut(found)
    return Page(data=[_review(work, *row) for row in rows], has_more=has_more)


@router.post("/next", responses=problems.responses(404, 413, 415))
@unkeyed
async def claim_next(work: CurrentWork, actor: CurrentActor, response: Response) -> ReviewOut:
    """Claim the free review that is due first; 404 when nothing waits. The lease ends by itself."""
    require(actor.roles, Permission.DECIDE_REVIEWS)
    row = await review_service.claim_next(work)
    if row is None:
        raise NotFound("nothing waits for a review")
    return await _answer(work, row, response)


@router.get("/{review_id}", responses=problems.responses(404))
@writes
async def show(review_id: str, work: CurrentWork, actor: CurrentActor, response: Response) -> CaseOut:
    """Everything that the decision saw: facts with their source, rules, score, bills, exposure, schedule."""
    require(actor.roles, Permission.READ_REVIEWS)
    review = await review_service.get(work, known_id(review_id, "rev"))
    application = await work.session.get_one(Application, review.application_id)
    await staff.record(work, "review_viewed", review.id, {"borrower": application.borrower_id})
    response.headers["ETag"] = etag(review.version)
    return await _case(work, review, application)


@router.post("/{review_id}/decide", responses=problems.responses(400, 404, 409, 412, 413, 415, 428))
async def decide(
    review_id: str,
    body: VerdictIn,
    seen: SeenVersion,
    work: CurrentWork,
    actor: CurrentActor,
    response: Response,
) -> ReviewOut:
    """Decide. Above one's authority or against the engine it becomes ``awaiting_second``."""
    require(actor.roles, Permission.DECIDE_REVIEWS)
    review, application = await review_service.lock(work, known_id(review_id, "rev"))
    check_version(seen, review.version)
    said = review_service.Said(
        body.outcome, tuple(dict.fromkeys(body.reasons)), body.note, body.amount, body.term
    )
    return await _answer(work, await review_service.decide(work, review, application, said), response)


async def _answer(work: Work, review: Review, response: Response) -> ReviewOut:
    application = await work.session.get_one(Application, review.application_id)
    response.headers["ETag"] = etag(review.version)
    return _review(work, review, application)


def _review(work: Work, review: Review, application: Application) -> ReviewOut:
    return ReviewOut(
        id=review.id,
        status=review.status,
        application=application.id,
        application_status=application.status,
        borrower=application.borrower_id,
        product=application.product.value,
        currency=work.policy.market.currency,
        amount=application.amount,
        term=application.term,
        due_at=review.due_at,
        claimed_by=review.claimed_by,
        lease_until=review.lease_until,
        proposal=review.proposal,
        approval=review.approval_id,
        answer=review.answer,
        version=review.version,
        created_at=review.created_at,
        decided_at=review.decided_at,
    )


async def _case(work: Work, review: Review, application: Application) -> CaseOut:
    row, made = await underwriting.engine_decision(work, application.id)
    evidence = await documents.documents_of(work, application.id)
    acts = await staff.acts(work, limit=100, subject=review.id)
    return CaseOut(
        **_review(work, review, application).model_dump(),
        person=await _person(work, BorrowerId(application.borrower_id)),
        facts=aged(row.record["facts"], row.decided_on),
        findings=[FindingOut.model_validate(finding) for finding in made.findings],
        reasons=row.reasons,
        score=None if made.scored is None else made.scored.score,
        score_contributions=[] if made.scored is None else row.record["scored"]["contributions"],
        priced=row.record["priced"],
        schedule=_plan(work, made),
        exposure=made.facts.exposure.value,
        statements=await _bills(work, application),
        documents=[document_out(work, document) for document in evidence],
        timeline=[ActOut.model_validate(each) for each in acts],
        policy_version=row.policy_version,
        model_version=row.model_version,
    )


async def _person(work: Work, borrower_id: BorrowerId) -> PersonOut:
    row = await borrowers.get(work, borrower_id)
    return PersonOut(
        id=row.id,
        name=None if row.name_sealed is None else identity.mask_name(work.vault.open(row.name_sealed)),
        phone=identity.mask_phone(work.vault.open(row.phone_sealed)),
        locale=row.locale,
        since=row.created_at,
    )


def _plan(work: Work, made: Decision) -> list[dict[str, Any]]:
    if made.priced is None:
        return []
    rows = schedule(terms_of(made.priced, work.policy), work.on).installments
    return [{**row._asdict(), "due_date": row.due_date.isoformat()} for row in rows]


async def _bills(work: Work, application: Application) -> list[BillOut]:
    if application.card_id is None:
        return []
    rows = await cards.statements_of(work, CardId(application.card_id))
    return [BillOut.model_validate(row) for row in rows]
