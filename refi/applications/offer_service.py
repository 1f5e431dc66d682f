"""Offers: make one of a price, show it, sign it: agreement, loan and payout intent in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update

from refi import events, ids
from refi.applications import offers
from refi.applications.offers import Bill, Payee
from refi.applications.states import APPLICATION_MOVES, OFFER_MOVES, ApplicationStatus, OfferStatus
from refi.applications.tables import Application, Offer
from refi.borrowers import service as borrowers
from refi.cards import service as cards
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, CardId, StatementId
from refi.loans import service as loans
from refi.loans.states import LoanStatus
from refi.loans.tables import Loan
from refi.loans.tables import Product as LoanProduct
from refi.payments import service as payments
from refi.payments.tables import Destination
from refi.schedules.amortization import Schedule, schedule
from refi.states import move
from refi.underwriting.pricing import Priced, plan_terms, terms_of


async def make(work: Work, application: Application, priced: Priced, policy_version: str) -> Offer:
    """An open offer of that price, decided under ``policy_version``, with the agreement that would be
    signed."""
    plan = schedule(terms_of(priced, work.policy), work.on)
    offer_id = ids.new("off")
    body = offers.agreement(
        offer=offer_id,
        product=application.product.value,
        plan=plan,
        payee=await _payee(work, application),
        policy=work.policy,
    )
    row = Offer(
        id=offer_id,
        application_id=application.id,
        borrower_id=application.borrower_id,
        status=OfferStatus.OPEN,
        amount=priced.amount,
        term=priced.term,
        method=priced.method,
        annual_rate=priced.annual_rate,
        monthly_fee_rate=priced.monthly_fee_rate,
        apr=priced.apr,
        effective_annual_rate=priced.effective_annual_rate,
        installment_amount=priced.installment_amount,
        total_interest=priced.total_interest,
        total_fees=priced.total_fees,
        saving_same_payment=priced.saving_same_payment,
        agreement=body,
        agreement_hash=offers.agreement_hash(body),
        expires_on=offers.last_day(work.policy, work.on),
        policy_version=policy_version,
        created_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    return row


async def _payee(work: Work, application: Application) -> Payee:
    if application.card_id is not None:
        card = await cards.card(work, CardId(application.card_id))
        return Payee("card", card.issuer, card.last4)
    account = await borrowers.bank_account(
        work, BorrowerId(application.borrower_id), str(application.bank_account_id)
    )
    return Payee("bank_account", account.bank, account.last4)


async def own(work: Work, borrower_id: BorrowerId, offer_id: str) -> Offer:
    """One of the borrower's own offers, or `NotFound`."""
    row = await work.session.get(Offer, offer_id)
    if row is None or row.borrower_id != borrower_id:
        raise NotFound("no such offer")
    return row


async def of_applications(work: Work, application_ids: Sequence[str]) -> dict[str, list[Offer]]:
    """Offers by application, newest first."""
    rows = await work.session.scalars(
        select(Offer).where(Offer.application_id.in_(application_ids)).order_by(Offer.id.desc())
    )
    found: dict[str, list[Offer]] = {each: [] for each in application_ids}
    for row in rows:
        found[row.application_id].append(row)
    return found


def plan(work: Work, offer: Offer) -> Schedule:
    """The offer's installments, dated as if the payee were credited today."""
    terms = plan_terms(
        amount=offer.amount,
        term=offer.term,
        method=offer.method,
        annual_rate=offer.annual_rate,
        monthly_fee_rate=offer.monthly_fee_rate,
        policy=work.policy,
    )
    return schedule(terms, work.on)


def expires_at(work: Work, offer: Offer) -> datetime:
    """The instant at which the offer ends: midnight after its last day, in the market's zone."""
    zone = ZoneInfo(work.policy.market.time_zone)
    return datetime.combine(offer.expires_on + timedelta(days=1), time(), zone)


async def promised(work: Work, borrower_id: BorrowerId, but_statement: str | None) -> int:
    """Principal of the borrower's open offers, minor units, except those on the bill ``but_statement``."""
    query = (
        select(func.sum(Offer.amount))
        .join(Application, Application.id == Offer.application_id)
        .where(
            Offer.borrower_id == borrower_id, Offer.status == OfferStatus.OPEN, Offer.expires_on >= work.on
        )
    )
    if but_statement is not None:
        query = query.where(Application.statement_id.is_distinct_from(but_statement))
    return int(await work.session.scalar(query) or 0)


async def refinanced(work: Work, statement_id: str) -> int:
    """How much of a bill loans of ours have paid or are about to pay, minor units."""
    total = await work.session.scalar(
        select(func.sum(Loan.principal))
        .join(Offer, Offer.loan_id == Loan.id)
        .join(Application, Application.id == Offer.application_id)
        .where(Application.statement_id == statement_id, Loan.status != LoanStatus.CANCELLED)
    )
    return int(total or 0)


async def accept(
    work: Work, borrower_id: BorrowerId, offer_id: str, agreement_hash: str
) -> tuple[Offer, Loan]:
    """Sign: agreement, loan in ``pending_disbursement`` and payout intent, or none of them.

    Raises what `refi.applications.offers.require_signable` raises, `InvalidTransition` for an offer that is
    not open, `NotFound` for one that is not the borrower's.
    """
    await borrowers.lock(work, borrower_id)
    offer = await work.session.get(Offer, offer_id, with_for_update=True, populate_existing=True)
    if offer is None or offer.borrower_id != borrower_id:
        raise NotFound("no such offer")
    application = await work.session.get_one(Application, offer.application_id, with_for_update=True)
    if offer.status is OfferStatus.EXPIRED:
        raise offers.OfferExpired("the offer has expired", expired_on=offer.expires_on.isoformat())
    accepted = move(OFFER_MOVES, offer.status, OfferStatus.ACCEPTED)
    offers.require_signable(
        body=offer.agreement,
        signed_hash=agreement_hash,
        expires_on=offer.expires_on,
        bill=await _bill(work, application),
        policy=work.policy,
        on=work.on,
    )
    signed = loans.Signed(offer.id, offer.agreement_hash, offer.agreement)
    product = LoanProduct(application.product.value)
    loan = await loans.open_loan(work, borrower_id, product, plan(work, offer), signed)
    destination, token = await _destination(work, application)
    await payments.order_payout(work, loan, destination, token)
    offer.loan_id, offer.status = loan.id, accepted
    application.status = move(APPLICATION_MOVES, application.status, ApplicationStatus.ACCEPTED)
    work.announce(events.OfferAccepted(offer.id, borrower_id, loan.id))
    await work.session.flush()
    return offer, loan


async def _bill(work: Work, application: Application) -> Bill | None:
    if application.statement_id is None:
        return None
    statement, card = await cards.own_statement(
        work, BorrowerId(application.borrower_id), StatementId(application.statement_id)
    )
    return Bill(
        statement_date=statement.statement_date,
        due_date=statement.due_date,
        is_overdue=statement.is_overdue,
        balance=statement.statement_balance,
        refinanced=await refinanced(work, statement.id),
        payable=card.payable,
    )


async def _destination(work: Work, application: Application) -> tuple[Destination, str]:
    if application.card_id is not None:
        return Destination.CARD, (await cards.card(work, CardId(application.card_id))).token
    account = await borrowers.bank_account(
        work, BorrowerId(application.borrower_id), str(application.bank_account_id)
    )
    return Destination.BANK_ACCOUNT, account.token


async def end_open(work: Work, application_id: str, to: OfferStatus) -> None:
    """End the application's open offers as ``to``."""
    await work.session.execute(
        update(Offer)
        .where(Offer.application_id == application_id, Offer.status == OfferStatus.OPEN)
        .values(status=to, version=Offer.version + 1)
    )
