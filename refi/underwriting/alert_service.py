"""Alerts of the early warning: kept, each once a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from refi import ids
from refi.db.work import Work
from refi.underwriting import monitoring
from refi.underwriting.tables import Alert


async def keep(work: Work, on: date, found: Sequence[monitoring.Alert]) -> None:
    """Keep what was found on ``on``; what was raised that day already stays as it was."""
    for each in found:
        values = {"raised_on": on, "name": each.name, "figures": each.figures, "raised_at": work.now}
        await work.session.execute(
            insert(Alert).values(id=ids.new("alrt"), **values).on_conflict_do_nothing()
        )


async def raised(work: Work, first: date, last: date) -> list[Alert]:
    """Alerts of a period, oldest first."""
    rows = await work.session.scalars(
        select(Alert).where(Alert.raised_on.between(first, last)).order_by(Alert.id)
    )
    return list(rows)
