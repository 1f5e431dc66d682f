"""What staff see of messages: what people wrote to us, and news that fits nothing."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from sqlalchemy import select

from refi.borrowers import identity
from refi.notifications.tables import InboundMessage, MessageNews
from refi.staff.roles import Permission, require, require_any
from refi.web import problems
from refi.web.deps import CurrentPage
from refi.web.fields import Instant, Out, Page
from refi.web.route import CurrentActor, CurrentWork, StaffRoute

router = APIRouter(
    prefix="/staff/v1",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(401, 403, 422, 503),
)


class InboundOut(Out):
    """What somebody wrote to us; ``borrower`` where the number is known."""

    id: str
    channel: str
    sender: str
    borrower: str | None
    kind: Literal["opt_out", "text"]
    text: str
    received_at: Instant


class ParkedOut(Out):
    """News about a message that contradicts our rows, or speaks of one that we never sent."""

    id: str
    source: Literal["signed", "twilio", "asked"]
    refusal: str
    raw: str
    received_at: Instant


@router.get("/inbound-messages")
async def inbound(work: CurrentWork, actor: CurrentActor, page: CurrentPage) -> Page[InboundOut]:
    """What people wrote to us by SMS, newest first."""
    require_any(actor.roles, Permission.READ_CASES, Permission.RUN_OPERATIONS)
    query = select(InboundMessage).order_by(InboundMessage.id.desc()).limit(page.limit + 1)
    if page.starting_after is not None:
        query = query.where(InboundMessage.id < page.starting_after)
    rows, has_more = page.cut((await work.session.scalars(query)).all())
    data = [
        InboundOut(
            id=row.id,
            channel=row.channel,
            sender=identity.mask_phone(work.vault.open(row.from_sealed)),
            borrower=row.borrower_id,
            kind="opt_out" if row.kind == "opt_out" else "text",
            text=work.vault.open(row.text_sealed),
            received_at=row.received_at,
        )
        for row in rows
    ]
    return Page(data=data, has_more=has_more)


@router.get("/parked-message-news")
async def parked(work: CurrentWork, actor: CurrentActor, page: CurrentPage) -> Page[ParkedOut]:
    """News about messages that fits nothing, as it came, newest first."""
    require(actor.roles, Permission.RUN_OPERATIONS)
    order = (MessageNews.received_at.desc(), MessageNews.id.desc())
    query = select(MessageNews).where(MessageNews.refusal.is_not(None)).order_by(*order).limit(page.limit + 1)
    if page.starting_after is not None:
        after = select(MessageNews.received_at).where(MessageNews.id == page.starting_after).scalar_subquery()
        query = query.where(
            (MessageNews.received_at < after)
            | ((MessageNews.received_at == after) & (MessageNews.id < page.starting_after))
        )
    rows, has_more = page.cut((await work.session.scalars(query)).all())
    data = [
        ParkedOut(
            id=row.id,
            source=row.source,
            refusal=str(row.refusal),
            raw=work.vault.open(row.raw_sealed),
            received_at=row.received_at,
        )
        for row in rows
    ]
    return Page(data=data, has_more=has_more)
