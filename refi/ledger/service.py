"""The ledger: book a movement, read movements, sum accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import text

from refi import ids
from refi.db.work import Work
from refi.ledger.accounts import Account
from refi.ledger.entries import RULES, Component, Kind, Split
from refi.ledger.tables import Movement


async def book(
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
    """Append a movement.

    Raises ``asyncpg.UniqueViolationError`` when ``cause`` has moved money before, and ``ValueError`` for a
    component that this kind of movement cannot have.
    """
    strange = [part for part in Component if split.of(part) and (kind, part) not in RULES]
    if strange:
        raise ValueError(f"a {kind} has no {', '.join(strange)}")
    row = Movement(
        id=ids.new("mov"),
        loan_id=loan_id,
        kind=kind,
        amount=split.total,
        **{part.value: split.of(part) for part in Component},
        currency=work.policy.market.currency,
        cause=cause,
        source=source,
        mode=mode,
        reverses=reverses,
        allocations=allocations or [],
        effective_on=effective_on,
        on=work.on,
        posted_at=work.now,
        actor=str(work.actor),
    )
    await work.rows.add(row)
    return row


async def take_back(
    work: Work, movement: Movement, kind: Kind, *, cause: str, effective_on: date
) -> Movement | None:
    """Append the movement that undoes ``movement``, in the parts that ``kind`` may have; once at most.

    None when there is no such part: money that only waits in suspense has nothing to release.
    """
    split = Split(**{p.value: getattr(movement, p.value) for p in Component if (kind, p) in RULES})
    if not split.total:
        return None
    return await book(
        work,
        kind,
        split,
        cause=cause,
        effective_on=effective_on,
        loan_id=movement.loan_id,
        source=movement.source,
        mode=movement.mode,
        reverses=movement.id,
        allocations=movement.allocations,
    )


async def of_loan(
    work: Work, loan_id: str, *, limit: int | None = None, starting_after: str | None = None
) -> Sequence[Movement]:
    """The loan's movements in the order they were booked: all, or ``limit`` of them after that one."""
    if starting_after is None and limit is None:
        return await work.rows.select(Movement, "WHERE loan_id = $1 ORDER BY id", loan_id)
    page = "WHERE loan_id = $1 AND id > $2 ORDER BY id LIMIT $3"
    return await work.rows.select(Movement, page, loan_id, starting_after or "", limit)


async def of_loans(work: Work, loan_ids: Sequence[str]) -> dict[str, list[Movement]]:
    """The movements of several loans, each in the order they were booked."""
    rows = await work.rows.select(Movement, "WHERE loan_id = ANY($1) ORDER BY id", loan_ids)
    found: dict[str, list[Movement]] = {loan_id: [] for loan_id in loan_ids}
    for row in rows:
        found[str(row.loan_id)].append(row)
    return found


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
