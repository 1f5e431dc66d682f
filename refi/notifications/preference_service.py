"""What borrowers want of contact: the order of channels, closed channels, their own hours, opting out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from refi import ids
from refi.borrowers import service as borrowers
from refi.borrowers.tables import Purpose
from refi.db.base import among
from refi.db.work import Work
from refi.errors import Refused
from refi.ids import BorrowerId
from refi.notifications import contacts, turn_service
from refi.notifications.contact_policy import QuietHours
from refi.notifications.tables import ContactPreference


class MarketingNeedsConsent(Refused):
    """Marketing is agreed to with a text that was shown: ``POST /v1/consents``."""

    code = "consent_missing"


@dataclass(frozen=True, slots=True)
class Wants:
    """A borrower's preferences; nothing at all is wanted of somebody who never said anything."""

    channels: tuple[str, ...] = ()
    opted_out: frozenset[str] = frozenset()
    quiet: QuietHours | None = None
    at: datetime | None = None


async def newest(work: Work, borrower_id: BorrowerId) -> Wants:
    """What the borrower wants now."""
    return (await of_many(work, [borrower_id])).get(borrower_id, Wants())


async def of_many(work: Work, borrower_ids: Collection[str]) -> dict[str, Wants]:
    """The same for several borrowers in one query; who never said anything is left out."""
    rows = await work.session.scalars(
        select(ContactPreference)
        .where(among(ContactPreference.borrower_id, borrower_ids))
        .ext(distinct_on(ContactPreference.borrower_id))
        .order_by(ContactPreference.borrower_id, ContactPreference.id.desc())
    )
    return {row.borrower_id: _wants(row) for row in rows}


def _wants(row: ContactPreference) -> Wants:
    known = row.quiet_from is not None and row.quiet_until is not None
    quiet = QuietHours(row.quiet_from or time(), row.quiet_until or time()) if known else None
    return Wants(tuple(row.channels), frozenset(row.opted_out), quiet, row.at)


async def change(
    work: Work,
    borrower_id: BorrowerId,
    wants: Wants,
    *,
    source: str,
    words: str | None = None,
) -> Wants:
    """Append what the borrower wants from now on; ``source``: where they said so (app, sms …)."""
    await turn_service.take(work, borrower_id)
    work.session.add(
        ContactPreference(
            id=ids.new("pref"),
            borrower_id=borrower_id,
            channels=list(wants.channels),
            opted_out=sorted(wants.opted_out),
            quiet_from=None if wants.quiet is None else wants.quiet.from_time,
            quiet_until=None if wants.quiet is None else wants.quiet.until_time,
            source=source,
            words=words,
            on=work.on,
            at=work.now,
        )
    )
    await work.session.flush()
    return await newest(work, borrower_id)


async def set_marketing(work: Work, borrower_id: BorrowerId, *, wanted: bool, source: str) -> None:
    """Marketing is one thing in one place, the consent ledger: opting out takes the consent back.

    Opting in here is refused with `MarketingNeedsConsent` unless it stands already.
    """
    agreed = Purpose.MARKETING in await borrowers.consented(work, borrower_id)
    if wanted and not agreed:
        raise MarketingNeedsConsent("agree to marketing first: POST /v1/consents")
    if agreed and not wanted:
        await borrowers.record_consent(work, borrower_id, Purpose.MARKETING, source, granted=False)


async def opt_out(
    work: Work, borrower_id: BorrowerId, channel: str, *, words: str, source: str | None = None
) -> Wants:
    """The borrower opted out by a word in a message or one click: of marketing, or of the channel.

    ``words`` are kept as they were written; ``source`` is the channel unless something else is named.
    """
    said = source or channel
    await turn_service.take(work, borrower_id)
    await set_marketing(work, borrower_id, wanted=False, source=f"opt_out_{said}")
    wants = await newest(work, borrower_id)
    closed = wants.opted_out
    if work.policy.contact.opt_out_stops == "channel":
        closed |= {channel}
    after = Wants(wants.channels, closed, wants.quiet)
    return await change(work, borrower_id, after, source=said, words=words[:200])


async def heard(work: Work, number: str, words: str) -> BorrowerId | None:
    """An SMS came in from ``number`` (E.164): opt its owner out if that is what the words mean.

    Returns whom; None when the words mean nothing of the kind or nobody is known by that number.
    """
    if not contacts.means_opt_out(work.policy.contact, words):
        return None
    borrower = await borrowers.by_phone(work, number)
    if borrower is None:
        return None
    await opt_out(work, BorrowerId(borrower.id), "sms", words=words)
    return BorrowerId(borrower.id)
