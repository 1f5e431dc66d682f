"""Loans: open, activate, cancel, and read what is owed.

Every figure comes from `refi.schedules.contract`: contract + live receipts + date → state.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from refi import events, ids
from refi.borrowers import service as borrowers
from refi.db.base import among
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, LoanId
from refi.ledger import entries
from refi.ledger import service as ledger
from refi.ledger.entries import Kind, Split
from refi.loans import copies_service as copies
from refi.loans.account import conventions_signed
from refi.loans.books_service import (
    Settled,
    account,
    account_of,
    accounts,
    acts_of,
    bring_in_line,
    taken_back,
    write_schedule,
)
from refi.loans.states import MOVES, LoanNotActive, LoanStatus
from refi.loans.tables import Agreement, Loan, Product
from refi.schedules import dates
from refi.schedules.amortization import Schedule
from refi.schedules.contract import Receipt
from refi.staff import service as staff
from refi.states import move

__all__ = [
    "Signed",
    "account",
    "account_of",
    "accounts",
    "activate",
    "cancel",
    "exposure",
    "loans_of",
    "lock",
    "lock_all",
    "open_loan",
    "own",
    "post_receipt",
    "release_receipt",
    "take_back_receipt",
]


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
    copies.refuse_while_closing(work)
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
        conventions=conventions_signed(signed.body, work.policy),
        apr=plan.apr,
        effective_annual_rate=plan.effective_annual_rate,
        opened_on=work.on,
        changed_on=work.on,
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
    state = account_of(loan, ()).state(credited_on)
    await write_schedule(work, loan, state)
    await ledger.book(
        work,
        Kind.DISBURSEMENT,
        Split(principal=loan.principal),
        cause=f"{cause}:delivered",
        source=cause,
        effective_on=credited_on,
        loan_id=loan.id,
    )
    await work.rows.save(copies.kept(work, loan, state))
    work.announce(events.LoanActivated(loan.id, loan.borrower_id, credited_on, loan.first_due_on))
    return loan


async def cancel(work: Work, loan: Loan, reason: str, *, returned_by: str | None = None) -> None:
    """Cancel a locked loan whose payoff failed, or whose payoff ``returned_by`` came back from the issuer.

    The borrower owes nothing; what was repaid already waits in suspense to be refunded.
    """
    paid_out = loan.status not in (LoanStatus.PENDING_DISBURSEMENT, LoanStatus.CANCELLED)
    if paid_out != (returned_by is not None):
        raise LoanNotActive(f"a loan that is {loan.status.value} is not cancelled this way")
    if loan.status in (LoanStatus.PAID_OFF, LoanStatus.CHARGED_OFF):  # what had closed it is undone below
        loan.status = move(MOVES, loan.status, LoanStatus.ACTIVE)
    loan.status = move(MOVES, loan.status, LoanStatus.CANCELLED)
    loan.closed_on = work.on
    loan.version += 1
    await copies.keep_nothing(work, loan)
    movements = await ledger.of_loan(work, loan.id)
    undone = [
        back
        for kind, undo in entries.UNDONE_BY_CANCELLATION.items()
        for row in ledger.live(movements, kind)
        for back in ledger.undoing(work, row, undo, cause=f"{row.id}:undone", effective_on=work.on)
    ]
    await work.rows.save(*ledger.entry(undone))
    await staff.withdraw_proposals(work, loan.id)
    work.announce(events.LoanCancelled(loan.id, loan.borrower_id, reason))


async def lock(work: Work, loan_id: LoanId) -> Loan:
    """The loan's row, locked: everything that changes what is owed takes turns here."""
    loan = await work.rows.lock(Loan, loan_id)
    if loan is None:
        raise NotFound("no such loan")
    return loan


async def lock_all(work: Work, loan_ids: Collection[str]) -> dict[str, Loan]:
    """The loans' rows by id, locked as by `lock` and in the order of their ids."""
    rows = await work.session.scalars(
        select(Loan)
        .where(among(Loan.id, loan_ids))
        .order_by(Loan.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in rows}


async def own(work: Work, borrower_id: BorrowerId, loan_id: LoanId) -> Loan:
    """One of the borrower's own loans, or `NotFound`."""
    loan = await work.rows.get(Loan, loan_id)
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


async def post_receipt(work: Work, loan: Loan, receipt: Receipt) -> Settled:
    """Book money that arrived for a locked loan; the loan closes itself when nothing is owed.

    On a loan that is charged off it is a recovery, and the loan stays charged off. A back-dated receipt
    re-splits what came after it: what changes is taken back and booked anew. What the loan does not take, of
    this or of a later receipt, is ``surplus``: it waits in suspense, and the caller sends it back.
    """
    if loan.status not in (LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF):
        raise LoanNotActive(f"a loan that is {loan.status.value} takes no payment")
    movements = await ledger.of_loan(work, loan.id)
    before = account_of(loan, movements, await acts_of(work, loan))
    return await bring_in_line(work, loan, movements, before, before.with_event(receipt))


async def take_back_receipt(work: Work, loan: Loan, source: str) -> Settled:
    """Take back the money of ``source`` from a locked loan; a loan that it had closed is active again."""
    movements = await ledger.of_loan(work, loan.id)
    before = account_of(loan, movements, await acts_of(work, loan))
    return await bring_in_line(work, loan, movements, before, before.undone(source, work.on))


async def release_receipt(work: Work, loan: Loan, source: str) -> Settled:
    """Take the money of ``source`` off a locked loan and keep it in suspense, for whom it belongs to."""
    movements = await ledger.of_loan(work, loan.id)
    before = account_of(loan, movements, await acts_of(work, loan))
    released = taken_back(work, movements, source, {**entries.UNDONE_BY_REBOOKING, **entries.RELEASED})
    await work.rows.save(*ledger.entry(released))
    return await bring_in_line(work, loan, [*movements, *released], before, before.undone(source, work.on))


async def exposure(work: Work, borrower_id: BorrowerId) -> int:
    """Principal lent or about to be lent to the borrower and not repaid, minor units."""
    await borrowers.lock(work, borrower_id)
    total = 0
    for loan, held in await accounts(work, await loans_of(work, borrower_id)):
        if loan.status is LoanStatus.PENDING_DISBURSEMENT:
            total += loan.principal
        elif loan.status in (LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF):
            total += held.owed(work.on).principal
    return total
