"""Staff: sign in, propose and approve, and the record of every act."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import delete, select

from refi import ids
from refi.db.work import IN_TURN, Actor, Work
from refi.errors import NotFound
from refi.staff import approvals, audit, signing_in
from refi.staff.approvals import ApprovalStatus
from refi.staff.roles import Permission, Role
from refi.staff.tables import Approval, SignInTries, StaffAct, StaffMember

CHAIN_LOCK = 7_302_002
"""Advisory lock: acts are numbered and chained one at a time."""


class SignInLocked(Exception):
    """Too many wrong passwords for this name; ``wait`` is what is left of the lock."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"wait {wait}")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Act:
    """What happens to a proposal of one kind: carried out when approved, laid down when rejected.

    All run in the transaction of the second person's answer. ``lock`` takes the rows that the proposal is
    about before the proposal itself is locked: whoever ends those rows takes the same order.
    """

    lock: Callable[[Work, Approval], Awaitable[None]]
    carry_out: Callable[[Work, Approval], Awaitable[None]]
    lay_down: Callable[[Work, Approval], Awaitable[None]]


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    """A hash to check against when the name is unknown, so that the answer takes as long."""
    return _hasher().hash("nobody's password")


async def hire(
    work: Work, username: str, password: str, roles: Iterable[Role], *, totp_secret: str | None = None
) -> StaffMember:
    """A new member of staff; ``totp_secret`` is base32 and makes one-time passwords required."""
    row = StaffMember(
        id=ids.new("staff"),
        username=username.lower(),
        password_hash=await asyncio.to_thread(_hasher().hash, password),
        roles=sorted(role.value for role in roles),
        totp_sealed=None if totp_secret is None else work.vault.seal(totp_secret),
        active=True,
        created_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    await record(work, "staff_hired", row.id, {"username": row.username, "roles": row.roles})
    return row


async def by_username(work: Work, username: str) -> StaffMember | None:
    """The member of staff with that name, if any."""
    row: StaffMember | None = await work.session.scalar(
        select(StaffMember).where(StaffMember.username == username.lower())
    )
    return row


async def sign_in(work: Work, username: str, password: str, totp: str | None) -> StaffMember | None:
    """The member of staff, or None when name, password or one-time password is wrong.

    A wrong try is counted, so the caller must commit either way. Raises `SignInLocked`.
    """
    name = username.lower()
    await (await work.raw()).execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", name)
    tries = await work.session.get(SignInTries, name)
    if tries is not None and tries.locked_until is not None and tries.locked_until > work.wall:
        raise SignInLocked(tries.locked_until - work.wall)
    member = await by_username(work, name)
    known = member is not None and member.active
    stored = member.password_hash if member is not None and known else _nobodys_hash()
    right = await asyncio.to_thread(_password_fits, stored, password)
    if member is None or not known or not right or not _totp_fits(work, member, totp):
        await _count_failure(work, name, tries)
        return None
    await work.session.execute(delete(SignInTries).where(SignInTries.username == name))
    await record(work, "signed_in", member.id, {}, actor=actor_of(member))
    return member


def actor_of(member: StaffMember) -> Actor:
    """The actor that this member of staff is."""
    return Actor("staff", member.id, frozenset(member.roles))


def _password_fits(stored: str, password: str) -> bool:
    try:
        return _hasher().verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False


def _totp_fits(work: Work, member: StaffMember, entered: str | None) -> bool:
    if member.totp_sealed is None:
        return True
    return signing_in.password_fits(work.vault.open(member.totp_sealed), entered or "", work.wall)


async def _count_failure(work: Work, name: str, tries: SignInTries | None) -> None:
    now = work.wall
    await work.session.execute(
        delete(SignInTries).where(
            SignInTries.last_failed_at < now - timedelta(days=1), SignInTries.username != name
        )
    )
    before = tries.failures if tries is not None else 0
    failures = signing_in.failures_after(before, tries.last_failed_at if tries is not None else None, now)
    values = {
        "failures": failures,
        "last_failed_at": now,
        "locked_until": signing_in.locked_until(failures, now),
    }
    if tries is None:
        work.session.add(SignInTries(username=name, **values))
    else:
        for column, value in values.items():
            setattr(tries, column, value)


async def record(
    work: Work, act: str, subject: str, details: dict[str, Any], *, actor: Actor | None = None
) -> StaffAct:
    """Append to the record of acts, chained to the one before. ``details`` are plain JSON without floats."""
    await work.session.flush()  # waits for rows before it takes what everybody waits for
    await (await work.raw()).execute("SELECT pg_advisory_xact_lock($1)", CHAIN_LOCK)
    last = await work.session.scalar(select(StaffAct).order_by(StaffAct.number.desc()).limit(1))
    row = StaffAct(
        number=1 if last is None else last.number + 1,
        id=ids.new("act"),
        at=work.now,
        on=work.on,
        actor=str(actor or work.actor),
        act=act,
        subject=subject,
        details=details,
        request_id=work.request_id,
        previous_hash=audit.GENESIS if last is None else last.hash,
    )
    row.hash = audit.digest(entry_of(row))
    work.session.add(row)
    await work.session.flush()
    return row


def entry_of(row: StaffAct) -> audit.Entry:
    """A row as it is hashed."""
    return audit.Entry(
        row.number,
        _utc_text(row.at),
        row.on.isoformat(),
        row.actor,
        row.act,
        row.subject,
        row.details,
        row.previous_hash,
    )


def _utc_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


async def acts(
    work: Work, *, limit: int, starting_after: str | None = None, subject: str | None = None
) -> Sequence[StaffAct]:
    """The record, newest first."""
    query = select(StaffAct).order_by(StaffAct.number.desc()).limit(limit)
    if subject is not None:
        query = query.where(StaffAct.subject == subject)
    if starting_after is not None:
        after = select(StaffAct.number).where(StaffAct.id == starting_after).scalar_subquery()
        query = query.where(StaffAct.number < after)
    return (await work.session.scalars(query)).all()


async def broken_acts(work: Work) -> list[int]:
    """Numbers of acts whose link in the chain is broken; empty when nobody tampered."""
    rows = await work.session.scalars(select(StaffAct).order_by(StaffAct.number))
    return audit.broken_links((entry_of(row), row.hash) for row in rows)


async def propose(
    work: Work,
    kind: str,
    subject: str,
    arguments: dict[str, Any],
    *,
    version_seen: int,
    permission: Permission,
    amount: int | None = None,
) -> Approval:
    """Write down what the acting member of staff wants done, for a second person with ``permission``."""
    row = Approval(
        id=ids.new("appr"),
        kind=kind,
        subject=subject,
        arguments=arguments,
        version_seen=version_seen,
        permission=permission,
        amount=amount,
        status=ApprovalStatus.PENDING,
        maker=work.actor.id,
        created_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    await record(work, "proposed", row.id, {"kind": kind, "subject": subject})
    return row


async def approval(work: Work, approval_id: str) -> Approval:
    """One proposal, or `NotFound`."""
    row = await work.session.get(Approval, approval_id)
    if row is None:
        raise NotFound("no such approval")
    return row


async def pending(work: Work, kind: str, subject: str) -> Approval | None:
    """The proposal of that kind about that subject that waits, if there is one."""
    row: Approval | None = await work.session.scalar(
        select(Approval).where(
            Approval.kind == kind, Approval.subject == subject, Approval.status == ApprovalStatus.PENDING
        )
    )
    return row


async def proposals(
    work: Work, status: ApprovalStatus, *, limit: int, starting_after: str | None = None
) -> Sequence[Approval]:
    """Proposals in that state, oldest first."""
    query = select(Approval).where(Approval.status == status).order_by(Approval.id).limit(limit)
    if starting_after is not None:
        query = query.where(Approval.id > starting_after)
    return (await work.session.scalars(query)).all()


async def answer(work: Work, approval_id: str, to: ApprovalStatus, note: str | None, act: Act) -> Approval:
    """The second person's answer; ``act`` is carried out or laid down in this transaction."""
    await act.lock(work, await approval(work, approval_id))
    row = await work.session.get_one(Approval, approval_id, with_for_update=IN_TURN, populate_existing=True)
    row.status = approvals.check(
        row.status,
        to,
        maker=row.maker,
        checker=work.actor.id,
        roles=work.actor.roles,
        permission=row.permission,
        note=note,
    )
    row.checker = work.actor.id
    row.note = note
    row.decided_at = work.now
    await work.session.flush()
    await (act.carry_out if to is ApprovalStatus.APPROVED else act.lay_down)(work, row)
    await record(work, to.value, row.id, {"kind": row.kind, "subject": row.subject, "note": note})
    return row


async def withdraw_proposals(work: Work, subject: str) -> None:
    """What the proposals were about has gone: nobody needs to answer them."""
    rows = await work.session.scalars(
        select(Approval)
        .where(Approval.subject == subject, Approval.status == ApprovalStatus.PENDING)
        .with_for_update(key_share=True)
    )
    for row in rows:
        row.status = ApprovalStatus.WITHDRAWN
        row.decided_at = work.now
