"""Repay a loan and follow payments; the provider's webhooks come in here too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from sqlalchemy.dialects.postgresql import insert

from refi import clock
from refi.errors import Refused
from refi.ids import BorrowerId, LoanId, PaymentId
from refi.ledger import service as ledger
from refi.ledger.entries import Kind
from refi.ledger.tables import Movement
from refi.loans import service as loans
from refi.payments import service as payments
from refi.payments.provider_events import read_event
from refi.payments.states import PaymentStatus
from refi.payments.tables import Payment, ProviderNews, SourceType
from refi.schedules.contract import Mode
from refi.settings import Settings
from refi.web import problems, webhooks
from refi.web.deps import CurrentPage
from refi.web.fields import Amount, Body, BusinessDate, Instant, Out, Page, known_id, storable
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork, PublicRoute

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


class SourceIn(Body):
    """Where the money comes from; without ``bank_account`` the newest verified one is debited."""

    type: Annotated[SourceType, Field(strict=False)]
    bank_account: Annotated[str, Field(max_length=40, description="the account's id")] | None = None


class PaymentIn(Body):
    """A repayment. ``due`` pays what is due first, then what comes; ``payoff`` settles the loan."""

    amount: Amount
    source: SourceIn
    mode: Annotated[Mode, Field(strict=False)] = Mode.DUE


class SourceOut(Out):
    """Where the money comes from."""

    type: SourceType
    bank_account: str | None


class AllocationOut(Out):
    """A part of a payment: which installment's what it paid."""

    installment: int
    component: Literal["fee", "penalty", "interest", "principal"]
    amount: int


class PaymentOut(Out):
    """A repayment; ``allocations`` once it is posted."""

    id: str
    loan: str
    status: PaymentStatus
    amount: int
    currency: str
    mode: str
    source: SourceOut
    allocations: list[AllocationOut]
    effective_on: BusinessDate | None
    reason: str | None
    created_at: Instant


class Received(Out):
    """The webhook is stored and will be handled."""

    received: bool


@router.post("/loans/{loan_id}/payments", status_code=202)
async def pay(loan_id: str, body: PaymentIn, work: CurrentWork, actor: CurrentActor) -> PaymentOut:
    """Repay: start a debit, or announce a transfer whose reference is the payment's id."""
    account = body.source.bank_account
    row = await payments.start(
        work,
        BorrowerId(actor.id),
        LoanId(known_id(loan_id, "loan")),
        body.amount,
        body.source.type,
        body.mode,
        known_id(account, "bacc") if account is not None else None,
    )
    return _payment(row, ())  # nothing is booked before the money arrives


@router.get("/payments/{payment_id}")
async def show(payment_id: str, work: CurrentWork, actor: CurrentActor) -> PaymentOut:
    """One payment."""
    row = await payments.own_payment(work, BorrowerId(actor.id), PaymentId(known_id(payment_id, "pay")))
    return _payment(row, await ledger.of_loan(work, row.loan_id))


@router.get("/loans/{loan_id}/payments")
async def list_payments(
    loan_id: str, work: CurrentWork, actor: CurrentActor, page: CurrentPage
) -> Page[PaymentOut]:
    """The loan's payments, newest first."""
    loan = await loans.own(work, BorrowerId(actor.id), LoanId(known_id(loan_id, "loan")))
    found = await payments.payments_of(
        work, LoanId(loan.id), limit=page.limit + 1, starting_after=page.starting_after
    )
    rows, has_more = page.cut(found)
    movements = await ledger.of_loan(work, loan.id)
    return Page(data=[_payment(row, movements) for row in rows], has_more=has_more)


def _payment(row: Payment, movements: Sequence[Movement]) -> PaymentOut:
    """A payment with what it paid, from the movements of its loan."""
    booked = [m for m in ledger.live(movements, Kind.REPAYMENT) if m.source == row.id]
    posted = row.status is PaymentStatus.POSTED
    parts = [part for m in booked for part in m.allocations] if posted else []
    allocations = [AllocationOut.model_validate(part) for part in parts]
    return PaymentOut(
        id=row.id,
        loan=row.loan_id,
        status=row.status,
        amount=row.amount,
        currency=row.currency,
        mode=row.mode,
        source=SourceOut(type=row.source_type, bank_account=row.bank_account_id),
        allocations=allocations,
        effective_on=row.effective_on,
        reason=row.reason,
        created_at=row.created_at,
    )


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
