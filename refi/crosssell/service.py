"""Suggestions: make one when a borrower has earned it, accept, dismiss, expire, announce."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from refi import ids
from refi.applications import service as applications
from refi.applications.tables import Application
from refi.borrowers import service as borrowers
from refi.cards import service as cards
from refi.cards.revolving import Habit
from refi.crosssell import eligibility, segments
from refi.crosssell.states import MOVES, SuggestionExpired, SuggestionStatus
from refi.crosssell.tables import Suggestion
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, CardId, LoanId
from refi.loans import hold_service
from refi.loans import service as loans
from refi.loans.account import Account, terms_of
from refi.loans.states import LoanStatus
from refi.loans.tables import Product
from refi.notifications import service as messages
from refi.notifications.messages import Dropped, Gate, Wanted
from refi.notifications.tables import Message
from refi.schedules.amortization import schedule
from refi.states import move

KIND = "micro_loan_suggestion"
REASON = "on_time_installments"


async def consider(work: Work, borrower_id: BorrowerId, loan_id: LoanId) -> Suggestion | None:
    """Suggest a micro-loan after a payment to ``loan_id`` if nothing stands against it; None otherwise."""
    micro = work.policy.crosssell.micro_loan
    loan = await loans.own(work, borrower_id, loan_id)
    standing = eligibility.Standing(
        consents=frozenset(p.value for p in await borrowers.consented(work, borrower_id)),
        segment=segments.of_borrower(await _habits(work, borrower_id)),
        on_time=eligibility.paid_on_time(await loans.account(work, loan), work.on),
        loan_in_good_standing=loan.status in (LoanStatus.ACTIVE, LoanStatus.PAID_OFF),
        stops=await _stops(work, borrower_id),
        suggested=await _suggested(work, borrower_id, loan_id),
    )
    if eligibility.obstacles(micro, work.policy.contact, standing):
        return None
    return await _suggest(work, borrower_id, loan_id)


async def _suggest(work: Work, borrower_id: BorrowerId, loan_id: LoanId) -> Suggestion | None:
    """Write the suggestion and plan its announcement; None when another one came first."""
    micro = work.policy.crosssell.micro_loan
    terms = terms_of(
        work.policy.product,
        principal=micro.amount,
        term=micro.term,
        annual_rate=micro.annual_rate,
        monthly_fee_rate=Decimal(0),
    )
    priced = schedule(terms, work.on)
    values = {
        "id": ids.new("sug"),
        "borrower_id": borrower_id,
        "loan_id": loan_id,
        "product": Product.MICRO_LOAN.value,
        "amount": micro.amount,
        "currency": work.policy.market.currency,
        "term": micro.term,
        "apr": priced.apr,
        "installment_amount": priced.installments[0].amount,
        "reason": REASON,
        "status": SuggestionStatus.OPEN,
        "suggested_on": work.on,
        "expires_on": eligibility.last_day(micro, work.on),
        "policy_version": work.policy.version,
        "version": 1,
        "created_at": work.now,
    }
    made = await work.session.execute(
        insert(Suggestion).values(values).on_conflict_do_nothing().returning(Suggestion.id)
    )
    if (suggestion_id := made.scalar()) is None:
        return None
    row = await work.session.get_one(Suggestion, suggestion_id)
    borrower = await borrowers.get(work, borrower_id)
    wish = messages.Plan(
        key=f"suggestion:{row.id}",
        kind=KIND,
        template="micro_loan",
        gate=Gate.MARKETING,
        channel="push",
        fallbacks=("sms",),
        locale=borrower.locale,
        borrower_id=borrower_id,
        stage=None,
        lapses_on=row.expires_on,
    )
    await messages.plan(work, [wish])
    return row


async def still_wanted(work: Work, rows: Sequence[Message]) -> dict[str, Wanted | Dropped]:
    """Whether announcements are still right: the suggestion stands; lateness stops it at the gate."""
    return {row.id: await _said(work, row) for row in rows}


async def _said(work: Work, row: Message) -> Wanted | Dropped:
    suggestion = await work.session.get_one(Suggestion, row.plan_key.partition(":")[2])
    if suggestion.status is not SuggestionStatus.OPEN:
        return Dropped(f"suggestion_{suggestion.status.value}")
    values = {
        "amount": suggestion.amount,
        "currency": suggestion.currency,
        "term": suggestion.term,
        "apr": suggestion.apr,
        "opt_out": work.policy.contact.opt_out_words[0],
    }
    return Wanted(values, dict.fromkeys(await _stops(work, BorrowerId(suggestion.borrower_id))))


async def suggestions_of(
    work: Work, borrower_id: BorrowerId, *, limit: int, starting_after: str | None = None
) -> Sequence[Suggestion]:
    """What is open to the borrower today, newest first; nothing while something stops marketing."""
    if await _stops(work, borrower_id) & set(work.policy.contact.gate("marketing").stopped_by):
        return []
    query = (
        select(Suggestion)
        .where(
            Suggestion.borrower_id == borrower_id,
            Suggestion.status == SuggestionStatus.OPEN,
            Suggestion.expires_on >= work.on,
        )
        .order_by(Suggestion.id.desc())
        .limit(limit)
    )
    if starting_after is not None:
        query = query.where(Suggestion.id < starting_after)
    return (await work.session.scalars(query)).all()


def expires_at(work: Work, row: Suggestion) -> datetime:
    """The instant at which it ends: midnight after its last day, in the market's zone."""
    zone = ZoneInfo(work.policy.market.time_zone)
    return datetime.combine(row.expires_on + timedelta(days=1), time(), zone)


async def accept(
    work: Work, borrower_id: BorrowerId, suggestion_id: str, *, bank_account: str | None = None
) -> Application:
    """Apply for what was suggested, to be paid to a bank account of the borrower's own.

    Raises `SuggestionExpired`, `InvalidTransition` when it was answered before, and what applying refuses.
    """
    row = await _answered(work, borrower_id, suggestion_id, SuggestionStatus.ACCEPTED)
    application = await applications.submit_micro_loan(
        work,
        borrower_id,
        suggestion_id=row.id,
        amount=row.amount,
        term=row.term,
        bank_account_id=bank_account,
    )
    row.application_id = application.id
    return application


async def dismiss(work: Work, borrower_id: BorrowerId, suggestion_id: str) -> Suggestion:
    """The borrower does not want it; this loan never earns another."""
    return await _answered(work, borrower_id, suggestion_id, SuggestionStatus.DISMISSED)


async def expire(work: Work) -> int:
    """End the open suggestions whose last day is before ``work.on``; returns how many."""
    ended = await work.session.scalars(
        update(Suggestion)
        .where(Suggestion.status == SuggestionStatus.OPEN, Suggestion.expires_on < work.on)
        .values(status=SuggestionStatus.EXPIRED, version=Suggestion.version + 1)
        .returning(Suggestion.id)
    )
    return len(ended.all())


async def _answered(
    work: Work, borrower_id: BorrowerId, suggestion_id: str, answer: SuggestionStatus
) -> Suggestion:
    """The borrower's own suggestion, locked after the borrower, moved to ``answer``."""
    await borrowers.lock(work, borrower_id)
    row = await work.session.get(Suggestion, suggestion_id, with_for_update=True, populate_existing=True)
    if row is None or row.borrower_id != borrower_id:
        raise NotFound("no such suggestion")
    row.status = move(MOVES, row.status, answer)
    if work.on > row.expires_on:
        raise SuggestionExpired("the suggestion has expired", expired_on=row.expires_on.isoformat())
    row.version += 1
    return row


async def _habits(work: Work, borrower_id: BorrowerId) -> list[Habit]:
    return [
        cards.habit(await cards.statements_of(work, CardId(card.id)))
        for card in await cards.cards_of(work, borrower_id)
    ]


async def _stops(work: Work, borrower_id: BorrowerId) -> frozenset[str]:
    """What stops marketing to the borrower: being late, and any hold."""
    open_loans = [
        loan for loan in await loans.loans_of(work, borrower_id) if loan.status is LoanStatus.ACTIVE
    ]
    accounts: list[Account] = [account for _, account in await loans.accounts(work, open_loans)]
    late = {"past_due"} if eligibility.worst_days_past_due(accounts, work.on) else set[str]()
    return frozenset(late | set(await hold_service.stops(work, borrower_id)))


async def _suggested(work: Work, borrower_id: BorrowerId, loan_id: LoanId) -> bool:
    found = await work.session.scalar(
        select(Suggestion.id)
        .where(
            Suggestion.borrower_id == borrower_id,
            (Suggestion.status == SuggestionStatus.OPEN) | (Suggestion.loan_id == loan_id),
        )
        .limit(1)
    )
    return found is not None
