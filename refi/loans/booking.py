"""What the books must say for the events of an account, and what must be booked when they change. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from refi.ledger.entries import Component, Kind, Split
from refi.loans.account import Account, charge_off_of, place
from refi.schedules.allocation import Part
from refi.schedules.contract import ChargeOff, Event, Receipt, State, Waiver

REBATES = {Component.INTEREST: Kind.INTEREST_REBATE, Component.FEE: Kind.FEE_REBATE}


@dataclass(frozen=True, slots=True)
class Line:
    """One movement: its kind, its split, and the parts of installments that it meets."""

    kind: Kind
    split: Split
    parts: tuple[Part, ...] = ()


Booking = tuple[Line, ...]
"""The movements of one event, in order."""


class Planned(NamedTuple):
    """An installment as the contract plans it now; amounts in minor units."""

    number: int
    due_on: date
    principal: int
    interest: int
    fee: int


def schedule_of(state: State) -> tuple[Planned, ...]:
    """The contract's schedule as it stands: what the stored installments are a copy of."""
    return tuple(
        Planned(row.number, row.due_date, row.principal, row.interest, row.fee) for row in state.installments
    )


class Left(NamedTuple):
    """What is missing of an installment's scheduled amount, and the principal in it, minor units."""

    unpaid: int
    unpaid_principal: int


def left_of(state: State) -> tuple[Left, ...]:
    """What is missing of each installment of `schedule_of`, in its order."""
    return tuple(Left(row.unpaid, row.unpaid_principal) for row in state.installments)


def bookings(account: Account, state: State | None = None) -> dict[str, Booking]:
    """The movements of every event that moves money, as the contract function splits it today.

    ``state`` is the account's newest state, when the caller has it.
    """
    state = state or account.newest
    written_off = charge_off_of(account, state)
    found = {}
    for event in account.events:
        lines = (
            *_lines(event, state, written_off),
            *_rebates(state.rebate_parts.get(event.id, ())),
        )
        if lines:
            found[event.id] = lines
    return found


def _lines(event: Event, state: State, written_off: ChargeOff | None) -> Booking:
    split, kind = Split(), Kind.REPAYMENT
    parts: Sequence[Part] = ()
    if isinstance(event, Receipt) and event.id in state.allocations:
        late = written_off is not None and place(event) > place(written_off)
        kind = Kind.RECOVERY if late else Kind.REPAYMENT
        parts = state.allocations[event.id]
        split = split_of(parts, state.excess.get(event.id, 0))
    elif isinstance(event, Waiver):
        parts = state.waivers.get(event.id, ())
        split, kind = split_of(parts, 0), Kind.WAIVER
    elif event == written_off and state.charged_off is not None:
        split, kind = Split(principal=state.charged_off.principal), Kind.CHARGE_OFF
    return (Line(kind, split, tuple(parts)),) if split.total else ()


def _rebates(moves: Sequence[Part]) -> Booking:
    """What was paid of a price and met other debts instead, as movements; the moves add up to zero."""
    net = dict.fromkeys(Component, 0)
    for part in moves:
        net[Component(part.component)] += part.amount
    lines = []
    for price, kind in REBATES.items():
        met: dict[str, int] = {}
        for debt in Component:
            if used := min(max(-net[price], 0), max(net[debt], 0)):
                met[debt.value] = used
                net[price] += used
                net[debt] -= used
        if met:
            lines.append(Line(kind, Split(**met), tuple(moves)))
    return tuple(lines)


def split_of(parts: Sequence[Part], excess: int) -> Split:
    """The components of a receipt; what the loan does not take waits in suspense."""
    sums = dict.fromkeys(Component, 0)
    for part in parts:
        sums[Component(part.component)] += part.amount
    return Split(
        principal=sums[Component.PRINCIPAL],
        interest=sums[Component.INTEREST],
        fee=sums[Component.FEE],
        penalty=sums[Component.PENALTY],
        suspense=excess,
    )


def changed(before: Mapping[str, Booking], after: Mapping[str, Booking]) -> list[str]:
    """The events whose booking must be taken back or made: the books then say what the contract says."""
    return sorted(source for source in {*before, *after} if before.get(source) != after.get(source))
