"""Applications: submit and decide, follow, answer, withdraw, ask for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from refi import events, ids
from refi.applications import asking, offer_service, review_service, signals_service
from refi.applications import lending_service as lending
from refi.applications.states import (
    APPLICATION_MOVES,
    ApplicationStatus,
    OfferStatus,
)
from refi.applications.tables import Application
from refi.borrowers import service as borrowers
from refi.borrowers.tables import BankAccount
from refi.cards import service as cards
from refi.db.work import Work
from refi.errors import Fault, NotFound, Refused
from refi.ids import BorrowerId, StatementId
from refi.states import move
from refi.underwriting import service as underwriting
from refi.underwriting.decision import Outcome
from refi.underwriting.facts import Product, Wish

STATUS = {
    Outcome.APPROVED: ApplicationStatus.APPROVED,
    Outcome.REFERRED: ApplicationStatus.REFERRED,
    Outcome.DECLINED: ApplicationStatus.DECLINED,
}


class NoBankAccount(Refused):
    """A micro-loan goes to a bank account that the provider confirmed as the borrower's own."""


async def submit(
    work: Work,
    borrower_id: BorrowerId,
    statement_id: StatementId,
    *,
    term: int,
    amount: int | None = None,
    monthly_income: int | None = None,
) -> Application:
    """Apply to have a bill paid off; decided at once: approved with an offer, declined, or referred.

    Raises `NotFound` for a bill that is not the borrower's and what `refi.applications.asking` raises.
    """
    statement, card = await cards.own_statement(work, borrower_id, statement_id)
    borrower = await borrowers.lock(work, borrower_id)
    consents = await _consents(work, borrower_id)
    asking.require_consents(consents, work.policy)
    refinanced = await offer_service.refinanced(work, statement.id)
    wanted = asking.refinance_amount(
        amount,
        balance=statement.statement_balance,
        refinanced=refinanced,
        term=term,
        policy=work.policy,
    )
    application = _new(work, borrower_id, Product.CARD_REFINANCE, wanted, term)
    application.statement_id = statement.id
    application.card_id = card.id
    application.monthly_income = borrower.monthly_income if monthly_income is None else monthly_income
    return await _decide_new(work, application, consents, refinanced)


async def submit_micro_loan(
    work: Work,
    borrower_id: BorrowerId,
    *,
    suggestion_id: str,
    amount: int,
    term: int,
    bank_account_id: str | None = None,
) -> Application:
    """Apply for a suggested micro-loan, paid to a verified bank account (by default the newest one).

    Raises `NoBankAccount`, `NotFound` for an account that is not the borrower's, `ConsentMissing`.
    """
    borrower = await borrowers.lock(work, borrower_id)
    consents = await _consents(work, borrower_id)
    asking.require_consents(consents, work.policy)
    application = _new(work, borrower_id, Product.MICRO_LOAN, amount, term)
    application.bank_account_id = (await _account(work, borrower_id, bank_account_id)).id
    application.suggestion_id = suggestion_id
    application.monthly_income = borrower.monthly_income
    return await _decide_new(work, application, consents)


async def _account(work: Work, borrower_id: BorrowerId, wanted: str | None) -> BankAccount:
    if wanted is not None:
        accounts: Sequence[BankAccount] = [await borrowers.bank_account(work, borrower_id, wanted)]
    else:
        accounts = await borrowers.bank_accounts(work, borrower_id)
    for account in accounts:
        if account.verified:
            return account
    raise NoBankAccount(
        "link a bank account of your own first", faults=[Fault("/bank_account", "not_verified")]
    )


def _new(work: Work, borrower_id: BorrowerId, product: Product, amount: int, term: int) -> Application:
    return Application(
        id=ids.new("app"),
        borrower_id=borrower_id,
        product=product,
        status=ApplicationStatus.SUBMITTED,
        amount=amount,
        term=term,
        method=work.policy.product.default_method,
        submitted_on=work.on,
        expires_on=work.on + timedelta(days=work.policy.product.application_valid_days),
        created_at=work.now,
    )


async def _consents(work: Work, borrower_id: BorrowerId) -> tuple[str, ...]:
    return tuple(sorted(purpose.value for purpose in await borrowers.consented(work, borrower_id)))


async def _decide_new(
    work: Work, application: Application, consents: tuple[str, ...], refinanced: int = 0
) -> Application:
    """Gather, decide, record; then what follows from the outcome."""
    ask = await _ask(work, application, consents, refinanced)
    row, made = await underwriting.decide_application(
        work, application.id, BorrowerId(application.borrower_id), ask
    )
    application.decision_id = row.id
    application.status = move(APPLICATION_MOVES, application.status, STATUS[made.outcome])
    work.session.add(application)
    await work.session.flush()
    if made.outcome is Outcome.APPROVED and made.priced is not None:
        await offer_service.make(work, application, made.priced, row.policy_version)
    elif made.outcome is Outcome.REFERRED:
        await review_service.open_review(work, application)
    work.announce(events.ApplicationDecided(application.id, application.borrower_id, made.outcome.value))
    await work.session.flush()
    return application


async def _ask(
    work: Work, application: Application, consents: tuple[str, ...], refinanced: int
) -> underwriting.Ask:
    borrower_id = BorrowerId(application.borrower_id)
    statement = card = None
    verified: bool | None
    if application.statement_id is not None:
        statement, card = await cards.own_statement(work, borrower_id, StatementId(application.statement_id))
        verified = card.payable or (None if card.not_payable_reason != "holder_mismatch" else False)
    else:
        account = await borrowers.bank_account(work, borrower_id, str(application.bank_account_id))
        verified = account.verified
    return underwriting.Ask(
        wish=Wish(application.product, application.amount, application.term, application.method),
        statement=statement,
        card=card,
        verified=verified,
        consents=consents,
        monthly_income=application.monthly_income,
        promised=await offer_service.promised(work, borrower_id, application.statement_id),
        refinanced=refinanced,
        lent=await lending.lent(work, card.issuer if card else None),
        signals=await signals_service.signs(work, application),
    )


async def own(work: Work, borrower_id: BorrowerId, application_id: str) -> Application:
    """One of the borrower's own applications, or `NotFound`."""
    row = await work.session.get(Application, application_id)
    if row is None or row.borrower_id != borrower_id:
        raise NotFound("no such application")
    return row


async def applications_of(
    work: Work, borrower_id: BorrowerId, *, limit: int, starting_after: str | None = None
) -> Sequence[Application]:
    """The borrower's applications, newest first."""
    query = (
        select(Application)
        .where(Application.borrower_id == borrower_id)
        .order_by(Application.id.desc())
        .limit(limit)
    )
    if starting_after is not None:
        query = query.where(Application.id < starting_after)
    return (await work.session.scalars(query)).all()


async def lock_own(work: Work, borrower_id: BorrowerId, application_id: str) -> Application:
    """One of the borrower's own applications, locked after the borrower, or `NotFound`."""
    await borrowers.lock(work, borrower_id)
    row = await work.session.get(Application, application_id, with_for_update=True, populate_existing=True)
    if row is None or row.borrower_id != borrower_id:
        raise NotFound("no such application")
    return row


async def withdraw(work: Work, borrower_id: BorrowerId, application_id: str) -> Application:
    """The borrower leaves: offers and reviews of the application end with it."""
    application = await lock_own(work, borrower_id, application_id)
    application.status = move(APPLICATION_MOVES, application.status, ApplicationStatus.WITHDRAWN)
    await offer_service.end_open(work, application.id, OfferStatus.WITHDRAWN)
    await review_service.close_reviews(work, application.id)
    await work.session.flush()
    return application


async def respond(
    work: Work,
    borrower_id: BorrowerId,
    application_id: str,
    *,
    message: str | None,
    monthly_income: int | None,
) -> Application:
    """Answer a request for information: the engine looks again, and the person who asked decides."""
    application = await lock_own(work, borrower_id, application_id)
    application.status = move(APPLICATION_MOVES, application.status, ApplicationStatus.REFERRED)
    application.information_requested = None
    if monthly_income is not None:
        application.monthly_income = monthly_income
    await look_again(work, application)
    await review_service.resume(work, application, message)
    await work.session.flush()
    return application


async def look_again(work: Work, application: Application) -> None:
    """Let the engine decide anew, with what is known by now, about an application that a person decides."""
    borrower_id, bill = BorrowerId(application.borrower_id), application.statement_id
    refinanced = 0 if bill is None else await offer_service.refinanced(work, bill)
    ask = await _ask(work, application, await _consents(work, borrower_id), refinanced)
    row, _ = await underwriting.decide_application(work, application.id, borrower_id, ask)
    application.decision_id = row.id


async def request_review(
    work: Work, borrower_id: BorrowerId, application_id: str, *, reason: str | None = None
) -> Application:
    """The borrower asks that a person looks at a decline (PIPL 24)."""
    application = await lock_own(work, borrower_id, application_id)
    application.status = move(APPLICATION_MOVES, application.status, ApplicationStatus.REFERRED)
    application.expires_on = work.on + timedelta(days=work.policy.product.application_valid_days)
    review = await review_service.open_review(work, application)
    review.answer = reason
    await work.session.flush()
    return application
