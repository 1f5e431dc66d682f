"""A loan's history as sentences that a person can read, oldest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from refi.ledger.entries import Component, Kind, Split
from refi.loans.acts import ActKind

RECEIVED = (Kind.REPAYMENT, Kind.RECOVERY)
TAKEN_BACK = {
    Kind.REPAYMENT_REVERSED: "was returned",
    Kind.RECOVERY_REVERSED: "was returned",
    Kind.REPAYMENT_RELEASED: "was taken off the loan and waits to go back",
    Kind.RECOVERY_RELEASED: "was taken off the loan and waits to go back",
}
OTHERS = {
    Kind.DISBURSEMENT: "{} paid out",
    Kind.DISBURSEMENT_RETURNED: "the payout of {} came back",
    Kind.UNIDENTIFIED_RECEIPT: "{} arrived that the loan could not take; it waits in suspense",
    Kind.UNIDENTIFIED_RETURNED: "{} that waited in suspense was returned",
}


@dataclass(frozen=True, slots=True)
class Noted:
    """A movement as history needs it."""

    id: str
    kind: Kind
    source: str
    split: Split
    reverses: str | None
    on: date
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class ActNoted:
    """An act as history needs it."""

    id: str
    kind: ActKind
    arguments: Mapping[str, Any]
    reason: str
    undoes: str | None
    on: date
    at: datetime
    by: str
    approved_by: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: the day it counts from, when it was entered, by whom, and in words."""

    on: date
    at: datetime
    by: str
    kind: str
    text: str
    source: str
    amount: int | None = None
    reason: str | None = None
    approved_by: str | None = None


def tell(movements: Iterable[Noted], acts: Iterable[ActNoted]) -> list[Entry]:
    """Everything that happened to a loan. A receipt that was split anew is told once, as it is split now."""
    rows = list(movements)
    undone = {row.reverses: row for row in rows if row.reverses}
    by_source: dict[str, list[Noted]] = {}
    for row in rows:
        if row.kind in RECEIVED:
            by_source.setdefault(row.source, []).append(row)
    found = [_other(row) for row in rows if row.kind in OTHERS]
    for booked in by_source.values():
        live = next((row for row in booked if row.id not in undone), None)
        found.append(_received(booked[0], live or booked[-1]))
        if live is None:
            found.append(_gone(booked[-1], undone[booked[-1].id]))
    known = {act.id: act for act in acts}
    found = [_act(act, known) for act in known.values()] + found
    return sorted(found, key=lambda entry: entry.at)


def money(amount: int) -> str:
    """Minor units as people write them: 408027 is 4,080.27."""
    return f"{amount // 100:,}.{amount % 100:02d}"


def _other(row: Noted) -> Entry:
    text = OTHERS[row.kind].format(money(row.split.total))
    return Entry(row.on, row.at, row.by, row.kind.value, text, row.source, row.split.total)


def _received(first: Noted, now: Noted) -> Entry:
    parts = [f"{part.value} {money(now.split.of(part))}" for part in Component if now.split.of(part)]
    word = "recovered" if now.kind is Kind.RECOVERY else "received"
    text = f"{money(now.split.total)} {word}: {', '.join(parts)}"
    return Entry(first.on, first.at, first.by, now.kind.value, text, first.source, now.split.total)


def _gone(booked: Noted, undo: Noted) -> Entry:
    amount = booked.split.total
    text = f"{money(amount)} {TAKEN_BACK.get(undo.kind, 'was taken back')}"
    return Entry(undo.on, undo.at, undo.by, undo.kind.value, text, booked.source, amount)


def _act(act: ActNoted, known: Mapping[str, ActNoted]) -> Entry:
    amount = act.arguments.get("amount")
    return Entry(
        act.on, act.at, act.by, act.kind.value, describe(act, known), act.id, amount, act.reason,
        act.approved_by,
    )  # fmt: skip


def describe(act: ActNoted, known: Mapping[str, ActNoted]) -> str:
    """What was done, in words."""
    said = act.arguments
    if act.kind is ActKind.DEFER:
        free = ", free of interest" if said.get("interest_free") else ""
        return f"deferred by {said['months']} month{'s' if said['months'] > 1 else ''}{free}"
    if act.kind is ActKind.DUE_DATE_CHANGE:
        return f"the next installment falls due on {said['first_due_date']}, the later ones monthly after it"
    if act.kind is ActKind.RE_AGE:
        count = said.get("installments")
        return "made current: what was overdue joins " + (
            f"{count} coming installments" if count else "the coming installments"
        )
    if act.kind is ActKind.EXTEND:
        rate = f" at {said['annual_rate']} a year" if said.get("annual_rate") else ""
        return f"what is left is spread over {said['installments']} installments{rate}"
    if act.kind is ActKind.WAIVE:
        return f"up to {money(said['amount'])} of {said['component']} given up"
    if act.kind is ActKind.CHARGE_OFF:
        return "written off: nothing accrues any more"
    if act.kind is ActKind.PAYMENT_REVERSAL:
        return f"payment {said['payment']} of {money(said['amount'])} taken off the loan"
    if act.kind is ActKind.CANCELLATION:
        return "cancelled before anything was paid out"
    target = known.get(str(act.undoes))
    return f"taken back: {describe(target, known)}" if target else "taken back"
