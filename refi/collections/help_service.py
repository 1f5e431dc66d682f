"""Requests for help: ask, answer. A hold stands from the asking to the answer."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from refi import events, ids
from refi.collections.requests import HELP_MOVES, HelpRequested, HelpStatus
from refi.collections.tables import HelpRequest
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, LoanId
from refi.loans import hold_service
from refi.loans import service as loans
from refi.loans.holds import HoldKind
from refi.loans.states import LoanNotActive, LoanStatus
from refi.loans.tables import Loan
from refi.notifications import turn_service
from refi.staff import service as staff
from refi.states import move

HELPABLE = frozenset({LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF})


async def ask(work: Work, loan_id: LoanId, reason: str, proposal: str | None = None) -> HelpRequest:
    """Ask for help with a loan; all contact about the borrower's loans stands still until the answer.

    Raises `LoanNotActive`, and `HelpRequested` when an earlier request waits.
    """
    loan = await work.session.get(Loan, loan_id)
    if loan is None:
        raise NotFound("no such loan")
    await turn_service.take(work, loan.borrower_id)
    loan = await loans.lock(work, loan_id)
    if loan.status not in HELPABLE:
        raise LoanNotActive(f"there is nothing to help with: the loan is {loan.status.value}")
    if await waiting(work, loan.id) is not None:
        raise HelpRequested("help was asked for before; we answer soon", allowed=[])
    row = HelpRequest(
        id=ids.new("hard"),
        loan_id=loan.id,
        borrower_id=loan.borrower_id,
        reason_sealed=work.vault.seal(reason),
        proposal_sealed=None if proposal is None else work.vault.seal(proposal),
        status=HelpStatus.REQUESTED,
        asked_by=str(work.actor),
        asked_on=work.on,
        version=1,
        created_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    await hold_service.place(work, BorrowerId(loan.borrower_id), HoldKind.HARDSHIP, reason, source=row.id)
    work.announce(events.HelpAsked(row.id, row.borrower_id, row.loan_id))
    return row


async def answer(work: Work, request_id: str, status: HelpStatus, words: str) -> HelpRequest:
    """Answer the borrower, who reads ``words``; the hold ends. A plan is agreed as an act on the loan."""
    found = await get(work, request_id)
    await turn_service.take(work, found.borrower_id)
    row = await work.session.get_one(HelpRequest, request_id, with_for_update=True, populate_existing=True)
    row.status = move(HELP_MOVES, row.status, status)
    row.answer_sealed, row.answered_by, row.answered_at = work.vault.seal(words), str(work.actor), work.now
    row.version += 1
    await work.session.flush()
    await hold_service.lift_all_of(work, row.id, f"help was {status.value}")
    await staff.record(work, "help_answered", row.id, {"loan": row.loan_id, "answer": status.value})
    work.announce(events.HelpAnswered(row.id, row.borrower_id, row.loan_id, status.value))
    return row


async def get(work: Work, request_id: str) -> HelpRequest:
    """One request, or `NotFound`."""
    row = await work.session.get(HelpRequest, request_id)
    if row is None:
        raise NotFound("no such request for help")
    return row


async def waiting(work: Work, loan_id: str) -> HelpRequest | None:
    """The request that waits for an answer, if any."""
    row: HelpRequest | None = await work.session.scalar(
        select(HelpRequest).where(HelpRequest.loan_id == loan_id, HelpRequest.status == HelpStatus.REQUESTED)
    )
    return row


async def of_loan(work: Work, loan_id: str) -> Sequence[HelpRequest]:
    """The loan's requests, newest first."""
    rows = await work.session.scalars(
        select(HelpRequest).where(HelpRequest.loan_id == loan_id).order_by(HelpRequest.id.desc())
    )
    return rows.all()
