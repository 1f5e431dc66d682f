"""Jobs of collections: plan one chunk of a day's reminders; settle promises; let old contacts go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import structlog

from refi.collections import planning_service as planning
from refi.collections import promise_service
from refi.db.runs import Report
from refi.db.work import SYSTEM, Database, Work
from refi.errors import Unavailable
from refi.loans import hold_service
from refi.notifications import retention_service

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


async def settle_promises(work: Work, on: date) -> Report:
    """Promises whose day ends with ``on``: kept, broken or cancelled, and what came for them."""
    return await promise_service.settle(work, on)


async def forget_contacts(work: Work, _on: date) -> Report:
    """Lines of the contact log that are older than the policy keeps them, unless something legal is open."""
    return {"forgotten": await retention_service.forget(work, await hold_service.kept(work))}
