"""Reviews: the queue of referred applications, a person's verdict, and the second person's answer to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select, tuple_

from refi import events, ids
from refi.applications import asking, offer_service, reviews
from refi.applications.reviews import Proposal, Verdict
from refi.applications.states import (
    APPLICATION_MOVES,
    REVIEW_MOVES,
    UNFINISHED,
    ApplicationStatus,
    ReviewStatus,
)
from refi.applications.tables import Application, Review
from refi.borrowers import service as borrowers
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId
from refi.policies import ReasonCode
from refi.schedules.caps import check_effective
from refi.staff import service as staff
from refi.staff.roles import Permission, ScopeMissing
from refi.staff.tables import Approval
from refi.states import move
from refi.underwriting import pricing
from refi.underwriting import service as underwriting
from refi.underwriting.codec import from_json, to_json
from refi.underwriting.decision import Outcome
from refi.underwriting.facts import Product, Wish
from refi.web.deps import StaleVersion, etag

ACT = "application_decision"
"""The kind of proposal that a second person answers; ``refi.runtime`` maps it to `act`."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the reviewer entered; ``amount`` and ``term`` are as asked for when left out."""

    verdict: Verdict
    reasons: tuple[ReasonCode, ...] = ()
    note: str = ""
    amount: int | None = None
    term: int | None = None


async def open_review(work: Work, application: Application) -> Review:
    """Put an application into the queue."""
    row = Review(
        id=ids.new("rev"),
        application_id=application.id,
        status=ReviewStatus.OPEN,
        due_at=reviews.due(work.policy.underwriting.review, work.now),
        created_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    return row


async def get(work: Work, review_id: str) -> Review:
    """One review, or `NotFound`."""
    row = await work.session.get(Review, review_id)
    if row is None:
        raise NotFound("no such review")
    return row


async def lock(work: Work, review_id: str) -> tuple[Review, Application]:
    """A review and its application, locked: borrower, application, review, always in this order.

    Neither is loaded before it is locked: SQLAlchemy refuses to refresh a versioned row that has changed.
    """
    about = await work.session.execute(
        select(Application.id, Application.borrower_id)
        .join(Review, Review.application_id == Application.id)
        .where(Review.id == review_id)
    )
    found = about.one_or_none()
    if found is None:
        raise NotFound("no such review")
    await borrowers.lock(work, BorrowerId(found.borrower_id))
    application = await work.session.get_one(Application, found.id, with_for_update=True)
    return await work.session.get_one(Review, review_id, with_for_update=True), application


async def queue(
    work: Work, *, mine: str | None, limit: int, starting_after: str | None = None
) -> Sequence[tuple[Review, Application]]:
    """Open reviews, those due first first; ``mine``: only those that this member of staff holds."""
    query = (
        select(Review, Application)
        .join(Application, Application.id == Review.application_id)
        .where(Review.status == ReviewStatus.OPEN)
        .order_by(Review.due_at, Review.id)
        .limit(limit)
    )
    if mine is not None:
        query = query.where(Review.claimed_by == mine, Review.lease_until > work.now)
    if starting_after is not None:
        after = await get(work, starting_after)
        query = query.where(tuple_(Review.due_at, Review.id) > tuple_(after.due_at, after.id))
    return [(review, application) for review, application in await work.session.execute(query)]


async def claim_next(work: Work) -> Review | None:
    """Claim the free review that is due first, for the length of a lease; None when nothing waits."""
    row = await work.session.scalar(
        select(Review)
        .where(
            Review.status == ReviewStatus.OPEN,
            or_(Review.lease_until.is_(None), Review.lease_until <= work.now),
        )
        .order_by(Review.due_at, Review.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    row.claimed_by = work.actor.id
    row.lease_until = reviews.lease(work.policy.underwriting.review, work.now)
    await work.session.flush()
    await staff.record(work, "review_claimed", row.id, {})
    return row


async def decide(work: Work, review: Review, application: Application, said: Said) -> Review:
    """A reviewer's verdict on a locked review: carried out, or written down for a second person.

    Raises `InvalidTransition`, `ClaimedByOther`, `ReasonRequired` or `WishRefused`.
    """
    rules = work.policy.underwriting.review
    reviews.require_open(review.status)
    reviews.require_free(review.claimed_by, review.lease_until, work.actor.id, work.now)
    engine, _ = await underwriting.engine_decision(work, application.id)
    proposal = _proposal(work, application, said)
    reviews.require_reasons(proposal, engine.outcome, rules)
    await staff.record(work, f"review_{said.verdict.value}", review.id, _public(proposal))
    if not reviews.needs_second(proposal, engine.outcome, work.actor.roles, rules):
        await _apply(work, review, application, proposal)
        return review
    if proposal.verdict is Verdict.APPROVE:
        await _price(work, application, proposal)
    approval = await staff.propose(
        work,
        ACT,
        review.id,
        _public(proposal),
        version_seen=application.version,
        permission=Permission.SECOND_REVIEWS,
        amount=proposal.amount if proposal.verdict is Verdict.APPROVE else None,
    )
    review.status = move(REVIEW_MOVES, review.status, ReviewStatus.AWAITING_SECOND)
    review.proposal = _public(proposal)
    review.approval_id = approval.id
    await work.session.flush()
    return review


def _proposal(work: Work, application: Application, said: Said) -> Proposal:
    micro = application.product is Product.MICRO_LOAN
    amount, term = asking.counter_offer(
        amount=said.amount,
        term=said.term,
        asked_amount=application.amount,
        asked_term=application.term,
        terms=(work.policy.crosssell.micro_loan.term,) if micro else work.policy.product.terms,
    )
    asking.require_minimum(amount, work.policy)
    return Proposal(said.verdict, said.reasons, said.note, amount, term, work.actor.id)


def _public(proposal: Proposal) -> dict[str, Any]:
    written = to_json(proposal)
    return written if isinstance(written, dict) else {}


async def _apply(work: Work, review: Review, application: Application, proposal: Proposal) -> None:
    """What a verdict does, whoever had to agree to it."""
    if proposal.verdict is Verdict.REQUEST_INFO:
        application.status = move(APPLICATION_MOVES, application.status, ApplicationStatus.INFO_REQUESTED)
        application.information_requested = proposal.note
        review.status = move(REVIEW_MOVES, review.status, ReviewStatus.INFO_REQUESTED)
        await work.session.flush()
        return
    approves = proposal.verdict is Verdict.APPROVE
    outcome = Outcome.APPROVED if approves else Outcome.DECLINED
    before = await underwriting.get(work, str(application.decision_id))
    row = await underwriting.record_verdict(
        work,
        before,
        outcome,
        () if approves else proposal.reasons,
        decided_by=f"staff:{proposal.by}",
        record={"proposal": _public(proposal), "agreed_by": str(work.actor), "review": review.id},
    )
    application.decision_id = row.id
    to = ApplicationStatus.APPROVED if approves else ApplicationStatus.DECLINED
    application.status = move(APPLICATION_MOVES, application.status, to)
    review.status = move(REVIEW_MOVES, review.status, ReviewStatus.DECIDED)
    review.decided_at = work.now
    if approves:
        await offer_service.make(
            work, application, await _price(work, application, proposal), work.policy.version
        )
    work.announce(events.ApplicationDecided(application.id, application.borrower_id, outcome.value))
    await work.session.flush()


async def _price(work: Work, application: Application, proposal: Proposal) -> pricing.Priced:
    """The price of what the reviewer approves, from the facts that the engine saw; never above the cap."""
    _, engine = await underwriting.engine_decision(work, application.id)
    priced = pricing.price(
        Wish(application.product, proposal.amount, proposal.term, application.method),
        scored=engine.scored,
        card_apr=engine.facts.card_apr.value,
        policy=work.policy,
        on=work.on,
    )
    if priced is None:
        raise asking.WishRefused("this amount and term are not sold")
    check_effective(priced.effective_annual_rate, work.policy.price.all_in_cap)
    return priced


async def carry_out(work: Work, approval: Approval) -> None:
    """The second person agrees and the verdict takes effect; they need the authority for the amount."""
    review, application = await lock(work, approval.subject)
    if application.version != approval.version_seen:
        raise StaleVersion("it has changed since it was proposed", current=etag(application.version))
    limit = reviews.authority(work.actor.roles, work.policy.underwriting.review)
    if approval.amount is not None and approval.amount > limit:
        raise ScopeMissing("the amount is above your authority too", limit=limit)
    proposal: Proposal = from_json(Proposal, approval.arguments)
    await _apply(work, review, application, proposal)


async def lay_down(work: Work, approval: Approval) -> None:
    """The second person disagrees: the review goes back to the queue, free for anybody."""
    review, _ = await lock(work, approval.subject)
    review.status = move(REVIEW_MOVES, review.status, ReviewStatus.OPEN)
    review.proposal = None
    review.approval_id = None
    review.claimed_by = None
    review.lease_until = None
    await work.session.flush()


async def lock_subject(work: Work, approval: Approval) -> None:
    """Borrower, application and review are locked before the proposal about them."""
    await lock(work, approval.subject)


act = staff.Act(lock_subject, carry_out, lay_down)


async def resume(work: Work, application: Application, message: str | None) -> None:
    """The borrower answered: the review is open again, due anew."""
    review = await _unfinished(work, application.id)
    if review is not None:
        review.status = move(REVIEW_MOVES, review.status, ReviewStatus.OPEN)
        review.due_at = reviews.due(work.policy.underwriting.review, work.now)
        review.answer = message


async def close_reviews(work: Work, application_id: str) -> None:
    """The application ended without a verdict: so do its review and what was proposed in it."""
    review = await _unfinished(work, application_id)
    if review is not None:
        review.status = move(REVIEW_MOVES, review.status, ReviewStatus.CLOSED)
        await staff.withdraw_proposals(work, review.id)


async def _unfinished(work: Work, application_id: str) -> Review | None:
    row: Review | None = await work.session.scalar(
        select(Review)
        .where(Review.application_id == application_id, Review.status.in_(UNFINISHED))
        .with_for_update()
    )
    return row
