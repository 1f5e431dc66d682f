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
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache

from refi.errors import Fault
from refi.money import round_div
from refi.schedules import actual_balance, charging, charging_off, dates
from refi.schedules.allocation import Ahead, Order, matrix
from refi.schedules.amortization import InvalidTerms, Terms, calendar, monthly_fee, split
from refi.schedules.book import Book
from refi.schedules.contract_events import (
    Charge,
    Chargeback,
    ChargeOff,
    Deferral,
    DueDateChange,
    Event,
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
from refi.schedules.conventions import OURS, ChargebackIs, Conventions
from refi.schedules.event_faults import check
from refi.schedules.periods import MONTH, Period
from refi.schedules.reading import read
from refi.schedules.replanning import Pricing
from refi.schedules.restructuring import modify
from refi.schedules.rows import PenaltyRate, Row

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
    "InvalidEvent",
    "Mode",
    "Paid",
    "Payoff",
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


@dataclass(frozen=True, slots=True)
class Contract:
    """What was signed.

    ``penalty_multiple`` times the annual rate is charged on overdue principal, over ``penalty_year_days``.
    ``conventions`` are the choices where systems differ; ``orders`` says which debts each kind of transaction
    meets first, where that is more than the conventions' one order. With ``rolling`` and ``business_days``
    a due date on a holiday moves; amounts and interest do not. Due dates are a ``period`` apart;
    ``first_due_on`` defaults to one after the payout. A ``down_payment`` (minor units of the principal) is
    installment 1, due on the day of the payout; the plan is of the rest.
    """

    terms: Terms
    disbursed_on: date
    first_due_on: date | None = None
    penalty_multiple: Decimal = Decimal("1.5")
    penalty_year_days: int = 365
    orders: Mapping[str, Order] | None = field(default=None, compare=False)
    rolling: dates.Rolling = dates.Rolling.NONE
    business_days: dates.BusinessDays | None = None
    conventions: Conventions = OURS
    period: Period = MONTH
    down_payment: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.down_payment < self.terms.principal:
            raise InvalidTerms(
                "a down payment is a part of the principal", faults=[Fault("/down_payment", "out_of_range")]
            )

    def order(self, kind: str) -> Order:
        """The order in which a transaction of that kind (a key of `allocation.MATRIX`) meets debts."""
        return (self.orders or matrix(self.conventions.order))[kind]

    def rolled(self, on: date) -> date:
        """The day by which an installment of nominal due date ``on`` must be paid."""
        return dates.rolled(on, self.rolling, self.business_days)


def replay(contract: Contract, events: Sequence[Event], on: date) -> State:
    """The state of a contract on a day, from the events that have taken effect by then.

    Events are taken by their day and, within a day, in list order. Raises `InvalidEvent` for an event before
    the payout, an amount that is not positive, an id used twice, or a reversal of an unknown event.
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
        if row.due_on <= on:
            overdue += row.unpaid_principal
    rate = book.penalty_rate
    exact = numerator * rate.denominator + overdue * rate.numerator * denominator
    per_diem = round_div(exact, denominator * rate.denominator, rounding)
    return Payoff(
        on, position.principal, position.interest, position.fees, position.penalties, position.total,
        interest_saved, fees_saved, per_diem, on, position.credit,
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _plan(
    terms: Terms, disbursed_on: date, first_due_on: date | None, period: Period
) -> tuple[tuple[date, ...], tuple[int, ...], tuple[tuple[int, int, int], ...], int]:
    """Due dates, the day-count weight and the amounts of each period, and the anchor day."""
    due, _, weights = calendar(terms, disbursed_on, first_due_on, period)
    return due, tuple(weights), tuple(split(terms, weights)), dates.anchor_of(disbursed_on, due[0])


def open_book(contract: Contract) -> Book:
    """The book of a contract on the day it was paid out."""
    terms = contract.terms
    rest = (
        replace(terms, principal=terms.principal - contract.down_payment) if contract.down_payment else terms
    )
    due, weights, amounts, anchor = _plan(rest, contract.disbursed_on, contract.first_due_on, contract.period)
    fee = monthly_fee(terms)
    rows = [
        Row(number, start, end, weight, principal, interest, fee, contract.rolled(end))
        for number, (start, end, weight, (principal, interest, _)) in enumerate(
            zip((contract.disbursed_on, *due), due, weights, amounts, strict=False), start=1
        )
    ]
    if rows[0].due_on <= contract.disbursed_on:
        raise dates.InvalidFirstDueDate.rolls_back("/first_due_on")
    if contract.down_payment:
        for row in rows:
            row.number += 1
        on = contract.disbursed_on
        rows.insert(0, Row(1, on, on, 0, contract.down_payment, 0, 0))
    book = Book(
        pricing=Pricing.of(terms),
        penalty_rate=PenaltyRate.of(terms, contract.penalty_multiple, contract.penalty_year_days),
        rows=rows,
        anchor=anchor,
        period=contract.period,
        monthly_fee=fee,
        penalty_multiple=contract.penalty_multiple,
        penalty_year_days=contract.penalty_year_days,
        rolled=contract.rolled,
        conventions=contract.conventions,
        lent=terms.principal,
        last_first=contract.order(Mode.DUE).ahead is Ahead.LAST,
        rates=[(contract.disbursed_on, terms.annual_rate)],
    )
    actual_balance.give_sizes(book)
    return book


def _book(contract: Contract, events: Sequence[Event], on: date) -> Book:
    """The book after every effective event up to ``on``."""
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
