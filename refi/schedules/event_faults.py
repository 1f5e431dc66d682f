"""Events that cannot have happened to a contract are refused by name before anything is replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from refi.errors import Fault
from refi.money import MAX_AMOUNT
from refi.schedules.allocation import Component
from refi.schedules.amortization import MAX_INSTALLMENTS, InvalidTerms, Method, Terms
from refi.schedules.contract_events import (
    Charge,
    Chargeback,
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
from refi.schedules.conventions import Conventions, EarnedOn, InvalidConvention, PenaltyOn
from refi.schedules.dates import is_date

Found = tuple[str, str, str] | None
"""The field at fault, the code, and what is wrong in words."""

NOT_WITH = "not_with_actual_balance"


def check(terms: Terms, disbursed_on: date, conventions: Conventions, events: Sequence[Event]) -> None:
    """Raise `InvalidEvent` for the first event that cannot be, `InvalidConvention` if terms do not fit."""
    actual = conventions.interest is EarnedOn.ACTUAL_BALANCE
    if actual and terms.method is not Method.EQUAL_INSTALLMENT:
        raise InvalidConvention(
            "interest on the actual balance is for equal installments", faults=[Fault("/interest", "method")]
        )
    if actual and conventions.penalty_on is PenaltyOn.INSTALLMENT:
        raise InvalidConvention(
            "with interest on the actual balance a penalty is on principal",
            faults=[Fault("/penalty_on", NOT_WITH)],
        )
    seen: dict[str, Event] = {}
    for k, event in enumerate(events):
        fault = _fault(terms, disbursed_on, event, seen) or _refused(event, actual)
        if isinstance(event, Chargeback) and fault is None:
            fault = _too_much(event, seen)
        if fault is not None:
            pointer, code, detail = fault
            raise InvalidEvent(detail, faults=[Fault(f"/{k}/{pointer}", code)], event=event.id)
        seen[event.id] = event


def _fault(terms: Terms, disbursed_on: date, event: Event, seen: Mapping[str, Event]) -> Found:
    if event.id in seen:
        return "id", "twice", f"the event {event.id} is listed twice"
    if (wrong := _wrong_day(disbursed_on, event)) is not None:
        return wrong
    if isinstance(event, Reversal):
        return None if event.of in seen else ("of", "unknown", "only an earlier event is reversed")
    if isinstance(event, Receipt | Recovery | Waiver | Charge):
        return _wrong_money(event)
    if isinstance(event, Deferral) and not _fits(event.months, 12):
        return "months", "out_of_range", "a deferral is of 1 to 12 months"
    if isinstance(event, Reage | Reamortization):
        if event.installments is not None and not _fits(event.installments, MAX_INSTALLMENTS):
            return "installments", "out_of_range", "there are 1 to 60 installments"
        if isinstance(event, Reamortization) and event.annual_rate is not None:
            return _wrong_rate(terms, event.annual_rate)
    return None


def _wrong_day(disbursed_on: date, event: Event) -> Found:
    """Events have dates, none before the payout; a first due date is for the rule of its event to judge."""
    if not is_date(event.on):
        return "on", "not_a_date", f"{event.on!r} is not a date"
    if event.on < disbursed_on:
        return "on", "too_early", "nothing happens before the payout"
    first = event.first_due_on if isinstance(event, DueDateChange | Reage) else None
    if first is not None and not is_date(first):
        return "first_due_on", "not_a_date", f"{first!r} is not a date"
    return None


def _wrong_rate(terms: Terms, annual_rate: Decimal) -> Found:
    """A rate agreed anew is one that terms may have."""
    try:
        replace(terms, annual_rate=annual_rate)
    except InvalidTerms as refusal:
        return "annual_rate", refusal.faults[0].code, "no terms have that rate"
    return None


def _wrong_money(event: Receipt | Recovery | Waiver | Charge) -> Found:
    if isinstance(event, Receipt) and event.mode not in tuple(Mode):
        return "mode", "unknown", f"no mode is called {event.mode!r}"
    if isinstance(event, Waiver) and event.component not in tuple(Component):
        return "component", "unknown", f"no component is called {event.component!r}"
    if isinstance(event, Charge) and event.component not in (Component.FEE, Component.PENALTY):
        return "component", "unknown", "a charge is a fee or a penalty"
    if isinstance(event, Charge) and event.due_on is not None and event.installment is not None:
        return "due_on", "contradicts_installment", "a charge is on an installment or due on a day"
    fits = _fits(event.amount, MAX_AMOUNT)
    return None if fits else ("amount", "out_of_range", "an amount is a positive whole number")


def _fits(value: object, most: int) -> bool:
    return type(value) is int and 0 < value <= most


def _too_much(event: Chargeback, seen: Mapping[str, Event]) -> Found:
    """Only a receipt is charged back, and no more of it than was received and not yet taken back."""
    receipt = seen.get(event.of)
    if not isinstance(receipt, Receipt):
        return "of", "unknown", "only an earlier receipt is charged back"
    left = receipt.amount
    for earlier in _standing(seen):
        if isinstance(earlier, Chargeback) and earlier.of == event.of:
            left -= left if earlier.amount is None else earlier.amount
    if not _fits(left if event.amount is None else event.amount, left):
        return "amount", "out_of_range", "no more is charged back than was received"
    return None


def _standing(seen: Mapping[str, Event]) -> list[Event]:
    """The events that no later one reversed, oldest first; a reversal may itself be reversed."""
    undone: set[str] = set()
    found = []
    for event in reversed(list(seen.values())):
        if event.id not in undone:
            found.append(event)
            if isinstance(event, Reversal):
                undone.add(event.of)
    return found[::-1]


def _refused(event: Event, actual: bool) -> Found:
    """What interest on the actual balance has no rule for."""
    if not actual:
        if isinstance(event, InterestPause):
            return "type", "only_with_actual_balance", "interest is paused where it is on the actual balance"
        return None
    if isinstance(event, InterestPause) and event.ends_on < event.starts_on:
        return "ends_on", "too_early", "a pause ends after it begins"
    if isinstance(event, Deferral | DueDateChange):
        return "type", NOT_WITH, "dates do not move where interest is on the actual balance"
    if isinstance(event, Reamortization) and (event.installments is not None or event.annual_rate is None):
        return (
            "installments",
            NOT_WITH,
            "with interest on the actual balance only the rate changes; re_age levels what is overdue",
        )
    if isinstance(event, Receipt) and event.mode in (Mode.PREPAY_SHORTEN, Mode.PREPAY_LOWER):
        return "mode", NOT_WITH, "the order says which installments money in advance meets"
    return None
