"""Many loans, however they were paid, are each the replay of one contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from refi.errors import Fault
from refi.money import MAX_AMOUNT, Rounding
from refi.schedules.allocation import BY_LAW, ORDERS, Ahead, InvalidOrder, Order, When, matrix
from refi.schedules.amortization import Method, Terms
from refi.schedules.array_servicing import BLOCK, Positions, positions, receipts
from refi.schedules.bulk import Plans, loans, schedules
from refi.schedules.contract import Contract, InvalidEvent, Mode, Receipt, payoff, replay
from refi.schedules.conventions import Conventions, PriceUntil
from refi.schedules.dates import BusinessDays, Rolling
from refi.schedules.day_count import DayCount
from tests.proofs import Proof

PAID_OUT = date(2026, 12, 10)
WEEKENDS = BusinessDays(
    frozenset(
        day
        for day in (date(2024, 1, 1) + timedelta(days=k) for k in range(5000))
        if day.weekday() > 4 or (day.month, day.day) == (10, 1)
    ),
    2024,
    2036,
)


def contract_of(plans: Plans, k: int, order: Order, rolling: Rolling, multiple: Decimal) -> Contract:
    book = plans.loans
    terms = Terms(
        int(book.principal[k]),
        Decimal(int(book.annual_rate[k])).scaleb(-6),
        int(book.installments[k]),
        tuple(Method)[book.method[k]],
        Decimal(int(book.monthly_fee_rate[k])).scaleb(-6),
        tuple(DayCount)[book.day_count[k]],
        tuple(Rounding)[book.rounding[k]],
    )
    first = None if book.first_due_on is None else book.first_due_on[k].item()
    return Contract(
        terms,
        book.disbursed_on[k].item(),
        first,
        multiple,
        orders=matrix(order),
        rolling=rolling,
        business_days=WEEKENDS,
    )


def assert_same(found: Positions, k: int, contract: Contract, paid: list[Receipt], on: date) -> None:
    state, quote = replay(contract, paid, on), payoff(contract, paid, on)
    owed = state.balances
    assert (found.principal[k], found.interest[k]) == (owed.principal, owed.interest)
    assert (found.fees[k], found.penalties[k]) == (owed.fees, owed.penalties)
    assert (found.total[k], found.past_due[k]) == (owed.total, owed.past_due)
    assert found.days_past_due[k] == state.days_past_due
    assert found.oldest_unmet_on[k].item() == state.oldest_unpaid_due_on
    assert found.settled_on[k].item() == state.settled_on
    assert found.excess[k] == sum(state.excess.values())
    assert found.interest_saved[k] == quote.interest_saved


@pytest.mark.parametrize("rolling", [Rolling.NONE, Rolling.MODIFIED_FOLLOWING])
@pytest.mark.parametrize(
    ("order", "early_payoff"),
    [
        (BY_LAW, PriceUntil.TO_THE_DAY),
        (BY_LAW, PriceUntil.TO_THE_NEXT_DUE_DATE),
        (BY_LAW, PriceUntil.IN_FULL),
        *((order, PriceUntil.TO_THE_DAY) for order in list(ORDERS.values())[1:4]),
        *((order, PriceUntil.TO_THE_DAY) for order in list(ORDERS.values())[-2:]),
        (Order(ahead=Ahead.LAST), PriceUntil.TO_THE_NEXT_DUE_DATE),
        (Order(when=(When.IN_ADVANCE, When.DUE, When.PAST_DUE)), PriceUntil.TO_THE_DAY),
    ],
)
def test_positions_are_those_of_replays(
    proof: Proof, order: Order, early_payoff: PriceUntil, rolling: Rolling
) -> None:
    """Random loans of every kind, random receipts: early, late, too small, too large, many on one day."""
    count, random = proof.size(small=60, full=20_000, of="loans"), np.random.default_rng(proof.seed)
    start = np.datetime64("2026-01-31")
    kinds = [Method.EQUAL_INSTALLMENT, Method.EQUAL_PRINCIPAL, Method.FLAT_FEE]
    paid_out = start + random.integers(0, 200, count)
    lent, term = random.integers(1, 10 ** random.integers(2, 9, count)), random.integers(1, 9, count)
    soonest = 1 if rolling is Rolling.NONE else 3  # a weekend takes a due date back by two days
    plans = schedules(
        loans(
            lent,
            random.integers(0, 360_001, count),
            term,
            paid_out,
            paid_out + random.integers(soonest, 70, count),
            monthly_fee_rate=random.integers(0, 2, count) * 6_000,
            method=[kinds[j] for j in random.integers(0, 3, count)],
            day_count=[tuple(DayCount)[j] for j in random.integers(0, 4, count)],
            rounding=[tuple(Rounding)[j] for j in random.integers(0, 2, count)],
        ),
        rolling=rolling,
        business_days=WEEKENDS,
    )  # fmt: skip
    each = random.integers(0, 7, count)
    whose = np.repeat(np.arange(count), each)
    days = paid_out[whose] + random.integers(0, 40 * term[whose] + 1)
    days = np.where(random.random(len(whose)) < 0.3, plans.due_date[whose, 0], days)
    amount = np.maximum(lent[whose] * random.choice([1, 5, 20, 30, 100], len(whose)) // 60, 1)
    shuffled = random.permutation(len(whose))
    paid = receipts(whose[shuffled], days[shuffled], amount[shuffled])
    multiple = Decimal("1.25")
    for on in (start + 150, plans.due_date[0, 0], start + 400):
        found = positions(plans, on, paid, penalty_multiple=multiple, order=order, early_payoff=early_payoff)
        for k in range(count):
            own = [
                Receipt(str(j), paid.on[j].item(), int(paid.amount[j]), Mode.DUE)
                for j in np.flatnonzero(paid.loan == k)
            ]
            contract = contract_of(plans, k, order, rolling, multiple)
            contract = replace(contract, conventions=Conventions(early_payoff=early_payoff))
            assert_same(found, k, contract, [r for r in own if r.on <= on.item()], on.item())
    proof.record(settled=int((~np.isnat(found.settled_on)).sum()), late=int((found.days_past_due > 0).sum()))


def test_without_receipts_nothing_was_paid() -> None:
    plans = schedules(loans([1_200_000, 600_000], 120_000, 6, np.datetime64("2026-12-10")))
    found = positions(plans, np.datetime64("2027-01-19"))
    assert found.days_past_due.tolist() == [9, 9]
    assert found.past_due.tolist() == [207_058, 103_529]
    assert found.penalties[0] == round(195_058 * 0.18 * 9 / 365)
    assert np.isnat(found.settled_on).all()
    assert found.excess.tolist() == [0, 0]


def test_books_longer_than_a_block_and_of_no_loans() -> None:
    count = BLOCK + 5
    plans = schedules(loans(np.arange(1, count + 1) * 1000, 120_000, 3, np.datetime64("2026-12-10")))
    last = receipts([count - 1, BLOCK, BLOCK - 1], ["2026-12-20"] * 3, [10**9, 1000, 1000])
    found = positions(plans, np.datetime64("2026-12-31"), last)
    assert found.settled_on[count - 1].item() == date(2026, 12, 20)
    assert found.excess[count - 1] > 0
    assert np.flatnonzero(np.diff(found.total) < 900).tolist() == [BLOCK - 2, count - 2]
    empty = schedules(loans(np.array([], np.int64), 0, 3, np.array([], "datetime64[D]")))
    assert positions(empty, np.datetime64("2027-01-01")).total.tolist() == []


def test_penalties_of_huge_loans_are_exact() -> None:
    plans = schedules(loans([10**14], 359_999, 2, np.datetime64("2026-12-10"), rounding=Rounding.HALF_EVEN))
    on = date(2027, 12, 31)
    contract = contract_of(plans, 0, BY_LAW, Rolling.NONE, Decimal("1.375"))
    found = positions(plans, np.datetime64(on), penalty_multiple=Decimal("1.375"))
    assert_same(found, 0, contract, [], on)


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        (([0], ["2027-01-01"], [0]), (Fault("/amount/0", "out_of_range"),)),
        (([0, 0], ["2027-01-01"] * 2, [1, MAX_AMOUNT + 1]), (Fault("/amount/1", "out_of_range"),)),
        (([0], ["2027-01-01"], [1.5]), (Fault("/amount", "not_an_integer"),)),
        (([-1], ["2027-01-01"], [1]), (Fault("/loan/0", "out_of_range"),)),
        (([0.0], ["2027-01-01"], [1]), (Fault("/loan", "not_an_integer"),)),
        (([0, 0], ["2027-01-01"], [1]), ()),
        (([[0]], [["2027-01-01"]], [[1]]), ()),
    ],
)
def test_receipts_are_checked(
    given: tuple[list[int], list[str], list[int]], faults: tuple[Fault, ...]
) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        receipts(*given)
    assert refusal.value.faults == faults


def test_receipts_without_a_loan_are_refused() -> None:
    plans = schedules(loans([100, 100], 0, 3, np.datetime64("2026-12-10")))
    on = np.datetime64("2027-01-01")
    with pytest.raises(InvalidEvent) as refusal:
        positions(plans, on, receipts([1, 2], ["2026-12-10"] * 2, [1, 1]))
    assert refusal.value.faults == (Fault("/loan/1", "unknown"),)
    with pytest.raises(InvalidEvent) as refusal:
        positions(plans, on, receipts([1, 1], ["2026-12-10", "2026-12-09"], [1, 1]))
    assert refusal.value.faults == (Fault("/on/1", "too_early"),)
    with pytest.raises(InvalidOrder) as order:
        positions(plans, on, receipts([1], ["2026-12-10"], [1]), order=Order(ahead=Ahead.EVENLY))
    assert order.value.faults == (Fault("/ahead", "not_in_bulk"),)
    huge = schedules(loans([MAX_AMOUNT], 0, 3, np.datetime64("2026-12-10")))
    with pytest.raises(InvalidEvent) as too_large:
        positions(huge, np.datetime64("2099-01-01"))
    assert too_large.value.faults == (Fault("/on", "out_of_range"),)


def test_orders_that_skip_leave_money_over() -> None:
    plans = schedules(loans([30_000], 120_000, 3, np.datetime64("2026-12-10")))
    paid = receipts([0], ["2027-01-10"], [25_000])
    found = positions(plans, np.datetime64("2027-01-11"), paid, order=Order(when=(When.PAST_DUE, When.DUE)))
    assert found.excess.tolist() == [25_000 - int(plans.amount[0, 0])]


def test_the_payoff_of_loans_paid_ahead_settles_and_a_unit_less_does_not() -> None:
    """Fees and interest collected in advance come off the payoff; each loan by its own figures."""
    plans = schedules(
        loans(
            [1_200_000, 90_000, 500_000], [240_000, 0, 120_000], [12, 3, 2], np.datetime64("2026-12-10"),
            method=["equal_installment", "flat_fee", "equal_principal"], monthly_fee_rate=[10_000, 50_000, 0],
        )
    )  # fmt: skip
    day, ahead = date(2026, 12, 20), [400_000, 60_000, 100_000]
    for short in (0, 1):
        totals = []
        for k in range(3):
            contract = contract_of(plans, k, BY_LAW, Rolling.NONE, Decimal("1.5"))
            totals.append(payoff(contract, [Receipt("a", PAID_OUT, ahead[k])], day).total - short)
        paid = receipts([0, 1, 2] * 2, ["2026-12-10"] * 3 + ["2026-12-20"] * 3, ahead + totals)
        found = positions(plans, np.datetime64(day), paid)
        assert np.isnat(found.settled_on).tolist() == [bool(short)] * 3
        assert found.total.tolist() == [short] * 3
        assert found.excess.tolist() == [0] * 3


def test_on_a_due_date_nothing_is_late_yet() -> None:
    plans = schedules(loans([1_200_000], 120_000, 6, np.datetime64("2026-12-10")))
    found = positions(plans, np.datetime64("2027-01-10"))
    assert (found.past_due.tolist(), found.days_past_due.tolist()) == ([0], [0])
    assert np.isnat(found.oldest_unmet_on).all()
    largest = schedules(loans([MAX_AMOUNT], 0, 3, np.datetime64("2026-12-10")))
    assert positions(largest, np.datetime64("2027-03-20")).total.tolist() == [MAX_AMOUNT]


def test_what_falls_due_today_can_come_before_what_is_past_due() -> None:
    plans = schedules(loans([1_200_000], 120_000, 6, np.datetime64("2026-12-10")))
    order = Order(when=(When.DUE, When.PAST_DUE, When.IN_ADVANCE))
    contract = contract_of(plans, 0, order, Rolling.NONE, Decimal("1.5"))
    today = Receipt("today", date(2027, 2, 10), 100_000)
    found = positions(
        plans, np.datetime64("2027-02-11"), receipts([0], [today.on], [today.amount]), order=order
    )
    assert_same(found, 0, contract, [today], date(2027, 2, 11))
    parts = replay(contract, [today], today.on).allocations["today"]
    assert {part.installment for part in parts} == {2}
