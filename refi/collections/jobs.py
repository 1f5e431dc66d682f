"""Jobs of collections: plan one chunk of a day's reminders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import structlog

from refi.collections import planning_service as planning
from refi.db.work import SYSTEM, Database
from refi.errors import Unavailable

log = structlog.get_logger("refi.collections")


async def plan_reminders(database: Database, on: date, stage: str, borrowers: Sequence[str]) -> int:
    """Plan the reminders of a stage that begins on ``on`` for these borrowers; the number of messages.

    A chunk that fails is asked for again in halves, so that an error is soon alone with its cause: that one
    job is tried again and parked by the queue, and everybody else has been planned.
    """
    try:
        async with database.work(SYSTEM) as work:
            return await planning.plan_chunk(work, on, stage, borrowers)
    except Unavailable:
        raise
    except Exception as error:
        if len(borrowers) == 1:
            raise
        log.warning("chunk_halved", stage=stage, borrowers=len(borrowers), reason=str(error))
    async with database.work(SYSTEM) as work:
        planning.halve(work, on, stage, borrowers)
    return 0
