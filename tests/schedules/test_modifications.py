"""Terms agreed anew: deferral, due dates, re-ageing, other terms: worked figures and what must hold."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from refi.schedules.allocation import MATRIX, Across, Order
from refi.schedules.amortization import Terms
from refi.schedules.contract import (
    ChargeOff,
    Contract,
    Deferral,
    DueDateChange,
    Event,
    InvalidEvent,
    Reage,
    Reamortization,
    Receipt,
    Recovery,
    Reversal,
    Waiver,
    payoff,
    replay,
)
from tests.schedules.usual import DAY, FIRST, FLAT, LEVEL, LOAN, after, coming


def test_a_deferral_adds_the_interest_of_its_months_and_levels_anew() -> None:
    rows = coming(after(Deferral("d", DAY, 1)))
    assert [row.due_date for row in rows] == [date(2027, m, 10) for m in range(3, 8)]
    assert rows[0].interest == 20_099  # two months at 1 % on 10,049.42
    assert {row.amount for row in rows} == {209_108}


def test_a_free_deferral_moves_dates_only() -> None:
    rows = coming(after(Deferral("d", DAY, 2, interest_free=True)))
    assert [row.amount for row in rows] == [LEVEL] * 5
    assert rows[0].due_date == date(2027, 4, 10)
    assert sum(row.interest for row in rows) == 42_348 - 12_000


def test_a_due_date_change_charges_the_days_it_adds() -> None:
    rows = coming(after(DueDateChange("d", DAY, date(2027, 2, 25))))
    assert [row.due_date.day for row in rows] == [25] * 5
    assert rows[0].interest == 15_074  # 45 days of 30/360 at 12 % on 10,049.42
    assert {row.amount for row in rows} == {208_083}


def test_a_due_date_change_to_month_end_keeps_the_new_anchor() -> None:
    rows = coming(after(DueDateChange("d", DAY, date(2027, 1, 31))))
    assert [row.due_date for row in rows][:3] == [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31)]


def test_a_due_date_that_has_passed_is_ignored() -> None:
    state = after(DueDateChange("d", DAY, DAY))
    assert tuple(state.ignored) == ("d",)
    assert state.installments == replay(LOAN, FIRST, DAY).installments


def test_a_reage_makes_current_without_interest_on_interest() -> None:
    day = date(2027, 3, 20)
    before, state = replay(LOAN, FIRST, day), after(Reage("r", day), day)
    assert (before.days_past_due, state.days_past_due) == (38, 0)
    assert state.balances.past_due == 0
    assert state.balances.total == before.balances.total
    assert [row.amount for row in state.installments[3:]] == [341_272, 341_272, 341_273]
    late = state.installments[1:3]
    assert [(row.principal, row.interest, row.due_date) for row in late] == [
        (0, 10_049, date(2027, 6, 10)),
        (0, 8_079, date(2027, 6, 10)),
    ]
    much_later = after(Reage("r", day), date(2027, 6, 10))
    assert [row.penalty for row in much_later.installments[1:3]] == [row.penalty for row in late]


def test_a_reage_after_maturity_makes_new_installments() -> None:
    day = date(2027, 8, 1)
    event = Reage("r", day, 3, date(2027, 9, 1))
    state = after(event, day)
    fresh = state.installments[6:]
    assert [row.number for row in fresh] == [7, 8, 9]
    assert [row.due_date for row in fresh] == [date(2027, 9, 1), date(2027, 10, 1), date(2027, 11, 1)]
    assert sum(row.principal for row in fresh) == 1_004_942
    assert state.days_past_due == 0
    assert tuple(after(Reage("r", day, 3), day).ignored) == ("r",)
    assert tuple(after(Reage("r", day, None, date(2027, 9, 1)), day).ignored) == ("r",)


def test_a_reage_of_a_current_loan_is_ignored() -> None:
    assert tuple(after(Reage("r", DAY)).ignored) == ("r",)


def test_a_reamortization_extends() -> None:
    rows = coming(after(Reamortization("x", DAY, 9)))
    assert [row.number for row in rows] == list(range(2, 11))
    assert [row.amount for row in rows] == [117_317] * 8 + [117_320]
    assert sum(row.principal for row in rows) == 1_004_942


def test_a_reamortization_shortens() -> None:
    rows = coming(after(Reamortization("x", DAY, 2)))
    assert len(rows) == 2
    assert sum(row.principal for row in rows) == 1_004_942


def test_a_lower_rate_holds_from_its_day() -> None:
    rows = coming(after(Reamortization("x", DAY, None, Decimal("0.06"))))
    # 10 of 31 days at 1 %, 21 at 0.5 %: 32.42 + 34.04
    assert rows[0].interest == 3_242 + 3_404
    assert rows[1].interest == 4_036
    late = after(Reamortization("x", DAY, None, Decimal("0.06")), date(2027, 2, 20))
    overdue = late.installments[1]
    assert overdue.penalty == round(overdue.principal * 0.09 * 10 / 365)


def test_penalties_before_a_lower_rate_keep_theirs() -> None:
    day = date(2027, 2, 19)
    before = replay(LOAN, FIRST, day).installments[1]
    event = Reamortization("x", day, None, Decimal(0))
    assert after(event, day).installments[1].penalty == before.penalty == 874
    assert after(event, date(2027, 3, 1)).installments[1].penalty == 874


def test_terms_agreed_anew_never_change_what_is_owed_today() -> None:
    for day in (DAY, date(2027, 2, 10), date(2027, 3, 25)):
        before = replay(LOAN, FIRST, day).balances.total
        for event in (
            Deferral("e", day, 2),
            Deferral("e", day, 2, interest_free=True),
            DueDateChange("e", day, day + timedelta(days=25)),
            Reage("e", day),
            Reamortization("e", day, 12),
            Reamortization("e", day, None, Decimal("0.03")),
        ):
            state = after(event, day)
            assert state.balances.total == before, event
            assert payoff(LOAN, [*FIRST, event], day).total == before


@pytest.mark.parametrize(
    "event",
    [
        Waiver("e", date(2027, 2, 19), 100),
        ChargeOff("e", date(2027, 2, 19)),
        Recovery("e", date(2027, 2, 19), 5_000),
        Deferral("e", date(2027, 2, 19), 1),
        DueDateChange("e", date(2027, 2, 19), date(2027, 3, 25)),
        Reage("e", date(2027, 2, 19)),
        Reamortization("e", date(2027, 2, 19), 9),
    ],
)
def test_every_event_can_be_reversed(event: Event) -> None:
    later = Receipt("later", date(2027, 2, 25), 150_000)
    undo = Reversal("undo", date(2027, 3, 1), "e")
    for on in (date(2027, 3, 1), date(2027, 4, 20)):
        assert replay(LOAN, [*FIRST, event, later, undo], on) == replay(LOAN, [*FIRST, later], on)


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (Deferral("e", DAY, 0), "out_of_range"),
        (Deferral("e", DAY, 13), "out_of_range"),
        (Waiver("e", DAY, 0), "out_of_range"),
        (Recovery("e", DAY, -5), "out_of_range"),
        (Reamortization("e", DAY, 61), "out_of_range"),
        (Reage("e", DAY, 0), "out_of_range"),
    ],
)
def test_impossible_events_are_refused(event: Event, code: str) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        after(event)
    assert refusal.value.faults[0].code == code


def test_impossible_rates_are_refused() -> None:
    with pytest.raises(InvalidEvent):
        after(Reamortization("e", DAY, 3, Decimal(11)))


MONTH_END = Contract(Terms(1_200_000, Decimal("0.12"), 6), date(2026, 12, 31))
ENDS = [date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31), date(2027, 6, 30), date(2027, 7, 31)]


def test_month_ends_stay_month_ends_through_a_deferral() -> None:
    paid = Receipt("one", date(2027, 1, 31), LEVEL)
    state = replay(MONTH_END, [paid, Deferral("d", date(2027, 2, 10), 1)], date(2027, 2, 10))
    rows = coming(state)
    assert [row.due_date for row in rows] == ENDS
    assert rows[0].interest == 20_099  # from 31 Jan to 31 Mar are two months of 30 days
    assert [row.interest for row in rows[1:]] == [8_159, 6_150, 4_120, 2_070]
    free = replay(MONTH_END, [paid, Deferral("d", date(2027, 2, 10), 1, True)], date(2027, 2, 10))
    assert [row.due_date for row in coming(free)] == ENDS
    assert [row.interest for row in coming(free)] == [10_049, 8_079, 6_090, 4_080, 2_050]
    far = replay(MONTH_END, [paid, Deferral("d", date(2027, 2, 10), 2, True)], date(2027, 2, 10))
    assert [row.due_date for row in coming(far)] == [*ENDS[1:], date(2027, 8, 31)]


def test_month_ends_stay_month_ends_through_an_extension() -> None:
    paid = Receipt("one", date(2027, 1, 31), LEVEL)
    state = replay(MONTH_END, [paid, Reamortization("x", date(2027, 2, 10), 6)], date(2027, 2, 10))
    assert [row.due_date for row in coming(state)] == [date(2027, 2, 28), *ENDS]
    assert coming(state)[0].interest == 10_049


def test_a_month_end_start_and_a_new_day_are_counted_from_the_end_of_the_month() -> None:
    paid = [Receipt("one", date(2027, 1, 31), LEVEL), Receipt("two", date(2027, 2, 28), LEVEL)]
    change = DueDateChange("d", date(2027, 3, 5), date(2027, 3, 20))
    state = replay(MONTH_END, [*paid, change], date(2027, 3, 5))
    # 28 February stands for the 30th: 20 days, not 22
    assert coming(state)[0].interest == round(807_933 * 0.12 * 20 / 360)


def test_added_installments_of_a_flat_fee_carry_the_fee() -> None:
    rows = coming(replay(FLAT, [Reamortization("x", date(2027, 1, 5), 15)], date(2027, 1, 5)))
    assert [(row.principal, row.fee) for row in rows] == [(80_000, 7_200)] * 15


def test_a_reage_after_maturity_carries_the_fee_of_its_part() -> None:
    day = date(2028, 2, 1)
    paid = Receipt("p", date(2027, 1, 10), 6 * 107_200)
    state = replay(FLAT, [paid, Reage("r", day, 3, date(2028, 3, 1))], day)
    fresh = state.installments[12:]
    assert sum(row.principal for row in fresh) == 600_000
    assert {row.fee for row in fresh} == {3_600}


def test_penalties_add_up_over_every_rate_they_had() -> None:
    days = (date(2027, 2, 20), date(2027, 3, 2), date(2027, 3, 12))
    events: list[Event] = [
        *FIRST,
        Reamortization("a", days[0], None, Decimal("0.06")),
        Reamortization("b", days[1], None, Decimal("0.03")),
    ]
    row = replay(LOAN, events, days[2]).installments[1]
    assert row.penalty == round(197_009 * (0.18 * 10 + 0.09 * 10 + 0.045 * 10) / 365)


def test_an_installment_due_today_joins_a_reage_of_older_ones() -> None:
    day = date(2027, 3, 10)
    state = after(Reage("r", day), day)
    assert tuple(state.ignored) == ()
    assert [row.principal for row in state.installments[1:3]] == [0, 0]
    assert state.balances.past_due == 0
    assert tuple(after(Reage("r", date(2027, 2, 10)), date(2027, 2, 10)).ignored) == ("r",)


def test_a_plan_keeps_the_installments_that_money_has_met() -> None:
    ahead = Receipt("ahead", DAY, LEVEL + 50_000)
    state = replay(LOAN, [*FIRST, ahead, Reamortization("x", DAY, 1)], DAY)
    assert [row.number for row in state.installments] == [1, 2, 3]
    assert state.installments[2].paid == 50_000
    assert state.installments[2].principal == 807_933


def test_nothing_is_left_to_modify_after_maturity() -> None:
    day = date(2027, 7, 1)
    for event in (
        Deferral("e", day, 1),
        DueDateChange("e", day, date(2027, 8, 1)),
        Reamortization("e", day, 3),
    ):
        state = after(event, day)
        assert tuple(state.ignored) == ("e",)
        assert state.installments == replay(LOAN, FIRST, day).installments


def test_a_new_plan_is_not_shorter_than_the_installments_already_met() -> None:
    """With an order that meets all interest first, every coming installment is partly met."""
    orders = {**MATRIX, "due": Order(across=Across.COMPONENTS_OVERALL)}
    contract = Contract(LOAN.terms, LOAN.disbursed_on, orders=orders)
    paid: list[Event] = [Receipt("all interest", DAY, 42_348 + 195_058)]
    assert [row.paid_by.interest for row in replay(contract, paid, DAY).installments] == [
        12_000, 10_049, 8_079, 6_090, 4_080, 2_050]  # fmt: skip
    for count, ignored in ((4, ("x",)), (5, ())):
        state = replay(contract, [*paid, Reamortization("x", DAY, count)], DAY)
        assert tuple(state.ignored) == ignored
        assert all(
            row.outstanding >= 0 and row.principal >= row.paid_by.principal for row in state.installments
        )
        assert sum(row.principal for row in state.installments) == 1_200_000
