"""Re-ageing in equal parts, to the minor unit: what stays, what moves, and where the parts fall due."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from refi.money import Rounding
from refi.schedules.allocation import Component
from refi.schedules.amortization import Terms
from refi.schedules.contract import (
    Charge,
    Contract,
    Deferral,
    Event,
    Mode,
    Reage,
    Receipt,
    State,
    Waiver,
    payoff,
    replay,
)
from refi.schedules.conventions import named
from refi.schedules.dates import BusinessDays, Rolling

PAYOUT = date(2026, 12, 10)
CLOSED = BusinessDays(
    frozenset({date(2027, 1, 9), date(2027, 1, 10), date(2027, 3, 10), date(2027, 4, 10)}), 2026, 2028
)


def loan(
    kind: str = "equal_payable_interest", principal: int = 1_200_000, fee_rate: str = "0", *,
    payout: date = PAYOUT, rounding: Rounding = Rounding.HALF_UP, rolling: Rolling = Rolling.NONE,
) -> Contract:  # fmt: skip
    terms = Terms(principal, Decimal("0.12"), 6, monthly_fee_rate=Decimal(fee_rate), rounding=rounding)
    return Contract(terms, payout, rolling=rolling, business_days=CLOSED, conventions=named({"re_age": kind}))


def owed(state: State) -> list[tuple[int, int, int, int]]:
    return [(row.principal, row.interest, row.fee, row.penalty) for row in state.installments]


def due(state: State) -> list[tuple[int, date]]:
    return [(row.number, row.due_date) for row in state.installments]


HISTORY: list[Event] = [
    Receipt("one", date(2027, 1, 10), 208_258),
    Waiver("fee", date(2027, 2, 12), 200, Component.FEE, 2),
    Charge("charge", date(2027, 2, 12), 3, Component.FEE, 2),
    Receipt("part", date(2027, 2, 15), 3_000),
    Waiver("interest", date(2027, 2, 16), 1_000, Component.INTEREST, 2),
    Waiver("penalty", date(2027, 2, 16), 50, Component.PENALTY, 2),
]
AGED_ON = date(2027, 2, 24)


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("equal_payable_interest", [*[(251_236, 2_895, 150, 206)] * 3, (251_234, 2_893, 150, 206)]),
        ("equal_full_interest", [*[(251_236, 6_959, 1_200, 206)] * 3, (251_234, 6_960, 1_200, 206)]),
    ],
)
def test_what_was_met_stays_and_the_rest_is_parted(kind: str, parts: list[tuple[int, int, int, int]]) -> None:
    """The second: of 10,049 interest 1,511 paid and 1,000 waived, of 1,203 fee 1,003 and 200, of 1,360
    penalty 486 and 50. With it goes half of the third's 8,079 and 1,200 (14 of 28 days), or all there is.
    """
    contract = loan(kind, fee_rate="0.001")
    before = replay(contract, HISTORY, AGED_ON)
    assert before.balances.penalties == 1_360 - 486 - 50
    assert before.balances.interest == 10_049 - 1_511 - 1_000 + 4_040
    events = [*HISTORY, Reage("aged", AGED_ON, 4, date(2027, 3, 10))]
    state = replay(contract, events, AGED_ON)
    assert owed(state) == [(195_058, 12_000, 1_200, 0), (0, 2_511, 1_203, 536), *parts]
    assert [row.paid_by for row in state.installments[1:3]] == [(0, 1_511, 1_003, 486), (0, 0, 0, 0)]
    assert due(state) == [(k, date(2027, k, 10)) for k in range(1, 7)]
    assert [row.balance_after for row in state.installments] == [
        1_004_942, 1_004_942, 753_706, 502_470, 251_234, 0,
    ]  # fmt: skip
    assert (state.balances.principal, state.balances.penalties) == (1_004_942, 824)
    assert (state.balances.past_due, state.days_past_due, tuple(state.ignored)) == (0, 0, ())
    quote = payoff(contract, events, AGED_ON)
    assert (quote.per_diem, quote.interest_saved, quote.total) == (0, 0, state.balances.total)
    if kind == "equal_payable_interest":
        assert state.balances.total == before.balances.total


def test_parts_are_those_of_the_plan_unless_told_otherwise() -> None:
    told = replay(loan(), [*HISTORY, Reage("aged", AGED_ON, 4, date(2027, 3, 10))], AGED_ON)
    assert replay(loan(), [*HISTORY, Reage("aged", AGED_ON)], AGED_ON).installments == told.installments
    one = replay(loan(), [*HISTORY, Reage("aged", AGED_ON, 1)], AGED_ON)
    assert len(one.installments) == 3
    assert one.installments[2].outstanding == told.balances.total


@pytest.mark.parametrize(
    ("rounding", "interest"), [(Rounding.HALF_UP, 10_051 + 4_041), (Rounding.HALF_EVEN, 10_051 + 4_040)]
)
def test_the_half_of_a_unit_earned_by_the_day(rounding: Rounding, interest: int) -> None:
    """14 of 28 days of 8,081."""
    contract = loan(principal=1_200_200, rounding=rounding)
    paid = Receipt("one", date(2027, 1, 10), 207_092)
    state = replay(contract, [paid, Reage("aged", AGED_ON, 4)], AGED_ON)
    assert (replay(contract, [paid], AGED_ON).installments[2].interest, state.balances.interest) == (
        8_081, interest,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "count", "rounding", "parts"),
    [
        (5, 2, Rounding.HALF_UP, [3, 2]),
        (5, 2, Rounding.HALF_EVEN, [2, 3]),
        (1, 4, Rounding.HALF_UP, [0, 0, 0, 1]),
        (2, 4, Rounding.HALF_UP, [0, 0, 0, 2]),
        (3, 4, Rounding.HALF_UP, [1, 1, 1, 0]),
        (6, 4, Rounding.HALF_UP, [2, 2, 2, 0]),
        (5, 1, Rounding.HALF_UP, [5]),
    ],
)
def test_the_last_part_takes_the_residue_and_is_never_below_zero(
    amount: int, count: int, rounding: Rounding, parts: list[int]
) -> None:
    day = date(2027, 2, 20)
    events = [Charge("charge", day, amount), Reage("aged", day, count)]
    state = replay(loan(rounding=rounding), events, day)
    assert [row.fee for row in state.installments] == [0, 0, *parts]
    assert all(type(row.fee) is int for row in state.installments)


def test_what_fell_due_that_day_stays_as_an_installment_of_nothing() -> None:
    """18 % a year of 195,058 for 31 days are 2,982."""
    day = date(2027, 2, 10)
    state = replay(loan(), [Reage("aged", day, 3)], day)
    assert owed(state) == [
        *[(0, 0, 0, 0)] * 2, *[(400_000, 7_350, 0, 994)] * 2, (400_000, 7_349, 0, 994),
    ]  # fmt: skip
    assert due(state) == [(k, date(2027, k, 10)) for k in range(1, 6)]


def test_without_an_installment_that_stays_numbers_begin_anew() -> None:
    """The first is due on Friday the 8th, before the weekend in which its period ends."""
    contract = loan(rolling=Rolling.PRECEDING)
    day = date(2027, 1, 9)
    assert due(replay(contract, [], day))[0] == (1, date(2027, 1, 8))
    state = replay(contract, [Reage("aged", day, 2, date(2027, 2, 10))], day)
    assert due(state) == [(1, date(2027, 2, 10)), (2, date(2027, 3, 9))]
    assert owed(state) == [(600_000, 5_807, 0, 48), (600_000, 5_806, 0, 48)]


def test_new_due_dates_move_off_holidays() -> None:
    day = date(2027, 2, 10)
    state = replay(loan(rolling=Rolling.FOLLOWING), [Reage("aged", day, 3)], day)
    assert due(state) == [
        (1, date(2027, 1, 11)), (2, date(2027, 2, 10)), (3, date(2027, 3, 11)), (4, date(2027, 4, 11)),
        (5, date(2027, 5, 10)),
    ]  # fmt: skip


def test_a_last_day_of_a_month_keeps_the_day_that_was_agreed() -> None:
    day = date(2028, 2, 10)
    events = [Reage("aged", day, 4, date(2028, 2, 29))]
    state = replay(loan(payout=date(2027, 1, 31)), events, day)
    assert [on for _, on in due(state)[6:]] == [
        date(2028, 2, 29), date(2028, 3, 31), date(2028, 4, 30), date(2028, 5, 31),
    ]  # fmt: skip


def test_another_day_of_the_month_is_the_one_agreed_from_then_on() -> None:
    """Every 31st; put off by a month in April, the second part falls due on 31 May."""
    events: list[Event] = [
        Reage("aged", date(2027, 2, 20), 4, date(2027, 3, 31)),
        Deferral("deferred", date(2027, 4, 1), 1),
    ]
    state = replay(loan(), events, date(2027, 4, 1))
    assert [on for _, on in due(state)[2:]] == [
        date(2027, 3, 31), date(2027, 5, 31), date(2027, 6, 30), date(2027, 7, 31),
    ]  # fmt: skip


def test_nothing_more_is_earned_when_money_comes_ahead() -> None:
    """100,000 ahead on the day after: the principal is spread anew, the interest of 9,378 is what it was."""
    aged = replay(loan(), [*HISTORY, Reage("aged", AGED_ON, 4)], AGED_ON)
    assert owed(aged)[2:] == [*[(251_236, 2_345, 0, 206)] * 3, (251_234, 2_343, 0, 206)]
    events: list[Event] = [
        *HISTORY,
        Reage("aged", AGED_ON, 4),
        Receipt("ahead", date(2027, 2, 25), 100_000, Mode.PREPAY_LOWER),
    ]
    state = replay(loan(), events, date(2027, 2, 25))
    assert owed(state)[2:] == [*[(224_477, 2_345, 0, 206)] * 3, (231_511, 2_343, 0, 206)]
