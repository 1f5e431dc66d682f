"""Waivers, charge-off, recovery and terms agreed anew: worked figures and what must hold."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from refi.money import Rounding
from refi.schedules import bulk
from refi.schedules.allocation import MATRIX, Across, Component, Order, Part, When
from refi.schedules.amortization import Method, Terms, schedule
from refi.schedules.contract import (
    ChargeOff,
    Contract,
    Deferral,
    DueDateChange,
    Event,
    InstallmentState,
    InvalidEvent,
    Mode,
    Reage,
    Reamortization,
    Receipt,
    Recovery,
    Reversal,
    State,
    Status,
    Waiver,
    corrections,
    payoff,
    replay,
)
from refi.schedules.dates import BusinessDays, CalendarMissing, InvalidFirstDueDate, Rolling
from refi.schedules.day_count import DayCount

LOAN = Contract(Terms(1_200_000, Decimal("0.12"), 6), date(2026, 12, 10), date(2027, 1, 10))
LEVEL = 207_058
FIRST: list[Event] = [Receipt("one", date(2027, 1, 10), LEVEL)]
DAY = date(2027, 1, 20)


def after(event: Event, on: date = DAY) -> State:
    return replay(LOAN, [*FIRST, event], on)


def coming(state: State) -> list[InstallmentState]:
    assert tuple(state.ignored) == ()
    return [row for row in state.installments if row.status is Status.UPCOMING]


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


def test_a_waiver_gives_up_the_oldest_first_and_no_more_than_is_owed() -> None:
    day = date(2027, 2, 19)
    state = after(Waiver("w", day, 5_000), day)
    assert state.waivers["w"] == (Part(2, Component.PENALTY, 874),)
    assert state.balances.penalties == 0
    assert state.installments[1].status is Status.OVERDUE
    assert tuple(after(Waiver("w", DAY, 5_000), DAY).ignored) == ("w",)


def test_a_waived_installment_is_waived_and_the_day_count_follows() -> None:
    day = date(2027, 2, 10)
    events: list[Event] = [*FIRST]
    events += [Waiver(f"w{c}", day, 10**6, c, 2) for c in (Component.PRINCIPAL, Component.INTEREST)]
    state = replay(LOAN, events, date(2027, 2, 20))
    assert state.installments[1].status is Status.WAIVED
    assert state.installments[1].waived == LEVEL
    assert state.days_past_due == 0


def test_waiving_all_that_is_left_settles() -> None:
    rows = [Receipt(str(k), date(2027, k, 10), LEVEL) for k in range(1, 6)]
    day = date(2027, 6, 10)
    events: list[Event] = [*rows, Waiver("i", day, 10**7, Component.INTEREST)]
    events.append(Waiver("p", day, 10**7, Component.PRINCIPAL))
    state = replay(LOAN, events, day)
    assert state.settled
    assert state.balances.total == 0
    assert state.installments[5].status is Status.WAIVED
    assert tuple(replay(LOAN, [*events, Waiver("more", day, 1)], day).ignored) == ("more",)


def test_a_charge_off_stops_everything_and_recoveries_meet_principal_first() -> None:
    day = date(2027, 2, 19)
    off = ChargeOff("off", day)
    state = after(off, date(2027, 6, 1))
    assert state.charged_off_on == day
    assert state.charged_off == (1_004_942, 10_049 + 2_597, 0, 874)
    assert state.balances.total == 1_004_942 + 12_646 + 874
    assert (state.next_due_date, state.next_due_amount) == (None, 0)
    assert {row.status for row in state.installments[1:]} == {Status.CHARGED_OFF}
    recovered = replay(LOAN, [*FIRST, off, Recovery("r", date(2027, 5, 1), 500_000)], date(2027, 6, 1))
    assert {part.component for part in recovered.allocations["r"]} == {Component.PRINCIPAL}
    assert recovered.balances.principal == 504_942
    assert recovered.balances.interest == 12_646
    whole = replay(LOAN, [*FIRST, off, Recovery("r", date(2027, 5, 1), 2_000_000)], date(2027, 6, 1))
    assert whole.excess["r"] == 2_000_000 - state.balances.total
    assert whole.settled


def test_money_after_a_charge_off_is_a_recovery_whatever_it_is_called() -> None:
    off = ChargeOff("off", date(2027, 2, 19))
    one = replay(LOAN, [*FIRST, off, Recovery("r", date(2027, 5, 1), 9_999)], date(2027, 6, 1))
    two = replay(
        LOAN, [*FIRST, off, Receipt("r", date(2027, 5, 1), 9_999, Mode.PREPAY_LOWER)], date(2027, 6, 1)
    )
    assert one == two


def test_terms_cannot_change_once_charged_off() -> None:
    day = date(2027, 2, 19)
    for event in (Deferral("e", day, 1), Reage("e", day), ChargeOff("e", day)):
        state = replay(LOAN, [*FIRST, ChargeOff("off", day), event], day)
        assert tuple(state.ignored) == ("e",)


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


def test_interest_paid_in_advance_goes_back_to_principal_when_terms_change() -> None:
    ahead = Receipt("ahead", DAY, 10_049)
    state = replay(LOAN, [*FIRST, ahead, Reamortization("x", DAY, 5, Decimal(0))], DAY)
    assert state.rebates["x"] == 10_049 - 3_242
    assert sum(part.amount for part in state.rebate_parts["x"]) == 0


def test_flat_fees_follow_the_balance_they_are_the_price_of() -> None:
    terms = Terms(1_200_000, Decimal("0.12"), 12, Method.FLAT_FEE, Decimal("0.006"))
    contract = Contract(terms, date(2026, 12, 10))
    day = date(2027, 1, 10)
    events: list[Event] = [
        Receipt("one", day, 107_200),
        Receipt("pre", day, 550_000, Mode.PREPAY_LOWER),
    ]
    rows = replay(contract, events, day).installments[1:]
    assert {(row.principal, row.fee) for row in rows} == {(50_000, 3_600)}
    assert payoff(contract, events[:1], day).fees_saved == 11 * 7_200


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


def test_a_holiday_moves_the_due_date_and_nothing_else() -> None:
    sunday = date(2027, 1, 10)
    closed = frozenset(
        sunday + timedelta(days=k) for k in range(-400, 400) if (sunday + timedelta(days=k)).weekday() > 4
    )
    days = BusinessDays(closed, 2026, 2027)
    rolled = Contract(LOAN.terms, LOAN.disbursed_on, sunday, rolling=Rolling.FOLLOWING, business_days=days)
    state = replay(rolled, [], date(2027, 1, 11))
    plain = replay(LOAN, [], date(2027, 1, 11))
    assert state.installments[0].due_date == date(2027, 1, 11)
    assert (state.days_past_due, plain.days_past_due) == (0, 1)
    assert [row[2:5] for row in state.installments] == [row[2:5] for row in plain.installments]
    with pytest.raises(CalendarMissing):
        replay(
            Contract(LOAN.terms, date(2027, 9, 10), rolling=Rolling.FOLLOWING, business_days=days),
            [],
            date(2027, 9, 10),
        )


@pytest.mark.parametrize("rolling", [Rolling.PRECEDING, Rolling.MODIFIED_FOLLOWING])
def test_no_due_date_rolls_back_over_the_payout(rolling: Rolling) -> None:
    friday, saturday = date(2027, 1, 29), date(2027, 1, 30)
    days = BusinessDays(frozenset({saturday, date(2027, 1, 31)}), 2026, 2028)

    def replayed(paid_out: date) -> date:
        contract = Contract(LOAN.terms, paid_out, saturday, rolling=rolling, business_days=days)
        return replay(contract, [], paid_out).installments[0].due_date

    def planned(paid_out: date) -> date:
        return schedule(LOAN.terms, paid_out, saturday, rolling, days).installments[0].due_date

    def planned_in_bulk(paid_out: date) -> date:
        first = np.array(["2027-03-01", saturday], "datetime64[D]")
        book = bulk.loans([100, 100], 0, 1, np.datetime64(paid_out), first)
        due: date = bulk.schedules(book, 1, rolling, days).due_date[1, 0].item()
        return due

    for shown in (replayed, planned, planned_in_bulk):
        assert shown(date(2027, 1, 28)) == friday
        with pytest.raises(InvalidFirstDueDate, match="rolls back") as error:
            shown(friday)
        assert error.value.faults[0].code == "rolls_to_disbursed_on_or_before"


@pytest.mark.parametrize("rolling", [Rolling.PRECEDING, Rolling.MODIFIED_FOLLOWING])
def test_no_due_date_rolls_back_over_the_day_it_was_agreed(rolling: Rolling) -> None:
    saturday = date(2027, 1, 30)
    days = BusinessDays(frozenset({saturday, date(2027, 1, 31)}), 2026, 2028)
    contract = Contract(LOAN.terms, date(2026, 12, 20), rolling=rolling, business_days=days)
    for agreed_on, ignored in ((date(2027, 1, 28), ()), (date(2027, 1, 29), ("e",))):
        change, again = DueDateChange("e", agreed_on, saturday), Reage("e", agreed_on, 12, saturday)
        assert tuple(replay(contract, [change], agreed_on).ignored) == ignored
        assert tuple(replay(contract, [again], agreed_on).ignored) == ignored


@pytest.mark.parametrize("day_count", list(DayCount))
@pytest.mark.parametrize("method", [Method.EQUAL_INSTALLMENT, Method.EQUAL_PRINCIPAL, Method.FLAT_FEE])
def test_payoff_on_every_day_of_the_term(day_count: DayCount, method: Method) -> None:
    """It meets the schedule on due dates, starts at the principal, and never falls between them."""
    terms = Terms(1_200_000, Decimal("0.18"), 12, method, Decimal("0.004"), day_count)
    contract = Contract(terms, date(2027, 1, 31))
    rows = replay(contract, [], contract.disbursed_on).installments
    paid: list[Event] = []
    day, before = contract.disbursed_on, 1_200_000
    for row in rows:
        while day < row.due_date:
            quote = payoff(contract, paid, day)
            assert before <= quote.total
            assert quote.accrued_interest + quote.interest_saved == sum(
                r.interest for r in rows[row.number - 1 :]
            )
            before, day = quote.total, day + timedelta(days=1)
        assert payoff(contract, paid, day).total == row.amount + row.balance_after
        paid.append(Receipt(str(row.number), day, row.amount))
        before = row.balance_after


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


FLAT = Contract(Terms(1_200_000, Decimal("0.12"), 12, Method.FLAT_FEE, Decimal("0.006")), date(2026, 12, 10))


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


def test_prepayments_of_equal_shares() -> None:
    shares = Contract(Terms(1_200_000, Decimal("0.12"), 6, Method.EQUAL_PRINCIPAL), date(2026, 12, 10))
    day = date(2027, 1, 10)
    first = Receipt("one", day, 212_000)
    shorter = replay(shares, [first, Receipt("pre", day, 300_000, Mode.PREPAY_SHORTEN)], day).installments[1:]
    assert [row.principal for row in shorter] == [200_000, 200_000, 200_000, 100_000]
    assert [row.interest for row in shorter] == [7_000, 5_000, 3_000, 1_000]
    lower = replay(shares, [first, Receipt("pre", day, 300_000, Mode.PREPAY_LOWER)], day).installments[1:]
    assert [row.principal for row in lower] == [140_000] * 5


def test_a_prepayment_beyond_the_principal_meets_the_interest_of_the_period() -> None:
    events: list[Event] = [*FIRST, Receipt("two", date(2027, 2, 10), LEVEL)]
    day = date(2027, 2, 15)  # payoff 8,093.76: principal 8,079.33 and 14.43 of interest
    for mode in (Mode.PREPAY_SHORTEN, Mode.PREPAY_LOWER):
        state = replay(LOAN, [*events, Receipt("pre", day, 808_500, mode)], day)
        assert state.allocations["pre"] == (
            Part(0, Component.PRINCIPAL, 807_933),
            Part(3, Component.INTEREST, 567),
        )
        assert state.balances.total == state.balances.interest == 876
        assert not state.settled
        assert state.excess["pre"] == 0


def test_interest_paid_ahead_goes_back_when_a_prepayment_makes_it_too_much() -> None:
    events: list[Event] = [*FIRST, Receipt("ahead", DAY, 10_049)]
    state = replay(LOAN, [*events, Receipt("pre", DAY, 900_000, Mode.PREPAY_LOWER)], DAY)
    left = 1_004_942 - 900_000
    price = 3_242 + round(round(left / 100) * 21 / 31)
    assert state.rebates == {"pre": 10_049 - price}
    row = state.installments[1]
    assert (row.interest, row.paid_by.interest, row.paid_by.principal) == (price, price, 10_049 - price)


def test_a_charge_off_gives_back_what_was_collected_too_early() -> None:
    events: list[Event] = [*FIRST, Receipt("ahead", DAY, LEVEL), ChargeOff("off", DAY)]
    state = replay(LOAN, events, DAY)
    assert state.rebates == {"off": 10_049 - 3_242}
    assert state.charged_off == (1_004_942 - 197_009 - 6_807, 0, 0, 0)
    assert state.rebate_parts["off"][1] == Part(6, Component.PRINCIPAL, 6_807)  # the last debt first


def test_corrections_cover_excess_rebates_and_waivers() -> None:
    ahead = Receipt("ahead", DAY, LEVEL)
    end = Receipt("end", DAY, 900_000, Mode.PAYOFF)
    day = date(2027, 2, 19)
    late = Waiver("late", day, 300)
    before = replay(LOAN, [*FIRST, ahead, end], DAY)
    after_ = replay(LOAN, [*FIRST, ahead, end, Reversal("undo", DAY, "ahead")], DAY)
    change = corrections(before, after_)
    assert change["end"].excess == after_.excess["end"] - before.excess["end"] < 0
    assert sum(part.amount for part in change["end"].rebate_parts) == 0
    assert change["end"].rebate_parts[0] == Part(2, Component.INTEREST, 6_807)
    waived = replay(LOAN, [*FIRST, late], day)
    undone = replay(LOAN, [*FIRST, late, Reversal("undo", day, "late")], day)
    assert corrections(waived, undone)["late"].waiver_parts == (Part(2, Component.PENALTY, -300),)
    assert corrections(waived, waived) == {}


def test_halves_round_as_the_contract_says() -> None:
    for rounding, accrued in ((Rounding.HALF_UP, 1), (Rounding.HALF_EVEN, 0)):
        terms = Terms(1_500, Decimal("0.12"), 3, rounding=rounding)  # 15 of interest over 30 days
        contract = Contract(terms, date(2027, 4, 10))
        assert payoff(contract, [], date(2027, 4, 11)).accrued_interest == accrued
        day = date(2027, 4, 11)
        changed = replay(contract, [Reamortization("x", day)], day)
        assert changed.installments[0].interest == accrued + (15 if accrued else 14)
        assert replay(contract, [ChargeOff("off", day)], day).balances.interest == accrued
        daily_half = Terms(250, Decimal("0.73"), 1, rounding=rounding)
        late = Contract(daily_half, date(2027, 4, 10), penalty_multiple=Decimal(1))
        assert replay(late, [], date(2027, 5, 11)).balances.penalties == accrued


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


def test_an_extension_on_holidays_rolls_the_new_due_dates() -> None:
    closed = frozenset({date(2027, 8, 10)})
    days = BusinessDays(closed, 2026, 2028)
    contract = Contract(LOAN.terms, LOAN.disbursed_on, rolling=Rolling.FOLLOWING, business_days=days)
    state = replay(contract, [*FIRST, Reamortization("x", DAY, 9)], DAY)
    assert [row.due_date.day for row in state.installments] == [10] * 7 + [11] + [10] * 2


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


def test_a_price_already_paid_stays_when_no_debt_is_left_to_take_it() -> None:
    """Only an order that skips overdue debts can come here: all coming principal paid, then a rate of 0."""
    ahead = Order((Component.PRINCIPAL, Component.INTEREST), (When.IN_ADVANCE,), Across.COMPONENTS_OVERALL)
    contract = Contract(LOAN.terms, LOAN.disbursed_on, orders={**MATRIX, "due": ahead})
    paid: list[Event] = [Receipt("ahead", DAY, 1_004_942 + 30_000)]
    before = replay(contract, paid, DAY)
    state = replay(contract, [*paid, Reamortization("x", DAY, None, Decimal(0))], DAY)
    last = state.installments[5]
    assert (last.interest, last.paid_by.interest, last.outstanding) == (1_702, 1_702, 0)
    assert state.rebates == {}
    assert state.balances.total == before.balances.total


def test_after_a_change_within_a_period_the_rest_is_earned_evenly() -> None:
    lower = Reamortization("x", DAY, None, Decimal("0.06"))
    for days in (0, 5, 12, 21):
        on = DAY + timedelta(days=days)
        assert after(lower, on).balances.interest == 3_242 + round(3_404 * days / 21)


def test_on_its_due_date_an_installment_is_next_and_not_late() -> None:
    day = date(2027, 2, 10)
    state = replay(LOAN, FIRST, day)
    assert (state.on, state.next_due_date, state.next_due_amount) == (day, day, LEVEL)
    assert (state.balances.past_due, state.days_past_due) == (0, 0)


def test_one_unit_unpaid_is_late() -> None:
    day = date(2027, 2, 10)
    state = replay(LOAN, [*FIRST, Receipt("short", day, LEVEL - 1)], day + timedelta(days=1))
    assert (state.days_past_due, state.balances.past_due) == (1, 1)
    assert state.installments[1].status is Status.OVERDUE
    assert replay(LOAN, [*FIRST, Receipt("short", day, LEVEL - 1)], day).next_due_amount == 1


def test_fees_are_earned_and_waived_like_interest() -> None:
    day = date(2026, 12, 20)
    assert replay(FLAT, [], day).balances.fees == 2_323
    waived = replay(FLAT, [Waiver("w", day, 1_000, Component.FEE)], day)
    assert waived.balances.fees == 1_323
    assert waived.balances.total == 1_200_000 + 1_323
