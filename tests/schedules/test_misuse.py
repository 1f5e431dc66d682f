"""What may be handed over by mistake is refused by name, never taken for something else."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from refi import schedules
from refi.schedules import Contract, DateOutOfRange, InvalidCard, InvalidEvent, InvalidFlows, InvalidTerms
from tests.schedules.refused import case, check
from tests.schedules.usual import DAY, LOAN

CARD = schedules.Card(1_200_000, Decimal("0.1825"))
CARDS = schedules.cards([1_200_000, 600_000], 182_500)
PLANS = schedules.bulk_schedules(schedules.loans([1_200_000, 600_000], 120_000, 3, "2026-11-22"))
NOON = datetime(2027, 1, 20, 12)  # noqa: DTZ001 - no instant is meant
PENALTY = "a penalty is a decimal from 0 to 100 times the annual rate"
ROWS = "each card has a row of payments"
WHOLE = "payments are whole amounts from 0"


def contract(**changed: Any) -> Contract:
    return Contract(LOAN.terms, date(2026, 12, 10), **changed)


def event(made: Any) -> Any:
    return schedules.replay(LOAN, [made], DAY)


REFUSALS = [
    *(
        case(
            lambda rate=rate: contract(penalty_multiple=rate),
            InvalidTerms,
            PENALTY,
            "/penalty_multiple out_of_range",
        )
        for rate in (Decimal("NaN"), Decimal(-1), Decimal("100.1"), 1.5)
    ),
    case(
        lambda: contract(penalty_year_days=0),
        InvalidTerms,
        "a year of penalties has 360 or 365 days",
        "/penalty_year_days unknown",
    ),
    case(
        lambda: schedules.replay(LOAN, [], "2027-01-20"),  # type: ignore[arg-type]
        DateOutOfRange,
        "'2027-01-20' is not a date",
        "/on not_a_date",
    ),
    case(
        lambda: schedules.payoff(LOAN, [], NOON),
        DateOutOfRange,
        "datetime.datetime(2027, 1, 20, 12, 0) is not a date",
        "/on not_a_date",
    ),
    case(
        lambda: event(schedules.Deferral("d", DAY, 1.5)),  # type: ignore[arg-type]
        InvalidEvent,
        "a deferral is of 1 to 12 months",
        "/0/months out_of_range",
        event="d",
    ),
    case(
        lambda: event(schedules.DueDateChange("d", DAY, "2027-02-15")),  # type: ignore[arg-type]
        InvalidEvent,
        "'2027-02-15' is not a date",
        "/0/first_due_on not_a_date",
        event="d",
    ),
    case(
        lambda: event(schedules.Reage("r", DAY, 3, NOON)),
        InvalidEvent,
        "datetime.datetime(2027, 1, 20, 12, 0) is not a date",
        "/0/first_due_on not_a_date",
        event="r",
    ),
    case(
        lambda: event(schedules.Waiver("w", DAY, 1, "tea")),  # type: ignore[arg-type]
        InvalidEvent,
        "no component is called 'tea'",
        "/0/component unknown",
        event="w",
    ),
    case(
        lambda: schedules.year_fraction("30/365", DAY, DAY),  # type: ignore[arg-type]
        schedules.UnknownDayCount,
        "no day count is called '30/365'",
        "/day_count unknown",
    ),
    *(
        case(
            lambda paid=paid: schedules.same_payments(CARD, paid),
            InvalidCard,
            WHOLE,
            "/payments out_of_range",
        )
        for paid in ([], [-5], [1.5])
    ),
    *(
        case(
            lambda paid=paid: schedules.bulk_same_payments(CARDS, paid),
            InvalidCard,
            WHOLE,
            "/payments out_of_range",
        )
        for paid in ([[-5], [5]], [[0.5], [5.0]])
    ),
    *(
        case(
            lambda paid=paid: schedules.bulk_same_payments(CARDS, paid),
            InvalidCard,
            ROWS,
            "/payments length_differs",
        )
        for paid in ([[5]] * 3, [5, 5], np.zeros((2, 0), np.int64))
    ),
    case(
        lambda: schedules.bulk_compare(schedules.cards([1], 0), PLANS),
        InvalidCard,
        ROWS,
        "/payments length_differs",
    ),
    *(
        case(
            lambda paid=paid: schedules.bulk_unpaid(PLANS, paid),
            InvalidEvent,
            "what was paid is whole amounts from 0",
            "/paid out_of_range",
        )
        for paid in ([-1, 5], [0.5, 1.0])
    ),
    case(
        lambda: schedules.bulk_unpaid(PLANS, [1, 2, 3]),
        InvalidEvent,
        "each plan has one amount",
        "/paid length_differs",
    ),
    case(
        lambda: schedules.bulk_rates_of_flows([100.0], [[60, 60]]),
        InvalidFlows,
        "flows are whole amounts",
        "/amounts not_an_integer",
    ),
    case(
        lambda: schedules.bulk_rates_of_flows([100, 100], [[60, 60]]),
        InvalidFlows,
        "each advance has a row of payments",
        "/amounts length_differs",
    ),
]


@pytest.mark.parametrize("number", range(len(REFUSALS)))
def test_what_is_refused(number: int) -> None:
    check(REFUSALS[number])


def test_a_name_is_what_it_names() -> None:
    """A day count by its name is that day count: 31 days of January are one month of 30/360."""
    start, end = date(2027, 1, 1), date(2027, 2, 1)
    found = [schedules.year_fraction(name, start, end) for name in ("30/360", "actual/365")]  # type: ignore[arg-type]
    assert found == [Fraction(1, 12), Fraction(31, 365)]
    flows = [schedules.Flow(start, 100)], [schedules.Flow(date(2028, 1, 1), 110)]
    by_name = schedules.rates(*flows, "eu_effective")  # type: ignore[arg-type]
    assert by_name == schedules.rates(*flows, schedules.Regime.EU_EFFECTIVE)
    assert by_name.apr == Decimal("0.1")


def test_lists_are_as_good_as_arrays() -> None:
    rows = [[106_619] * 12] * 2
    same = schedules.bulk_same_payments(CARDS, rows)
    assert (
        same.total_interest.tolist()
        == schedules.bulk_same_payments(CARDS, np.array(rows)).total_interest.tolist()
    )
    assert schedules.bulk_unpaid(PLANS, 0).tolist() == PLANS.amount.tolist()
    assert schedules.bulk_unpaid(PLANS, [408_027, 0])[0].tolist() == [0, 408_027, 408_026]
    found = schedules.bulk_rates_of_flows([100], [[60, 60]])
    assert (
        found.apr.tolist()
        == schedules.bulk_rates_of_flows(np.array([100]), np.array([[60, 60]])).apr.tolist()
    )
