"""Staff: what the reminder ladder would send on a day, before anything is sent."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from refi.collections import preview_service
from refi.collections.preview_service import Line
from refi.staff.roles import Permission, require_any
from refi.web import problems
from refi.web.deps import CurrentPage
from refi.web.fields import BusinessDate, Instant, Out, Page
from refi.web.route import CurrentActor, CurrentWork, StaffRoute

router = APIRouter(
    prefix="/staff/v1/reminders",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(401, 403, 422, 503),
)


class ToldOut(Out):
    """An installment that the message is about."""

    loan: str
    number: int


class ReminderOut(Out):
    """A message that would be sent, or why it would not; nothing of it is stored."""

    borrower: str
    stage: str
    due_on: BusinessDate
    ladder: str
    arm: str
    rule: str | None
    outcome: str
    reasons: list[str]
    installments: list[ToldOut]
    gate: str | None
    channel: str | None
    at: Instant | None
    template: str | None
    subject: str | None
    text: str | None
    message: str | None


@router.get("/preview")
async def preview(
    request: Request,
    work: CurrentWork,
    actor: CurrentActor,
    page: CurrentPage,
    on: Annotated[
        BusinessDate | None, Query(description="the open business date or a coming one; today if not given")
    ] = None,
) -> Page[ReminderOut]:
    """Who would be told what, when and by which rule, on a day; blocked ones with what blocks them.

    Paged by borrower: `limit` borrowers, each with every stage that concerns them; go on after the last one.
    """
    require_any(actor.roles, Permission.RUN_OPERATIONS, Permission.READ_CASES)
    lines, following = await preview_service.preview(
        work,
        on or work.on,
        request.app.state.runtime.channels,
        limit=page.limit,
        after=page.starting_after or "",
    )
    return Page(data=[_shown(line) for line in lines], has_more=following is not None)


def _shown(line: Line) -> ReminderOut:
    return ReminderOut(
        borrower=line.borrower_id,
        stage=line.stage,
        due_on=line.due_on,
        ladder=line.ladder,
        arm=line.arm,
        rule=line.rule,
        outcome=line.outcome,
        reasons=list(line.reasons),
        installments=[ToldOut(loan=loan, number=number) for loan, number in line.installments],
        gate=line.gate,
        channel=line.channel,
        at=line.at,
        template=line.template,
        subject=line.subject,
        text=line.text,
        message=line.message_id,
    )
