"""Contacts of one borrower take turns."""

from __future__ import annotations

from refi.db.work import Work


async def take(work: Work, borrower_id: str) -> None:
    """Wait for every other contact of this borrower and keep new ones out until this transaction ends.

    Claims of messages, people's contacts, holds, promises and preferences take it, before any loan is locked:
    what counts contacts or stops them, and what contacts, happen one after the other.
    """
    raw = await work.raw()
    await raw.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 3))", borrower_id)
