"""Contacts of one borrower take turns."""

from __future__ import annotations

from refi.db.work import Work


async def take(work: Work, *borrower_ids: str) -> None:
    """Wait for every other contact of these borrowers and keep new ones out until this transaction ends.

    Claims of messages, people's contacts, holds, promises and preferences take it, before any loan is locked:
    what counts contacts or stops them, and what contacts, happen one after the other. Several turns are taken
    in the order of the ids, so that no two wait for each other.
    """
    raw = await work.raw()
    await raw.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(id, 3)) FROM unnest($1::text[]) AS id",
        sorted(set(borrower_ids)),
    )
