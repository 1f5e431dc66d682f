"""Alerts of the early warning: raised once, standing while what they tell of lasts, seen by a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

from sqlalchemy import or_, select

from refi import ids
from refi.db.work import Work
from refi.errors import Conflict, NotFound
from refi.underwriting import monitoring
from refi.underwriting.tables import Alert

State = Literal["standing", "ended", "any"]


class AlertAcknowledged(Conflict):
    """Somebody has said already that they saw it."""

    code = "invalid_transition"


async def settle(
    work: Work, on: date, found: Sequence[monitoring.Alert], ends_after_days: int
) -> list[Alert]:
    """Write what was found on ``on``; answers the alerts that are new.

    One that stands already only gets its newest figures. One that was not found for ``ends_after_days`` has
    ended: found again after that it is a new one, so a figure that wavers around its threshold tells once.
    """
    query = select(Alert).where(Alert.ended_on.is_(None)).with_for_update()
    standing = {row.name: row for row in await work.session.scalars(query)}
    raised = []
    for each in found:
        row = standing.get(each.name)
        if row is None:
            row = Alert(id=ids.new("alrt"), raised_on=on, name=each.name, raised_at=work.now)
            work.session.add(row)
            raised.append(row)
        row.figures, row.last_seen_on = each.figures, on
    seen = {each.name for each in found}
    for name, row in standing.items():
        if name not in seen and on - row.last_seen_on >= timedelta(days=ends_after_days):
            row.ended_on = on
    await work.session.flush()
    return raised


async def alerts(
    work: Work, state: State = "any", *, limit: int, starting_after: str | None = None
) -> Sequence[Alert]:
    """Alerts, newest first."""
    query = select(Alert).order_by(Alert.id.desc()).limit(limit)
    if state != "any":
        standing = Alert.ended_on.is_(None)
        query = query.where(standing if state == "standing" else ~standing)
    if starting_after is not None:
        query = query.where(Alert.id < starting_after)
    return (await work.session.scalars(query)).all()


async def since(work: Work, first: date) -> Sequence[Alert]:
    """Alerts that stand, or stood on a day from ``first`` on, oldest first."""
    query = select(Alert).where(or_(Alert.ended_on.is_(None), Alert.last_seen_on >= first))
    return (await work.session.scalars(query.order_by(Alert.id))).all()


async def get(work: Work, alert_id: str, *, lock: bool = False) -> Alert:
    """One alert, or `NotFound`."""
    row = await work.session.get(Alert, alert_id, with_for_update=lock or None, populate_existing=lock)
    if row is None:
        raise NotFound("no such alert")
    return row


async def many(work: Work, alert_ids: Sequence[str]) -> dict[str, Alert]:
    """Alerts by id."""
    rows = await work.session.scalars(select(Alert).where(Alert.id.in_(alert_ids)))
    return {row.id: row for row in rows}


async def acknowledge(work: Work, alert_id: str, note: str | None) -> Alert:
    """The acting member of staff has seen it. Raises `NotFound`, `AlertAcknowledged`."""
    row = await get(work, alert_id, lock=True)
    if row.acknowledged_at is not None:
        raise AlertAcknowledged(f"{row.acknowledged_by} has seen it", allowed=[])
    row.acknowledged_at, row.acknowledged_by, row.note = work.now, str(work.actor), note
    await work.session.flush()
    return row
