"""Reminders: ask again before each is sent whether it is still right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from refi.collections import ladder, standing, standing_service
from refi.db.work import Work
from refi.ids import LoanId, MessageId
from refi.loans import service as loans
from refi.loans.states import LoanStatus
from refi.loans.tables import Loan
from refi.notifications import service as messages
from refi.notifications.messages import Dropped, Wanted
from refi.notifications.tables import Message

KIND = "installment_reminder"


async def still_wanted(work: Work, row: Message) -> Wanted | Dropped:
    """Whether a reminder is still right. Locks its loans, as posting a payment does: who paid is not told."""
    about = await messages.subjects_of(work, MessageId(row.id))
    planned: dict[str, list[tuple[int, date]]] = defaultdict(list)
    for item in about:
        planned[item.loan_id].append((item.number, item.due_on))
    locked = [await loans.lock(work, LoanId(loan_id)) for loan_id in sorted(planned)]
    return await spoken(work, str(row.borrower_id), locked, planned, work.on)


async def spoken(
    work: Work,
    borrower_id: str,
    found: Sequence[Loan],
    planned: Mapping[str, Sequence[tuple[int, date]]],
    on: date,
) -> Wanted | Dropped:
    """What a reminder says on ``on`` of the installments ``planned`` of the loans ``found``, if anything."""
    active = {loan.id: loan for loan in found if loan.status is LoanStatus.ACTIVE}
    if not active:
        return Dropped("loan_closed")
    concerned, stops = standing.spoken_of(await standing_service.of_loans(work, borrower_id, list(active)))
    missing = 0
    for loan, account in await loans.accounts(work, [active[key] for key in concerned]):
        missing += ladder.total(ladder.still_unpaid(account.state(on), planned[loan.id]))
    if not missing:
        return Dropped("paid")
    due_on = min(due for installments in planned.values() for _, due in installments)
    values = {"amount": missing, "currency": found[0].currency, "due_on": due_on}
    return Wanted(values, stops)
