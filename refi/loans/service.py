"""Loans: open, activate, cancel, and read what is owed.

Every figure comes from `refi.schedules.contract`: contract + live receipts + date → state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import insert, select

from refi import events, ids
from refi.borrowers import service as borrowers
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, LoanId
from refi.ledger import entries
from refi.ledger import service as ledger
from refi.ledger.entries import Kind, Split
from refi.ledger.tables import Movement
from refi.loans.account import Account, Booking, bookings, changed, in_order
from refi.loans.states import MOVES, LoanNotActive, LoanStatus
from refi.loans.tables import Agreement, Installment, Loan, Product
from refi.money import Rounding
from refi.schedules import dates
from refi.schedules.amortization import Method, Schedule, Terms, schedule
from refi.schedules.contract import Contract, Mode, Receipt, State
from refi.schedules.day_count import DayCount
from refi.states import move


@dataclass(frozen=True, slots=True)
class Signed:
    """What the borrower signed: the hash of the agreement and its body."""

    offer_id: str
    agreement_hash: str
    body: dict[str, Any]


async def open_loan(
    work: Work, borrower_id: BorrowerId, product: Product, plan: Schedule, signed: Signed
) -> Loan:
    """Write the agreement and the account; nothing is owed before the payoff arrives."""
    agreement = Agreement(
        id=ids.new("agr"),
        borrower_id=borrower_id,
        offer_id=signed.offer_id,
        hash=signed.agreement_hash,
        body=signed.body,
        signed_on=work.on,
        signed_at=work.now,
    )
    work.session.add(agreement)
    await work.session.flush()
    terms = plan.terms
    loan = Loan(
        id=ids.new("loan"),
        borrower_id=borrower_id,
        agreement_id=agreement.id,
        product=product,
        status=LoanStatus.PENDING_DISBURSEMENT,
        currency=work.policy.market.currency,
        principal=terms.principal,
        term=terms.installments,
        method=terms.method.value,
        annual_rate=terms.annual_rate,
        monthly_fee_rate=terms.monthly_fee_rate,
        day_count=terms.day_count.value,
        rounding=terms.rounding.value,
        penalty_multiple=work.policy.penalty.multiple,
        penalty_year_days=work.policy.penalty.year_days,
        apr=plan.apr,
        effective_annual_rate=plan.effective_annual_rate,
        opened_on=work.on,
        policy_version=work.policy.version,
        created_at=work.now,
    )
    work.session.add(loan)
    await work.session.flush()
    return loan


async def activate(work: Work, loan_id: LoanId, *, credited_on: date, cause: str) -> Loan:
    """The issuer (or the bank account) was credited: dates are fixed and the principal is owed."""
    loan = await lock(work, loan_id)
    loan.status = move(MOVES, loan.status, LoanStatus.ACTIVE)
    loan.credited_on, loan.first_due_on = credited_on, dates.first_due_on(credited_on)
    loan.version += 1
    plan = schedule(_terms(loan), credited_on, loan.first_due_on)
    await work.session.execute(
        insert(Installment),
        [
            {
                "loan_id": loan.id,
                "number": item.number,
                "due_on": item.due_date,
                "principal": item.principal,
                "interest": item.interest,
                "fee": item.fee,
            }
            for item in plan.installments
        ],
    )
    await ledger.book(
        work,
        Kind.DISBURSEMENT,
        Split(principal=loan.principal),
        cause=f"{cause}:delivered",
        source=cause,
        effective_on=credited_on,
        loan_id=loan.id,
    )
    loan.unmet_on = account_of(loan, ()).state(credited_on).unmet_on
    work.announce(events.LoanActivated(loan.id, loan.borrower_id, credited_on, loan.first_due_on))
    return loan


async def cancel(work: Work, loan: Loan, reason: str, *, returned_by: str | None = None) -> None:
    """Cancel a locked loan whose payoff failed, or whose payoff ``returned_by`` came back from the issuer.

    The borrower owes nothing; what was repaid already waits in suspense to be refunded.
    """
    if (loan.status in (LoanStatus.ACTIVE, LoanStatus.PAID_OFF)) != (returned_by is not None):
        raise LoanNotActive(f"a loan that is {loan.status.value} is not cancelled this way")
    if loan.status is LoanStatus.PAID_OFF:  # what had closed it is undone below
        loan.status = move(MOVES, loan.status, LoanStatus.ACTIVE)
    loan.status = move(MOVES, loan.status, LoanStatus.CANCELLED)
    loan.closed_on, loan.unmet_on = work.on, None
    loan.version += 1
    movements = await ledger.of_loan(work, loan.id)
    for kind, undo in entries.UNDONE_BY_CANCELLATION.items():
        for row in ledger.live(movements, kind):
            await ledger.take_back(work, row, undo, cause=f"{row.id}:undone", effective_on=work.on)
    work.announce(events.LoanCancelled(loan.id, loan.borrower_id, reason))


async def lock(work: Work, loan_id: LoanId) -> Loan:
    """The loan's row, locked: everything that changes what is owed takes turns here."""
    loan = await work.session.get(Loan, loan_id, with_for_update=True, populate_existing=True)
    if loan is None:
        raise NotFound("no such loan")
    return loan


async def own(work: Work, borrower_id: BorrowerId, loan_id: LoanId) -> Loan:
    """One of the borrower's own loans, or `NotFound`."""
    loan = await work.session.get(Loan, loan_id)
    if loan is None or loan.borrower_id != borrower_id:
        raise NotFound("no such loan")
    return loan


async def loans_of(
    work: Work, borrower_id: BorrowerId, *, limit: int | None = None, starting_after: str | None = None
) -> Sequence[Loan]:
    """The borrower's loans, newest first; ``starting_after`` is the last id of the page before."""
    query = select(Loan).where(Loan.borrower_id == borrower_id).order_by(Loan.id.desc()).limit(limit)
    if starting_after is not None:
        query = query.where(Loan.id < starting_after)
    return (await work.session.scalars(query)).all()


async def accounts(work: Work, loans: Sequence[Loan]) -> list[tuple[Loan, Account]]:
    """Loans with contract and receipts, in one query for all."""
    movements = await ledger.of_loans(work, [loan.id for loan in loans])
    return [(loan, account_of(loan, movements[loan.id])) for loan in loans]


async def account(work: Work, loan: Loan) -> Account:
    """One loan with contract and receipts."""
    return account_of(loan, await ledger.of_loan(work, loan.id))


def account_of(loan: Loan, movements: Sequence[Movement]) -> Account:
    """Contract and live receipts from the loan's rows. Before activation the dates are those of a payoff that
    arrives on the day of signing."""
    credited_on = loan.credited_on or loan.opened_on
    contract = Contract(
        terms=_terms(loan),
        disbursed_on=credited_on,
        first_due_on=loan.first_due_on or dates.first_due_on(credited_on),
        penalty_multiple=loan.penalty_multiple,
        penalty_year_days=loan.penalty_year_days,
    )
    receipts = [
        Receipt(id=str(row.source), on=row.effective_on, amount=row.amount, mode=Mode(str(row.mode)))
        for row in ledger.live(movements, Kind.REPAYMENT)
    ]
    return Account(contract, in_order(receipts))


async def post_receipt(work: Work, loan: Loan, receipt: Receipt) -> State:
    """Book money that arrived for a locked, active loan; the loan closes itself when nothing is owed.

    A back-dated receipt re-splits the ones after it: what changes is taken back and booked anew.
    """
    if loan.status is not LoanStatus.ACTIVE:
        raise LoanNotActive(f"a loan that is {loan.status.value} takes no payment")
    movements = await ledger.of_loan(work, loan.id)
    before = account_of(loan, movements)
    after = before.with_receipt(receipt)
    await _rebook(work, loan, movements, before, after)
    return _settle(work, loan, after)


async def take_back_receipt(work: Work, loan: Loan, source: str) -> State:
    """Take back the money of ``source`` from a locked loan; a loan that it had closed is active again."""
    movements = await ledger.of_loan(work, loan.id)
    before = account_of(loan, movements)
    after = before.without(source)
    await _rebook(work, loan, movements, before, after)
    return _settle(work, loan, after)


async def _rebook(
    work: Work, loan: Loan, movements: Sequence[Movement], before: Account, after: Account
) -> None:
    """Make the ledger say what the contract function says, by appending."""
    old, new = bookings(before), bookings(after)
    receipts = {receipt.id: receipt for receipt in after.receipts}
    for source in changed(old, new):
        for kind, undo in entries.UNDONE_BY_REBOOKING.items():
            for row in ledger.live(movements, kind):
                if row.source == source:
                    await ledger.take_back(work, row, undo, cause=f"{row.id}:undone", effective_on=work.on)
    for source in changed(old, new):
        if source in new:
            times = sum(row.source == source and row.kind is Kind.REPAYMENT for row in movements)
            await _book(work, loan, receipts[source], new[source], f"{source}:{times + 1}")


async def _book(work: Work, loan: Loan, receipt: Receipt, booking: Booking, cause: str) -> None:
    await ledger.book(
        work,
        Kind.REPAYMENT,
        booking.split,
        cause=cause,
        effective_on=receipt.on,
        loan_id=loan.id,
        source=receipt.id,
        mode=receipt.mode.value,
        allocations=[
            {"installment": p.installment, "component": p.component, "amount": p.amount}
            for p in booking.allocations
        ],
    )
    if booking.rebate:
        await ledger.book(
            work,
            Kind.INTEREST_REBATE,
            Split(principal=booking.rebate),
            cause=f"{cause}:rebate",
            effective_on=receipt.on,
            loan_id=loan.id,
            source=receipt.id,
        )


def _settle(work: Work, loan: Loan, account: Account) -> State:
    """Bring what is stored of the derived state in line with it: status and ``unmet_on``."""
    loan.version += 1
    state = account.state(max(work.on, account.last_day))
    loan.unmet_on = state.unmet_on
    if state.settled and loan.status is LoanStatus.ACTIVE:
        loan.status = move(MOVES, loan.status, LoanStatus.PAID_OFF)
        loan.closed_on = account.last_day
        work.announce(events.LoanPaidOff(loan.id, loan.borrower_id, loan.closed_on))
    elif not state.settled and loan.status is LoanStatus.PAID_OFF:
        loan.status = move(MOVES, loan.status, LoanStatus.ACTIVE)
        loan.closed_on = None
        work.announce(events.LoanReopened(loan.id, loan.borrower_id, work.on))
    return state


async def exposure(work: Work, borrower_id: BorrowerId) -> int:
    """Principal lent or about to be lent to the borrower and not repaid, minor units."""
    await borrowers.lock(work, borrower_id)
    total = 0
    for loan, account in await accounts(work, await loans_of(work, borrower_id)):
        if loan.status is LoanStatus.PENDING_DISBURSEMENT:
            total += loan.principal
        elif loan.status in (LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF):
            total += account.owed(work.on).principal
    return total


def _terms(loan: Loan) -> Terms:
    return Terms(
        principal=loan.principal,
        annual_rate=loan.annual_rate,
        installments=loan.term,
        method=Method(loan.method),
        monthly_fee_rate=loan.monthly_fee_rate,
        day_count=DayCount(loan.day_count),
        rounding=Rounding(loan.rounding),
    )
