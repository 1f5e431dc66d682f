"""Worked cases, JSON in and JSON out: what is read, what is refused and where, and the whole answer."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from refi.errors import Fault, Refused
from refi.money import MAX_AMOUNT, Rounding
from refi.schedules import cases
from refi.schedules.allocation import MATRIX, Component, InvalidOrder, order
from refi.schedules.amortization import InvalidTerms, Method, Terms
from refi.schedules.cases import InvalidCase, answer, calendar, calendar_of
from refi.schedules.contract import (
    Charge,
    Chargeback,
    ChargeOff,
    Contract,
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
    replay,
)
from refi.schedules.conventions import InvalidConvention, named
from refi.schedules.dates import BusinessDays, CalendarMissing, Rolling
from refi.schedules.day_count import DayCount
from refi.schedules.periods import Period

Json = dict[str, Any]
LOAN: Json = {"principal": 1_200_000, "annual_rate": "0.12", "installments": 6, "disbursed_on": "2026-12-10"}
PAYOUT = date(2026, 12, 10)
JANUARY = date(2027, 1, 10)
ILL_FORMED = "the case is not well formed"


def asked(monkeypatch: pytest.MonkeyPatch, question: Json) -> tuple[Contract, list[Event], date]:
    """The contract, the events and the day that a case is replayed with."""
    seen: list[Any] = []
    monkeypatch.setattr(cases, "replay", lambda *given: seen.append(given) or replay(*given))
    answer(question)
    [(contract, events, on)] = seen
    return contract, events, on


def happening(kind: str, **fields: Any) -> Json:
    return {"type": kind, "on": "2027-01-10", **fields}


NO_CONVENTION = "there is no such convention"


def test_what_is_not_said_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    contract, events, on = asked(monkeypatch, LOAN)
    assert contract == Contract(
        Terms(1_200_000, Decimal("0.12"), 6, Method.EQUAL_INSTALLMENT, Decimal(0), DayCount.THIRTY_360,
              Rounding.HALF_UP),
        PAYOUT, None, Decimal("1.5"), 365, None, Rolling.NONE, None, named({}),
    )  # fmt: skip
    assert (contract.orders, events, on) == (None, [], PAYOUT)
    nothing = dict.fromkeys(
        [
            "first_due_on",
            "penalty_multiple",
            "rolling",
            "conventions",
            "orders",
            "calendar",
            "on",
            "method",
            "events",
        ]
    )
    assert asked(monkeypatch, {**LOAN, **nothing})[0] == contract


def test_everything_that_is_said_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    contract, _, on = asked(
        monkeypatch,
        {
            "id": "loan", "note": "a case", "expected": {}, "events": [],
            "principal": 1_000, "annual_rate": 1, "installments": 3, "method": "equal_principal",
            "monthly_fee_rate": "0.01", "day_count": "actual/365", "rounding": "half_even",
            "disbursed_on": "2026-12-10", "first_due_on": "2027-01-20", "penalty_multiple": "2",
            "penalty_year_days": 360, "rolling": "preceding", "on": "2027-01-01",
            "conventions": {"re_age": "equal_full_interest", "order": "principal_first"},
            "orders": {"due": "due_only", "recovery": {"components": ["principal"]}},
            "calendar": {"closed": ["2027-01-20"], "weekends": "open"},
            "period": "2_weeks", "down_payment": 100, "penalty_grace_days": 3,
        },
    )  # fmt: skip
    assert contract == Contract(
        Terms(1_000, Decimal(1), 3, Method.EQUAL_PRINCIPAL, Decimal("0.01"), DayCount.ACTUAL_365,
              Rounding.HALF_EVEN),
        PAYOUT, date(2027, 1, 20), Decimal(2), 360, None, Rolling.PRECEDING,
        BusinessDays(frozenset({date(2027, 1, 20)}), 2027, 2027),
        named({"re_age": "equal_full_interest", "order": "principal_first"}), Period(days=14), 100, None, 3,
    )  # fmt: skip
    assert on == date(2027, 1, 1)
    assert contract.order("due") == order("due_only")
    assert contract.order("recovery") == order({"components": ["principal"]})
    assert contract.order("prepay_lower").components == order("principal_first").components
    assert set(contract.orders or {}) == set(MATRIX)


def test_every_kind_of_event_becomes_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """First with nothing but what must be given, then with everything."""
    least = [
        happening("payment", amount=1_000),
        happening("reversal", of="payment_1"),
        happening("payment", amount=2_000),
        happening("chargeback", of="payment_3"),
        happening("charge", amount=5),
        happening("waiver", amount=6),
        happening("deferral", months=2),
        happening("due_date_change", first_due_on="2027-03-20"),
        happening("re_age"),
        happening("re_amortization"),
        happening("charge_off"),
        happening("recovery", amount=7),
    ]
    _, events, on = asked(monkeypatch, {**LOAN, "events": least})
    assert events == [
        Receipt("payment_1", JANUARY, 1_000, Mode.DUE),
        Reversal("reversal_2", JANUARY, "payment_1"),
        Receipt("payment_3", JANUARY, 2_000, Mode.DUE),
        Chargeback("chargeback_4", JANUARY, "payment_3", None),
        Charge("charge_5", JANUARY, 5, Component.FEE, None),
        Waiver("waiver_6", JANUARY, 6, Component.PENALTY, None),
        Deferral("deferral_7", JANUARY, 2, interest_free=False),
        DueDateChange("due_date_change_8", JANUARY, date(2027, 3, 20)),
        Reage("re_age_9", JANUARY, None, None),
        Reamortization("re_amortization_10", JANUARY, None, None),
        ChargeOff("charge_off_11", JANUARY),
        Recovery("recovery_12", JANUARY, 7),
    ]
    assert on == JANUARY
    most = [
        happening("payment", id="p", amount=1_000, mode="prepay_shorten"),
        happening("chargeback", id="b", of="p", amount=3),
        happening("charge", id="c", amount=5, component="penalty", installment=2),
        happening("charge", id="e", amount=5, due_on="2027-02-20"),
        happening("waiver", id="w", amount=6, component="interest", installment=3),
        happening("deferral", id="d", months=2, interest_free=True),
        happening("re_age", id="a", installments=5, first_due_on="2027-03-20", period="15_days"),
        happening("re_amortization", id="r", installments=4, annual_rate="0.06"),
        {"type": "charge_off", "id": "o", "on": "2027-01-11"},
        happening("recovery", id="x", amount=7),
    ]
    _, events, on = asked(monkeypatch, {**LOAN, "events": most})
    assert events == [
        Receipt("p", JANUARY, 1_000, Mode.PREPAY_SHORTEN),
        Chargeback("b", JANUARY, "p", 3),
        Charge("c", JANUARY, 5, Component.PENALTY, 2),
        Charge("e", JANUARY, 5, Component.FEE, None, date(2027, 2, 20)),
        Waiver("w", JANUARY, 6, Component.INTEREST, 3),
        Deferral("d", JANUARY, 2, interest_free=True),
        Reage("a", JANUARY, 5, date(2027, 3, 20), Period(days=15)),
        Reamortization("r", JANUARY, 4, Decimal("0.06")),
        ChargeOff("o", date(2027, 1, 11)),
        Recovery("x", JANUARY, 7),
    ]
    assert on == date(2027, 1, 11)
    pause = happening("interest_pause", starts_on="2027-01-11", ends_on="2027-01-12")
    names = {"interest": "actual_balance"}
    _, events, _ = asked(monkeypatch, {**LOAN, "conventions": names, "events": [pause]})
    assert events == [InterestPause("interest_pause_1", JANUARY, date(2027, 1, 11), date(2027, 1, 12))]
    assert set(cases.EVENTS) == {item["type"] for item in (*least, pause)}


DATES = ["2026-02-30", "20261210", "2026-W50-4", "2026-12-1", "2026-12-10T", "２026-12-10", 20261210, True]
RATES = [0.12, True, "NaN", "Infinity", "", "1_0", "１", "a tenth", "0" * 65, [], "0,1"]
WHOLE = [1.0, "1", True, [1]]
TEXTS = ["", "x" * 65, 7, ["x"]]

REFUSED: list[tuple[Json, str]] = [
    *[({"disbursed_on": value}, "/disbursed_on not_a_date") for value in DATES],
    *[({"annual_rate": value}, "/annual_rate not_a_decimal") for value in RATES],
    *[({"principal": value}, "/principal not_an_integer") for value in WHOLE],
    *[({"events": [happening("charge_off", id=value)]}, "/events/0/id not_text") for value in TEXTS],
    *[({name: []}, f"/{name} not_an_object") for name in ("conventions", "orders", "calendar")],
    *[
        ({name: value}, f"/{name} unknown")
        for name in ("method", "day_count", "rounding", "rolling", "period")
        for value in ("soon", 1, ["half_up"])
    ],
    ({"events": [happening("deferral", months=1, interest_free=1)]}, "/events/0/interest_free not_a_boolean"),
    ({"disbursed_on": None, "principal": None}, "/principal missing, /disbursed_on missing"),
    ({"zeal": 1, "color": 1, "principal": "1"}, "/principal not_an_integer, /color unknown, /zeal unknown"),
    ({"events": {}}, "/events not_a_list"),
    ({"on": "1899-12-31"}, "/on out_of_range"),
    ({"on": "2300-01-01"}, "/on out_of_range"),
    ({"events": [happening("charge_off")] * 201}, "/events too_many"),
    (
        {"events": [1, {}, {"type": []}, happening("charge_off", on="x")]},
        "/events/0 not_an_object, /events/1/type unknown, /events/2/type unknown, /events/3/on not_a_date",
    ),
    (
        {"events": [happening("charge_off"), happening("payment", of="x", at=1)]},
        "/events/1/amount missing, /events/1/at unknown, /events/1/of unknown",
    ),
    ({"penalty_year_days": 364}, "/penalty_year_days unknown"),
    ({"penalty_grace_days": -1}, "/penalty_grace_days out_of_range"),
    ({"penalty_grace_days": 367}, "/penalty_grace_days out_of_range"),
    *[
        ({"penalty_multiple": value}, "/penalty_multiple out_of_range")
        for value in ("-0.1", "100.000000000001", "0.0000000000001", 101, "1E+999999", "1E-999999")
    ],
    ({"calendar": {}}, "/calendar/closed missing"),
    ({"calendar": {"closed": "2027-01-11"}}, "/calendar/closed not_a_list"),
    ({"calendar": {"closed": ["2027-01-11", "2027-01-32"]}}, "/calendar/closed not_a_date"),
    ({"calendar": {"closed": []}}, "/calendar/closed empty"),
    ({"calendar": {"closed": ["1900-12-31", "2201-01-01"]}}, "/calendar/closed out_of_range"),
    (
        {"calendar": {"closed": ["2027-01-11"], "open": [1], "weekends": "half", "sundays": 1}},
        "/calendar/open not_a_date, /calendar/weekends unknown, /calendar/sundays unknown",
    ),
]  # fmt: skip


def faults_of(text: str) -> tuple[Fault, ...]:
    """From 'pointer code, pointer code'."""
    return tuple(Fault(*each.split(" ")) for each in text.split(", "))


@pytest.mark.parametrize(("changes", "faults"), REFUSED)
def test_a_case_that_is_not_well_formed_is_refused_at_every_place(changes: Json, faults: str) -> None:
    with pytest.raises(InvalidCase) as refused:
        answer({**LOAN, **changes})
    assert (str(refused.value), refused.value.faults) == (ILL_FORMED, faults_of(faults))


def test_a_calendar_has_a_longest_length() -> None:
    days = [(date(1900, 1, 1) + timedelta(days=k)).isoformat() for k in range(20_001)]
    faults: list[Fault] = []
    assert calendar({"closed": days[1:]}, faults).last_year == 1954
    assert faults == []
    calendar({"closed": days}, faults)
    assert faults == [Fault("/calendar/closed", "too_many")]


def test_the_last_values_that_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step inside each limit nothing is refused."""
    for changes in (
        {"penalty_multiple": "100"},
        {"penalty_multiple": "0.000000000001"},
        {"penalty_multiple": 0},
        {"penalty_year_days": 360},
        {"calendar": {"closed": ["1900-12-31", "2200-01-01"]}},
        {"events": [happening("charge_off", id=f"{k}") for k in range(200)]},
        {"events": [happening("charge_off", id="x" * 64)]},
        {"principal": MAX_AMOUNT},
        {"on": "2026-12-10"},
        {"on": "2299-12-31"},
    ):
        asked(monkeypatch, {**LOAN, **changes})
    longest = asked(monkeypatch, {**LOAN, "annual_rate": "0.12".zfill(64)})[0]
    assert longest.terms.annual_rate == Decimal("0.12")


SAID: list[tuple[Json, type[Refused], str, str]] = [
    ({"on": "2026-12-09"}, InvalidCase, "the day is before the payout", "/on too_early"),
    (
        {"conventions": {"ahead": "soonest", "x": 1}},
        InvalidConvention,
        NO_CONVENTION,
        "/conventions/ahead unknown, /conventions/x unknown",
    ),
    ({"conventions": {"order": 1}}, InvalidConvention, NO_CONVENTION, "/conventions/order unknown"),
    (
        {"conventions": {"order": "principal_first", "ahead": "last"}},
        InvalidConvention,
        NO_CONVENTION,
        "/conventions/across contradicts_in_advance",
    ),
    (
        {"orders": {"gift": "by_law"}},
        InvalidOrder,
        "no transaction is called 'gift'",
        "/orders/gift unknown",
    ),
    ({"orders": {"due": 1}}, InvalidOrder, "no order is called '1'", "/orders/due unknown"),
    ({"orders": {"due": {"ahead": "soon"}}}, InvalidOrder, "ahead: 'soon'", "/orders/due/ahead unknown"),
    (
        {"method": "flat_fee", "conventions": {"interest": "actual_balance"}},
        InvalidConvention,
        "interest on the actual balance is for equal installments",
        "/conventions/interest method",
    ),
    ({"principal": -1}, InvalidTerms, "the terms of the plan are not valid", "/principal not_positive"),
    (
        {"events": [happening("charge_off"), happening("payment", amount=0)]},
        InvalidEvent,
        "an amount is a positive whole number",
        "/events/1/amount out_of_range",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "kind", "sentence", "faults"), SAID)
def test_what_refuses_points_into_the_case(
    changes: Json, kind: type[Refused], sentence: str, faults: str
) -> None:
    with pytest.raises(kind) as refused:
        answer({**LOAN, **changes})
    assert type(refused.value) is kind
    assert (str(refused.value), refused.value.faults) == (sentence, faults_of(faults))
    assert refused.value.facts == ({"event": "payment_2"} if kind is InvalidEvent else {})


def test_dates_roll_by_the_calendar_of_the_case() -> None:
    """10 January 2027 is a Sunday that is worked, 10 March is closed, 10 April a Saturday."""
    loan = {**LOAN, "installments": 4, "rolling": "following"}
    closed = {"closed": ["2027-03-10"], "open": ["2027-01-10"]}
    found = answer({**loan, "calendar": closed})
    assert [row["due_date"] for row in found["installments"]] == [
        "2027-01-10", "2027-02-10", "2027-03-11", "2027-04-12",
    ]  # fmt: skip
    found = answer({**loan, "calendar": {**closed, "weekends": "open"}})
    assert [row["due_date"] for row in found["installments"]][2:] == ["2027-03-11", "2027-04-10"]
    without = "due dates cannot be rolled without a business calendar"
    for calendar_of_it, said, facts in (
        (None, without, {}),
        ({"closed": ["2026-12-25"]}, "no business calendar is loaded for 2027", {"year": 2027}),
    ):
        with pytest.raises(CalendarMissing) as refused:
            answer({**loan, "calendar": calendar_of_it})
        assert (str(refused.value), refused.value.facts) == (said, facts)
        assert refused.value.faults == (Fault("/calendar", "missing"),)


def test_a_calendar_covers_the_years_that_it_names() -> None:
    faults: list[Fault] = []
    found = calendar({"closed": ["2027-01-11"], "open": ["2028-01-02"], "weekends": "open"}, faults)
    assert found == BusinessDays(frozenset({date(2027, 1, 11)}), 2027, 2028)
    found = calendar({"closed": ["2027-01-11"], "open": ["2026-12-27"]}, faults)
    assert (found.first_year, found.last_year) == (2026, 2027)
    assert len(found.closed) == 104 + 104 + 1 - 1  # weekends, one holiday, one worked day
    assert {date(2026, 1, 3), date(2027, 12, 26), date(2027, 1, 11)} < found.closed
    assert date(2026, 12, 27) not in found.closed
    found = calendar(
        {"closed": ["2022-06-01"], "weekends": "closed"}, faults
    )  # both ends of 2022 are at weekends
    assert (min(found.closed), max(found.closed)) == (date(2022, 1, 1), date(2022, 12, 31))
    assert len(found.closed) == 105 + 1
    assert faults == []


def test_a_list_of_holidays() -> None:
    text = "# 2027\n 2027-03-10 # spring\n\n+ 2027-01-10 # worked # long\n2027-05-03\n"
    assert calendar_of(text) == calendar({"closed": ["2027-03-10", "2027-05-03"], "open": ["2027-01-10"]}, [])
    for wrong, code in (("", "empty"), ("# nothing", "empty"), ("soon", "not_a_date")):
        with pytest.raises(InvalidCase) as refused:
            calendar_of(wrong)
        assert str(refused.value) == "that is not a list of holidays"
        assert refused.value.faults == (Fault("/calendar/closed", code),)
