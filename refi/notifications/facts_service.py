"""What the gate and the choice of a channel ask about borrowers, read for many in a statement each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from refi.borrowers import email_service as emails
from refi.borrowers import service as borrowers
from refi.borrowers.tables import Borrower
from refi.db.work import Work
from refi.notifications import contact_policy
from refi.notifications import preference_service as preferences
from refi.notifications.contacts import Direction, Outcome
from refi.notifications.messages import COUNTED

LOOKED_BACK = timedelta(days=contact_policy.WEEK + 2)

EARLIER = """
    SELECT borrower_id, contacted_at AS at, channel, gate, NULL AS direction, NULL AS connected,
        NULL AS talked, NULL AS number_index, NULL AS loan_id
    FROM messages WHERE borrower_id = ANY($1::text[]) AND contacted_at > $2 AND status = ANY($3::text[])
    UNION ALL
    SELECT borrower_id, at, channel, gate, direction, connected, talked, number_index, loan_id
    FROM contact_log
    WHERE borrower_id = ANY($1::text[]) AND at > $2 AND message_id IS NULL AND outcome = $4
"""


@dataclass(frozen=True, slots=True)
class Contacted:
    """Something that reached the borrower, or may have: by machine, or (with a direction) by a person."""

    at: datetime
    channel: str
    gate: str
    direction: str | None = None
    connected: bool | None = None
    talked: bool | None = None
    number_index: str | None = None
    loan_id: str | None = None

    @property
    def made_by_us(self) -> bool:
        """Whether it was no call or letter of the borrower's."""
        return self.direction != Direction.IN.value


@dataclass(frozen=True, slots=True)
class Facts:
    """One borrower as the gate sees them: true for as long as their turn is held.

    ``consents`` and ``withdrawn`` name purposes, ``addresses`` are sealed, by channel. ``earlier`` is what
    happened in the last days; whoever contacts the borrower in the same transaction adds to it.
    """

    borrower: Borrower
    consents: frozenset[str]
    withdrawn: frozenset[str]
    wants: preferences.Wants
    addresses: Mapping[str, str]
    earlier: list[Contacted]

    def capped(self, exempt: Collection[str]) -> list[datetime]:
        """The instants of SMS and push that count: not those of ``exempt`` classes, nor what came in."""
        return [
            one.at
            for one in self.earlier
            if one.channel in contact_policy.CAPPED and one.gate not in exempt and one.made_by_us
        ]


async def of(work: Work, borrower: Borrower) -> Facts:
    """What is known of one borrower."""
    return (await of_all(work, [borrower.id]))[borrower.id]


async def of_all(work: Work, borrower_ids: Collection[str]) -> dict[str, Facts]:
    """What is known of each of the borrowers; ask it in their turns."""
    people = await borrowers.several(work, borrower_ids)
    agreed = await borrowers.consents_of(work, borrower_ids)
    wants = await preferences.of_many(work, borrower_ids)
    push, email = await borrowers.push_targets(work, borrower_ids), await emails.proved(work, borrower_ids)
    earlier = await _earlier(work, borrower_ids)
    return {
        borrower_id: Facts(
            borrower=borrower,
            consents=frozenset(row.purpose.value for row in agreed[borrower_id] if row.granted),
            withdrawn=frozenset(row.purpose.value for row in agreed[borrower_id] if not row.granted),
            wants=wants.get(borrower_id, preferences.Wants()),
            addresses={
                "sms": borrower.phone_sealed,
                **({"push": push[borrower_id]} if borrower_id in push else {}),
                **({"email": email[borrower_id]} if borrower_id in email else {}),
            },
            earlier=earlier[borrower_id],
        )
        for borrower_id, borrower in people.items()
    }


async def _earlier(work: Work, borrower_ids: Collection[str]) -> dict[str, list[Contacted]]:
    """What reached the borrowers, or may have, in the last days: by machine and by people."""
    await work.session.flush()
    rows = await (await work.raw()).fetch(
        EARLIER,
        list(borrower_ids),
        work.now - LOOKED_BACK,
        [status.value for status in COUNTED],
        Outcome.MADE.value,
    )
    found: dict[str, list[Contacted]] = {borrower_id: [] for borrower_id in borrower_ids}
    for row in rows:
        found[row["borrower_id"]].append(Contacted(*tuple(row)[1:]))
    return found
