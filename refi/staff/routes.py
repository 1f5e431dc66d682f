"""Staff: sign in, the second pair of eyes, the record of acts."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from refi.errors import Unavailable
from refi.staff import service as staff
from refi.staff.approvals import ApprovalStatus
from refi.staff.roles import Permission, allows, require
from refi.staff.tables import Approval
from refi.web import problems
from refi.web.deps import CurrentPage
from refi.web.fields import Body, BusinessDate, Instant, LongText, Out, Page, known_id
from refi.web.route import CurrentActor, CurrentWork, PublicRoute, StaffRoute
from refi.web.tokens import Tokens

sign_in_router = APIRouter(
    prefix="/staff/v1/auth",
    tags=["staff"],
    route_class=PublicRoute,
    responses=problems.responses(400, 401, 413, 415, 422, 429, 503),
)
router = APIRouter(
    prefix="/staff/v1",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(401, 403, 422, 503),
)


class NoSuchAct(Unavailable):
    """Nothing in this process knows how to carry out this kind of proposal."""


class SignIn(Body):
    """Who signs in; ``totp`` where it was set up."""

    username: Annotated[
        str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$", examples=["mei.lin"])
    ]
    password: Annotated[str, Field(min_length=1, max_length=200, description="as it was set")]
    totp: Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["123456"])] | None = None


class StaffTokenOut(Out):
    """A short-lived access token that carries the roles."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name
    expires_in: int
    staff: str
    roles: list[str]


class AnswerIn(Body):
    """The second person's words; a rejection needs them."""

    note: LongText | None = None


class ApprovalOut(Out):
    """A proposal and what became of it."""

    id: str
    kind: str
    subject: str
    arguments: dict[str, Any]
    amount: int | None
    status: ApprovalStatus
    maker: str
    checker: str | None
    note: str | None
    created_at: Instant
    decided_at: Instant | None


class ActOut(Out):
    """One act; ``hash`` covers it and ``previous_hash``."""

    id: str
    number: int
    at: Instant
    on: BusinessDate
    actor: str
    act: str
    subject: str
    details: dict[str, Any]
    request_id: str | None
    previous_hash: str
    hash: str


@sign_in_router.post("/token", response_model=StaffTokenOut)
async def token(body: SignIn, request: Request, work: CurrentWork) -> StaffTokenOut | Response:
    """Sign in. Five wrong tries lock the name for a quarter of an hour, whether or not it exists."""
    try:
        member = await staff.sign_in(work, body.username, body.password, body.totp)
    except staff.SignInLocked as error:
        raise problems.RateLimited(
            "too many wrong tries", retry_after=math.ceil(error.wait.total_seconds())
        ) from None
    if member is None:  # answered, not raised: the wrong try must be counted, so the transaction commits
        return problems.problem(
            request, 401, "unauthenticated", "name, password or one-time password is wrong"
        )
    tokens: Tokens = request.app.state.tokens
    return StaffTokenOut(
        access_token=tokens.issue(staff.actor_of(member), work.wall),
        expires_in=int(tokens.life.total_seconds()),
        staff=member.id,
        roles=member.roles,
    )


@router.get("/approvals")
async def list_approvals(
    work: CurrentWork,
    actor: CurrentActor,
    page: CurrentPage,
    status: Annotated[
        Literal["pending", "approved", "rejected", "withdrawn"], Query(description="which proposals")
    ] = "pending",
) -> Page[ApprovalOut]:
    """Proposals, oldest first; those waiting for a second person unless another state is asked for."""
    _require_second(actor.roles)
    found = await staff.proposals(
        work, ApprovalStatus(status), limit=page.limit + 1, starting_after=page.starting_after
    )
    rows, has_more = page.cut(found)
    return Page(data=[ApprovalOut.model_validate(row) for row in rows], has_more=has_more)


@router.get("/approvals/{approval_id}", responses=problems.responses(404))
async def show_approval(approval_id: str, work: CurrentWork, actor: CurrentActor) -> ApprovalOut:
    """One proposal."""
    row = await staff.approval(work, known_id(approval_id, "appr"))
    if row.maker != actor.id:
        _require_second(actor.roles)
    return ApprovalOut.model_validate(row)


@router.post("/approvals/{approval_id}/approve", responses=problems.responses(400, 404, 409, 412, 413, 415))
async def approve(
    approval_id: str, request: Request, work: CurrentWork, body: AnswerIn | None = None
) -> ApprovalOut:
    """Agree: what was proposed happens now. The maker is refused."""
    return await _answer(request, work, approval_id, ApprovalStatus.APPROVED, body)


@router.post("/approvals/{approval_id}/reject", responses=problems.responses(400, 404, 409, 412, 413, 415))
async def reject(
    approval_id: str, request: Request, work: CurrentWork, body: AnswerIn | None = None
) -> ApprovalOut:
    """Disagree, and say why: what was proposed does not happen."""
    return await _answer(request, work, approval_id, ApprovalStatus.REJECTED, body)


async def _answer(
    request: Request, work: CurrentWork, approval_id: str, to: ApprovalStatus, body: AnswerIn | None
) -> ApprovalOut:
    row: Approval = await staff.approval(work, known_id(approval_id, "appr"))
    acts: dict[str, staff.Act] = request.app.state.acts
    if row.kind not in acts:
        raise NoSuchAct(f"nothing here carries out {row.kind}")
    row = await staff.answer(work, row.id, to, body.note if body else None, acts[row.kind])
    return ApprovalOut.model_validate(row)


@router.get("/audit")
async def acts(
    work: CurrentWork,
    actor: CurrentActor,
    page: CurrentPage,
    subject: Annotated[
        str | None, Query(max_length=40, pattern=r"^[a-z0-9_]+$", description="the id of what was acted on")
    ] = None,
) -> Page[ActOut]:
    """Who did what when, newest first. Each entry's hash covers the one before it."""
    require(actor.roles, Permission.READ_AUDIT)
    found = await staff.acts(work, limit=page.limit + 1, starting_after=page.starting_after, subject=subject)
    rows, has_more = page.cut(found)
    return Page(data=[ActOut.model_validate(row) for row in rows], has_more=has_more)


SECONDS = (
    Permission.SECOND_REVIEWS,
    Permission.SECOND_CHANGES,
    Permission.SECOND_MONEY,
    Permission.SECOND_CAMPAIGNS,
)


def _require_second(roles: frozenset[str]) -> None:
    """Somebody who may be a second person for anything, or who audits."""
    if not any(allows(roles, permission) for permission in (*SECONDS, Permission.READ_AUDIT)):
        require(roles, Permission.SECOND_REVIEWS)
