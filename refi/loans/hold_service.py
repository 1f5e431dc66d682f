"""Holds: place, lift, lengthen with a second person, and what they stop now.

Placing and lifting take the borrower's turn, in which messages are claimed: once a hold has been answered
for, no message is claimed against it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from refi import events, ids
from refi.db.base import among
from refi.db.work import Work
from refi.errors import Fault, NotFound
from refi.ids import BorrowerId
from refi.loans import holds
from refi.loans.holds import HoldDateRefused, HoldKind, HoldOver
from refi.loans.tables import Hold
from refi.notifications import turn_service
from refi.staff import service as staff
from refi.staff.roles import Permission
from refi.staff.tables import Approval
from refi.web.deps import StaleVersion, etag

ACT = "longer_hold"
"""The kind of proposal that a second person answers; ``refi.runtime`` maps it to `act`."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A hold, and the proposal to let it stand longer than one person may decide."""

    hold: Hold
    approval_id: str | None = None


async def place(
    work: Work,
    borrower_id: BorrowerId,
    kind: HoldKind,
    reason: str,
    *,
    loan_id: str | None = None,
    until: date | None = None,
    source: str | None = None,
) -> Hold:
    """Stop contact from today through ``until`` (None: until it is lifted).

    ``loan_id`` narrows a dispute to one loan; the other kinds are about the borrower.
    """
    if until is not None and until < work.on:
        raise HoldDateRefused("a hold ends today or later", faults=[Fault("/until", "out_of_range")])
    await turn_service.take(work, borrower_id)
    row = Hold(
        id=ids.new("hold"),
        borrower_id=borrower_id,
        loan_id=loan_id if kind in holds.OF_ONE_LOAN else None,
        kind=kind,
        reason_sealed=work.vault.seal(reason),
        from_on=work.on,
        until_on=until,
        placed_by=str(work.actor),
        source=source,
        version=1,
        created_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    work.announce(events.HoldPlaced(row.id, borrower_id, row.loan_id, kind.value))
    return row


async def place_by_staff(
    work: Work,
    borrower_id: BorrowerId,
    kind: HoldKind,
    reason: str,
    *,
    loan_id: str | None = None,
    until: date | None = None,
) -> Placed:
    """A hold that a member of staff wants: at once for as long as one person may, the rest as a proposal."""
    if until is not None and until < work.on:
        raise HoldDateRefused("a hold ends today or later", faults=[Fault("/until", "out_of_range")])
    alone = holds.alone_until(work.on, work.policy.collections.hold_days_alone, until)
    row = await place(work, borrower_id, kind, reason, loan_id=loan_id, until=alone)
    await staff.record(work, "hold_placed", row.id, {"kind": kind.value, "until": alone.isoformat()})
    if until == alone:
        return Placed(row)
    proposal = await staff.propose(
        work,
        ACT,
        row.id,
        {"kind": kind.value, "until": None if until is None else until.isoformat()},
        version_seen=row.version,
        permission=Permission.SECOND_CHANGES,
    )
    return Placed(row, proposal.id)


async def lift(work: Work, hold_id: str, because: str) -> Hold:
    """End the hold now; proposals about it fall away. Raises `HoldOver` when it was lifted before."""
    borrower_id = (await get(work, hold_id)).borrower_id
    await turn_service.take(work, borrower_id)
    row = await _locked(work, hold_id)
    if row.lifted_on is not None:
        raise HoldOver("the hold was lifted before", allowed=[])
    row.lifted_on, row.lifted_by, row.lifted_because = work.on, str(work.actor), because
    row.version += 1
    await work.session.flush()
    await staff.withdraw_proposals(work, row.id)
    work.announce(events.HoldLifted(row.id, row.borrower_id, row.loan_id, row.kind.value))
    return row


async def lift_all_of(work: Work, source: str, because: str) -> int:
    """End every hold that came from ``source`` (a complaint that was answered); returns how many stood."""
    found = await work.session.scalars(
        select(Hold.id).where(Hold.source == source, Hold.lifted_on.is_(None)).order_by(Hold.id)
    )
    rows = [await lift(work, hold_id, because) for hold_id in found.all()]
    return len(rows)


async def of_source(work: Work, source: str) -> Hold:
    """The hold that came from ``source``; `NotFound` when there is none."""
    row = await work.session.scalar(select(Hold).where(Hold.source == source).order_by(Hold.id).limit(1))
    if row is None:
        raise NotFound("no such hold")
    return row


async def get(work: Work, hold_id: str) -> Hold:
    """One hold, or `NotFound`."""
    row = await work.session.get(Hold, hold_id)
    if row is None:
        raise NotFound("no such hold")
    return row


async def _locked(work: Work, hold_id: str) -> Hold:
    return await work.session.get_one(Hold, hold_id, with_for_update=True, populate_existing=True)


async def live(work: Work, borrower_id: str) -> Sequence[Hold]:
    """The borrower's holds that stand today, oldest first."""
    return (await live_of(work, [borrower_id]))[borrower_id]


async def live_of(work: Work, borrower_ids: Collection[str]) -> dict[str, list[Hold]]:
    """For each of the borrowers the holds that stand today, oldest first."""
    rows = await work.session.scalars(
        select(Hold).where(among(Hold.borrower_id, borrower_ids), Hold.lifted_on.is_(None)).order_by(Hold.id)
    )
    found: dict[str, list[Hold]] = {borrower_id: [] for borrower_id in borrower_ids}
    for row in rows:
        if holds.stands(row, work.on):
            found[row.borrower_id].append(row)
    return found


async def stops(
    work: Work, borrower_id: str, loan_ids: Collection[str] | None = None
) -> dict[str, date | None]:
    """What stops contact today about those loans (None: about anything), with the last day of each."""
    return holds.stops(await live(work, borrower_id), work.on, loan_ids)


async def kept(work: Work) -> Sequence[str]:
    """Borrowers whose records are kept whatever their age: something legal or disputed is open."""
    open_kinds = (HoldKind.LEGAL, HoldKind.DISPUTE, HoldKind.COMPLAINT)
    rows = await work.session.scalars(
        select(Hold.borrower_id).where(Hold.lifted_on.is_(None), Hold.kind.in_(open_kinds)).distinct()
    )
    return rows.all()


async def _lock_subject(work: Work, approval: Approval) -> None:
    """Contacts and the hold are locked before the proposal about it."""
    row = await get(work, approval.subject)
    await turn_service.take(work, row.borrower_id)
    await _locked(work, approval.subject)


async def _lengthen(work: Work, approval: Approval) -> None:
    """The second person agrees: the hold stands as long as was proposed."""
    row = await _locked(work, approval.subject)
    if row.version != approval.version_seen:
        raise StaleVersion("it has changed since it was proposed", current=etag(row.version))
    wanted = approval.arguments["until"]
    row.until_on = None if wanted is None else date.fromisoformat(wanted)
    row.version += 1
    await work.session.flush()


async def _leave(_work: Work, _approval: Approval) -> None:
    """The second person disagrees: the hold ends on the day that one person may decide."""


act = staff.Act(_lock_subject, _lengthen, _leave)
