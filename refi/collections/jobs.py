"""Jobs of collections: plan one chunk of a day's reminders."""

from __future__ import annotations

from datetime import date

from refi.collections import service as reminders
from refi.db.work import SYSTEM, Database


async def plan_reminders(database: Database, on: date, stage: str, first: str, last: str) -> int:
    """Plan the reminders of a stage that begins on ``on`` for the borrowers from ``first`` to ``last``."""
    async with database.work(SYSTEM) as work:
        return await reminders.plan_chunk(work, on, stage, first, last)
