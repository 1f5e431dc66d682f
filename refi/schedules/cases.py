"""A whole worked case, JSON in and JSON out: terms, conventions and events, and the loan that they make.

``refi contract`` and ``POST /sandbox/v1/contracts`` are this function. Amounts are minor units, rates decimal
text, dates ``YYYY-MM-DD``; the names are those of the API and of `refi.schedules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from refi.errors import Fault, Refused
from refi.money import Rounding
from refi.schedules import conventions
from refi.schedules.allocation import MATRIX, Component, InvalidOrder, Order, matrix, order
from refi.schedules.amortization import MAX_INSTALLMENTS, MAX_RATE_PLACES, Method, Terms
from refi.schedules.case_reading import (
    Field,
    Reader,
    a_date,
    a_period,
    a_rate,
    a_truth,
    a_whole_number,
    an_object,
    dates,
    one_of,
    some_text,
)
from refi.schedules.case_showing import closing, shown
from refi.schedules.contract import Contract, Planned, payoff, replay
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
from refi.schedules.dates import BusinessDays, CalendarMissing, Rolling
from refi.schedules.day_count import DayCount
from refi.schedules.opening import MOST_PENALTY
from refi.schedules.periods import MONTH

MOST_EVENTS = 200
LONGEST_CALENDAR = 20_000
LONGEST_GRACE = 366
DAY = timedelta(days=1)


class InvalidCase(Refused):
    """The case is not well formed; the faults point to every place."""

    code = "validation_failed"


class Weekends(StrEnum):
    """Whether Saturdays and Sundays are days without business."""

    CLOSED = "closed"
    OPEN = "open"


AMOUNT = Field("amount", a_whole_number)
EVENTS: Mapping[str, tuple[type[Any], tuple[Field, ...]]] = {
    "payment": (Receipt, (AMOUNT, Field("mode", one_of(Mode), Mode.DUE))),
    "reversal": (Reversal, (Field("of", some_text),)),
    "chargeback": (Chargeback, (Field("of", some_text), Field("amount", a_whole_number, None))),
    "charge": (
        Charge,
        (
            AMOUNT,
            Field("component", one_of(Component), Component.FEE),
            Field("installment", a_whole_number, None),
            Field("due_on", a_date, None),
        ),
    ),
    "waiver": (
        Waiver,
        (
            AMOUNT,
            Field("component", one_of(Component), Component.PENALTY),
            Field("installment", a_whole_number, None),
        ),
    ),
    "deferral": (Deferral, (Field("months", a_whole_number), Field("interest_free", a_truth, False))),
    "due_date_change": (DueDateChange, (Field("first_due_on", a_date),)),
    "re_age": (
        Reage,
        (
            Field("installments", a_whole_number, None),
            Field("first_due_on", a_date, None),
            Field("period", a_period, None),
        ),
    ),
    "re_amortization": (
        Reamortization,
        (Field("installments", a_whole_number, None), Field("annual_rate", a_rate, None)),
    ),
    "charge_off": (ChargeOff, ()),
    "interest_pause": (InterestPause, (Field("starts_on", a_date), Field("ends_on", a_date))),
    "recovery": (Recovery, (AMOUNT,)),
}
"""The kinds of events: what each becomes, and its fields beside ``type``, ``id`` and ``on``."""

TERMS = (
    Field("principal", a_whole_number),
    Field("annual_rate", a_rate),
    Field("installments", a_whole_number),
    Field("method", one_of(Method), Method.EQUAL_INSTALLMENT),
    Field("monthly_fee_rate", a_rate, Decimal(0)),
    Field("day_count", one_of(DayCount), DayCount.THIRTY_360),
    Field("rounding", one_of(Rounding), Rounding.HALF_UP),
)
CONTRACT = (
    Field("disbursed_on", a_date),
    Field("first_due_on", a_date, None),
    Field("penalty_multiple", a_rate, Decimal("1.5")),
    Field("penalty_year_days", a_whole_number, 365),
    Field("penalty_grace_days", a_whole_number, 0),
    Field("rolling", one_of(Rolling), Rolling.NONE),
    Field("period", a_period, MONTH),
    Field("down_payment", a_whole_number, 0),
)
PLANNED = (
    Field("due_date", a_date),
    Field("principal", a_whole_number),
    *(Field(name, a_whole_number, 0) for name in ("interest", "fee")),
)
BESIDE = (
    Field("on", a_date, None),
    Field("conventions", an_object, {}),
    Field("orders", an_object, {}),
    Field("calendar", an_object, None),
)
PASSED_OVER = {"id", "events", "plan", "expected", "note"}


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """What ``refi contract`` answers: the loan of a case on its day ``on`` (default: that of the last event).

    Raises `InvalidCase` with a pointer to each fault of form, or what refuses the terms, the conventions, the
    orders or an event (`InvalidTerms`, `InvalidConvention`, `InvalidOrder`, `InvalidEvent`, …).
    """
    faults: list[Fault] = []
    reader = Reader(question, faults)
    terms, rest, beside = (reader.read(fields) for fields in (TERMS, CONTRACT, BESIDE))
    reader.only({field.name for field in (*TERMS, *CONTRACT, *BESIDE)} | PASSED_OVER)
    events, plan = _events(reader), _plan(reader)
    business_days = None if beside["calendar"] is None else calendar(beside["calendar"], faults)
    if rest["penalty_year_days"] not in (360, 365):
        reader.wrong("penalty_year_days", "unknown")
    if not 0 <= rest["penalty_grace_days"] <= LONGEST_GRACE:
        reader.wrong("penalty_grace_days", "out_of_range")
    multiple = rest["penalty_multiple"]
    if not 0 <= multiple <= MOST_PENALTY or multiple.as_tuple().exponent < -MAX_RATE_PLACES:
        reader.wrong("penalty_multiple", "out_of_range")
    if faults:
        raise InvalidCase("the case is not well formed", faults=faults)
    named = _conventions(beside["conventions"])
    contract = Contract(
        Terms(**terms),
        **rest,
        orders=_orders(beside["orders"], named.order),
        business_days=business_days,
        conventions=named,
        plan=plan,
    )
    return _answer(contract, events, beside["on"])


def _answer(contract: Contract, events: list[Event], on: date | None) -> dict[str, Any]:
    day = on or max([contract.disbursed_on, *(event.on for event in events)])
    if day < contract.disbursed_on:
        raise InvalidCase("the day is before the payout", faults=[Fault("/on", "too_early")])
    try:
        state = replay(contract, events, day)
        return {**shown(contract, state), "payoff": closing(payoff(contract, events, day))}
    except InvalidEvent as refusal:
        faults = [Fault(f"/events{fault.pointer}", fault.code) for fault in refusal.faults]
        raise InvalidEvent(refusal.detail, faults=faults, **refusal.facts) from refusal
    except conventions.InvalidConvention as refusal:
        raise _of_conventions(refusal) from refusal
    except CalendarMissing as refusal:
        faults = [Fault("/calendar", "missing")]
        raise CalendarMissing(refusal.detail, faults=faults, **refusal.facts) from refusal


def _events(reader: Reader) -> list[Event]:
    found: list[Event] = []
    for k, item in enumerate(reader.items("events", MOST_EVENTS), start=1):
        kind = item.value.get("type")
        if not isinstance(kind, str) or kind not in EVENTS:
            item.wrong("type", "unknown")
            continue
        made, fields = EVENTS[kind]
        common = (Field("id", some_text, f"{kind}_{k}"), Field("on", a_date))
        parts = item.read((*common, *fields))
        item.only({"type", "id", "on", *(field.name for field in fields)})
        if not reader.faults:
            found.append(made(**parts))
    return found


def _plan(reader: Reader) -> tuple[Planned, ...] | None:
    """The installments themselves, where the case says them."""
    found = []
    for item in reader.items("plan", MAX_INSTALLMENTS):
        row = item.read(PLANNED)
        item.only({field.name for field in PLANNED})
        found.append(Planned(row["due_date"], row["principal"], row["interest"], row["fee"]))
    return None if reader.value.get("plan") is None else tuple(found)


def _conventions(given: Mapping[str, Any]) -> conventions.Conventions:
    try:
        return conventions.named({name: str(value) for name, value in given.items()})
    except conventions.InvalidConvention as refusal:
        raise _of_conventions(refusal) from refusal


def _of_conventions(refusal: conventions.InvalidConvention) -> conventions.InvalidConvention:
    """The same refusal, pointing into the case."""
    faults = [Fault(f"/conventions{fault.pointer}", fault.code) for fault in refusal.faults]
    return conventions.InvalidConvention(refusal.detail, faults=faults)


def _orders(given: Mapping[str, Any], by_convention: Order) -> dict[str, Order] | None:
    """An order for each kind of transaction that names one; the others keep that of the conventions."""
    if not given:
        return None
    found = dict(matrix(by_convention))
    for kind, value in given.items():
        if kind not in MATRIX:
            raise InvalidOrder(
                f"no transaction is called {kind!r}", faults=[Fault(f"/orders/{kind}", "unknown")]
            )
        try:
            found[kind] = order(value if isinstance(value, dict) else str(value))
        except InvalidOrder as refusal:
            faults = [Fault(f"/orders/{kind}{fault.pointer}", fault.code) for fault in refusal.faults]
            raise InvalidOrder(refusal.detail, faults=faults) from refusal
    return found


def calendar(given: Mapping[str, Any], faults: list[Fault]) -> BusinessDays:
    """The business days of ``{"closed": [D…], "open": [D…], "weekends": "closed"|"open"}``.

    ``open`` are the days of a weekend that are worked. The calendar covers the years that it names days of.
    """
    reader = Reader(given, faults, "/calendar")
    fields = (
        Field("closed", dates),
        Field("open", dates, ()),
        Field("weekends", one_of(Weekends), Weekends.CLOSED),
    )
    read = reader.read(fields)
    reader.only({field.name for field in fields})
    if not isinstance(read["closed"], tuple):
        return BusinessDays(frozenset(), 1, 1)
    shut = set(read["closed"])
    if not shut or len(shut) > LONGEST_CALENDAR:
        reader.wrong("closed", "empty" if not shut else "too_many")
        return BusinessDays(frozenset(), 1, 1)
    first, *_, last = sorted(on.year for on in (*shut, *shut, *read["open"]))
    if last - first > 300:
        reader.wrong("closed", "out_of_range")
    elif read["weekends"] is Weekends.CLOSED:
        days = (date(last, 12, 31) - date(first, 1, 1)).days + 1
        shut |= {on for on in (date(first, 1, 1) + k * DAY for k in range(days)) if on.weekday() >= 5}
    return BusinessDays(frozenset(shut - set(read["open"])), first, last)


def calendar_of(text: str) -> BusinessDays:
    """The business days of a list of holidays: a date a line, ``+`` before a worked day of a weekend.

    Saturdays and Sundays are closed. What follows ``#`` is a remark. Raises `InvalidCase`.
    """
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    faults: list[Fault] = []
    given = {
        "closed": [line for line in lines if line and not line.startswith("+")],
        "open": [line.removeprefix("+").strip() for line in lines if line.startswith("+")],
    }
    found = calendar(given, faults)
    if faults:
        raise InvalidCase("that is not a list of holidays", faults=faults)
    return found
