"""Staff: the queue of money and orders that fit nowhere, and what is done about each."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from refi.payments import suspense_act_service as acts
from refi.payments import suspense_service
from refi.payments.answers_routes import PreviewOut, preview_out
from refi.payments.suspense import REMEDIES, Remedy, SuspenseKind, SuspenseStatus
from refi.payments.tables import SuspenseItem
from refi.schedules.contract import Mode
from refi.staff.roles import READ_MONEY, Permission, require, require_any
from refi.web import problems
from refi.web.deps import CurrentPage, SeenVersion, check_version, etag
from refi.web.fields import Body, BusinessDate, Instant, LongText, Out, Page, known_id
from refi.web.route import CurrentActor, CurrentWork, StaffRoute, previews

router = APIRouter(
    prefix="/staff/v1/suspense",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 503),
)


class WhyIn(Body):
    """Why; it is kept with the item and in the record of acts."""

    reason: LongText


class MatchIn(WhyIn):
    """Whose money it is. With ``preview`` the answer says what would be, and nothing is stored."""

    loan: Annotated[str, Field(max_length=40, description="the loan's id")]
    preview: bool = False


class SuspenseOut(Out):
    """Something that fits nowhere. ``owed_to_us``: the money is missing; otherwise it is somebody else's.

    ``remedies`` are the acts that fit; ``approval`` is what a second person has to answer.
    """

    id: str
    kind: SuspenseKind
    status: SuspenseStatus
    amount: int
    currency: str
    owed_to_us: bool
    effective_on: BusinessDate
    provider_id: str | None
    reference: str | None
    payment: str | None
    loan: str | None
    order: str | None
    news: str | None
    approval: str | None
    said: str | None
    note: str | None
    remedies: list[Remedy]
    opened_on: BusinessDate
    created_at: Instant
    closed_at: Instant | None
    version: int


@router.get("")
async def list_items(
    work: CurrentWork,
    actor: CurrentActor,
    page: CurrentPage,
    state: Annotated[
        Literal["waiting", "done"], Query(description="what waits, or what was mended")
    ] = "waiting",
) -> Page[SuspenseOut]:
    """What fits nowhere, oldest first."""
    require_any(actor.roles, *READ_MONEY)
    found = await suspense_service.items(
        work, waiting=state == "waiting", limit=page.limit + 1, starting_after=page.starting_after
    )
    rows, has_more = page.cut(found)
    return Page(data=[_item(row) for row in rows], has_more=has_more)


@router.get("/{item_id}")
async def show(item_id: str, work: CurrentWork, actor: CurrentActor, response: Response) -> SuspenseOut:
    """One item."""
    require_any(actor.roles, *READ_MONEY)
    row = await suspense_service.item(work, known_id(item_id, "susp"))
    response.headers["ETag"] = etag(row.version)
    return _item(row)


@router.post("/{item_id}/match")
@previews
async def match(
    item_id: str, body: MatchIn, seen: SeenVersion, work: CurrentWork, actor: CurrentActor, response: Response
) -> SuspenseOut | PreviewOut:
    """The money was a repayment of that loan, of the day on which it left the borrower."""
    require(actor.roles, Permission.CORRECT_MONEY)
    loan_id = known_id(body.loan, "loan")
    if body.preview:
        row = await suspense_service.item(work, known_id(item_id, "susp"))
        loan, made = await acts.preview_match(work, row, loan_id)
        return preview_out(work, loan, row.amount, Mode.DUE, made)
    return await _mend(work, item_id, seen, acts.Said(Remedy.MATCH, body.reason, loan_id), response)


@router.post("/{item_id}/refund")
async def refund(
    item_id: str, body: WhyIn, seen: SeenVersion, work: CurrentWork, actor: CurrentActor, response: Response
) -> SuspenseOut:
    """Send the money back to who paid it."""
    require(actor.roles, Permission.CORRECT_MONEY)
    return await _mend(work, item_id, seen, acts.Said(Remedy.REFUND, body.reason), response)


@router.post("/{item_id}/retry")
async def retry(
    item_id: str, body: WhyIn, seen: SeenVersion, work: CurrentWork, actor: CurrentActor, response: Response
) -> SuspenseOut:
    """The cause was mended: ask the provider about the order again, or handle its news again."""
    require(actor.roles, Permission.CORRECT_MONEY)
    return await _mend(work, item_id, seen, acts.Said(Remedy.RETRY, body.reason), response)


@router.post("/{item_id}/settle")
async def settle(
    item_id: str, body: WhyIn, seen: SeenVersion, work: CurrentWork, actor: CurrentActor, response: Response
) -> SuspenseOut:
    """Nothing more is to be done; what is owed to us becomes a loss. Always waits for a second person."""
    require(actor.roles, Permission.CORRECT_MONEY)
    return await _mend(work, item_id, seen, acts.Said(Remedy.SETTLE, body.reason), response)


async def _mend(
    work: CurrentWork, item_id: str, seen: str, said: acts.Said, response: Response
) -> SuspenseOut:
    row = await suspense_service.lock(work, known_id(item_id, "susp"))
    check_version(seen, row.version)
    row = await acts.mend(work, row, said)
    response.headers["ETag"] = etag(row.version)
    return _item(row)


def _item(row: SuspenseItem) -> SuspenseOut:
    return SuspenseOut(
        **{
            name: getattr(row, name)
            for name in SuspenseOut.model_fields
            if name not in ("owed_to_us", "payment", "loan", "order", "news", "approval", "remedies")
        },
        owed_to_us=row.kind is SuspenseKind.REFUNDED_AND_RETURNED,
        payment=row.payment_id,
        loan=row.loan_id,
        order=row.order_id,
        news=row.news_id,
        approval=row.approval_id,
        remedies=list(REMEDIES[row.kind]) if row.status is SuspenseStatus.OPEN else [],
    )
