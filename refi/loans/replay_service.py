"""Loans with their whole history, as values, read in bulk: what a replay compares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import asyncpg

from refi.db.work import Work
from refi.ledger.entries import Kind, Split
from refi.loans.acts import ActKind, Happened
from refi.loans.booking import Left, Planned
from refi.loans.replaying import Moved, Stored
from refi.loans.states import LoanStatus
from refi.money import Rounding
from refi.schedules import conventions
from refi.schedules.allocation import Component, Part
from refi.schedules.amortization import Method, Terms
from refi.schedules.contract import Contract
from refi.schedules.day_count import DayCount

# One row a loan: what belongs to it comes as JSON, so that nothing is joined, sorted or mapped twice.
LOANS = """
    SELECT l.*,
        (SELECT json_agg(json_build_array(number, due_on, principal, interest, fee,
                         unpaid, unpaid_principal) ORDER BY number)
         FROM installments i WHERE i.loan_id = l.id) AS installments,
        (SELECT json_agg(json_build_array(id, kind, source, principal, interest, fee, penalty, suspense,
                         effective_on, mode, reverses, allocations) ORDER BY id)
         FROM movements m WHERE m.loan_id = l.id) AS movements,
        (SELECT json_agg(json_build_array(id, kind, effective_on, arguments, undoes) ORDER BY number)
         FROM loan_acts a WHERE a.loan_id = l.id) AS history
    FROM loans l"""
SOME = f"{LOANS} WHERE l.id > $1 ORDER BY l.id LIMIT $2"
ONE = f"{LOANS} WHERE l.id = $1"


async def stored_loans(work: Work, *, after: str = "", limit: int = 1000) -> list[Stored]:
    """Loans in the order of their ids, with all that is stored of them."""
    return [_stored(row) for row in await (await work.raw()).fetch(SOME, after, limit)]


async def stored_loan(work: Work, loan_id: str) -> Stored | None:
    """One loan; None when there is none."""
    row = await (await work.raw()).fetchrow(ONE, loan_id)
    return None if row is None else _stored(row)


def _stored(row: asyncpg.Record) -> Stored:
    return Stored(
        id=row["id"],
        status=LoanStatus(row["status"]),
        contract=_contract(row),
        unmet_on=row["unmet_on"],
        closed_on=row["closed_on"],
        installments=tuple(
            Planned(number, _day(due_on), *amounts)
            for number, due_on, *amounts, _, _ in row["installments"] or ()
        ),
        left=tuple(Left(unpaid, principal) for *_, unpaid, principal in row["installments"] or ()),
        movements=tuple(_moved(*each) for each in row["movements"] or ()),
        acts=tuple(
            Happened(act, ActKind(kind), _day(on), arguments, undoes)
            for act, kind, on, arguments, undoes in row["history"] or ()
        ),
    )


def _contract(row: Mapping[str, Any]) -> Contract:
    terms = Terms(
        principal=row["principal"],
        annual_rate=row["annual_rate"],
        installments=row["term"],
        method=Method(row["method"]),
        monthly_fee_rate=row["monthly_fee_rate"],
        day_count=DayCount(row["day_count"]),
        rounding=Rounding(row["rounding"]),
    )
    return Contract(
        terms=terms,
        disbursed_on=row["credited_on"] or row["opened_on"],
        first_due_on=row["first_due_on"],
        penalty_multiple=row["penalty_multiple"],
        penalty_year_days=row["penalty_year_days"],
        conventions=conventions.named(row["conventions"]),
    )


def _moved(
    movement: str,
    kind: str,
    source: str | None,
    principal: int,
    interest: int,
    fee: int,
    penalty: int,
    suspense: int,
    effective_on: str,
    mode: str | None,
    reverses: str | None,
    allocations: list[dict[str, Any]],
) -> Moved:
    parts = tuple(Part(p["installment"], Component(p["component"]), p["amount"]) for p in allocations)
    split = Split(principal, interest, fee, penalty, suspense)
    return Moved(movement, Kind(kind), str(source), split, _day(effective_on), mode, reverses, parts)


def _day(text: str) -> date:
    return date.fromisoformat(text)
