"""What the service sent the borrower."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from refi.borrowers import identity
from refi.db.work import Work
from refi.ids import BorrowerId, MessageId
from refi.notifications import inbox_service as inbox
from refi.notifications import service as messages
from refi.notifications.messages import ONE_TIME_CODE, Gate, MessageStatus
from refi.notifications.tables import InboxEntry, Message
from refi.web import problems
from refi.web.deps import CurrentPage
from refi.web.fields import Instant, Out, Page, known_id
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork

router = APIRouter(
    prefix="/v1/messages",
    tags=["messages"],
    route_class=BorrowerRoute,
    responses=problems.responses(400, 401, 404, 409, 413, 415, 422, 503),
)


MASKS: dict[str, Callable[[str], str | None]] = {
    "sms": identity.mask_phone,
    "email": identity.mask_email,
    "push": identity.mask,
    "inbox": lambda _: None,
}


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
    read_at: Instant | None
    created_at: Instant


@router.get("")
async def list_messages(work: CurrentWork, actor: CurrentActor, page: CurrentPage) -> Page[MessageOut]:
    """Everything the service sent or means to send this borrower, newest first."""
    rows, has_more = page.cut(
        await messages.messages_of(
            work, BorrowerId(actor.id), limit=page.limit + 1, starting_after=page.starting_after
        )
    )
    read = await inbox.entries(work, [row.id for row in rows if row.channel == "inbox"])
    return Page(data=[_shown(work, row, read.get(row.id)) for row in rows], has_more=has_more)


@router.post("/{message_id}/read")
async def mark_read(message_id: str, work: CurrentWork, actor: CurrentActor) -> MessageOut:
    """The borrower has read this message of the app's inbox."""
    wanted = MessageId(known_id(message_id, "msg"))
    entry = await inbox.read(work, BorrowerId(actor.id), wanted)
    return _shown(work, await messages.locked(work, wanted), entry)


def _shown(work: Work, row: Message, entry: InboxEntry | None = None) -> MessageOut:
    to = None if row.to_sealed is None else MASKS[row.channel](work.vault.open(row.to_sealed))
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
        read_at=None if entry is None else entry.read_at,
        created_at=row.created_at,
    )
