"""Staff: messages that fail on our side, and putting them back to work."""

from __future__ import annotations

from fastapi import APIRouter

from refi.ids import MessageId
from refi.notifications import parking_service
from refi.notifications.messages import Gate, MessageStatus
from refi.notifications.tables import Message
from refi.staff import service as staff
from refi.staff.roles import Permission, require
from refi.web import problems
from refi.web.deps import CurrentPage
from refi.web.fields import Instant, Out, Page, known_id
from refi.web.route import CurrentActor, CurrentWork, StaffRoute

router = APIRouter(
    prefix="/staff/v1/messages",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(401, 403, 404, 409, 422, 503),
)


class ParkedOut(Out):
    """A message that waits for a person: ``reason`` is the last error, ``may_be_sent`` that it came after a
    claim."""

    id: str
    borrower: str | None
    kind: str
    stage: str | None
    gate: Gate
    channel: str
    template: str
    status: MessageStatus
    reason: str | None
    failures: int
    may_be_sent: bool
    created_at: Instant


@router.get("/parked")
async def list_parked(work: CurrentWork, actor: CurrentActor, page: CurrentPage) -> Page[ParkedOut]:
    """Messages that failed on our side until they were set aside, newest first."""
    require(actor.roles, Permission.RUN_OPERATIONS)
    rows, has_more = page.cut(
        await parking_service.parked(work, limit=page.limit + 1, starting_after=page.starting_after)
    )
    return Page(data=[_shown(row) for row in rows], has_more=has_more)


@router.post("/{message_id}/retry")
async def retry(message_id: str, work: CurrentWork, actor: CurrentActor) -> ParkedOut:
    """The cause was mended: try again; one that may have been sent is asked about first."""
    require(actor.roles, Permission.RUN_OPERATIONS)
    row = await parking_service.retry(work, MessageId(known_id(message_id, "msg")))
    await staff.record(work, "message_retried", row.id, {"kind": row.kind, "channel": row.channel})
    return _shown(row)


def _shown(row: Message) -> ParkedOut:
    return ParkedOut(
        id=row.id,
        borrower=row.borrower_id,
        kind=row.kind,
        stage=row.stage,
        gate=row.gate,
        channel=row.channel,
        template=row.template,
        status=row.status,
        reason=row.reason,
        failures=row.failures,
        may_be_sent=row.contacted_at is not None,
        created_at=row.created_at,
    )
