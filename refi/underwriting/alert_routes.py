"""Staff: alerts of the early warning, and saying that one has been seen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from refi.staff import service as staff
from refi.staff.roles import Permission, require, require_any
from refi.underwriting import alert_service
from refi.underwriting.tables import Alert
from refi.web import problems
from refi.web.deps import CurrentPage
from refi.web.fields import Body, BusinessDate, Instant, LongText, Out, Page, known_id
from refi.web.route import CurrentActor, CurrentWork, StaffRoute

router = APIRouter(
    prefix="/staff/v1/alerts",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(401, 403, 404, 422, 503),
)


class AlertOut(Out):
    """An alert; ``figures`` are those of ``last_seen_on``. It stands until it has an ``ended_on``."""

    id: str
    name: str
    figures: dict[str, Any]
    raised_on: BusinessDate
    last_seen_on: BusinessDate
    ended_on: BusinessDate | None
    acknowledged_by: str | None
    acknowledged_at: Instant | None
    note: str | None


class AcknowledgeIn(Body):
    """What is made of it; it may be left out."""

    note: LongText | None = None


@router.get("")
async def list_alerts(
    work: CurrentWork,
    actor: CurrentActor,
    page: CurrentPage,
    state: Annotated[Literal["standing", "ended", "any"], Query(description="which of them")] = "standing",
) -> Page[AlertOut]:
    """Alerts of the early warning, newest first."""
    _require_reader(actor.roles)
    found = await alert_service.alerts(work, state, limit=page.limit + 1, starting_after=page.starting_after)
    rows, has_more = page.cut(found)
    return Page(data=[_shown(row) for row in rows], has_more=has_more)


@router.get("/{alert_id}")
async def show(alert_id: str, work: CurrentWork, actor: CurrentActor) -> AlertOut:
    """One alert."""
    _require_reader(actor.roles)
    return _shown(await alert_service.get(work, known_id(alert_id, "alrt")))


@router.post("/{alert_id}/acknowledge", responses=problems.responses(400, 409, 413, 415))
async def acknowledge(
    alert_id: str, work: CurrentWork, actor: CurrentActor, body: AcknowledgeIn | None = None
) -> AlertOut:
    """Say that it has been seen, and what is made of it."""
    require(actor.roles, Permission.RUN_OPERATIONS)
    note = body.note if body else None
    row = await alert_service.acknowledge(work, known_id(alert_id, "alrt"), note)
    await staff.record(work, "alert_acknowledged", row.id, {"name": row.name})
    return _shown(row)


def _shown(row: Alert) -> AlertOut:
    return AlertOut.model_validate(row)


def _require_reader(roles: frozenset[str]) -> None:
    require_any(roles, Permission.READ_REPORTS, Permission.RUN_OPERATIONS)
