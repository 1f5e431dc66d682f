"""The ledger: book a movement, read movements, sum accounts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import text

from refi import ids
from refi.db.statements import Statement, insertion
from refi.db.work import Work
from refi.ledger.accounts import Account
from refi.ledger.entries import RULES, Component, Kind, Movement, Split
from refi.ledger.tables import MovementRow

_COLUMNS = tuple(column.name for column in MovementRow.__table__.columns)
_READ = f"SELECT {', '.join(_COLUMNS)} FROM movements"  # noqa: S608 - our own names
_AT = {name: n for n, name in enumerate(_COLUMNS)}
_KINDS = {kind.value: kind for kind in Kind}


def movement(
    work: Work,
    kind: Kind,
    split: Split,
    *,
    cause: str,
    effective_on: date,
    loan_id: str | None = None,
    source: str | None = None,
    mode: str | None = None,
    reverses: str | None = None,
    allocations: list[dict[str, Any]] | None = None,
) -> Movement:
    """A movement of today, not written yet (`entry`).

    Raises ``ValueError`` for a component that this kind of movement cannot have.
    """
    strange = [part for part in Component if split.of(part) and (kind, part) not in RULES]
    if strange:
        raise ValueError(f"a {kind} has no {', '.join(strange)}")
    return Movement(
        ids.new("mov"), loan_id, kind, split.total, split.principal, split.interest, split.fee, split.penalty,
        split.suspense, work.policy.market.currency, cause, source, mode, reverses, allocations or [],
        effective_on, work.on, work.now, str(work.actor),
    )  # fmt: skip


def undoing(work: Work, booked: Movement, kind: Kind, *, cause: str, effective_on: date) -> list[Movement]:
    """The movement that undoes another one, in the parts that ``kind`` may have; once at most.

    Empty when there is no such part: money that only waits in suspense has nothing to release.
    """
    whole = booked.split
    split = Split(**{part.value: whole.of(part) for part in Component if (kind, part) in RULES})
    if not split.total:
        return []
    made = movement(
        work,
        kind,
        split,
        cause=cause,
        effective_on=effective_on,
        loan_id=booked.loan_id,
        source=booked.source,
        mode=booked.mode,
        reverses=booked.id,
        allocations=booked.allocations,
    )
    return [made]


def entry(movements: Sequence[Movement]) -> list[Statement]:
    """The statement that appends movements, if there are any.

    It raises ``asyncpg.UniqueViolationError`` when a ``cause`` has moved money before.
    """
    at = _AT["allocations"]
    rows = [(*row[:at], json.dumps(row[at]), *row[at + 1 :]) for row in movements]
    return insertion("movements", _COLUMNS, rows)


async def book(
    work: Work,
    kind: Kind,
    split: Split,
    *,
    cause: str,
    effective_on: date,
    loan_id: str | None = None,
    source: str | None = None,
    reverses: str | None = None,
) -> None:
    """Append one movement now: `movement` and `entry`."""
    made = movement(
        work,
        kind,
        split,
        cause=cause,
        effective_on=effective_on,
        loan_id=loan_id,
        source=source,
        reverses=reverses,
    )
    await work.rows.save(*entry([made]))


async def of_loan(
    work: Work, loan_id: str, *, limit: int | None = None, starting_after: str | None = None
) -> list[Movement]:
    """The loan's movements in the order they were booked: all, or ``limit`` of them after that one."""
    raw = await work.raw()
    if starting_after is None and limit is None:
        return _values(await raw.fetch(f"{_READ} WHERE loan_id = $1 ORDER BY id", loan_id))
    page = f"{_READ} WHERE loan_id = $1 AND id > $2 ORDER BY id LIMIT $3"
    return _values(await raw.fetch(page, loan_id, starting_after or "", limit))


async def of_loans(work: Work, loan_ids: Sequence[str]) -> dict[str, list[Movement]]:
    """The movements of several loans, each in the order they were booked."""
    raw = await work.raw()
    rows = _values(await raw.fetch(f"{_READ} WHERE loan_id = ANY($1) ORDER BY id", loan_ids))
    found: dict[str, list[Movement]] = {loan_id: [] for loan_id in loan_ids}
    for row in rows:
        found[str(row.loan_id)].append(row)
    return found


async def of_cause(work: Work, cause: str) -> Movement:
    """The movement that ``cause`` has made."""
    raw = await work.raw()
    (made,) = _values(await raw.fetch(f"{_READ} WHERE cause = $1", cause))
    return made


def _values(records: Sequence[Sequence[Any]]) -> list[Movement]:
    at = _AT["kind"]
    return [Movement._make((*row[:at], _KINDS[row[at]], *row[at + 1 :])) for row in records]


def live(movements: Sequence[Movement], kind: Kind) -> list[Movement]:
    """The movements of ``kind`` that no later movement has taken back."""
    undone = {row.reverses for row in movements if row.reverses}
    return [row for row in movements if row.kind is kind and row.id not in undone]


async def trial_balance(work: Work) -> dict[Account, int]:
    """Debits minus credits of every account; the sum over all accounts is zero."""
    rows = await work.session.execute(
        text(
            "SELECT account, sum(amount)::bigint FROM (SELECT debit AS account, amount FROM transfers"
            " UNION ALL SELECT credit, -amount FROM transfers) lines GROUP BY account ORDER BY account"
        )
    )
    found = {Account(account): int(amount) for account, amount in rows}
    return {account: found.get(account, 0) for account in Account}
