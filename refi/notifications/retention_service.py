"""The contact log's end of life: lines older than the policy's years go, and a line says that they went.

The log is append-only; its trigger lets go of a line only when a `RetentionRun` of the same transaction says
that it is old enough, and that row's own CHECK holds it to its years.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import aliased

from refi import ids
from refi.db.work import Work
from refi.notifications.tables import ContactEntry, RetentionRun

MOST_AT_ONCE = 10_000
"""Lines that one run takes: the rest goes with the next day's."""


async def forget(work: Work, kept: Sequence[str] = (), *, most: int = MOST_AT_ONCE) -> int:
    """Delete the lines of the contact log that are older than the policy keeps them; returns how many.

    Borrowers in ``kept`` (something legal is open) keep theirs. Where the years count from the last contact
    (``log_years_from``), a line stays as long as a younger one of the same borrower does.
    """
    before = _years_ago(work.now, work.policy.contact.log_years)
    later = aliased(ContactEntry)
    old = select(ContactEntry.id).where(
        ContactEntry.at < before,
        ContactEntry.borrower_id.is_(None) | ContactEntry.borrower_id.not_in(kept),
    )
    if work.policy.contact.log_years_from == "last_contact":
        old = old.where(~exists().where(later.borrower_id == ContactEntry.borrower_id, later.at >= before))
    found = (await work.session.scalars(old.order_by(ContactEntry.at).limit(most))).all()
    if not found:
        return 0
    run = RetentionRun(
        id=ids.new("ret"),
        before=before,
        years=work.policy.contact.log_years,
        policy_version=work.policy.version,
        on=work.on,
        at=work.now,
        actor=str(work.actor),
    )
    work.session.add(run)
    await work.session.flush()
    await work.session.execute(select(func.set_config("refi.retention_run", run.id, True)))
    await work.session.execute(
        delete(ContactEntry).where(ContactEntry.id.in_(found)).execution_options(synchronize_session=False)
    )
    return len(found)


def _years_ago(at: datetime, years: int) -> datetime:
    """The same instant of the calendar; 29 February becomes the 28th."""
    try:
        return at.replace(year=at.year - years)
    except ValueError:
        return at.replace(year=at.year - years, day=28)
