"""Waivers, charge-offs and recoveries: worked figures and what must hold."""

from __future__ import annotations

from datetime import date

from refi.schedules.allocation import Component, Part
from refi.schedules.contract import (
    ChargeOff,
    Deferral,
    Event,
    Mode,
    Reage,
    Receipt,
    Recovery,
    Reversal,
    Status,
    Waiver,
    corrections,
    replay,
)
from tests.schedules.usual import DAY, FIRST, FLAT, LEVEL, LOAN, after


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


def test_fees_are_earned_and_waived_like_interest() -> None:
    day = date(2026, 12, 20)
    assert replay(FLAT, [], day).balances.fees == 2_323
    waived = replay(FLAT, [Waiver("w", day, 1_000, Component.FEE)], day)
    assert waived.balances.fees == 1_323
    assert waived.balances.total == 1_200_000 + 1_323
