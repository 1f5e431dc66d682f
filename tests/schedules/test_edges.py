"""Contracts at their edges: single units, single days, figures that change halfway, money given back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from refi.money import Rounding
from refi.schedules.allocation import ORDERS, Ahead, Component, Order, Part, matrix
from refi.schedules.amortization import Method, Terms, schedule
from refi.schedules.contract import (
    Contract,
    Deferral,
    DueDateChange,
    Event,
    InvalidEvent,
    Mode,
    Reage,
    Reamortization,
    Receipt,
    Waiver,
    corrections,
    open_book,
    payoff,
    replay,
)

LOAN = Contract(Terms(1_200_000, Decimal("0.12"), 6), date(2026, 12, 10))
LEVEL = 207_058
UP, EVEN = Rounding.HALF_UP, Rounding.HALF_EVEN


def test_a_waiver_that_settles_gives_back_what_was_collected_in_advance() -> None:
    early = Receipt("early", date(2026, 12, 20), 2 * LEVEL)
    waiver = Waiver("w", date(2026, 12, 20), 10**9, Component.PRINCIPAL)
    state = replay(LOAN, [early, waiver], date(2026, 12, 21))
    assert state.settled_on == date(2026, 12, 20)
    assert state.balances.total == 0
    assert sum(part.amount for part in state.rebate_parts["w"]) == 0
    assert state.rebates["w"] == 12_000 + 10_049 - 3_871  # ten of 31 days were earned


def test_a_single_unit_unpaid_keeps_an_installment_open() -> None:
    ahead = Receipt("ahead", date(2027, 1, 5), 2 * LEVEL - 1)
    moved = replay(LOAN, [ahead, Deferral("d", date(2027, 1, 12), 1, interest_free=True)], date(2027, 1, 12))
    assert [row.due_date for row in moved.installments[:2]] == [date(2027, 1, 10), date(2027, 3, 10)]
    short = Receipt("short", date(2027, 1, 10), LEVEL - 1)
    aged = replay(LOAN, [short, Reage("g", date(2027, 1, 12))], date(2027, 1, 12))
    assert tuple(aged.ignored) == ()
    assert (aged.days_past_due, aged.balances.past_due) == (0, 0)


def test_a_reageing_must_start_after_its_day() -> None:
    on = date(2027, 1, 12)
    assert tuple(replay(LOAN, [Reage("g", on, None, on)], on).ignored) == ("g",)
    assert tuple(replay(LOAN, [Reage("g", on, None, date(2027, 1, 13))], on).ignored) == ()


def test_a_free_deferral_of_the_only_installment() -> None:
    """Interest goes on from the payout, over the longer time."""
    single = Contract(Terms(310_000, Decimal("0.12"), 1), date(2026, 12, 10))
    event = Deferral("d", date(2026, 12, 20), 1, interest_free=True)
    quote = payoff(single, [event], date(2026, 12, 20))
    assert quote.accrued_interest == 1_000  # 3,100 over 31 days, ten of them
    later = payoff(single, [event], date(2027, 1, 10))
    assert later.accrued_interest == 1_000 + 848  # 2,100 over the 52 days left, 21 of them


def test_an_earlier_due_day_prices_later_periods_from_their_new_start() -> None:
    """From the 10th to the 5th: the second period begins on 5 January."""
    event = DueDateChange("c", date(2026, 12, 15), date(2027, 1, 5))
    state = replay(LOAN, [event], date(2027, 1, 5))
    rows = state.installments
    assert [row.due_date for row in rows[:2]] == [date(2027, 1, 5), date(2027, 2, 5)]
    paid = Receipt("one", date(2027, 1, 5), rows[0].amount)
    quote = payoff(LOAN, [event, paid], date(2027, 1, 8))
    assert quote.accrued_interest == round(rows[1].interest * 3 / 31)


def test_a_shorter_period_gives_back_interest_paid_ahead() -> None:
    """12,000 of interest for a month were paid; the first period becomes half a month."""
    ahead = Receipt("ahead", date(2026, 12, 11), 12_000)
    sooner = DueDateChange("s", date(2026, 12, 12), date(2026, 12, 25))
    state = replay(LOAN, [ahead, sooner], date(2026, 12, 12))
    assert state.installments[0].interest == 6_000
    assert state.rebates == {"s": 6_000}
    assert state.installments[0].paid_by.principal == 6_000


def test_prepayments_leave_what_was_met_where_it_is() -> None:
    """Two installments were paid ahead and part of a third; a prepayment plans around them."""
    for mode in (Mode.PREPAY_SHORTEN, Mode.PREPAY_LOWER):
        ahead = Receipt("ahead", date(2027, 1, 10), 3 * LEVEL + 50_000)
        more = Receipt("more", date(2027, 1, 20), 450_000, mode)
        state = replay(LOAN, [ahead, more], date(2027, 1, 20))
        assert all(row.principal >= row.paid_by.principal >= 0 for row in state.installments)
        assert all(row.interest >= row.paid_by.interest >= 0 for row in state.installments)
        lent = sum(row.principal for row in state.installments) + state.prepaid_principal
        assert lent == LOAN.terms.principal
        assert state.prepaid_principal == 450_000
        assert state.installments[3].paid_by.principal > 0


def test_fees_of_coming_installments_stay_when_overdue_principal_joins_them() -> None:
    fees = Contract(
        Terms(1_200_000, Decimal("0.12"), 6, monthly_fee_rate=Decimal("0.001")), date(2026, 12, 10)
    )
    state = replay(fees, [Reage("g", date(2027, 1, 12))], date(2027, 1, 12))
    assert [row.fee for row in state.installments] == [1_200] * 6
    longer = replay(fees, [Reage("g", date(2027, 1, 12), 8)], date(2027, 1, 12))
    assert [row.fee for row in longer.installments][1:] == [1_200] * 8


def test_excess_that_did_not_change_is_not_corrected() -> None:
    over: list[Event] = [Receipt("all", date(2026, 12, 20), 2_000_000), Receipt("b", date(2026, 12, 21), 7)]
    before = replay(LOAN, over, date(2026, 12, 21))
    after = replay(LOAN, [*over, Receipt("c", date(2026, 12, 22), 3)], date(2026, 12, 22))
    assert set(corrections(before, after)) == {"c"}


@pytest.mark.parametrize(("rounding", "interest", "fee"), [(UP, 5, 8), (EVEN, 3, 7)])
def test_a_price_that_changes_halfway_rounds_each_half(rounding: Rounding, interest: int, fee: int) -> None:
    """Halfway, 2.5 of 5 was earned; the rest is half of 2.5. Five of a fee of 10; the rest is half of 5."""
    halfway = date(2027, 2, 24)
    bears = Contract(Terms(500, Decimal("0.12"), 1, rounding=rounding), date(2027, 2, 10))
    state = replay(bears, [Receipt("p", halfway, 250, Mode.PREPAY_LOWER)], halfway)
    assert state.installments[0].interest == interest
    flat = Contract(Terms(1_000, Decimal(0), 1, Method.FLAT_FEE, Decimal("0.01"), rounding=rounding),
                    date(2027, 2, 10))  # fmt: skip
    state = replay(flat, [Receipt("p", halfway, 500, Mode.PREPAY_LOWER)], halfway)
    assert state.installments[0].fee == fee
    rest = fee - 5  # over the fourteen days from halfway on
    later = payoff(flat, [Receipt("p", halfway, 500, Mode.PREPAY_LOWER)], date(2027, 3, 4))
    assert later.fees == 5 + round(rest * 8 / 14)
    assert later.per_diem == round(rest / 14)


@pytest.mark.parametrize("rounding", [UP, EVEN])
def test_a_free_deferral_halfway_keeps_what_was_earned(rounding: Rounding) -> None:
    halfway = date(2027, 2, 24)
    bears = Contract(Terms(500, Decimal("0.12"), 1, rounding=rounding), date(2027, 2, 10))
    deferred = [Deferral("d", halfway, 1, interest_free=True)]
    assert payoff(bears, deferred, halfway).accrued_interest == (3 if rounding is UP else 2)


def test_money_beyond_all_principal_of_a_prepayment_meets_interest() -> None:
    """An order that pays principal first leaves interest; a prepayment then has no principal to repay."""
    first = matrix(ORDERS["principal_interest_penalty_fee"])
    by_principal = {**first, "due": Order((Component.PRINCIPAL,))}
    contract = replace(LOAN, orders=by_principal)
    on = date(2027, 6, 9)
    events: list[Event] = [Receipt("p", date(2027, 1, 10), 1_200_000 - 10), Receipt("q", on, 10)]
    state = replay(contract, events, on)
    assert state.balances.principal == 0
    assert state.balances.interest > 100
    more = replay(contract, [*events, Receipt("r", on, 100, Mode.PREPAY_LOWER)], on)
    assert [part.component for part in more.allocations["r"]] == [Component.INTEREST]
    assert more.excess["r"] == 0
    late = sum(row.unpaid for row in state.installments[:5])
    beyond = replay(contract, [*events, Receipt("r", on, late + 100, Mode.PREPAY_LOWER)], on)
    assert beyond.allocations["r"][-1] == Part(6, Component.INTEREST, 100)
    assert beyond.prepaid_principal == 0


def test_a_price_paid_that_no_debt_can_take_stays_a_price() -> None:
    """The book's own last resort: moves without a debt to go to are taken back, in order."""
    book = open_book(LOAN)
    for row in book.rows:
        row.paid.interest = row.interest
    before = [row.interest for row in book.rows[:3]]
    moves = [
        Part(1, Component.INTEREST, -5),
        Part(2, Component.INTEREST, -4),
        Part(3, Component.INTEREST, -1),
    ]
    for move in moves:
        book.rows[move.installment - 1].paid.interest += move.amount
        book.rows[move.installment - 1].interest += move.amount
    book.keep_price(moves, 7)
    assert moves == [Part(2, Component.INTEREST, -2), Part(3, Component.INTEREST, -1)]
    assert [row.interest for row in book.rows[:3]] == [before[0], before[1] - 2, before[2] - 1]
    assert all(row.paid.interest == row.interest for row in book.rows)
    one = [Part(1, Component.INTEREST, -1)]
    book.rows[0].paid.interest -= 1
    book.rows[0].interest -= 1
    book.keep_price(one, 1)
    assert one == []
    assert book.rows[0].interest == before[0]


def test_money_taken_back_meets_penalties_last() -> None:
    book = open_book(LOAN)
    late = book.rows[0]
    late.accrue(date(2027, 1, 20), book.penalty_rate)
    for row in book.rows:
        row.paid.principal, row.paid.interest = row.principal, row.interest
    penalty = late.penalty(date(2027, 1, 20), book.penalty_rate)
    assert penalty > 10
    moves = [Part(6, Component.INTEREST, -10)]
    book.rows[5].paid.interest -= 10
    book.rows[5].interest -= 10
    book.spend("event", date(2027, 1, 20), moves, book.rows)
    assert book.credits["event"] == (Part(6, Component.INTEREST, -10), Part(1, Component.PENALTY, 10))
    again = [Part(6, Component.INTEREST, -1)]
    book.rows[5].paid.interest -= 1
    book.rows[5].interest -= 1
    book.spend("event", date(2027, 1, 20), again, book.rows)
    assert book.credits["event"][2:] == (Part(6, Component.INTEREST, -1), Part(1, Component.PENALTY, 1))


def test_what_a_day_costs_on_the_day_of_the_payout_and_after_a_change() -> None:
    quote = payoff(LOAN, [], date(2026, 12, 10))
    assert (quote.on, quote.per_diem) == (date(2026, 12, 10), 387)  # 12,000 over 31 days
    less = [Receipt("p", date(2026, 12, 20), 600_000, Mode.PREPAY_LOWER)]
    after = payoff(LOAN, less, date(2026, 12, 25))
    assert after.per_diem == 194  # half of it
    fees = Contract(
        Terms(1_200_000, Decimal("0.12"), 6, monthly_fee_rate=Decimal("0.01")), date(2026, 12, 10)
    )
    assert payoff(fees, less, date(2026, 12, 25)).per_diem == 387  # fee and interest, both halved


def test_what_is_next_and_what_was_met() -> None:
    ahead = replay(LOAN, [Receipt("a", date(2026, 12, 20), LEVEL)], date(2026, 12, 21))
    assert (ahead.next_due_date, ahead.next_due_amount) == (date(2027, 2, 10), LEVEL)
    assert ahead.unmet_on == date(2027, 2, 10)
    unit = replay(LOAN, [Receipt("a", date(2026, 12, 20), 1)], date(2026, 12, 21))
    assert unit.installments[0].status.value == "partially_paid"
    assert (unit.installments[0].unpaid, unit.installments[0].unpaid_principal) == (LEVEL - 1, 195_058)
    assert unit.unmet_on == date(2027, 1, 10)


def test_an_installment_that_owes_a_penalty_alone_is_not_overdue() -> None:
    rest = Order((Component.INTEREST, Component.PRINCIPAL, Component.FEE))
    contract = replace(LOAN, orders=matrix(rest))
    state = replay(contract, [Receipt("late", date(2027, 1, 20), LEVEL)], date(2027, 1, 25))
    row = state.installments[0]
    assert (row.outstanding > 0, row.status.value, state.days_past_due) == (True, "partially_paid", 0)
    assert state.balances.past_due == 0


def test_a_shortened_first_month_is_a_whole_month() -> None:
    plan = schedule(LOAN.terms, date(2027, 1, 31))
    assert plan.installments[0].due_date == date(2027, 2, 28)
    assert plan.first_period == 1
    assert plan.disbursed_on == date(2027, 1, 31)
    assert [row.number for row in plan.installments] == [1, 2, 3, 4, 5, 6]
    assert schedule(LOAN.terms, date(2027, 1, 31), date(2027, 2, 27)).first_period == Fraction(27, 30)


def test_an_event_to_come_is_checked_as_well() -> None:
    with pytest.raises(InvalidEvent):
        replay(LOAN, [Reamortization("r", date(2027, 3, 1), 6, Decimal(11))], date(2027, 1, 1))


def test_a_new_plan_keeps_what_later_installments_were_paid_or_waived() -> None:
    """Money in advance met the last installments first; then most of the loan is prepaid."""
    last_first = replace(LOAN, orders=matrix(Order(ahead=Ahead.LAST)))
    ahead = Receipt("ahead", date(2026, 12, 20), 250_000)
    for mode in (Mode.PREPAY_SHORTEN, Mode.PREPAY_LOWER):
        prepaid = Receipt("prepaid", date(2026, 12, 21), 850_000, mode)
        state = replay(last_first, [ahead, prepaid], date(2026, 12, 21))
        rows = state.installments
        assert all(row.principal >= row.paid_by.principal >= 0 for row in rows)
        assert sum(row.principal for row in rows) + state.prepaid_principal == 1_200_000
        fifth = next(row for row in rows if row.number == 5)
        assert fifth.principal >= 38_862  # 250,000 less the whole sixth and the interest of the fifth
        assert rows[0].principal <= 1_200_000 - 850_000 - 205_008 - 38_862
    waived = Waiver("w", date(2026, 12, 20), 100_000, Component.PRINCIPAL, installment=5)
    paid = Receipt("paid", date(2026, 12, 21), 1_000_000, Mode.PREPAY_SHORTEN)
    state = replay(LOAN, [waived, paid], date(2026, 12, 21))
    fifth = next(row for row in state.installments if row.number == 5)
    assert fifth.principal >= 100_000
    assert sum(row.principal for row in state.installments) == 200_000
    assert all(row.outstanding >= 0 for row in state.installments)
