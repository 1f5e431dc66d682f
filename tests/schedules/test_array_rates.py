"""Rates of many plans: equal to those of one, and to two independent solvers."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import pyxirr

from refi.errors import Fault
from refi.schedules.amortization import Method
from refi.schedules.apr import of_installments
from refi.schedules.array_rates import BLOCK, of_flows, of_plans
from refi.schedules.bulk import Plans, loans, schedules
from refi.schedules.solver import NoRate
from tests.proofs import Proof


def random_plans(random: np.random.Generator, count: int, *, odd: bool) -> Plans:
    paid_out = np.datetime64("2026-01-01") + random.integers(0, 3650, count)
    kinds = [Method.EQUAL_INSTALLMENT, Method.EQUAL_PRINCIPAL, Method.FLAT_FEE]
    return schedules(
        loans(
            random.integers(10_000, 10**9, count),
            random.integers(0, 500_000, count),
            random.integers(1, 61, count),
            paid_out,
            paid_out + random.integers(10, 80, count) if odd else None,
            monthly_fee_rate=random.integers(1, 20_000, count),
            method=[kinds[k] for k in random.integers(0, 3, count)],
        )
    )


def first_periods(plans: Plans) -> list[Fraction]:
    """30/360 first periods in months, from the dates themselves."""
    found = []
    for paid_out, due in zip(plans.loans.disbursed_on.tolist(), plans.due_date[:, 0].tolist(), strict=True):
        months = (due.year - paid_out.year) * 12 + due.month - paid_out.month
        shortened = due.day < paid_out.day and (np.datetime64(due) + 1).astype(object).month != due.month
        anchor = paid_out.day if shortened else due.day
        found.append(Fraction(30 * months + min(anchor, 30) - min(paid_out.day, 30), 30))
    return found


def expanded(advanced: int, amounts: list[int], first: Fraction) -> list[float]:
    """Flows laid out in thirtieths of a month, so that an ordinary solver can take an odd first period."""
    flows = [0.0] * (int(first * 30) + 30 * (len(amounts) - 1) + 1)
    flows[0] = -float(advanced)
    for k, amount in enumerate(amounts):
        flows[int(first * 30) + 30 * k] = float(amount)
    return flows


def test_apr_against_pyxirr(proof: Proof) -> None:
    random = np.random.default_rng(proof.seed)
    count = proof.size(small=400, full=100_000, of="plans")
    worst = 0.0
    for odd in (False, True):
        plans = random_plans(random, count // 2, odd=odd)
        found = of_plans(plans)
        for k, first in enumerate(first_periods(plans)):
            amounts = plans.amount[k][: plans.loans.installments[k]].tolist()
            lent = int(plans.loans.principal[k])
            if odd:
                daily = pyxirr.irr(expanded(lent, amounts, first), guess=float(found.apr[k]) / 360)
                theirs = 12 * ((1 + daily) ** 30 - 1)
            else:
                theirs = 12 * pyxirr.irr([-float(lent), *map(float, amounts)])
            worst = max(worst, abs(theirs - found.apr[k]))
    proof.record(worst_difference=worst)
    assert worst < 1e-9


def bisected(advanced: int, amounts: list[int], first: Fraction) -> Fraction:
    """12 × the monthly rate by exact rational bisection on the factor of a thirtieth of a month."""
    low, high = Fraction(1, 2), Fraction(1)
    days = int(first * 30)
    while high - low > Fraction(1, 10**14):
        middle = Fraction(round((low + high) / 2 * 2**60), 2**60)
        month = middle**30
        value = Fraction(0)
        for amount in reversed(amounts):
            value = value * month + amount
        if value * middle**days > advanced:
            high = middle
        else:
            low = middle
    return 12 * (1 / ((low + high) / 2) ** 30 - 1)


def test_apr_against_exact_rational_bisection(proof: Proof) -> None:
    random = np.random.default_rng(proof.seed)
    count = proof.size(small=6, full=2_000, of="plans")
    worst = 0.0
    for odd in (False, True):
        plans = random_plans(random, count // 2, odd=odd)
        found = of_plans(plans)
        for k, first in enumerate(first_periods(plans)):
            amounts = plans.amount[k][: min(int(plans.loans.installments[k]), 60)].tolist()
            lent = int(plans.loans.principal[k])
            exact = float(bisected(lent, amounts, first))
            single = of_installments(lent, amounts, first)
            worst = max(worst, abs(exact - found.apr[k]), abs(exact - float(single.apr)))
    proof.record(worst_difference=worst)
    assert worst < 1e-9


@pytest.mark.parametrize("odd", [False, True])
def test_many_rates_are_those_of_one(odd: bool) -> None:
    plans = random_plans(np.random.default_rng(11), 60, odd=odd)
    found = of_plans(plans)
    for k, first in enumerate(first_periods(plans)):
        amounts = plans.amount[k][: plans.loans.installments[k]].tolist()
        single = of_installments(int(plans.loans.principal[k]), amounts, first)
        assert abs(found.apr[k] - float(single.apr)) < 1e-10
        assert abs(found.effective_annual_rate[k] - float(single.effective_annual_rate)) < 1e-10


def test_free_money_costs_nothing() -> None:
    found = of_flows(np.array([300]), np.array([[100, 100, 100]]))
    assert found.apr.tolist() == [0.0]
    assert found.effective_annual_rate.tolist() == [0.0]


def test_the_central_banks_example() -> None:
    found = of_flows(np.array([9_900_000]), np.full((1, 12), 883_330))
    assert round(Decimal(found.apr[0]) * 100, 2) == Decimal("12.80")
    assert round(Decimal(found.effective_annual_rate[0]) * 100, 2) == Decimal("13.58")


@pytest.mark.parametrize("amounts", [[100, 100, 99], [400, 0, -1], [10**15, 0, 0]])
def test_flows_without_a_rate_are_refused(amounts: list[int]) -> None:
    with pytest.raises(NoRate):
        of_flows(np.array([300]), np.array([amounts]))


@pytest.mark.parametrize("odd", [False, True])
def test_rates_of_more_plans_than_a_block(odd: bool) -> None:
    """Each plan has its own rate, wherever in the blocks it lies; padding and first periods go with it."""
    count = BLOCK + 700
    plans = random_plans(np.random.default_rng(17), count, odd=odd)
    found = of_plans(plans)
    firsts = first_periods(plans)
    for k in (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, count - 1):
        amounts = [int(a) for a in plans.amount[k] if a]
        one = of_installments(int(plans.loans.principal[k]), amounts, firsts[k])
        assert abs(Decimal(found.apr[k]) - one.apr) < Decimal("1e-10")
        assert abs(Decimal(found.effective_annual_rate[k]) - one.effective_annual_rate) < Decimal("1e-10")
    again = of_flows(plans.loans.principal, plans.amount, np.array([int(30 * f) for f in firsts]))
    assert np.abs(again.apr - found.apr).max() < 1e-11


def test_the_smallest_flows_have_rates() -> None:
    """One unit advanced, payments of zero among them, and rates up to a million a month."""
    found = of_flows(np.array([1, 2, 1]), np.array([[0, 1], [0, 2], [0, 4]]))
    assert np.abs(found.apr - [0, 0, 12]).max() < 1e-9
    huge = of_flows(np.array([1]), np.array([[999_999]]))
    assert abs(huge.apr[0] / 12 - 999_998) < 1e-3
    for advanced, amounts in (([1, 0], [[1], [1]]), ([5, 1], [[9, 0], [3, -1]])):
        with pytest.raises(NoRate) as refusal:
            of_flows(np.array(advanced), np.array(amounts))
        assert refusal.value.faults == (Fault("/amounts/1", "too_low"),)
