"""Staff: the payments of a loan, and one payment."""

from __future__ import annotations

from fastapi import APIRouter

from refi.ids import LoanId, PaymentId
from refi.loans.finding_service import any_loan
from refi.payments import service as payments
from refi.payments.answers_routes import PaymentOut, payments_out
from refi.staff.roles import READ_MONEY, require_any
from refi.web import problems
from refi.web.deps import CurrentPage
from refi.web.fields import Page, known_id
from refi.web.route import CurrentActor, CurrentWork, StaffRoute

router = APIRouter(
    prefix="/staff/v1",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(401, 403, 404, 422, 503),
)


@router.get("/payments/{payment_id}")
async def show(payment_id: str, work: CurrentWork, actor: CurrentActor) -> PaymentOut:
    """One payment: what it paid, whether it was taken back, what of it went back."""
    require_any(actor.roles, *READ_MONEY)
    row = await payments.payment(work, PaymentId(known_id(payment_id, "pay")))
    return (await payments_out(work, row.loan_id, [row]))[0]


@router.get("/loans/{loan_id}/payments")
async def list_payments(
    loan_id: str, work: CurrentWork, actor: CurrentActor, page: CurrentPage
) -> Page[PaymentOut]:
    """The payments of a loan, newest first, failed and returned ones too."""
    require_any(actor.roles, *READ_MONEY)
    loan = await any_loan(work, loan_id)
    found = await payments.payments_of(
        work, LoanId(loan.id), limit=page.limit + 1, starting_after=page.starting_after
    )
    rows, has_more = page.cut(found)
    return Page(data=await payments_out(work, loan.id, rows), has_more=has_more)
