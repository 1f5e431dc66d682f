"""The life of a contract: golden figures and what must hold for any history."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from refi.schedules.allocation import AHEAD, ORDERS, Component, Order, Part, When, matrix, total
from refi.schedules.amortization import Method, Terms
from refi.schedules.contract import (
    ChargeOff,
    Contract,
    Event,
    Mode,
    Receipt,
    Reversal,
    Status,
    corrections,
    payoff,
    replay,
)
from refi.schedules.contract_events import InvalidEvent
from tests.schedules.usual import LEVEL, LOAN

FIRST_TWO: list[Event] = [
    Receipt("one", date(2027, 1, 10), LEVEL),
    Receipt("two", date(2027, 2, 10), LEVEL),
]


def test_golden_payoff_of_the_borrower_page() -> None:
    quote = payoff(LOAN, FIRST_TWO, date(2027, 2, 15))
    assert (quote.principal, quote.accrued_interest, quote.fees, quote.penalties) == (807933, 1443, 0, 0)
    assert (quote.total, quote.interest_saved, quote.per_diem) == (809376, 18856, 289)
    assert quote.good_through == date(2027, 2, 15)


def test_what_one_more_day_costs() -> None:
    """Interest of the running period and penalty on overdue principal; nothing once settled."""
    late = payoff(LOAN, FIRST_TWO[:1], date(2027, 2, 19))
    assert late.per_diem == round(8_079 / 28 + 197_009 * 0.18 / 365)
    assert late.interest_saved == 20_299 - 2_597
    over = payoff(LOAN, FIRST_TWO, date(2027, 7, 1))
    assert over.per_diem == round(807_933 * 0.18 / 365)
    assert (over.interest_saved, over.fees_saved, over.unearned_credit) == (0, 0, 0)
    assert payoff(LOAN, FIRST_TWO, date(2027, 6, 10)).per_diem == round(807_933 * 0.18 / 365)
    flat = Contract(Terms(1_200_000, Decimal(0), 12, Method.FLAT_FEE, Decimal("0.006")), date(2026, 12, 10))
    quote = payoff(flat, [], date(2026, 12, 20))
    assert (quote.fees, quote.per_diem) == (round(7_200 * 10 / 31), round(7_200 / 31))
    assert quote.fees_saved == 12 * 7_200 - quote.fees
    end = Receipt("end", date(2027, 2, 15), 809_376, Mode.PAYOFF)
    settled = payoff(LOAN, [*FIRST_TWO, end], date(2027, 2, 16))
    assert (settled.per_diem, settled.total, settled.interest_saved) == (0, 0, 0)
    off = payoff(LOAN, [*FIRST_TWO, ChargeOff("off", date(2027, 2, 15))], date(2027, 8, 1))
    assert (off.per_diem, off.total) == (0, 809_376)


def test_golden_penalty_nine_days_late() -> None:
    state = replay(LOAN, FIRST_TWO[:1], date(2027, 2, 19))
    assert state.days_past_due == 9
    assert state.bucket == "M1"
    assert state.oldest_unpaid_due_on == date(2027, 2, 10)
    assert state.balances.penalties == state.installments[1].penalty == 874
    assert state.balances.past_due == LEVEL
    assert state.balances.principal == 1_004_942
    assert state.installments[1].status is Status.OVERDUE
    assert state.installments[1].outstanding == LEVEL + 874
    assert (state.next_due_date, state.next_due_amount) == (date(2027, 3, 10), LEVEL)


def test_a_late_payment_meets_penalty_before_interest_and_principal() -> None:
    state = replay(LOAN, [*FIRST_TWO[:1], Receipt("late", date(2027, 2, 19), LEVEL)], date(2027, 2, 19))
    assert state.allocations["late"] == (
        Part(2, Component.PENALTY, 874),
        Part(2, Component.INTEREST, 10049),
        Part(2, Component.PRINCIPAL, LEVEL - 874 - 10049),
    )
    assert state.installments[1].outstanding == 874


def test_paid_on_time_it_ends_paid_without_a_penalty() -> None:
    events = [Receipt(str(k), due, LEVEL) for k, due in enumerate(_due_dates())]
    state = replay(LOAN, events, date(2028, 1, 1))
    assert state.settled
    assert state.settled_on == date(2027, 6, 10)
    assert {row.status for row in state.installments} == {Status.PAID}
    assert state.balances.total == 0
    assert sum(state.excess.values()) == 0
    assert (state.days_past_due, state.bucket, state.next_due_date, state.next_due_amount) == (
        0,
        "current",
        None,
        0,
    )


def _due_dates() -> list[date]:
    return [row.due_date for row in replay(LOAN, [], LOAN.disbursed_on).installments]


def test_statuses() -> None:
    events = [*FIRST_TWO[:1], Receipt("some", date(2027, 2, 20), 300_000)]
    rows = replay(LOAN, events, date(2027, 3, 10)).installments
    assert [row.status for row in rows] == [
        *[Status.PAID] * 2, Status.PARTIALLY_PAID, *[Status.UPCOMING] * 3]  # fmt: skip
    assert replay(LOAN, [], date(2027, 1, 10)).installments[0].status is Status.DUE
    assert replay(LOAN, [], date(2027, 1, 11)).installments[0].status is Status.OVERDUE


def test_money_in_advance_meets_coming_installments_at_their_scheduled_amounts() -> None:
    state = replay(LOAN, [*FIRST_TWO, Receipt("ahead", date(2027, 2, 15), 300_000)], date(2027, 2, 15))
    assert state.allocations["ahead"] == (
        Part(3, Component.INTEREST, 8079), Part(3, Component.PRINCIPAL, 198979),
        Part(4, Component.INTEREST, 6090), Part(4, Component.PRINCIPAL, 86852),
    )  # fmt: skip
    assert state.balances.total == 809376 - 300_000


def test_interest_collected_in_advance_is_given_back_at_payoff() -> None:
    events = [*FIRST_TWO, Receipt("ahead", date(2027, 2, 15), 300_000)]
    quote = payoff(LOAN, events, date(2027, 2, 15))
    assert quote.total == 809376 - 300_000
    assert quote.unearned_credit == 8079 - 1443 + 6090
    done = replay(LOAN, [*events, Receipt("end", date(2027, 2, 15), 600_000, Mode.PAYOFF)], date(2027, 2, 15))
    assert done.settled
    assert done.excess["end"] == 600_000 - 509_376
    assert total(done.allocations["end"]) == 509_376
    assert done.rebates["end"] == quote.unearned_credit
    assert sum(part.amount for part in done.rebate_parts["end"]) == 0
    assert sum(row.paid_by.principal for row in done.installments) == 1_200_000
    assert sum(row.paid_by.interest for row in done.installments) == 12000 + 10049 + 1443


def test_prepayment_that_shortens_keeps_the_amount() -> None:
    state = replay(
        LOAN, [*FIRST_TWO, Receipt("pre", date(2027, 2, 15), 300_000, Mode.PREPAY_SHORTEN)], date(2027, 2, 15)
    )
    assert state.allocations["pre"] == (Part(AHEAD, Component.PRINCIPAL, 300_000),)
    assert [row.amount for row in state.installments] == [LEVEL] * 4 + [103_522]
    # third installment: 5 days on 8,079.33 and 23 days on 5,079.33
    assert state.installments[2].interest == round((8079 * 5 + 5079 * 23) / 28)
    assert state.prepaid_principal + sum(row.principal for row in state.installments) == 1_200_000


def test_prepayment_that_lowers_keeps_the_dates() -> None:
    state = replay(
        LOAN, [*FIRST_TWO, Receipt("pre", date(2027, 2, 15), 300_000, Mode.PREPAY_LOWER)], date(2027, 2, 15)
    )
    assert [row.due_date for row in state.installments] == _due_dates()
    assert [row.amount for row in state.installments] == [LEVEL] * 2 + [130_310] * 3 + [130_308]
    assert state.balances.total == 809_376 - 300_000


def test_a_prepayment_meets_what_is_past_due_first() -> None:
    state = replay(LOAN, [Receipt("pre", date(2027, 1, 20), 300_000, Mode.PREPAY_SHORTEN)], date(2027, 1, 20))
    assert [part.installment for part in state.allocations["pre"]] == [1, 1, 1, AHEAD]
    assert state.days_past_due == 0


def test_a_reversed_receipt_never_happened_and_later_ones_move_up() -> None:
    events = [*FIRST_TWO, Reversal("undo", date(2027, 2, 20), "one")]
    before, after = replay(LOAN, events, date(2027, 2, 19)), replay(LOAN, events, date(2027, 2, 20))
    assert before.days_past_due == 0
    assert "one" not in after.allocations
    assert after.allocations["two"][0].installment == 1
    assert after.oldest_unpaid_due_on == date(2027, 1, 10)
    same = replay(LOAN, [FIRST_TWO[1]], date(2027, 2, 20))
    assert after == same
    booked = corrections(before, after)
    assert booked["one"].parts == (Part(1, Component.INTEREST, -12000), Part(1, Component.PRINCIPAL, -195058))
    assert sum(part.amount for part in booked["two"].parts) == 0


def test_a_reversal_can_be_reversed() -> None:
    undo = Reversal("undo", date(2027, 2, 20), "one")
    again = Reversal("again", date(2027, 2, 21), "undo")
    day = date(2027, 2, 22)
    assert replay(LOAN, [*FIRST_TWO, undo, again], day) == replay(LOAN, FIRST_TWO, day)


def test_a_reversal_reopens_a_settled_contract() -> None:
    end = Receipt("end", date(2027, 2, 15), 809_376, Mode.PAYOFF)
    undo = Reversal("undo", date(2027, 2, 18), "end")
    assert replay(LOAN, [*FIRST_TWO, end], date(2027, 2, 18)).settled
    reopened = replay(LOAN, [*FIRST_TWO, end, undo], date(2027, 2, 18))
    assert reopened == replay(LOAN, FIRST_TWO, date(2027, 2, 18))


def test_a_back_dated_receipt_recomputes() -> None:
    late = Receipt("late", date(2027, 2, 19), LEVEL)
    found = Receipt("found", date(2027, 2, 9), LEVEL)
    state = replay(LOAN, [FIRST_TWO[0], late, found], date(2027, 2, 20))
    assert state.balances.penalties == 0
    assert state.allocations["found"][0].installment == 2
    assert state.allocations["late"][0].installment == 3


def test_money_after_the_end_is_excess() -> None:
    end = Receipt("end", date(2027, 2, 15), 809_376, Mode.PAYOFF)
    state = replay(LOAN, [*FIRST_TWO, end, Receipt("more", date(2027, 2, 16), 5)], date(2027, 3, 20))
    assert (state.allocations["more"], state.excess["more"]) == ((), 5)
    assert state.balances.total == 0
    assert payoff(LOAN, [*FIRST_TWO, end], date(2027, 2, 16)).total == 0


def test_the_payoff_settles_whatever_the_order_leaves_out() -> None:
    narrow = matrix(Order((Component.INTEREST,), (When.PAST_DUE, When.DUE)))
    contract = replace(LOAN, orders=narrow)
    on = date(2027, 2, 19)
    quote = payoff(contract, FIRST_TWO[:1], on)
    assert quote.penalties > 0
    assert quote.principal == LOAN.terms.principal
    state = replay(contract, [FIRST_TWO[0], Receipt("end", on, quote.total, Mode.PAYOFF)], on)
    assert (state.settled_on, state.excess["end"], state.balances.total) == (on, 0, 0)
    second = [part.component for part in state.allocations["end"] if part.installment == 2]
    assert second == [Component.INTEREST, Component.PRINCIPAL, Component.PENALTY]
    early = replay(contract, [FIRST_TWO[0], Receipt("part", on, 10_000)], on)
    assert early.allocations["part"] == (Part(2, Component.INTEREST, 10_000),)
    assert early.excess["one"] == LEVEL - 12_000


def test_a_contract_may_carry_another_order() -> None:
    """The same late payment: ours meets fees, penalty, interest; theirs interest and principal first."""
    on = date(2027, 2, 19)
    paid = [FIRST_TWO[0], Receipt("late", on, 10_500)]
    theirs = replace(LOAN, orders=matrix(ORDERS["interest_principal_penalty_fee"]))
    assert [(p.component.value, p.amount) for p in replay(LOAN, paid, on).allocations["late"]] == [
        ("penalty", 874), ("interest", 9_626),
    ]  # fmt: skip
    assert [(p.component.value, p.amount) for p in replay(theirs, paid, on).allocations["late"]] == [
        ("interest", 10_049), ("principal", 451),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "events",
    [
        [Receipt("a", date(2026, 12, 9), 1)],
        [Receipt("a", date(2027, 1, 9), 0)],
        [Receipt("a", date(2027, 1, 9), 5, "someday")],  # type: ignore[arg-type]
        [Receipt("a", date(2027, 1, 9), 1), Receipt("a", date(2027, 1, 9), 1)],
        [Reversal("b", date(2027, 1, 9), "a")],
    ],
)
def test_impossible_events_are_refused(events: list[Event]) -> None:
    with pytest.raises(InvalidEvent):
        replay(LOAN, events, date(2027, 2, 1))


def test_a_replay_is_quick() -> None:
    contract = Contract(Terms(1_200_000, Decimal("0.12"), 12), date(2026, 12, 10))
    events = [Receipt(str(k), date(2027, k, 10), 106_619) for k in range(1, 6)]
    best = min(_timed(contract, events) for _ in range(50))
    assert best < 3e-3  # 0.3 ms is usual; this only catches a wrong order of magnitude


def _timed(contract: Contract, events: list[Event]) -> float:
    start = time.perf_counter()
    replay(contract, events, date(2027, 5, 20))
    return time.perf_counter() - start


def test_each_of_several_reversals_counts() -> None:
    """In the order of the list: one undone, another undone, a third stays."""
    first, second = Receipt("a", date(2027, 1, 10), 100), Receipt("b", date(2027, 1, 11), 200)
    third = Receipt("c", date(2027, 1, 12), 300)
    on = date(2027, 1, 12)
    events: list[Event] = [first, Reversal("ra", on, "a"), second, Reversal("rb", on, "b"), third]
    assert list(replay(LOAN, events, on).allocations) == ["c"]
