"""Everything that stops contact about a borrower's loans now: one question for machine and human."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    return await of_all(work, dict.fromkeys(loan_ids, borrower_id))


async def of_all(work: Work, borrowers: Mapping[str, str]) -> dict[str, dict[str, date | None]]:
    """The same for loans of several borrowers; ``borrowers`` says whose each loan is."""
    held = await hold_service.live_of(work, set(borrowers.values()))
    found = {
        loan_id: holds.stops(held[borrower_id], work.on, [loan_id])
        for loan_id, borrower_id in borrowers.items()
    }
    for loan_id, promise in (await promise_service.waiting(work, list(borrowers))).items():
        if promise.stops_contact and promise.on >= work.on:
            found[loan_id]["promise"] = promise.on
    return found
