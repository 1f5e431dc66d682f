"""Payouts of a loan: follow them, withdraw before the first, send once more what did not arrive."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from refi.ids import BorrowerId, LoanId
from refi.loans import service as loans
from refi.loans.finding_service import any_loan
from refi.loans.states import LoanStatus
from refi.payments import payout_service as payouts
from refi.payments.states import PayoutStatus
from refi.payments.tables import Destination
from refi.staff.roles import READ_MONEY, Permission, require, require_any
from refi.web import problems
from refi.web.deps import SeenVersion
from refi.web.fields import Body, BusinessDate, Instant, LongText, Out, Page, known_id
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork, StaffRoute

router = APIRouter(
    prefix="/v1/loans/{loan_id}",
    tags=["payments"],
    route_class=BorrowerRoute,
    responses=problems.responses(400, 401, 404, 409, 413, 415, 422, 503),
)
staff_router = APIRouter(
    prefix="/staff/v1/loans/{loan_id}",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 503),
)


class PayeeIn(Body):
    """Where the payoff shall go now: a payable card (for a micro-loan a verified bank account)."""

    card: Annotated[str, Field(max_length=40, description="the card's id")] | None = None
    bank_account: Annotated[str, Field(max_length=40, description="the account's id")] | None = None


class AgainIn(Body):
    """Why it is sent once more."""

    reason: LongText


class PayoutOut(Out):
    """Money to a card issuer, or to a bank account."""

    id: str
    status: PayoutStatus
    amount: int
    currency: str
    destination: Destination
    reason: str | None
    effective_on: BusinessDate | None
    returned_on: BusinessDate | None
    created_at: Instant


class WithdrawnOut(Out):
    """The loan that was withdrawn."""

    id: str
    status: LoanStatus
    closed_on: BusinessDate | None
    version: int


class ProposedOut(Out):
    """What a second person has to answer."""

    loan: str
    approval: str


@router.get("/payouts")
async def list_payouts(loan_id: str, work: CurrentWork, actor: CurrentActor) -> Page[PayoutOut]:
    """The loan's payouts, newest first."""
    loan = await loans.own(work, BorrowerId(actor.id), LoanId(known_id(loan_id, "loan")))
    rows = await payouts.payouts_of(work, loan.id)
    return Page(data=[PayoutOut.model_validate(row) for row in rows], has_more=False)


@router.post("/payouts", status_code=201)
async def send_to(loan_id: str, body: PayeeIn, work: CurrentWork, actor: CurrentActor) -> PayoutOut:
    """The payoff failed or came back: send it to this card under the same agreement; the loan begins anew."""
    row = await payouts.send_to(
        work,
        BorrowerId(actor.id),
        LoanId(known_id(loan_id, "loan")),
        None if body.card is None else known_id(body.card, "card"),
        None if body.bank_account is None else known_id(body.bank_account, "bacc"),
    )
    return PayoutOut.model_validate(row)


@router.post("/cancel")
async def withdraw(loan_id: str, work: CurrentWork, actor: CurrentActor) -> WithdrawnOut:
    """Take the signature back before the payoff was ordered; nothing is owed."""
    loan = await payouts.withdraw(work, BorrowerId(actor.id), LoanId(known_id(loan_id, "loan")))
    return WithdrawnOut.model_validate(loan)


@staff_router.get("/payouts")
async def staff_list(loan_id: str, work: CurrentWork, actor: CurrentActor) -> Page[PayoutOut]:
    """The payouts of a loan, newest first."""
    require_any(actor.roles, *READ_MONEY)
    loan = await any_loan(work, loan_id)
    rows = await payouts.payouts_of(work, loan.id)
    return Page(data=[PayoutOut.model_validate(row) for row in rows], has_more=False)


@staff_router.post("/payouts", status_code=202)
async def send_again(
    loan_id: str, body: AgainIn, seen: SeenVersion, work: CurrentWork, actor: CurrentActor
) -> ProposedOut:
    """Send a payoff that failed or came back once more to the same payee; waits for a second person."""
    require(actor.roles, Permission.CORRECT_MONEY)
    row = await payouts.propose_again(work, known_id(loan_id, "loan"), body.reason, seen)
    return ProposedOut(loan=row.subject, approval=row.id)
