"""Reminders: ask again before each is sent whether it is still right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from refi.collections import ladder, standing, standing_service
from refi.db.work import Work
from refi.loans import service as loans
from refi.loans.states import LoanStatus
from refi.loans.tables import Loan
from refi.notifications import subjects_service
from refi.notifications.messages import Dropped, Wanted
from refi.notifications.tables import Message

KIND = "installment_reminder"


@dataclass(frozen=True, slots=True)
class Told:
    """What a reminder was planned to tell of: its borrower's loans, and (number, due date) on each."""

    loans: Sequence[Loan]
    planned: Mapping[str, Sequence[tuple[int, date]]]


async def still_wanted(work: Work, rows: Sequence[Message]) -> dict[str, Wanted | Dropped]:
    """Which reminders are still right. Locks their loans, as posting a payment does: who paid is not told."""
    about = await subjects_service.of_all(work, [row.id for row in rows])
    planned: dict[str, dict[str, list[tuple[int, date]]]] = {}
    for message_id, items in about.items():
        planned[message_id] = defaultdict(list)
        for item in items:
            planned[message_id][item.loan_id].append((item.number, item.due_on))
    locked = await loans.lock_all(work, {loan_id for told in planned.values() for loan_id in told})
    told = {
        message_id: Told([locked[loan_id] for loan_id in sorted(theirs)], theirs)
        for message_id, theirs in planned.items()
    }
    return await spoken(work, told, work.on)


async def spoken(work: Work, told: Mapping[str, Told], on: date) -> dict[str, Wanted | Dropped]:
    """What each reminder says on ``on``, if anything."""
    active = {
        key: {loan.id: loan for loan in one.loans if loan.status is LoanStatus.ACTIVE}
        for key, one in told.items()
    }
    found = {loan_id: loan for theirs in active.values() for loan_id, loan in theirs.items()}
    stops = await standing_service.of_all(work, {loan.id: loan.borrower_id for loan in found.values()})
    accounts = {loan.id: account for loan, account in await loans.accounts(work, list(found.values()))}

    def said(one: Told, theirs: Mapping[str, Loan]) -> Wanted | Dropped:
        if not theirs:
            return Dropped("loan_closed")
        concerned, stopped = standing.spoken_of({loan_id: stops[loan_id] for loan_id in theirs})
        missing = sum(
            ladder.total(ladder.still_unpaid(accounts[loan_id].state(on), one.planned[loan_id]))
            for loan_id in concerned
        )
        if not missing:
            return Dropped("paid")
        due_on = min(due for installments in one.planned.values() for _, due in installments)
        return Wanted({"amount": missing, "currency": one.loans[0].currency, "due_on": due_on}, stopped)

    return {key: said(one, active[key]) for key, one in told.items()}
