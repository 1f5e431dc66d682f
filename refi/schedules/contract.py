"""The life of a contract as a pure function of its terms, its events and a day.

`replay` gives the state of a contract on any day; nothing is stored and nothing is incremental, so a
back-dated event or a reversal simply yields the state that the new history has. Because a ledger is
append-only, `corrections` compares two replays and says what each earlier event must be re-booked by.

Rules (RULES.md): interest is straight-line over the calendar days of its period, so a payoff on a due date
equals the schedule; penalty = overdue principal × multiple × annual rate × days / year days, simple, in
place of contract interest on that principal; early repayment owes interest for the actual time only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from refi.money import round_div
from refi.schedules import actual_balance, charging, charging_off, dates
from refi.schedules.book import Book
from refi.schedules.contract_events import (
    Charge,
    Chargeback,
    ChargeOff,
    Deferral,
    DueDateChange,
    Event,
    InterestPause,
    InvalidEvent,
    Mode,
    Reage,
    Reamortization,
    Receipt,
    Recovery,
    Reversal,
    Waiver,
)
from refi.schedules.contract_state import (
    Balances,
    Correction,
    InstallmentState,
    Paid,
    Payoff,
    State,
    Status,
    corrections,
)
from refi.schedules.conventions import ChargebackIs
from refi.schedules.event_faults import check
from refi.schedules.opening import Contract, Planned, open_book
from refi.schedules.reading import read
from refi.schedules.restructuring import modify

__all__ = [
    "Balances",
    "Charge",
    "ChargeOff",
    "Chargeback",
    "Contract",
    "Correction",
    "Deferral",
    "DueDateChange",
    "Event",
    "InstallmentState",
    "InterestPause",
    "InvalidEvent",
    "Mode",
    "Paid",
    "Payoff",
    "Planned",
    "Reage",
    "Reamortization",
    "Receipt",
    "Recovery",
    "Reversal",
    "State",
    "Status",
    "Waiver",
    "corrections",
    "payoff",
    "replay",
]


def replay(contract: Contract, events: Sequence[Event], on: date) -> State:
    """The state of a contract on a day, from the events that have taken effect by then.

    Events are taken by their day and, within a day, in list order. Raises `InvalidEvent` for an event before
    the payout, an amount that is not positive, an id used twice, or a reversal of an unknown event, and
    `DateOutOfRange` where ``on`` is no date.
    """
    return read(_book(contract, events, on), on)


def payoff(contract: Contract, events: Sequence[Event], on: date) -> Payoff:
    """What settles the contract on a day, all events until then considered."""
    book = _book(contract, events, on)
    position = book.position(on)
    rounding = contract.terms.rounding
    until = book.priced_until(on, contract.conventions.early_payoff)
    interest_saved = fees_saved = overdue = 0
    numerator, denominator = 0, 1
    for row in book.rows:
        interest, fee = row.closes_at(until, rounding)
        interest_saved += row.interest - interest
        fees_saved += row.fee - fee
        if row.frozen_on is not None:
            continue
        if row.starts_on <= on < row.ends_on and until == on:
            numerator = row.interest - row.base_interest + row.fee - row.base_fee
            denominator = (row.ends_on - row.since).days
        if row.due_on + book.penalty_rate.grace <= on:
            overdue += row.late(book.penalty_rate)
    rate = book.penalty_rate
    exact = numerator * rate.denominator + overdue * rate.numerator * denominator
    per_diem = round_div(exact, denominator * rate.denominator, rounding)
    return Payoff(
        on, position.principal, position.interest, position.fees, position.penalties, position.total,
        interest_saved, fees_saved, per_diem, on, position.credit,
    )  # fmt: skip


def _book(contract: Contract, events: Sequence[Event], on: date) -> Book:
    """The book after every effective event up to ``on``."""
    dates.checked(on, "/on")
    book = open_book(contract)
    for event in _effective(contract, events, on):
        actual_balance.refresh(book, event.on)
        _apply(book, contract, event)
    actual_balance.refresh(book, on)
    return book


def _apply(book: Book, contract: Contract, event: Event) -> None:
    if isinstance(event, Receipt | Recovery):
        mode = Mode(event.mode) if isinstance(event, Receipt) else Mode.DUE
        kind = mode.value if book.charged_off_on is None else "recovery"
        book.receive(event.id, event.on, event.amount, mode, contract.order(kind))
    elif isinstance(event, Waiver):
        book.waive(event)
    elif isinstance(event, ChargeOff):
        charging_off.charge_off(book, event)
    elif isinstance(event, InterestPause):
        actual_balance.pause(book, event)
    elif isinstance(event, Charge):
        charging.charge(book, event)
    elif isinstance(event, Chargeback):
        if contract.conventions.chargeback is not ChargebackIs.NEVER_RECEIVED:
            charging.charge_back(book, event)
    elif not isinstance(event, Reversal):
        modify(book, event)


def _effective(contract: Contract, events: Sequence[Event], on: date) -> list[Event]:
    """The events that count on a day, in order: those not reversed by then (a reversal may be reversed)."""
    check(contract.terms, contract.disbursed_on, contract.conventions, events)
    happened = [event for event in events if event.on <= on]
    undone: set[str] = set()
    less: dict[str, int] = {}
    forgets = contract.conventions.chargeback is ChargebackIs.NEVER_RECEIVED
    for event in reversed(happened):
        if event.id in undone:
            continue
        if isinstance(event, Reversal) or (
            forgets and isinstance(event, Chargeback) and event.amount is None
        ):
            undone.add(event.of)
        elif forgets and isinstance(event, Chargeback):
            less[event.of] = less.get(event.of, 0) + (event.amount or 0)
    kept = [_less(event, less) for event in happened if event.id not in undone]
    return sorted((event for event in kept if event is not None), key=lambda event: event.on)


def _less(event: Event, taken_back: Mapping[str, int]) -> Event | None:
    """The event without the part of its money that was taken back."""
    amount = taken_back.get(event.id)
    if amount is None or not isinstance(event, Receipt):
        return event
    return replace(event, amount=event.amount - amount) if amount < event.amount else None
