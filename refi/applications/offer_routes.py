"""The exact contract before signing, and signing it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from refi.applications import offer_service, wording
from refi.applications.states import OfferStatus
from refi.applications.tables import Offer
from refi.borrowers import service as borrowers
from refi.db.work import Work
from refi.errors import Fault, Refused
from refi.ids import BorrowerId
from refi.loans.states import LoanStatus
from refi.settings import Settings
from refi.sign_in import service as sign_in
from refi.web import problems
from refi.web.fields import Body, BusinessDate, Instant, Out, RateOut, known_id
from refi.web.messages import language
from refi.web.plans import InstallmentOut, ScheduleOut
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork

router = APIRouter(
    prefix="/v1/offers",
    tags=["applications"],
    route_class=BorrowerRoute,
    responses=problems.responses(401, 404, 422, 503),
)


class OfferOut(Out):
    """A binding price. ``total_cost`` is interest and fees; ``saving_same_payment`` is against the card."""

    id: str
    application: str
    status: OfferStatus
    currency: str
    amount: int
    term: int
    method: str
    annual_rate: RateOut
    monthly_fee_rate: RateOut
    apr: RateOut
    effective_annual_rate: RateOut
    installment_amount: int
    total_interest: int
    total_fees: int
    total_cost: int
    total_of_payments: int
    saving_same_payment: int | None
    expires_on: BusinessDate
    expires_at: Instant
    agreement_hash: str
    loan: str | None
    created_at: Instant


class OfferWithAgreement(OfferOut):
    """The offer with what will be signed: the agreement as data (this is what is hashed) and in words."""

    agreement: dict[str, Any]
    agreement_text: str


class AcceptIn(Body):
    """The signature: the hash of the agreement that was shown and, in live, a one-time code."""

    agreement_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="the offer's")]
    otp: Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["123456"])] | None = None


class SignedOut(Out):
    """The loan that the signature made; the payoff is on its way."""

    id: str
    status: LoanStatus
    product: str
    currency: str
    principal: int
    term: int
    method: str
    apr: RateOut
    effective_annual_rate: RateOut
    agreement: str
    agreement_hash: str
    offer: str
    application: str


class CodeNeeded(Refused):
    """In live a signature carries a one-time code that was sent to the borrower's phone."""

    code = "otp_invalid"


@router.get("/{offer_id}")
async def show(offer_id: str, request: Request, work: CurrentWork, actor: CurrentActor) -> OfferWithAgreement:
    """The exact contract before signing."""
    row = await offer_service.own(work, BorrowerId(actor.id), known_id(offer_id, "off"))
    header = request.headers.get("accept-language")
    borrower = await borrowers.get(work, BorrowerId(actor.id))
    words = wording.agreement_text(row.agreement, language(header) if header else borrower.locale)
    return OfferWithAgreement(
        **offer_out(work, row).model_dump(), agreement=row.agreement, agreement_text=words
    )


@router.get("/{offer_id}/schedule")
async def schedule(offer_id: str, work: CurrentWork, actor: CurrentActor) -> ScheduleOut:
    """The installments before signing."""
    row = await offer_service.own(work, BorrowerId(actor.id), known_id(offer_id, "off"))
    rows = offer_service.plan(work, row).installments
    return ScheduleOut(
        data=[
            InstallmentOut(
                number=item.number,
                due_date=item.due_date,
                principal=item.principal,
                interest=item.interest,
                fee=item.fee,
                amount=item.amount,
                paid=0,
                outstanding=item.amount,
                balance_after=item.balance_after,
                status="upcoming",
            )
            for item in rows
        ],
        dates_fixed=False,
    )


@router.post(
    "/{offer_id}/accept",
    status_code=201,
    response_model=SignedOut,
    responses=problems.responses(400, 409, 413, 415),
)
async def accept(
    offer_id: str, body: AcceptIn, request: Request, work: CurrentWork, actor: CurrentActor
) -> SignedOut | Response:
    """Sign: agreement, loan and the order to pay the card issuer are made together."""
    borrower_id = BorrowerId(actor.id)
    settings: Settings = request.app.state.settings
    if settings.live and not await _signed_by_phone(work, borrower_id, body.otp):
        # answered, not raised: the wrong try must be counted, so the transaction commits
        return problems.problem(request, 401, "otp_invalid", "the code is wrong, used or too old")
    offer, loan = await offer_service.accept(
        work, borrower_id, known_id(offer_id, "off"), body.agreement_hash
    )
    return SignedOut(
        id=loan.id,
        status=loan.status,
        product=loan.product.value,
        currency=loan.currency,
        principal=loan.principal,
        term=loan.term,
        method=loan.method,
        apr=loan.apr,
        effective_annual_rate=loan.effective_annual_rate,
        agreement=loan.agreement_id,
        agreement_hash=offer.agreement_hash,
        offer=offer.id,
        application=offer.application_id,
    )


async def _signed_by_phone(work: Work, borrower_id: BorrowerId, code: str | None) -> bool:
    if code is None:
        raise CodeNeeded("send the one-time code", faults=[Fault("/otp", "missing")])
    borrower = await borrowers.get(work, borrower_id)
    return await sign_in.spend_code(work, work.vault.open(borrower.phone_sealed), code)


def offer_out(work: Work, row: Offer) -> OfferOut:
    """An offer as it is shown, without its agreement."""
    derived = {
        "application": row.application_id,
        "currency": work.policy.market.currency,
        "total_cost": row.total_interest + row.total_fees,
        "total_of_payments": row.amount + row.total_interest + row.total_fees,
        "expires_at": offer_service.expires_at(work, row),
        "loan": row.loan_id,
    }
    stored = {name: getattr(row, name) for name in OfferOut.model_fields if name not in derived}
    return OfferOut.model_validate({**stored, **derived})
