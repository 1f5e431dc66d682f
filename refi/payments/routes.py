"""Repay a loan and follow payments; the provider's webhooks come in here too."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from sqlalchemy.dialects.postgresql import insert

from refi import clock
from refi.errors import Refused
from refi.ids import BorrowerId, LoanId, PaymentId
from refi.loans import service as loans
from refi.payments import service as payments
from refi.payments.answers_routes import (
    PaymentIn,
    PaymentOut,
    PreviewOut,
    payment_out,
    payments_out,
    preview_out,
)
from refi.payments.provider_events import read_event
from refi.payments.states import require_currency
from refi.payments.tables import ProviderNews
from refi.settings import Settings
from refi.web import problems, webhooks
from refi.web.deps import CurrentPage
from refi.web.fields import Out, Page, known_id, storable
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork, PublicRoute, previews

router = APIRouter(
    prefix="/v1",
    tags=["payments"],
    route_class=BorrowerRoute,
    responses=problems.responses(400, 401, 404, 409, 413, 415, 422, 503),
)
hooks = APIRouter(
    prefix="/hooks/v1",
    tags=["webhooks"],
    route_class=PublicRoute,
    responses=problems.responses(401, 413, 422, 503),
)


class Received(Out):
    """The webhook is stored and will be handled."""

    received: bool


@router.post("/loans/{loan_id}/payments", status_code=202, responses={200: {"model": PreviewOut}})
@previews
async def pay(
    loan_id: str, body: PaymentIn, response: Response, work: CurrentWork, actor: CurrentActor
) -> PaymentOut | PreviewOut:
    """Repay: start a debit, or announce a transfer whose reference is the payment's id; or preview it."""
    borrower, loan = BorrowerId(actor.id), LoanId(known_id(loan_id, "loan"))
    named, amount, source, mode = body.source.bank_account, body.amount, body.source.type, body.mode
    account = known_id(named, "bacc") if named is not None else None
    require_currency(body.currency, work.policy.market.currency)
    if body.preview:
        response.status_code = 200
        seen, made = await payments.preview(work, borrower, loan, amount, source, mode, account)
        return preview_out(work, seen, amount, mode, made)
    row = await payments.start(work, borrower, loan, amount, source, mode, account)
    return payment_out(row, (), ())  # nothing is booked before the money arrives


@router.get("/payments/{payment_id}")
async def show(payment_id: str, work: CurrentWork, actor: CurrentActor) -> PaymentOut:
    """One payment: what it paid, whether it was taken back, what of it went back."""
    row = await payments.own_payment(work, BorrowerId(actor.id), PaymentId(known_id(payment_id, "pay")))
    return (await payments_out(work, row.loan_id, [row]))[0]


@router.get("/loans/{loan_id}/payments")
async def list_payments(
    loan_id: str, work: CurrentWork, actor: CurrentActor, page: CurrentPage
) -> Page[PaymentOut]:
    """The loan's payments, newest first, failed and returned ones too."""
    loan = await loans.own(work, BorrowerId(actor.id), LoanId(known_id(loan_id, "loan")))
    found = await payments.payments_of(
        work, LoanId(loan.id), limit=page.limit + 1, starting_after=page.starting_after
    )
    rows, has_more = page.cut(found)
    return Page(data=await payments_out(work, loan.id, rows), has_more=has_more)


class NewsUnreadable(Refused):
    """The webhook's body is not text that can be stored."""


@hooks.post("/payments", status_code=202, openapi_extra=webhooks.DOCUMENTED)
async def provider_news(request: Request, work: CurrentWork) -> Received:
    """The payment provider's signed news: stored raw, then handled; one effect per event id."""
    settings: Settings = request.app.state.settings
    raw = await request.body()
    secrets = [secret.get_secret_value() for secret in settings.webhook_secrets]
    news_id = webhooks.verify(request.headers, raw, secrets, clock.utc_now())
    read_event(raw, news_id)
    try:
        text = storable(raw.decode())
    except ValueError as error:
        raise NewsUnreadable("the body is not storable text") from error
    made = await work.session.execute(
        insert(ProviderNews)
        .values(id=news_id, raw=text, received_at=work.wall)
        .on_conflict_do_nothing()
        .returning(ProviderNews.id)
    )
    if made.scalar() is not None:
        work.enqueue("provider_news", {"id": news_id}, dedupe_key=f"news:{news_id}")
    return Received(received=True)
