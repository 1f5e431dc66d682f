"""Staff: an income that evidence shows, for an application that waits for a person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from refi.applications import evidence_service, review_service
from refi.staff.roles import Permission, require
from refi.underwriting import service as underwriting
from refi.underwriting.income_service import Evidence
from refi.web import problems
from refi.web.deps import SeenVersion, check_version, etag
from refi.web.fields import AmountOrZero, Body, BusinessDate, Out, known_id
from refi.web.route import CurrentActor, CurrentWork, StaffRoute

router = APIRouter(
    prefix="/staff/v1/reviews",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 503),
)

DocumentId = Annotated[str, Field(max_length=40, examples=["doc_01m8xk3a00e1t8h5qv5m1zj9xg"])]


class IncomeSeen(Body):
    """What the evidence shows: a month's income, the day that it is about, and which documents."""

    monthly_income: AmountOrZero
    as_of: BusinessDate
    documents: Annotated[list[DocumentId], Field(min_length=1, max_length=10)]


class IncomeOut(Out):
    """The verified income, and what the engine says of the application now."""

    id: str
    monthly_income: int
    as_of: BusinessDate
    documents: list[str]
    verified_by: str
    decision: str
    outcome: str
    review_version: int


@router.post("/{review_id}/verify-income", status_code=201)
async def verify_income(
    review_id: str,
    body: IncomeSeen,
    seen: SeenVersion,
    work: CurrentWork,
    actor: CurrentActor,
    response: Response,
) -> IncomeOut:
    """Keep the income that documents of the application show: it counts, in place of what was told."""
    require(actor.roles, Permission.DECIDE_REVIEWS)
    review, application = await review_service.lock(work, known_id(review_id, "rev"))
    check_version(seen, review.version)
    documents = tuple(dict.fromkeys(known_id(each, "doc") for each in body.documents))
    row = await evidence_service.verify_income(
        work, review, application, Evidence(body.monthly_income, body.as_of, documents)
    )
    engine, _ = await underwriting.engine_decision(work, application.id)
    response.headers["ETag"] = etag(review.version)
    return IncomeOut(
        id=row.id,
        monthly_income=row.monthly_income,
        as_of=row.as_of,
        documents=row.documents,
        verified_by=row.verified_by,
        decision=engine.id,
        outcome=engine.outcome.value,
        review_version=review.version,
    )
