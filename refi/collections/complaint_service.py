"""Complaints: file, list, answer. Contact stands still from the filing to the answer."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from refi import events, ids
from refi.collections.requests import COMPLAINT_MOVES, ComplaintStatus
from refi.collections.tables import Complaint
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId
from refi.loans import hold_service
from refi.loans.holds import HoldKind
from refi.notifications import turn_service
from refi.staff import service as staff
from refi.states import move


async def file(work: Work, borrower_id: BorrowerId, words: str, loan_id: str | None = None) -> Complaint:
    """Write the complaint down and stop contact, if the policy says so, until it is answered."""
    await turn_service.take(work, borrower_id)
    row = Complaint(
        id=ids.new("cmp"),
        borrower_id=borrower_id,
        loan_id=loan_id,
        text_sealed=work.vault.seal(words),
        status=ComplaintStatus.OPEN,
        filed_on=work.on,
        version=1,
        created_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    if work.policy.collections.complaint_stops_contact:
        await hold_service.place(work, borrower_id, HoldKind.COMPLAINT, words, source=row.id)
    work.announce(events.ComplaintFiled(row.id, borrower_id, loan_id))
    return row


async def answer(work: Work, complaint_id: str, words: str) -> Complaint:
    """Answer the borrower, who reads ``words``; contact is possible again."""
    found = await get(work, complaint_id)
    await turn_service.take(work, found.borrower_id)
    row = await work.session.get_one(Complaint, complaint_id, with_for_update=True, populate_existing=True)
    row.status = move(COMPLAINT_MOVES, row.status, ComplaintStatus.ANSWERED)
    row.answer_sealed, row.answered_by, row.answered_at = work.vault.seal(words), str(work.actor), work.now
    row.version += 1
    await work.session.flush()
    await hold_service.lift_all_of(work, row.id, "the complaint was answered")
    await staff.record(work, "complaint_answered", row.id, {"borrower": row.borrower_id})
    work.announce(events.ComplaintAnswered(row.id, row.borrower_id, row.loan_id))
    return row


async def get(work: Work, complaint_id: str) -> Complaint:
    """One complaint, or `NotFound`."""
    row = await work.session.get(Complaint, complaint_id)
    if row is None:
        raise NotFound("no such complaint")
    return row


async def of_borrower(
    work: Work, borrower_id: str, *, limit: int, starting_after: str | None = None
) -> Sequence[Complaint]:
    """The borrower's complaints, newest first."""
    query = (
        select(Complaint)
        .where(Complaint.borrower_id == borrower_id)
        .order_by(Complaint.id.desc())
        .limit(limit)
    )
    if starting_after is not None:
        query = query.where(Complaint.id < starting_after)
    return (await work.session.scalars(query)).all()


async def unanswered(work: Work, *, limit: int, starting_after: str | None = None) -> Sequence[Complaint]:
    """Complaints that wait for an answer, oldest first."""
    query = (
        select(Complaint).where(Complaint.status == ComplaintStatus.OPEN).order_by(Complaint.id).limit(limit)
    )
    if starting_after is not None:
        query = query.where(Complaint.id > starting_after)
    return (await work.session.scalars(query)).all()
