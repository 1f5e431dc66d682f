"""A loan and its books: the account read from rows, and the rows brought in line when the account changes.

Everything that changes what is owed goes through `bring_in_line`: movements that the contract function
splits otherwise than before are taken back and booked anew, the stored schedule and the stored status follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert

from refi import events
from refi.db.statements import Statement
from refi.db.work import Work
from refi.ledger import entries
from refi.ledger import service as ledger
from refi.ledger.entries import Kind, Movement, Split
from refi.loans import copies_service as copies
from refi.loans import replaying
from refi.loans.account import Account, without_excess
from refi.loans.acts import Happened
from refi.loans.booking import Line, bookings, changed, left_of, schedule_of
from refi.loans.replaying import RECEIVED, Moved, status_of
from refi.loans.states import MOVES, LoanStatus
from refi.loans.tables import Installment, Loan, LoanAct
from refi.money import Rounding
from refi.schedules import conventions, dates
from refi.schedules.allocation import Part
from refi.schedules.amortization import Method, Terms
from refi.schedules.contract import Contract, Event, Receipt, State
from refi.schedules.day_count import DayCount
from refi.staff import service as staff
from refi.states import move


@dataclass(frozen=True, slots=True)
class Settled:
    """A loan brought in line: its state today, and what it gave back of each receipt, minor units."""

    state: State
    surplus: Mapping[str, int]


def terms_of(loan: Loan) -> Terms:
    """The terms that were signed."""
    return Terms(
        principal=loan.principal,
        annual_rate=loan.annual_rate,
        installments=loan.term,
        method=Method(loan.method),
        monthly_fee_rate=loan.monthly_fee_rate,
        day_count=DayCount(loan.day_count),
        rounding=Rounding(loan.rounding),
    )


def contract_of(loan: Loan) -> Contract:
    """What was signed; before activation, dated as if the payoff arrived on the day of signing."""
    credited_on = loan.credited_on or loan.opened_on
    return Contract(
        terms=terms_of(loan),
        disbursed_on=credited_on,
        first_due_on=loan.first_due_on or dates.first_due_on(credited_on),
        penalty_multiple=loan.penalty_multiple,
        penalty_year_days=loan.penalty_year_days,
        conventions=conventions.named(loan.conventions),
    )


def account_of(loan: Loan, movements: Sequence[Movement], acts: Sequence[LoanAct] = ()) -> Account:
    """Contract, receipts and acts from the loan's rows."""
    return replaying.account_of(contract_of(loan), [moved(row) for row in movements], happened(acts))


def moved(row: Movement) -> Moved:
    """A movement as a value."""
    parts = tuple(Part(part["installment"], part["component"], part["amount"]) for part in row.allocations)
    source = str(row.source)
    return Moved(row.id, row.kind, source, row.split, row.effective_on, row.mode, row.reverses, parts)


def happened(acts: Sequence[LoanAct]) -> list[Happened]:
    """Acts as values."""
    return [Happened(row.id, row.kind, row.effective_on, row.arguments, row.undoes) for row in acts]


async def account(work: Work, loan: Loan) -> Account:
    """One loan with contract, receipts and acts."""
    return account_of(loan, await ledger.of_loan(work, loan.id), await acts_of(work, loan))


async def accounts(work: Work, loans: Sequence[Loan]) -> list[tuple[Loan, Account]]:
    """Loans with contract, receipts and acts, in two queries for all."""
    movements = await ledger.of_loans(work, [loan.id for loan in loans])
    acts = await acts_of_loans(work, loans)
    return [(loan, account_of(loan, movements[loan.id], acts.get(loan.id, ()))) for loan in loans]


async def acts_of(work: Work, loan: Loan) -> Sequence[LoanAct]:
    """What was done to the loan, in order; no query for a loan to which nothing was done."""
    return (await acts_of_loans(work, [loan])).get(loan.id, [])


async def acts_of_loans(work: Work, loans: Sequence[Loan]) -> dict[str, list[LoanAct]]:
    """What was done to each of these loans, in order."""
    touched = [loan.id for loan in loans if loan.acts]
    found: dict[str, list[LoanAct]] = {loan_id: [] for loan_id in touched}
    if touched:
        these = "WHERE loan_id = ANY($1) ORDER BY loan_id, number"
        for row in await work.rows.select(LoanAct, these, touched):
            found[row.loan_id].append(row)
    return found


async def bring_in_line(
    work: Work, loan: Loan, movements: Sequence[Movement], before: Account, after: Account
) -> Settled:
    """Make ledger, schedule and status of a locked loan say what the contract says.

    Money that the loan does not take any more leaves it for good: it waits in suspense for whoever paid it,
    whatever is taken back later.
    """
    old = before.newest
    counted = {source: rest for source, rest in old.excess.items() if source not in after.gone}
    after, known = without_excess(after, counted)
    new = after.newest
    after, surplus = without_excess(after, new.excess)
    new = after.newest if surplus else new
    booked = _rebooked(work, loan, movements, (before, old), (after, new))
    for source in sorted({*known, *surplus}):
        booked.append(_set_aside(work, loan, source, known.get(source, 0) + surplus.get(source, 0)))
    if schedule_of(old) != schedule_of(new):
        await work.session.execute(delete(Installment).where(Installment.loan_id == loan.id))
        await write_schedule(work, loan, new)
    state = new if after.last_day >= work.on else after.state(work.on)
    await work.rows.save(*ledger.entry(booked), await _settled(work, loan, state))
    return Settled(state, surplus)


def _set_aside(work: Work, loan: Loan, source: str, amount: int) -> Movement:
    return ledger.movement(
        work,
        Kind.UNIDENTIFIED_RECEIPT,
        Split(suspense=amount),
        cause=f"{source}:excess:{loan.version}",
        effective_on=work.on,
        loan_id=loan.id,
        source=source,
    )


async def write_schedule(work: Work, loan: Loan, state: State) -> None:
    """Store the schedule as it stands now, and what is missing of it; there is none yet."""
    rows = zip(schedule_of(state), left_of(state), strict=True)
    await work.session.execute(
        insert(Installment),
        [{"loan_id": loan.id, **planned._asdict(), **left._asdict()} for planned, left in rows],
    )


def _rebooked(
    work: Work,
    loan: Loan,
    movements: Sequence[Movement],
    before: tuple[Account, State],
    after: tuple[Account, State],
) -> list[Movement]:
    """What makes the ledger say what the contract function says, by appending."""
    old, new = bookings(*before), bookings(*after)
    found = {event.id: event for event in after[0].events}
    sources = changed(old, new)
    made = [
        row for source in sources for row in taken_back(work, movements, source, entries.UNDONE_BY_REBOOKING)
    ]
    for source in sources:
        before_this = sum(row.source == source for row in movements)
        for line in new.get(source, ()):
            cause = f"{source}:{before_this + 1}:{line.kind.value}"
            made.append(_booked(work, loan, found[source], line, cause))
    return made


def taken_back(
    work: Work, movements: Sequence[Movement], source: str, undoing: Mapping[Kind, Kind]
) -> list[Movement]:
    """What takes back all that is booked for one source; money that waits in suspense stays there."""
    return [
        back
        for kind, undo in undoing.items()
        for row in ledger.live(movements, kind)
        if row.source == source
        for back in ledger.undoing(work, row, undo, cause=f"{row.id}:undone", effective_on=work.on)
    ]


def _booked(work: Work, loan: Loan, event: Event, line: Line, cause: str) -> Movement:
    return ledger.movement(
        work,
        line.kind,
        line.split,
        cause=cause,
        effective_on=event.on,
        loan_id=loan.id,
        source=event.id,
        mode=event.mode.value if isinstance(event, Receipt) and line.kind in RECEIVED else None,
        allocations=[
            {"installment": p.installment, "component": p.component, "amount": p.amount} for p in line.parts
        ],
    )


async def _settled(work: Work, loan: Loan, state: State) -> Statement:
    """Bring the stored status in line with the state, and say how its copies are."""
    loan.version += 1
    copied = copies.kept(work, loan, state)
    now, to = loan.status, status_of(state)
    loan.closed_on = state.settled_on if to is LoanStatus.PAID_OFF else None
    if to is now:
        return copied
    loan.status = move(MOVES, now, to)
    if to is LoanStatus.PAID_OFF:
        await staff.withdraw_proposals(work, loan.id)
        work.announce(events.LoanPaidOff(loan.id, loan.borrower_id, state.settled_on or work.on))
    elif to is LoanStatus.CHARGED_OFF:
        lost = state.charged_off.principal if state.charged_off is not None else 0
        on = state.charged_off_on or work.on
        work.announce(events.LoanChargedOff(loan.id, loan.borrower_id, lost, on, loan.version))
    else:
        work.announce(events.LoanReopened(loan.id, loan.borrower_id, work.on))
    return copied
