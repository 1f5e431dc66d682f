"""Savings over arrays are those of single cards."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from refi.errors import Fault
from refi.money import MAX_AMOUNT
from refi.schedules import savings
from refi.schedules.amortization import Terms
from refi.schedules.array_savings import Cards, cards, compare, minimum_only, same_payments
from refi.schedules.bulk import loans, schedules
from refi.schedules.savings import Card, InterestOn, InvalidCard
from tests.proofs import Proof

PAID_OUT = date(2026, 11, 22)


def one(book: Cards, k: int) -> Card:
    return Card(
        int(book.balance[k]),
        Decimal(int(book.annual_rate[k])).scaleb(-6),
        Decimal(int(book.minimum_rate[k])).scaleb(-6),
        int(book.minimum_floor[k]),
        book.interest_on,
    )


@pytest.mark.parametrize("interest_on", list(InterestOn))
def test_savings_are_those_of_single_cards(proof: Proof, interest_on: InterestOn) -> None:
    count, random = proof.size(small=150, full=20_000, of="cards"), np.random.default_rng(proof.seed)
    book = cards(
        random.integers(1, 10 ** random.integers(2, 9, count)),
        random.integers(0, 600_000, count),
        random.choice([0, 5_000, 20_000, 100_000], count),
        random.choice([0, 1, 5_000], count),
        interest_on,
    )
    rates, terms = random.integers(0, 240_000, count), random.integers(1, 37, count)
    plans = schedules(loans(book.balance, rates, terms, np.datetime64(PAID_OUT), monthly_fee_rate=2_000))
    found, least = compare(book, plans), minimum_only(book)
    same = same_payments(book, plans.amount, plans.loans.installments)
    for k in range(count):
        rate = Decimal(int(rates[k])).scaleb(-6)
        wish = Terms(int(book.balance[k]), rate, int(terms[k]), monthly_fee_rate=Decimal("0.002"))
        quote = savings.compare(one(book, k), [wish], PAID_OUT)
        (plan,) = quote.plans
        assert (least.months[k] or None) == quote.minimum_only.months
        assert least.never[k] == (quote.minimum_only.months is None)
        assert least.total_interest[k] == (quote.minimum_only.total_interest or 0)
        assert same.never[k] == found.never_same_payment[k] == (plan.saving_same_payment is None)
        assert found.card_interest_same_payment[k] == (plan.card_interest_same_payment or 0)
        assert found.saving_same_payment[k] == (plan.saving_same_payment or 0)
        assert found.saving_vs_minimum[k] == (plan.saving_vs_minimum or 0)
        assert found.never_minimum[k] == (plan.saving_vs_minimum is None)
        assert found.worthwhile[k] == plan.worthwhile
        months = savings.same_payments(
            one(book, k), [row.amount for row in plan.schedule.installments]
        ).months
        assert (same.months[k] or None) == months


def test_golden_figures() -> None:
    """RULES: 12,000.00 at 18.25 %: 47 months, 2,072.69; 129.91, 235.49 and 469.25 saved."""
    card = cards([1_200_000] * 3, 182_500)
    assert minimum_only(card).months.tolist() == [47] * 3
    assert minimum_only(card).total_interest.tolist() == [207_269] * 3
    found = compare(card, schedules(loans([1_200_000] * 3, 120_000, [3, 6, 12], np.datetime64(PAID_OUT))))
    assert found.saving_same_payment.tolist() == [12_991, 23_549, 46_925]
    assert found.worthwhile.all()


def test_a_hundred_years_are_never() -> None:
    slow = cards([1_000_000, 1_000_000], [120_000, 120_000], 0, [10_000, 10_001])
    assert minimum_only(slow).never.tolist() == [True, False]
    assert [savings.minimum_only(one(slow, k)).months for k in (0, 1)] == [None, minimum_only(slow).months[1]]
    creeping = cards([MAX_AMOUNT], [0], 0, [MAX_AMOUNT // 1200])
    assert minimum_only(creeping).never.tolist() == [True]
    assert savings.minimum_only(one(creeping, 0)).months is None
    assert minimum_only(cards([1_200], [0], 0, [1])).months.tolist() == [1200]
    assert minimum_only(cards([1_201], [0], 0, [1])).never.tolist() == [True]


def test_every_column_counts_unless_told() -> None:
    card = cards([3_000, 3_000], 0)
    payments = np.array([[1_000, 500], [1_000, 0]])
    assert same_payments(card, payments).months.tolist() == [5, 0]
    assert same_payments(card, payments).never.tolist() == [False, True]
    assert same_payments(card, payments, np.array([1, 1])).months.tolist() == [3, 3]


def test_no_cards_are_cards_too() -> None:
    none = cards(np.array([], np.int64), 182_500)
    assert len(none) == 0
    assert minimum_only(none).months.tolist() == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"balance": [1, 0]}, Fault("/balance/1", "out_of_range")),
        ({"balance": [MAX_AMOUNT + 1, 1]}, Fault("/balance/0", "out_of_range")),
        ({"balance": [1.5, 2.0]}, Fault("/balance", "not_an_integer")),
        ({"annual_rate": -1}, Fault("/annual_rate/0", "out_of_range")),
        ({"annual_rate": [0, 10_000_001]}, Fault("/annual_rate/1", "out_of_range")),
        ({"minimum_rate": 1_000_001}, Fault("/minimum_rate/0", "out_of_range")),
        ({"minimum_floor": -1}, Fault("/minimum_floor/0", "out_of_range")),
    ],
)
def test_cards_are_checked(change: dict[str, object], fault: Fault) -> None:
    good: dict[str, object] = {"balance": [100, 100], "annual_rate": 10_000_000, "minimum_rate": 1_000_000}
    assert len(cards(**good)) == 2  # type: ignore[arg-type]
    with pytest.raises(InvalidCard) as refusal:
        cards(**{**good, **change})  # type: ignore[arg-type]
    assert refusal.value.faults == (fault,)


def test_cards_of_different_lengths_are_refused() -> None:
    with pytest.raises(InvalidCard):
        cards([1, 2], [1, 2, 3])


def test_a_saving_of_one_unit_is_worthwhile() -> None:
    book = cards(np.arange(10, 400), 182_500)
    found = compare(book, schedules(loans(book.balance, 120_000, 3, np.datetime64(PAID_OUT))))
    assert set(found.saving_same_payment.tolist()) >= {0, 1}
    assert (found.worthwhile == (found.saving_same_payment > 0)).all()


def test_nothing_unpaid_costs_nothing() -> None:
    """At 1,000 % a year even one unit unpaid would cost one."""
    paid = cards([300], 10_000_000, 1_000_000, 0, InterestOn.UNPAID_PART)
    assert minimum_only(paid).total_interest.tolist() == [0]
    assert same_payments(paid, np.array([[400]])).total_interest.tolist() == [0]
    assert savings.minimum_only(one(paid, 0)).total_interest == 0
    assert one(paid, 0).interest(300, 300) == 0
    assert savings.minimum_only(Card(1_200, Decimal(0), Decimal(0), 1)).months == 1200
