"""What time does to applications: offers and applications whose last day is over expire."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from refi.applications import offer_service, review_service
from refi.applications.states import APPLICATION_MOVES, ApplicationStatus, OfferStatus
from refi.applications.tables import Application, Offer
from refi.db.work import Work
from refi.states import move

BATCH = 500


@dataclass(frozen=True, slots=True)
class Expired:
    """How many offers and applications ended."""

    offers: int
    applications: int


async def expire(work: Work) -> Expired:
    """End what could last be used before ``work.on``. Running it twice on a day changes nothing more.

    An approved application ends with its offer; one that still waits for a decision ends on its own last day.
    """
    ended = await work.session.scalars(
        update(Offer)
        .where(Offer.status == OfferStatus.OPEN, Offer.expires_on < work.on)
        .values(status=OfferStatus.EXPIRED, version=Offer.version + 1)
        .returning(Offer.application_id)
    )
    with_offers = sorted(ended)
    count = 0
    for start in range(0, len(with_offers), BATCH):
        count += await _end(work, with_offers[start : start + BATCH])
    while waiting := await _overdue(work):
        count += await _end(work, waiting)
    return Expired(offers=len(with_offers), applications=count)


async def _overdue(work: Work) -> list[str]:
    found = await work.session.scalars(
        select(Application.id)
        .where(Application.status.in_(("submitted", "referred", "info_requested")))
        .where(Application.expires_on < work.on)
        .order_by(Application.id)
        .limit(BATCH)
    )
    return list(found)


async def _end(work: Work, application_ids: list[str]) -> int:
    rows = await work.session.scalars(
        select(Application).where(Application.id.in_(application_ids)).with_for_update()
    )
    count = 0
    for row in rows:
        if ApplicationStatus.EXPIRED in APPLICATION_MOVES[row.status]:
            row.status = move(APPLICATION_MOVES, row.status, ApplicationStatus.EXPIRED)
            await offer_service.end_open(work, row.id, OfferStatus.EXPIRED)
            await review_service.close_reviews(work, row.id)
            count += 1
    await work.session.flush()
    return count
