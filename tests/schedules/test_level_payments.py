"""The level payment: float64 and exact integers agree on both sides of the bound between them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy_financial as npf
import pytest

from refi.errors import Fault
from refi.money import MAX_AMOUNT, Rounding
from refi.schedules.amortization import InvalidTerms, Terms, level_amount, schedule
from refi.schedules.level_payments import equal_periods, float64_limit, relative_error, unequal_periods
from refi.schedules.recurrence import level_payment
from tests.proofs import Proof

DENOMINATOR = 12_000_000


def exact(principal: int, rate: int, term: int, rounding: Rounding) -> int:
    return level_payment(principal, [rate] * term, DENOMINATOR, rounding)


@pytest.mark.parametrize("term", [1, 3, 12, 60])
@pytest.mark.parametrize("rate", [1, 50_000, 120_000, 360_000, 10_000_000])
def test_both_sides_of_the_principal_bound(term: int, rate: int) -> None:
    limit = float64_limit(rate / DENOMINATOR, term)
    near = [limit + step for step in range(-50, 51)] + [limit // 1000, limit * 1000, MAX_AMOUNT]
    lent = np.array([min(max(value, 1), MAX_AMOUNT) for value in near])
    for rounding in Rounding:
        found = equal_periods(lent, np.full(len(lent), rate), DENOMINATOR, term, rounding)
        assert found.tolist() == [exact(int(p), rate, term, rounding) for p in lent]


def test_the_stated_bound() -> None:
    assert 3 * 10**13 < float64_limit(0.01, 12) < 5 * 10**13
    assert float64_limit(1e-7, 12) < float64_limit(0.01, 12)


def test_beyond_the_bound_float64_alone_would_be_wrong() -> None:
    """The fallback is needed: above the bound the plain float payment is off by units."""
    lent = np.arange(MAX_AMOUNT - 500, MAX_AMOUNT)
    plain = np.rint(npf.pmt(0.0001 / 12, 60, -lent.astype(float))).astype(np.int64)
    found = equal_periods(lent, np.full(500, 100), DENOMINATOR, 60, Rounding.HALF_UP)
    assert (plain != found).any()
    assert found.tolist() == [exact(int(p), 100, 60, Rounding.HALF_UP) for p in lent]


@pytest.mark.parametrize("rounding", list(Rounding))
def test_ties_go_to_exact_integers(rounding: Rounding) -> None:
    lent = np.arange(1, 2001)  # at rate 0 and 4 installments every other principal is a tie or near it
    found = equal_periods(lent, np.zeros(2000, np.int64), DENOMINATOR, 4, rounding)
    assert found.tolist() == [exact(int(p), 0, 4, rounding) for p in lent]


def test_the_float_payment_stays_within_its_bound(proof: Proof) -> None:
    random = np.random.default_rng(proof.seed)
    count = proof.size(small=1_000, full=200_000, of="payments")
    for term in (3, 12, 60):
        lent = random.integers(1, 10**12, count)
        rate = random.integers(1, 10**7, count)
        bound = relative_error(rate / DENOMINATOR, term)
        floats = npf.pmt(rate / DENOMINATOR, term, -lent.astype(float))
        for k in range(count):
            scaled = level_payment(int(lent[k]) * 10**9, [int(rate[k])] * term, DENOMINATOR)
            off = abs(float(floats[k]) - scaled / 10**9)
            assert off <= floats[k] * bound[k] + 1e-9


def test_unequal_periods_equal_the_exact_ones(proof: Proof) -> None:
    random = np.random.default_rng(proof.seed)
    count = proof.size(small=500, full=50_000, of="loans")
    for term in (1, 6, 60):
        lent = random.integers(1, MAX_AMOUNT, count)
        rates = [random.integers(0, 1_000_000, count) * days for days in random.integers(28, 62, term)]
        for rounding in Rounding:
            found = unequal_periods(lent, rates, 365_000_000, rounding)
            wanted = [
                level_payment(int(lent[k]), [int(r[k]) for r in rates], 365_000_000, rounding)
                for k in range(count)
            ]
            assert found.tolist() == wanted


@pytest.mark.parametrize("term", [3, 6, 12, 60])
@pytest.mark.parametrize("rate", ["0.0485", "0.12", "0.2399"])
def test_numpy_financial_splits_the_payment_alike(term: int, rate: str) -> None:
    """A cross-check: float splits differ from the whole-unit plan by its rounding alone, and rates agree."""
    plan = schedule(Terms(1_234_567, Decimal(rate), term), date(2026, 11, 22))
    monthly, numbers = float(rate) / 12, np.arange(1, term + 1)
    principal = npf.ppmt(monthly, numbers, term, -1_234_567.0)
    interest = npf.ipmt(monthly, numbers, term, -1_234_567.0)
    assert np.abs(principal - [row.principal for row in plan.installments]).max() <= term
    assert np.abs(interest - [row.interest for row in plan.installments]).max() <= term
    found = npf.rate(term, plan.installments[0].amount, -1_234_567.0, 0)
    assert abs(12 * found - float(plan.apr)) < 1e-4
    flows = [-1_234_567.0, *(float(row.amount) for row in plan.installments)]
    assert abs(12 * npf.irr(flows) - float(plan.apr)) < 1e-9


def test_the_level_payment_of_any_periods() -> None:
    """A quant's call: rates of unequal periods as fractions; the closed form for equal ones."""
    assert level_amount(1_200_000, [Decimal("0.01")] * 6) == 207_058
    days = [31, 29, 31, 30, 31, 30]  # the published plan of actual/365 from January 2024: 17.25 a month
    assert (
        level_amount(10_000, [Fraction(12, 100) * Fraction(d, 365) for d in days], Rounding.HALF_EVEN)
        == 1_725
    )
    assert level_amount(100, [Decimal(0)] * 8) == 13  # 12.5 goes up
    assert level_amount(100, [Decimal(0)] * 8, Rounding.HALF_EVEN) == 12
    mixed = [Decimal("0.01"), Fraction(1, 300), Decimal("0.02")]
    present = Fraction(1) / Fraction("1.01")
    annuity = present * (1 + Fraction(300, 301) * (1 + 1 / Fraction("1.02")))
    assert level_amount(10**9, mixed) == round(10**9 / annuity)
    assert level_amount(1, [Decimal(10)] * 60) == 10
    primes = [Fraction(1, p) for p in (101, 103, 107, 109, 113, 127, 131, 137, 139, 149)]  # 10^20 in common
    growth, series = Fraction(MAX_AMOUNT), Fraction(0)
    for rate in primes:
        growth, series = growth * (1 + rate), 1 + series * (1 + rate)
    found = level_amount(MAX_AMOUNT, primes)
    assert (found, type(found)) == (round(growth / series), int)
    assert level_amount(MAX_AMOUNT, [Decimal(0)]) == MAX_AMOUNT


@pytest.mark.parametrize(
    ("principal", "rates", "pointer"),
    [
        (0, [Decimal(0)], "/principal"),
        (1.5, [Decimal(0)], "/principal"),
        (MAX_AMOUNT + 1, [Decimal(0)], "/principal"),
        (1, [], "/period_rates"),
        (1, [Decimal(0)] * 61, "/period_rates"),
        (1, [Decimal(0), Decimal("-0.01")], "/period_rates/1"),
        (1, [Decimal("NaN")], "/period_rates/0"),
        (1, [Decimal("Infinity")], "/period_rates/0"),
        (1, [0.01], "/period_rates/0"),
        (1, [Fraction(11)], "/period_rates/0"),
    ],
)
def test_periods_without_a_level_payment_are_refused(
    principal: int, rates: list[Decimal], pointer: str
) -> None:
    with pytest.raises(InvalidTerms) as refusal:
        level_amount(principal, rates)
    assert refusal.value.faults == (Fault(pointer, "out_of_range"),)
