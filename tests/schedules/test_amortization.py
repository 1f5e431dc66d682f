"""Plans: golden figures, published examples, an independent reference and refusals."""

from __future__ import annotations

import time
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.errors import Refused
from refi.money import MAX_AMOUNT, Rounding, round_exact
from refi.schedules.amortization import InvalidTerms, Method, Terms, schedule
from refi.schedules.dates import InvalidFirstDueDate
from refi.schedules.day_count import DayCount, year_fraction

BILL = 1_200_000
PAID_OUT = date(2026, 12, 10)


def test_golden_schedule_of_the_borrower_page() -> None:
    plan = schedule(Terms(BILL, Decimal("0.12"), 6), PAID_OUT)
    assert [tuple(row)[1:] for row in plan.installments] == [
        (date(2027, 1, 10), 30, 195058, 12000, 0, 207058, 1004942),
        (date(2027, 2, 10), 30, 197009, 10049, 0, 207058, 807933),
        (date(2027, 3, 10), 30, 198979, 8079, 0, 207058, 608954),
        (date(2027, 4, 10), 30, 200968, 6090, 0, 207058, 407986),
        (date(2027, 5, 10), 30, 202978, 4080, 0, 207058, 205008),
        (date(2027, 6, 10), 30, 205008, 2050, 0, 207058, 0),
    ]
    assert (plan.total_interest, plan.total_fee, plan.total_of_payments) == (42348, 0, 1242348)
    assert round(plan.apr, 6) == Decimal("0.119999")


@pytest.mark.parametrize(
    ("term", "amount", "interest"), [(3, 408027, 24080), (6, 207058, 42348), (12, 106619, 79423)]
)
def test_golden_totals(term: int, amount: int, interest: int) -> None:
    plan = schedule(Terms(BILL, Decimal("0.12"), term), PAID_OUT)
    assert plan.installments[0].amount == amount
    assert plan.total_interest == interest


@pytest.mark.parametrize(
    ("rate", "day_count", "principal", "interest"),
    [
        ("0.094822", DayCount.THIRTY_360, [1634, 1647, 1660, 1673, 1686, 1700], [79, 66, 53, 40, 27, 13]),
        ("0.12", DayCount.ACTUAL_365, [1623, 1645, 1656, 1675, 1690, 1711], [102, 80, 69, 50, 35, 17]),
    ],
)
def test_published_examples(
    rate: str, day_count: DayCount, principal: list[int], interest: list[int]
) -> None:
    terms = Terms(10_000, Decimal(rate), 6, day_count=day_count, rounding=Rounding.HALF_EVEN)
    plan = schedule(terms, date(2024, 1, 1), date(2024, 2, 1))
    assert [row.principal for row in plan.installments] == principal
    assert [row.interest for row in plan.installments] == interest


def test_flat_fee_is_charged_on_the_amount_first_lent() -> None:
    plan = schedule(Terms(1_000_000, Decimal(0), 12, Method.FLAT_FEE, Decimal("0.006")), date(2026, 1, 15))
    assert {row.fee for row in plan.installments} == {6000}
    assert {row.interest for row in plan.installments} == {0}
    assert [row.principal for row in plan.installments] == [83333] * 11 + [83337]
    assert round(plan.apr, 4) == Decimal("0.1303")


def test_interest_free_costs_nothing() -> None:
    plan = schedule(Terms(1_000, Decimal("0.12"), 3, Method.INTEREST_FREE), date(2026, 1, 15))
    assert [row.amount for row in plan.installments] == [333, 333, 334]
    assert plan.apr == plan.effective_annual_rate == 0


def test_equal_principal_pays_interest_on_what_is_left() -> None:
    plan = schedule(Terms(BILL, Decimal("0.12"), 3, Method.EQUAL_PRINCIPAL), PAID_OUT)
    assert [(row.principal, row.interest) for row in plan.installments] == [
        (400000, 12000), (400000, 8000), (400000, 4000)]  # fmt: skip


TERMS = st.builds(
    Terms,
    principal=st.one_of(st.integers(1, 200), st.integers(1, 10**9), st.integers(1, MAX_AMOUNT)),
    annual_rate=st.decimals(0, 10, places=6),
    installments=st.integers(1, 60),
    method=st.sampled_from([Method.EQUAL_INSTALLMENT, Method.EQUAL_PRINCIPAL, Method.FLAT_FEE]),
    monthly_fee_rate=st.decimals(0, Decimal("0.05"), places=4),
    day_count=st.sampled_from(DayCount),
    rounding=st.sampled_from(Rounding),
)
PAYOUTS = st.dates(date(2024, 1, 1), date(2104, 12, 31))


def reference(terms: Terms, fractions: list[Fraction]) -> list[tuple[int, int]]:
    """The recurrence and the generalized level payment in plain rationals, straight from the rule's text."""
    rates = [
        Fraction(terms.annual_rate) * f if terms.method != Method.FLAT_FEE else Fraction(0) for f in fractions
    ]
    product, series = Fraction(1), Fraction(0)
    for rate in rates:
        product *= 1 + rate
        series = 1 + series * (1 + rate)
    payment = round_exact(terms.principal * product / series, terms.rounding)
    share = round_exact(Fraction(terms.principal, len(rates)), terms.rounding)
    rows, balance = [], terms.principal
    for k, rate in enumerate(rates):
        interest = round_exact(balance * rate, terms.rounding)
        part = max(0, payment - interest) if terms.method == Method.EQUAL_INSTALLMENT else share
        part = balance if k + 1 == len(rates) else min(part, balance)
        rows.append((part, interest))
        balance -= part
    return rows


@given(TERMS, PAYOUTS, st.one_of(st.none(), st.integers(1, 90)))
def test_every_plan_equals_the_exact_reference(terms: Terms, paid_out: date, odd: int | None) -> None:
    first = None if odd is None else paid_out + timedelta(days=odd)
    plan = schedule(terms, paid_out, first)
    rows = plan.installments
    if terms.day_count is DayCount.THIRTY_360:
        fractions = [Fraction(row.days, 360) for row in rows]
        assert all(row.days == 30 for row in rows[1:])
    else:
        starts = [paid_out, *(row.due_date for row in rows)]
        fractions = [
            year_fraction(terms.day_count, a, row.due_date) for a, row in zip(starts, rows, strict=False)
        ]
        assert all(row.days == (row.due_date - a).days for a, row in zip(starts, rows, strict=False))
    assert [(row.principal, row.interest) for row in rows] == reference(terms, fractions)
    assert sum(row.principal for row in rows) == terms.principal
    balance = terms.principal
    for row in rows:
        balance -= row.principal
        assert row.principal >= 0
        assert row.interest >= 0
        assert row.balance_after == balance
        assert row.amount == row.principal + row.interest + row.fee
    assert balance == 0
    assert plan.total_of_payments == sum(row.amount for row in rows)


@given(
    st.integers(10_000, 10**10),
    st.decimals(0, Decimal("0.24"), places=4),
    st.integers(1, 12),
    st.sampled_from(Rounding),
)
def test_the_residue_stays_within_the_grown_rounding_errors(
    principal: int, rate: Decimal, term: int, rounding: Rounding
) -> None:
    rows = schedule(Terms(principal, rate, term, rounding=rounding), date(2026, 1, 31)).installments
    assert len({row.amount for row in rows[:-1]}) <= 1
    assert abs(rows[-1].amount - rows[0].amount) <= sum((1 + Fraction(rate) / 12) ** k for k in range(term))


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"principal": 0}, "/principal", "not_positive"),
        ({"principal": -1}, "/principal", "not_positive"),
        ({"principal": MAX_AMOUNT + 1}, "/principal", "too_large"),
        ({"principal": True}, "/principal", "not_an_integer"),
        ({"principal": 1.5}, "/principal", "not_an_integer"),
        ({"installments": 0}, "/installments", "not_positive"),
        ({"installments": 61}, "/installments", "too_large"),
        ({"annual_rate": Decimal("-0.01")}, "/annual_rate", "negative"),
        ({"annual_rate": Decimal("10.000001")}, "/annual_rate", "too_large"),
        ({"annual_rate": Decimal("NaN")}, "/annual_rate", "not_a_decimal"),
        ({"annual_rate": Decimal("Infinity")}, "/annual_rate", "not_a_decimal"),
        ({"annual_rate": 0.12}, "/annual_rate", "not_a_decimal"),
        ({"annual_rate": Decimal("0.1234567890123")}, "/annual_rate", "too_many_places"),
        ({"monthly_fee_rate": Decimal("1.01")}, "/monthly_fee_rate", "too_large"),
        ({"method": "balloon"}, "/method", "unknown"),
        ({"day_count": "30/365"}, "/day_count", "unknown"),
        ({"rounding": "up"}, "/rounding", "unknown"),
        (
            {"method": Method.INTEREST_FREE, "monthly_fee_rate": Decimal("0.01")},
            "/monthly_fee_rate",
            "not_allowed",
        ),
    ],
)
def test_bad_terms_are_refused_by_name(change: dict[str, object], pointer: str, code: str) -> None:
    good: dict[str, object] = {"principal": BILL, "annual_rate": Decimal("0.12"), "installments": 12}
    with pytest.raises(InvalidTerms) as refusal:
        Terms(**{**good, **change})  # type: ignore[arg-type]
    assert [(f.pointer, f.code) for f in refusal.value.faults] == [(pointer, code)]
    assert isinstance(refusal.value, Refused)


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(InvalidTerms) as refusal:
        Terms(0, Decimal(11), 61)
    assert len(refusal.value.faults) == 3


@pytest.mark.parametrize("first", [PAID_OUT, date(2026, 12, 9)])
def test_first_due_date_must_follow_the_payout(first: date) -> None:
    with pytest.raises(InvalidFirstDueDate):
        schedule(Terms(BILL, Decimal("0.12"), 3), PAID_OUT, first)


def test_the_largest_and_longest_plan_is_exact() -> None:
    terms = Terms(MAX_AMOUNT, Decimal(10), 60, day_count=DayCount.ACTUAL_ACTUAL)
    assert sum(row.principal for row in schedule(terms, PAID_OUT).installments) == MAX_AMOUNT


def test_one_schedule_is_quick() -> None:
    terms = Terms(BILL, Decimal("0.12"), 12)
    best = min(_timed(terms) for _ in range(50))
    assert best < 1e-3  # 20 µs is usual; this only catches a wrong order of magnitude


def _timed(terms: Terms) -> float:
    start = time.perf_counter()
    schedule(terms, PAID_OUT)
    return time.perf_counter() - start
