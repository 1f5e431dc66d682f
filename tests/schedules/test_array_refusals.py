"""What a refused caller of the array functions reads, and the last values that pass."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from refi.money import MAX_AMOUNT
from refi.schedules import array_allocation, array_arrears, array_rates, array_savings, array_servicing, dates
from refi.schedules.allocation import Ahead, Component, InvalidOrder, Order
from refi.schedules.amortization import InvalidTerms, Method
from refi.schedules.bulk import loans, schedules
from refi.schedules.contract import InvalidEvent
from refi.schedules.savings import InvalidCard
from refi.schedules.solver import NoRate
from tests.schedules.refused import case, check

DAY = date(2026, 12, 10)
DAY64 = np.datetime64(DAY)
PLANS = schedules(loans([100, 100], 0, 3, DAY64))
CALENDAR = dates.BusinessDays(frozenset({date(2026, 12, 31)}), 2026, 2026)
EARLY, LATE = np.datetime64("1890-01-01"), np.datetime64("2299-12-01")
NOT_VALID = "the terms of the loans are not valid"

REFUSALS = [
    case(
        lambda: array_savings.cards([0], 0),
        InvalidCard,
        "the cards' figures are not valid",
        "/balance/0 out_of_range",
    ),
    case(lambda: array_savings.cards([1, 2], [1, 2, 3]), InvalidCard, "the arrays differ in length"),
    case(
        lambda: loans([1, 0], [0, -1], [1, 61], DAY64),
        InvalidTerms,
        "the terms of the loans are not valid",
        "/principal/1 out_of_range, /annual_rate/1 out_of_range, /installments/1 out_of_range",
    ),
    case(
        lambda: loans([1.5], 0, 1, DAY64),
        InvalidTerms,
        "the terms of the loans are not valid",
        "/principal not_an_integer",
    ),
    case(
        lambda: loans([1, 1], 0, 1, DAY64, method=Method.INTEREST_FREE, monthly_fee_rate=[0, 1]),
        InvalidTerms,
        "the terms of the loans are not valid",
        "/monthly_fee_rate/1 not_allowed",
    ),
    case(
        lambda: loans([1, 1], [0] * 3, 1, DAY64),
        InvalidTerms,
        "the arrays differ in length",
        "/annual_rate length_differs",
        lengths={"principal": 2, "annual_rate": 3},
    ),
    case(
        lambda: schedules(loans([1, 1], 0, 1, DAY64, [DAY64 + 1, DAY64])),
        dates.InvalidFirstDueDate,
        "the first due date must come after the payout",
        "/first_due_on/1 not_after_disbursed_on",
    ),
    case(
        lambda: schedules(loans(1, 0, 1, EARLY)),
        dates.DateOutOfRange,
        "dates run from 1900 to 2299",
        "/disbursed_on out_of_range",
    ),
    case(
        lambda: schedules(loans(1, 0, 1, DAY64, LATE)),
        dates.DateOutOfRange,
        "dates run from 1900 to 2299",
        "/first_due_on out_of_range",
    ),
    case(
        lambda: schedules(loans(1, 0, 1, DAY64), 1, dates.Rolling.PRECEDING),
        dates.CalendarMissing,
        "due dates cannot be rolled without a business calendar",
    ),
    case(
        lambda: schedules(loans(1, 0, 1, DAY64), 1, dates.Rolling.PRECEDING, CALENDAR),
        dates.CalendarMissing,
        "no business calendar is loaded for some of the due dates",
    ),
    case(
        lambda: schedules(
            loans(1, 0, 1, DAY64, np.datetime64("2026-12-31")), 1, dates.Rolling.FOLLOWING, CALENDAR
        ),
        dates.CalendarMissing,
        "the next business day lies in a year without a calendar",
    ),
    case(
        lambda: array_rates.of_flows(np.array([1, 3]), np.array([[1, 1], [1, 1]])),
        NoRate,
        "the payments do not repay what was advanced",
        "/amounts/1 too_low",
    ),
    case(
        lambda: array_rates.of_flows(np.array([1]), np.array([[10**7]])),
        NoRate,
        "the rate is beyond any limit",
    ),
    case(
        lambda: array_servicing.receipts([0], [DAY64], [0]),
        InvalidEvent,
        "no amount is that",
        "/amount/0 out_of_range",
    ),
    case(
        lambda: array_servicing.receipts([0.5], [DAY64], [1]),
        InvalidEvent,
        "loans are whole numbers",
        "/loan not_an_integer",
    ),
    case(lambda: array_servicing.receipts([0], [DAY64], [1, 1]), InvalidEvent, "the arrays differ in length"),
    case(
        lambda: array_servicing.positions(PLANS, DAY64, array_servicing.receipts([2], [DAY64], [1])),
        InvalidEvent,
        "nothing is received before a payout",
        "/loan/0 unknown",
    ),
    case(
        lambda: array_servicing.positions(PLANS, DAY64, array_servicing.receipts([1], [DAY64 - 1], [1])),
        InvalidEvent,
        "nothing is received before a payout",
        "/on/0 too_early",
    ),
    case(
        lambda: array_servicing.positions(
            schedules(loans(MAX_AMOUNT, 0, 1, DAY64)), np.datetime64("2099-01-01")
        ),
        InvalidEvent,
        "principal × days is too large",
        "/on out_of_range",
    ),
    case(
        lambda: array_allocation.allocate(
            np.array([1]),
            dict.fromkeys(Component, np.ones((1, 1), np.int64)),
            np.zeros((1, 1), np.int64),
            Order(ahead=Ahead.EVENLY),
        ),
        InvalidOrder,
        "loans in bulk cannot be met evenly",
        "/ahead not_in_bulk",
    ),
    case(lambda: loans([5, 10**30], 0, 1, DAY64), InvalidTerms, NOT_VALID, "/principal/1 out_of_range"),
    case(lambda: loans([True], 0, 1, DAY64), InvalidTerms, NOT_VALID, "/principal not_an_integer"),
    case(lambda: loans(["１２３"], 0, 1, DAY64), InvalidTerms, NOT_VALID, "/principal not_an_integer"),
    case(lambda: loans(1, Decimal("0.12"), 1, DAY64), InvalidTerms, NOT_VALID, "/annual_rate not_an_integer"),
    case(lambda: loans(1, 0, 1, DAY64, method="lump"), InvalidTerms, NOT_VALID, "/method unknown"),
    case(
        lambda: loans([1, 1], 0, 1, DAY64, day_count=["30/360", "30/365"], rounding="up"),
        InvalidTerms,
        NOT_VALID,
        "/day_count/1 unknown, /rounding unknown",
    ),
    case(lambda: loans(1, 0, 1, "2026-02-30"), InvalidTerms, NOT_VALID, "/disbursed_on not_a_date"),
    case(lambda: loans(1, 0, 1, "today"), InvalidTerms, NOT_VALID, "/disbursed_on not_a_date"),
    case(lambda: loans(1, 0, 1, DAY64, "2027"), InvalidTerms, NOT_VALID, "/first_due_on not_a_date"),
    case(
        lambda: loans([1, 1], 0, 1, [DAY64, np.datetime64("NaT")]),
        InvalidTerms,
        NOT_VALID,
        "/disbursed_on/1 not_a_date",
    ),
    case(
        lambda: loans([[1, 2]], 0, 1, DAY64),
        InvalidTerms,
        "arrays of loans have one dimension",
        "/principal not_one_dimension",
    ),
    case(
        lambda: array_servicing.positions(PLANS, "2027-02-30"),
        dates.DateOutOfRange,
        "'2027-02-30' is not a date",
        "/on not_a_date",
    ),
    case(
        lambda: array_arrears.payoffs(PLANS, "now"),
        dates.DateOutOfRange,
        "'now' is not a date",
        "/on not_a_date",
    ),
]


@pytest.mark.parametrize("case", range(len(REFUSALS)))
def test_what_a_refused_caller_reads(case: int) -> None:
    check(REFUSALS[case])


def test_the_last_values_that_pass() -> None:
    """One step inside each limit nothing is refused."""
    loans([1, MAX_AMOUNT], [0, 10**7], [1, 60], DAY64, monthly_fee_rate=[0, 10**6])
    loans([1], 0, 1, DAY64, method=Method.INTEREST_FREE, monthly_fee_rate=[0])
    assert array_servicing.receipts([0], [DAY64], [MAX_AMOUNT]).amount.tolist() == [MAX_AMOUNT]
    assert array_servicing.positions(PLANS, DAY64, array_servicing.receipts([1], [DAY64], [1])).total[1] == 99


def test_names_and_dates_are_taken_as_people_write_them() -> None:
    """Choices by their names, days as text, `date` or ``datetime64`` of any unit, no loans at all."""
    written = schedules(loans([100, 100], 0, 3, "2026-12-10", method="equal_installment", rounding="half_up"))
    assert written.due_date.tolist() == PLANS.due_date.tolist()
    assert written.amount.tolist() == PLANS.amount.tolist()
    for on in (
        "2027-02-19",
        date(2027, 2, 19),
        np.datetime64("2027-02-19"),
        np.datetime64("2027-02-19T10:00"),
    ):
        assert array_servicing.positions(PLANS, on).days_past_due.tolist() == [40, 40]
        assert array_arrears.payoffs(PLANS, on).total.tolist() == [34, 34]
        assert array_arrears.days_past_due(PLANS.due_date, PLANS.amount, on).tolist() == [40, 40]
    assert schedules(loans([], 0, 3, DAY64)).amount.shape == (0, 0)
