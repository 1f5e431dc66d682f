"""What the service sent the borrower."""

from __future__ import annotations

from fastapi import APIRouter

from refi.borrowers import identity
from refi.db.work import Work
from refi.ids import BorrowerId
from refi.notifications import service as messages
from refi.notifications.messages import ONE_TIME_CODE, Gate, MessageStatus
from refi.notifications.tables import Message
from refi.web import problems
from refi.web.deps import CurrentPage
from refi.web.fields import Instant, Out, Page
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork

router = APIRouter(
    prefix="/v1/messages",
    tags=["messages"],
    route_class=BorrowerRoute,
    responses=problems.responses(401, 422, 503),
)


class MessageOut(Out):
    """A message; the address is masked and a one-time code is never shown again."""

    id: str
    channel: str
    template: str
    stage: str | None
    gate: Gate
    to: str | None
    subject: str | None
    text: str | None
    status: MessageStatus
    reason: str | None
    not_before: Instant
    sent_at: Instant | None
    created_at: Instant


@router.get("")
async def list_messages(work: CurrentWork, actor: CurrentActor, page: CurrentPage) -> Page[MessageOut]:
    """Everything the service sent or means to send this borrower, newest first."""
    rows, has_more = page.cut(
        await messages.messages_of(
            work, BorrowerId(actor.id), limit=page.limit + 1, starting_after=page.starting_after
        )
    )
    return Page(data=[_shown(work, row) for row in rows], has_more=has_more)


def _shown(work: Work, row: Message) -> MessageOut:
    to = None if row.to_sealed is None else work.vault.open(row.to_sealed)
    if to is not None:
        to = identity.mask_phone(to) if row.channel == "sms" else identity.mask(to)
    hidden = row.text_sealed is None or row.kind == ONE_TIME_CODE
    subject = None if row.subject_sealed is None else work.vault.open(row.subject_sealed)
    return MessageOut(
        id=row.id,
        channel=row.channel,
        template=row.template,
        stage=row.stage,
        gate=row.gate,
        to=to,
        subject=None if hidden else subject,
        text=None if hidden else work.vault.open(str(row.text_sealed)),
        status=row.status,
        reason=row.reason,
        not_before=row.not_before,
        sent_at=row.sent_at,
        created_at=row.created_at,
    )
