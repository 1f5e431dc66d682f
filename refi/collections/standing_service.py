"""Everything that stops contact about a borrower's loans now: one question for machine and human."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from refi.collections import promise_service
from refi.db.work import Work
from refi.loans import hold_service, holds


async def of_loans(
    work: Work, borrower_id: str, loan_ids: Sequence[str]
) -> dict[str, dict[str, date | None]]:
    """For each loan what stops contact about it today, by name, with its last day (None: no end in sight).

    Ask it in the borrower's turn (`refi.notifications.turn_service`): what places a stop takes the same turn.
    """
    held = await hold_service.live(work, borrower_id)
    found = {loan_id: holds.stops(held, work.on, [loan_id]) for loan_id in loan_ids}
    for loan_id, promise in (await promise_service.waiting(work, loan_ids)).items():
        if promise.stops_contact and promise.on >= work.on:
            found[loan_id]["promise"] = promise.on
    return found
