"""Staff: take a payment off its loan; cancel a loan before it is paid out."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import AfterValidator, Field

from refi.ids import LoanId, PaymentId
from refi.loans.showing_service import plan_out
from refi.loans.states import LoanStatus
from refi.payments import correction_service as corrections
from refi.payments.states import PaymentStatus
from refi.staff.roles import Permission, require
from refi.web import problems
from refi.web.deps import MaybeSeen, SeenVersion, etag
from refi.web.fields import Body, Out, known_id, storable
from refi.web.plans import PlanOut
from refi.web.route import CurrentActor, CurrentWork, StaffRoute, previews

router = APIRouter(
    prefix="/staff/v1",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(400, 401, 403, 404, 409, 412, 413, 415, 422, 503),
)
Reason = Annotated[
    str,
    Field(strict=True, max_length=4000, description="why, in words; needed unless it is a preview"),
    AfterValidator(storable),
]


class ReversalIn(Body):
    """Why the payment is taken off its loan. With ``preview`` the answer says what would be."""

    reason: Reason = ""
    preview: bool = False


class ReversalOut(Out):
    """A payment that was, would be or will be taken off its loan, and the loan before and after."""

    outcome: Literal["preview", "done", "awaiting_second"]
    id: str
    status: PaymentStatus
    amount: int
    loan: str
    loan_status: LoanStatus
    version: int
    approval: str | None
    before: PlanOut
    after: PlanOut


class CancellationIn(Body):
    """Why the loan is cancelled."""

    reason: Reason = ""


class CancelledOut(Out):
    """The loan that was cancelled."""

    id: str
    status: LoanStatus
    version: int


@router.post("/payments/{payment_id}/reverse")
@previews
async def reverse(
    payment_id: str,
    body: ReversalIn,
    work: CurrentWork,
    actor: CurrentActor,
    response: Response,
    seen: MaybeSeen = None,
) -> ReversalOut:
    """Take a payment off its loan; the money goes back to who paid it. An older one needs two people."""
    require(actor.roles, Permission.CORRECT_MONEY)
    known = PaymentId(known_id(payment_id, "pay"))
    if body.preview:
        found = await corrections.look(work, known)
    else:
        found = await corrections.reverse(work, known, body.reason, seen)
    response.headers["ETag"] = etag(found.loan.version)
    outcome: Literal["preview", "done", "awaiting_second"] = "done" if found.done else "preview"
    return ReversalOut(
        outcome="awaiting_second" if found.approval is not None else outcome,
        id=found.payment.id,
        status=found.payment.status,
        amount=found.payment.amount,
        loan=found.loan.id,
        loan_status=found.loan.status,
        version=found.loan.version,
        approval=None if found.approval is None else found.approval.id,
        before=plan_out(found.loan.principal, found.before),
        after=plan_out(found.loan.principal, found.after),
    )


@router.post("/loans/{loan_id}/cancel", responses=problems.responses(428))
async def cancel(
    loan_id: str,
    body: CancellationIn,
    seen: SeenVersion,
    work: CurrentWork,
    actor: CurrentActor,
    response: Response,
) -> CancelledOut:
    """Cancel a loan before its payout was ordered: the borrower owes nothing."""
    require(actor.roles, Permission.CORRECT_MONEY)
    loan = await corrections.cancel(work, LoanId(known_id(loan_id, "loan")), body.reason, seen)
    response.headers["ETag"] = etag(loan.version)
    return CancelledOut.model_validate(loan)
