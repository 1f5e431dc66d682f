"""What a refused caller reads: the name, the sentence, the fields at fault and the facts of every refusal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from refi.money import MAX_AMOUNT
from refi.schedules import apr, caps, dates
from refi.schedules.allocation import Across, Ahead, InvalidOrder, Order, matrix, order
from refi.schedules.amortization import InvalidTerms, Method, Terms, level_amount, schedule
from refi.schedules.contract import (
    ChargeOff,
    Contract,
    Deferral,
    InvalidEvent,
    Reage,
    Reamortization,
    Receipt,
    Reversal,
    replay,
)
from refi.schedules.savings import Card, InvalidCard
from refi.schedules.solver import AmbiguousRate, NoRate, TimedFlow, period_rate
from refi.schedules.unit_periods import UnknownUnitPeriod, named
from tests.schedules.refused import case, check

DAY = date(2026, 12, 10)
ZERO = Decimal(0)
LOAN = Contract(Terms(1_200_000, Decimal("0.12"), 6), DAY)
CALENDAR = dates.BusinessDays(frozenset({date(2026, 12, 31)}), 2026, 2026)


def ask(**change: object) -> Callable[[], object]:
    """A well-formed question about a rate, changed."""
    flows = {"advances": [{"on": "2026-01-01", "amount": 1}], "payments": [{"on": "2026-02-01", "amount": 1}]}
    return lambda: apr.answer({**flows, **change})


def happened(*events: Any) -> Callable[[], object]:
    return lambda: replay(LOAN, events, date(2027, 2, 1))


REFUSALS = [
    case(
        lambda: Terms(0, Decimal(11), 61, monthly_fee_rate=Decimal(-1)),
        InvalidTerms,
        "the terms of the plan are not valid",
        "/principal not_positive, /installments too_large, "
        "/annual_rate too_large, /monthly_fee_rate negative",
    ),
    case(
        lambda: Terms(1.0, 0.12, 1),
        InvalidTerms,
        "the terms of the plan are not valid",
        "/principal not_an_integer, /annual_rate not_a_decimal",
    ),
    case(
        lambda: Terms(MAX_AMOUNT + 1, Decimal("0.0000000000001"), 1),
        InvalidTerms,
        "the terms of the plan are not valid",
        "/principal too_large, /annual_rate too_many_places",
    ),
    case(
        lambda: Terms(1, ZERO, 1, "lump", ZERO, "30/365", "up"),
        InvalidTerms,
        "the terms of the plan are not valid",
        "/method unknown, /day_count unknown, /rounding unknown",
    ),
    case(
        lambda: Terms(1, ZERO, 1, Method.INTEREST_FREE, Decimal(1)),
        InvalidTerms,
        "the terms of the plan are not valid",
        "/monthly_fee_rate not_allowed",
    ),
    case(
        lambda: level_amount(0, []),
        InvalidTerms,
        "the level payment has no value",
        "/principal out_of_range, /period_rates out_of_range",
    ),
    case(
        lambda: schedule(LOAN.terms, DAY, DAY),
        dates.InvalidFirstDueDate,
        "the first due date must come after the payout",
        "/first_due_on not_after_disbursed_on",
    ),
    case(
        lambda: dates.due_dates(DAY, 3, 31),
        dates.InvalidAnchorDay,
        "the first due date 2026-12-10 is not day 31 of its month",
        "/anchor_day contradicts_first_due_date",
    ),
    case(
        lambda: dates.add_months(date(1900, 1, 1), -1),
        dates.DateOutOfRange,
        "dates run from 1900 to 2299",
        "",
        year=1899,
    ),
    case(
        lambda: dates.add_months(date(2299, 12, 1), 1),
        dates.DateOutOfRange,
        "dates run from 1900 to 2299",
        "",
        year=2300,
    ),
    case(
        lambda: CALENDAR(date(2027, 1, 1)),
        dates.CalendarMissing,
        "no business calendar is loaded for 2027",
        "",
        year=2027,
    ),
    case(
        lambda: CALENDAR(date(2025, 12, 31)),
        dates.CalendarMissing,
        "no business calendar is loaded for 2025",
        "",
        year=2025,
    ),
    case(
        lambda: dates.rolled(DAY, dates.Rolling.FOLLOWING, None),
        dates.CalendarMissing,
        "due dates cannot be rolled without a business calendar",
    ),
    case(lambda: Order(()), InvalidOrder, "components are named once each", "/components invalid"),
    case(lambda: Order(when=()), InvalidOrder, "when are named once each", "/when invalid"),
    case(lambda: Order(in_advance=()), InvalidOrder, "in_advance are named once each", "/in_advance invalid"),
    case(
        lambda: Order(across=Across.COMPONENTS_OVERALL, ahead=Ahead.LAST),
        InvalidOrder,
        "components_overall knows no order of its own for debts in advance",
        "/across contradicts_in_advance",
    ),
    case(lambda: order("luck"), InvalidOrder, "no order is called 'luck'", " unknown"),
    case(lambda: order({"ahead": "soon"}), InvalidOrder, "ahead: 'soon'", "/ahead unknown"),
    case(lambda: named("moon"), UnknownUnitPeriod, "no unit period is called 'moon'", "/unit_period unknown"),
    case(ask(advances={}), apr.InvalidFlows, "the question is not well formed", "/advances not_a_list"),
    case(
        ask(
            payments=[{"on": "today", "amount": 1}, {"on": "2026-01-01", "amount": "1"}, 7, {"on": 20260101}]
        ),
        apr.InvalidFlows,
        "the question is not well formed",
        "/payments/0/on not_a_date, /payments/1/amount not_an_integer, "
        "/payments/2/on not_a_date, /payments/3/on not_a_date",
    ),
    case(
        ask(payments=[{"on": "20260101", "amount": 1}, {"on": "2026-W01-4", "amount": 1}]),
        apr.InvalidFlows,
        "the question is not well formed",
        "/payments/0/on not_a_date, /payments/1/on not_a_date",
    ),
    case(
        ask(regime="mars", unit_period=7),
        apr.InvalidFlows,
        "the question is not well formed",
        "/regime unknown, /unit_period unknown",
    ),
    case(
        ask(unit_period="moon"), UnknownUnitPeriod, "no unit period is called 'moon'", "/unit_period unknown"
    ),
    case(ask(payments=[]), apr.InvalidFlows, "flows are positive whole amounts on dates", "/payments empty"),
    case(ask(advances=[]), apr.InvalidFlows, "flows are positive whole amounts on dates", "/advances empty"),
    case(
        ask(
            advances=[{"on": "2026-01-01", "amount": 0}],
            payments=[{"on": "2026-02-01", "amount": MAX_AMOUNT + 1}],
        ),
        apr.InvalidFlows,
        "flows are positive whole amounts on dates",
        "/advances/0/amount out_of_range, /payments/0/amount out_of_range",
    ),
    case(
        ask(payments=[{"on": "2025-12-31", "amount": 1}]), NoRate, "a payment comes before the first advance"
    ),
    case(
        ask(payments=[{"on": "2026-01-01", "amount": 1}]),
        NoRate,
        "all is repaid on the day of the first advance",
    ),
    case(
        ask(advances=[{"on": "2026-01-01", "amount": 2}]),
        NoRate,
        "the payments do not repay what was advanced",
        "",
        advanced=2,
        repaid=1,
    ),
    case(lambda: period_rate([TimedFlow(1, 0)]), NoRate, "a rate needs at least one advance and one payment"),
    case(
        lambda: period_rate([TimedFlow(-1, 0)]), NoRate, "a rate needs at least one advance and one payment"
    ),
    case(
        lambda: period_rate([TimedFlow(-1, 0), TimedFlow(1, 1)]),
        NoRate,
        "a payment comes before the first advance",
    ),
    case(
        lambda: period_rate([TimedFlow(1, 0), TimedFlow(-(10**7), 1)]), NoRate, "the rate is beyond any limit"
    ),
    case(
        lambda: period_rate([TimedFlow(1000, 0), TimedFlow(-2300, 1), TimedFlow(1299, 2), TimedFlow(-1, 3)]),
        AmbiguousRate,
        "more than one rate fits: the payments run ahead of the advances",
    ),
    case(
        lambda: caps.check_fee(Decimal("0.0122"), Decimal("0.24"), 3),
        caps.PriceAboveCap,
        "the monthly fee 0.0122 is above 0.012130437145, "
        "which with compounding is the cap of 24 % a year, all costs included",
        "/monthly_fee_rate above_cap",
        highest="0.012130437145",
    ),
    case(
        lambda: caps.check_effective(Decimal("0.241"), Decimal("0.24")),
        caps.PriceAboveCap,
        "the effective annual rate 0.241 is above 0.24",
        "/annual_rate above_cap",
        cap="0.24",
    ),
    case(
        lambda: caps.check_penalty(Decimal("0.20"), Decimal("1.5"), Decimal("0.24")),
        caps.PriceAboveCap,
        "a penalty of 1.5 times 0.20 is above 0.24",
        "/penalty_multiple above_cap",
        cap="0.24",
    ),
    case(
        lambda: Card(0, Decimal("NaN"), Decimal(2), -1),
        InvalidCard,
        "the card's figures are not valid",
        "/balance out_of_range, /minimum_floor out_of_range, "
        "/annual_rate out_of_range, /minimum_rate out_of_range",
    ),
    case(
        happened(Receipt("a", DAY, 1), Receipt("a", DAY, 1)),
        InvalidEvent,
        "the event a is listed twice",
        "/1/id twice",
        event="a",
    ),
    case(
        happened(Receipt("a", date(2026, 12, 9), 1)),
        InvalidEvent,
        "nothing happens before the payout",
        "/0/on too_early",
        event="a",
    ),
    case(
        happened(Reversal("b", DAY, "a")),
        InvalidEvent,
        "only an earlier event is reversed",
        "/0/of unknown",
        event="b",
    ),
    case(
        happened(Receipt("a", DAY, 1, "someday")),
        InvalidEvent,
        "no mode is called 'someday'",
        "/0/mode unknown",
        event="a",
    ),
    case(
        happened(ChargeOff("c", DAY), Receipt("a", DAY, MAX_AMOUNT + 1)),
        InvalidEvent,
        "an amount is a positive whole number",
        "/1/amount out_of_range",
        event="a",
    ),
    case(
        happened(Receipt("a", DAY, 0)),
        InvalidEvent,
        "an amount is a positive whole number",
        "/0/amount out_of_range",
        event="a",
    ),
    case(
        happened(Deferral("d", DAY, 13)),
        InvalidEvent,
        "a deferral is of 1 to 12 months",
        "/0/months out_of_range",
        event="d",
    ),
    case(
        happened(Deferral("d", DAY, 0)),
        InvalidEvent,
        "a deferral is of 1 to 12 months",
        "/0/months out_of_range",
        event="d",
    ),
    case(
        happened(Reage("r", DAY, 0)),
        InvalidEvent,
        "there are 1 to 60 installments",
        "/0/installments out_of_range",
        event="r",
    ),
    case(
        happened(Reamortization("r", DAY, 61)),
        InvalidEvent,
        "there are 1 to 60 installments",
        "/0/installments out_of_range",
        event="r",
    ),
    case(
        happened(Reamortization("r", DAY, 6, Decimal(-1))),
        InvalidEvent,
        "no terms have that rate",
        "/0/annual_rate negative",
        event="r",
    ),
    case(
        lambda: schedule(LOAN.terms, "2026-12-10"),  # type: ignore[arg-type]
        dates.DateOutOfRange,
        "'2026-12-10' is not a date",
        "/disbursed_on not_a_date",
    ),
    case(
        lambda: schedule(LOAN.terms, DAY, datetime(2027, 1, 10)),  # noqa: DTZ001 - no instant is meant
        dates.DateOutOfRange,
        "datetime.datetime(2027, 1, 10, 0, 0) is not a date",
        "/first_due_on not_a_date",
    ),
    case(
        lambda: schedule(LOAN.terms, date(1899, 12, 31)),
        dates.DateOutOfRange,
        "dates run from 1900 to 2299",
        "/disbursed_on out_of_range",
    ),
    case(
        lambda: schedule(LOAN.terms, date(2299, 7, 1)),
        dates.DateOutOfRange,
        "dates run from 1900 to 2299",
        "/disbursed_on out_of_range",
    ),
    case(
        lambda: schedule(LOAN.terms, date(2299, 7, 1), date(2299, 8, 1)),
        dates.DateOutOfRange,
        "dates run from 1900 to 2299",
        "/first_due_on out_of_range",
    ),
    case(
        lambda: apr.rates([apr.Flow(DAY, 1)], [apr.Flow(DAY, 1)], "mars"),  # type: ignore[arg-type]
        apr.InvalidFlows,
        "no regime is called 'mars'",
        "/regime unknown",
    ),
    case(
        lambda: apr.rates([apr.Flow("2026-01-01", 1)], [apr.Flow(DAY, 1)]),  # type: ignore[arg-type]
        apr.InvalidFlows,
        "flows are positive whole amounts on dates",
        "/advances/0/on not_a_date",
    ),
    case(
        lambda: apr.of_installments(100, [50, -1, 60]),
        apr.InvalidFlows,
        "a payment is not negative",
        "/amounts/1 out_of_range",
    ),
    case(
        lambda: caps.highest_annual_rate(Decimal("NaN")),
        InvalidTerms,
        "a cap is a decimal from 0 to 1000, not NaN",
        "/cap out_of_range",
    ),
    case(
        lambda: caps.check_price(LOAN.terms, Decimal(-1)),
        InvalidTerms,
        "a cap is a decimal from 0 to 1000, not -1",
        "/cap out_of_range",
    ),
    case(
        lambda: caps.highest_annual_rate(Decimal("1000.1")),
        InvalidTerms,
        "a cap is a decimal from 0 to 1000, not 1000.1",
        "/cap out_of_range",
    ),
    case(
        lambda: caps.highest_monthly_fee(0.24, 3),  # type: ignore[arg-type]
        InvalidTerms,
        "a cap is a decimal from 0 to 1000, not 0.24",
        "/cap out_of_range",
    ),
    case(
        lambda: caps.highest_monthly_fee(Decimal("0.24"), 0),
        InvalidTerms,
        "a plan has 1 to 60 installments",
        "/installments out_of_range",
    ),
    case(
        lambda: caps.highest_monthly_fee(Decimal("0.24"), 61),
        InvalidTerms,
        "a plan has 1 to 60 installments",
        "/installments out_of_range",
    ),
    case(
        happened(Receipt("a", datetime(2026, 12, 20), 1)),  # noqa: DTZ001 - no instant is meant
        InvalidEvent,
        "datetime.datetime(2026, 12, 20, 0, 0) is not a date",
        "/0/on not_a_date",
        event="a",
    ),
]


@pytest.mark.parametrize("case", range(len(REFUSALS)))
def test_what_a_refused_caller_reads(case: int) -> None:
    check(REFUSALS[case])


def test_the_last_values_that_pass() -> None:
    """One step inside each limit nothing is refused."""
    Terms(MAX_AMOUNT, Decimal(10), 60, monthly_fee_rate=Decimal(1))
    Terms(1, Decimal("0.000000000001"), 1)
    Card(MAX_AMOUNT, Decimal(10), Decimal(1), MAX_AMOUNT)
    Card(1, ZERO, ZERO, 0)
    caps.check_fee(Decimal("0.012130437145"), Decimal("0.24"), 3)
    caps.check_effective(Decimal("0.24"), Decimal("0.24"))
    caps.check_penalty(ZERO, Decimal("1.5"), ZERO)
    assert dates.add_months(date(1900, 2, 1), -1) == date(1900, 1, 1)
    assert CALENDAR(date(2026, 1, 1)) is True
    assert CALENDAR(date(2026, 12, 31)) is False
    events = [
        Receipt("a", DAY, 1),
        Reversal("z", DAY, "a"),
        Deferral("d", DAY, 12),
        Deferral("e", DAY, 1),
        Reamortization("r", DAY, 60, Decimal(10)),
        Reage("g", DAY, 1),
        Receipt("m", DAY, MAX_AMOUNT),
    ]
    assert replay(LOAN, events, DAY).settled
    assert apr.rates([apr.Flow(DAY, 1)], [
        apr.Flow(date(2027, 1, 10), 1)]).apr == 0  # fmt: skip
    assert apr.rates([apr.Flow(DAY, MAX_AMOUNT)], [apr.Flow(date(2027, 1, 10), MAX_AMOUNT)]).apr == 0
    assert matrix(Order())["due"] == Order()
    assert schedule(LOAN.terms, date(2299, 6, 30)).installments[-1].due_date == date(2299, 12, 30)
    last = schedule(LOAN.terms, date(2299, 7, 1), date(2299, 7, 2)).installments[-1]
    assert last.due_date == date(2299, 12, 2)
    assert caps.highest_annual_rate(Decimal(1000)) > 0
    assert caps.highest_monthly_fee(Decimal("0.24"), 60) < caps.highest_monthly_fee(Decimal("0.24"), 1)
