"""Autopay: the borrower's mandate for a loan, and what was debited under it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, LoanId
from refi.loans import service as loans
from refi.payments import autopay_service as autopay
from refi.payments.autopay import TryStatus
from refi.payments.tables import AutopayMandate
from refi.web import problems
from refi.web.fields import Body, BusinessDate, Instant, Out, known_id
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork

router = APIRouter(
    prefix="/v1/loans/{loan_id}/autopay",
    tags=["payments"],
    route_class=BorrowerRoute,
    responses=problems.responses(400, 401, 404, 409, 413, 415, 422, 503),
)


class MandateIn(Body):
    """Debit installments ``day_offset`` days before they are due.

    From ``bank_account``; without it, from the newest verified one.
    """

    bank_account: Annotated[str, Field(max_length=40, description="the account's id")] | None = None
    day_offset: Annotated[int, Field(ge=0, le=30, description="days before the due date", examples=[1])] = 0


class TryOut(Out):
    """A debit planned for what falls due on ``due_date``; ``payment`` once it was ordered."""

    due_date: BusinessDate
    attempt: int
    planned_for: BusinessDate
    status: TryStatus
    payment: str | None
    reason: str | None


class MandateOut(Out):
    """A mandate, in force or revoked, and the newest debits of the loan."""

    id: str
    loan: str
    bank_account: str
    day_offset: int
    active: bool
    reason: str | None
    created_at: Instant
    revoked_at: Instant | None
    debits: list[TryOut]


@router.get("")
async def show(loan_id: str, work: CurrentWork, actor: CurrentActor) -> MandateOut:
    """The mandate in force; 404 when there is none."""
    loan = await loans.own(work, BorrowerId(actor.id), LoanId(known_id(loan_id, "loan")))
    row = await autopay.mandate(work, loan.id)
    if row is None:
        raise NotFound("no autopay is agreed for this loan")
    return await _mandate(work, row)


@router.put("")
async def agree(loan_id: str, body: MandateIn, work: CurrentWork, actor: CurrentActor) -> MandateOut:
    """Agree to autopay, or change it. The same again changes nothing."""
    account = body.bank_account
    row = await autopay.set_mandate(
        work,
        BorrowerId(actor.id),
        LoanId(known_id(loan_id, "loan")),
        known_id(account, "bacc") if account is not None else None,
        body.day_offset,
    )
    return await _mandate(work, row)


@router.delete("")
async def revoke(loan_id: str, work: CurrentWork, actor: CurrentActor) -> MandateOut:
    """Take the mandate back: a debit that is not at the bank yet is not made. Again changes nothing."""
    row = await autopay.revoke(work, BorrowerId(actor.id), LoanId(known_id(loan_id, "loan")))
    return await _mandate(work, row)


async def _mandate(work: Work, row: AutopayMandate) -> MandateOut:
    tries = await autopay.tries_of(work, row.loan_id)
    return MandateOut(
        id=row.id,
        loan=row.loan_id,
        bank_account=row.bank_account_id,
        day_offset=row.day_offset,
        active=row.revoked_at is None,
        reason=row.reason,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        debits=[
            TryOut(
                due_date=each.due_on,
                attempt=each.attempt,
                planned_for=each.planned_for,
                status=each.status,
                payment=each.payment_id,
                reason=each.reason,
            )
            for each in tries
        ],
    )
