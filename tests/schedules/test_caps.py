"""The highest price under a cap."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest

from refi.errors import Fault
from refi.schedules.amortization import Method, Terms, schedule
from refi.schedules.caps import (
    PriceAboveCap,
    check_effective,
    check_fee,
    check_penalty,
    check_price,
    check_rate,
    highest_annual_rate,
    highest_monthly_fee,
)


@pytest.mark.parametrize(
    ("cap", "term", "percent"),
    [("0.24", 3, "1.2130"), ("0.24", 6, "1.0709"), ("0.24", 12, "1.0119"),
     ("0.12", 3, "0.6346"), ("0.12", 6, "0.5579"), ("0.12", 12, "0.5229")],
)  # fmt: skip
def test_golden_fees(cap: str, term: int, percent: str) -> None:
    assert round(highest_monthly_fee(Decimal(cap), term) * 100, 4) == Decimal(percent)


@pytest.mark.parametrize("term", [1, 3, 6, 12, 60])
@pytest.mark.parametrize("cap", [Decimal("0.12"), Decimal("0.24"), Decimal("0.36")])
def test_the_fee_is_under_the_cap_and_one_step_more_is_over(cap: Decimal, term: int) -> None:
    fee = highest_monthly_fee(cap, term)
    for step, under in ((Decimal(0), True), (Decimal("0.000001"), False)):
        terms = Terms(10**15, Decimal(0), term, Method.FLAT_FEE, fee + step)
        assert (schedule(terms, date(2026, 1, 15)).effective_annual_rate <= cap) is under


def test_the_annual_rate_compounds_to_the_cap() -> None:
    rate = highest_annual_rate(Decimal("0.24"))
    terms = Terms(10**15, rate, 12)
    found = schedule(terms, date(2026, 1, 15)).effective_annual_rate
    assert Decimal("0.239999") < found <= Decimal("0.24")


def test_a_zero_cap_allows_nothing() -> None:
    assert highest_monthly_fee(Decimal(0), 12) == 0
    assert highest_annual_rate(Decimal(0)) == 0


def test_prices_above_the_cap_are_refused() -> None:
    check_fee(Decimal("0.0066"), Decimal("0.24"), 12)
    check_effective(Decimal("0.24"), Decimal("0.24"))
    with pytest.raises(PriceAboveCap) as refusal:
        check_fee(Decimal("0.0121304"), Decimal("0.24"), 12)
    assert refusal.value.faults == (Fault("/monthly_fee_rate", "above_cap"),)
    assert refusal.value.facts["highest"] == str(highest_monthly_fee(Decimal("0.24"), 12))
    with pytest.raises(PriceAboveCap) as refusal:
        check_effective(Decimal("0.240000000001"), Decimal("0.24"))
    assert refusal.value.faults == (Fault("/annual_rate", "above_cap"),)
    assert refusal.value.facts == {"cap": "0.24"}


def test_a_later_first_payment_allows_a_higher_fee() -> None:
    cap, early, late = Decimal("0.24"), Fraction(1), Fraction(46, 30)
    assert highest_monthly_fee(cap, 6, early) == highest_monthly_fee(cap, 6)
    fee = highest_monthly_fee(cap, 6, late)
    for step, under in ((Decimal(0), True), (Decimal("0.000001"), False)):
        terms = Terms(10**15, Decimal(0), 6, Method.FLAT_FEE, fee + step)
        plan = schedule(terms, date(2026, 1, 15), date(2026, 3, 1))
        assert (plan.effective_annual_rate <= cap) is under


def test_a_penalty_counts_towards_the_cap() -> None:
    check_penalty(Decimal("0.12"), Decimal("1.5"), Decimal("0.24"))  # 18 % nominal, 19.56 % effective
    with pytest.raises(PriceAboveCap) as refusal:
        check_penalty(Decimal("0.16"), Decimal("1.5"), Decimal("0.24"))
    assert refusal.value.faults == (Fault("/penalty_multiple", "above_cap"),)
    assert refusal.value.facts == {"cap": "0.24"}
    monthly = Decimal("0.217050989802")  # 24 % effective: exactly under, one step more is over
    check_penalty(monthly / 2, Decimal(2), Decimal("0.24"))
    with pytest.raises(PriceAboveCap):
        check_penalty(monthly / 2 + Decimal("1e-9"), Decimal(2), Decimal("0.24"))


def test_the_callers_decimal_context_does_not_matter() -> None:
    cap = Decimal("0.24")
    expected = (highest_annual_rate(cap), highest_monthly_fee(cap, 12))
    with localcontext(prec=4):
        assert (highest_annual_rate(cap), highest_monthly_fee(cap, 12)) == expected
        check_penalty(Decimal("0.108525494901"), Decimal(2), cap)
        with pytest.raises(PriceAboveCap):
            check_penalty(Decimal("0.108525494902"), Decimal(2), cap)
    check_fee(expected[1], cap, 12)
    assert expected[0] == Decimal("0.217050989802")


def test_a_price_is_refused_whichever_part_of_it_is_too_high() -> None:
    cap = Decimal("0.24")
    highest = highest_annual_rate(cap)
    check_rate(highest, cap)
    with pytest.raises(PriceAboveCap) as refusal:
        check_rate(highest + Decimal("1e-12"), cap)
    assert refusal.value.detail == (
        f"the annual rate {highest + Decimal('1e-12')} is above {highest}, "
        "which with compounding is the cap of 24 % a year, all costs included"
    )
    assert refusal.value.faults == (Fault("/annual_rate", "above_cap"),)
    assert refusal.value.facts == {"highest": str(highest)}
    fee = Decimal("0.0101")
    check_price(Terms(1_200_000, Decimal(9), 12, Method.FLAT_FEE, fee), cap)
    check_price(Terms(1_200_000, Decimal(9), 12, Method.INTEREST_FREE), cap)
    check_price(Terms(310, highest, 1), cap)  # although rounding makes it 6 of 310, 25.9 % a year
    check_price(Terms(1_200_000, Decimal("0.12"), 12, monthly_fee_rate=Decimal("0.004")), cap)
    for terms in (
        Terms(1_200_000, Decimal(0), 12, Method.FLAT_FEE, Decimal("0.0102")),
        Terms(1_200_000, Decimal("0.22"), 12),
        Terms(1_200_000, Decimal("0.22"), 12, Method.EQUAL_PRINCIPAL),
        Terms(1_200_000, Decimal("0.20"), 12, monthly_fee_rate=Decimal("0.005")),
    ):
        with pytest.raises(PriceAboveCap):
            check_price(terms, cap)


@pytest.mark.parametrize("cap", ["0.01", "0.12", "0.15", "0.24", "0.36", "0.5", "1", "4"])
def test_highest_rates_are_rounded_down(cap: str) -> None:
    highest, step = highest_annual_rate(Decimal(cap)), Decimal("1e-12")
    with localcontext(prec=50):
        assert (1 + highest / 12) ** 12 - 1 <= Decimal(cap) < (1 + (highest + step) / 12) ** 12 - 1
