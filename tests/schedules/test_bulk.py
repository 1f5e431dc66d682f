"""Many plans at once are each the plan of one, whatever arithmetic carries them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.money import MAX_AMOUNT, Rounding, round_div
from refi.schedules.amortization import InvalidTerms, Method, Terms, schedule
from refi.schedules.array_arithmetic import Float64Arrays, float64_exact, int64_exact, rounded_quotient
from refi.schedules.bulk import Plans, loans, schedules
from refi.schedules.dates import BusinessDays, CalendarMissing, DateOutOfRange, InvalidFirstDueDate, Rolling
from refi.schedules.day_count import DayCount
from tests.proofs import Proof

METHODS = [Method.EQUAL_INSTALLMENT, Method.EQUAL_PRINCIPAL, Method.FLAT_FEE]


def one(plans: Plans, k: int) -> list[tuple[object, ...]]:
    """The rows of one loan, as tuples."""
    count = int(plans.loans.installments[k])
    columns = (plans.principal, plans.interest, plans.fee, plans.amount, plans.balance_after)
    return [(plans.due_date[k, j].item(), *(int(c[k, j]) for c in columns)) for j in range(count)]


def expected(plans: Plans, k: int) -> list[tuple[object, ...]]:
    """The same by the engine of one loan."""
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
    rows = schedule(terms, book.disbursed_on[k].item(), first).installments
    return [(r.due_date, r.principal, r.interest, r.fee, r.amount, r.balance_after) for r in rows]


def random_book(random: np.random.Generator, count: int, *, odd: bool) -> Plans:
    """Loans of every kind in one call: tiny, ordinary and huge principals, all methods and day counts."""
    size = random.random(count)
    principal = np.where(
        size < 0.3, random.integers(1, 300, count), np.where(size < 0.7, random.integers(1, 10**9, count), 0)
    )
    huge = np.minimum(10 ** (15 * random.random(count)), MAX_AMOUNT).astype(np.int64)
    rates = np.where(random.random(count) < 0.3, 0, random.integers(0, 10**7, count))
    paid_out = np.datetime64("2024-01-01") + random.integers(0, 29_000, count)

    def pick(kinds: list[object]) -> list[object]:
        return [kinds[j] for j in random.integers(0, len(kinds), count)]

    return schedules(
        loans(
            np.where(principal == 0, np.maximum(huge, 1), principal),
            np.where(random.random(count) < 0.5, rates // 10_000 * 10_000 // 40, rates),
            random.integers(1, 61, count),
            paid_out,
            paid_out + random.integers(1, 90, count) if odd else None,
            monthly_fee_rate=random.integers(0, 20_000, count),
            method=pick(METHODS),  # type: ignore[arg-type]
            day_count=pick(list(DayCount)),  # type: ignore[arg-type]
            rounding=pick(list(Rounding)),  # type: ignore[arg-type]
        )
    )


@pytest.mark.parametrize("odd", [False, True])
def test_bulk_equals_one_by_one(proof: Proof, odd: bool) -> None:
    count = proof.size(small=1_000, full=200_000, of="loans")
    plans = random_book(np.random.default_rng(proof.seed), count, odd=odd)
    for k in range(count):
        assert one(plans, k) == expected(plans, k)
    assert (plans.total_of_payments == plans.amount.sum(axis=1)).all()
    assert (plans.total_fee == plans.fee.sum(axis=1)).all()
    assert (plans.principal.sum(axis=1) == plans.loans.principal).all()


def test_bulk_keeps_its_promises(proof: Proof) -> None:
    """Figures alone: nothing negative, nothing lost, level amounts, and a small residue.

    The level payment and each interest are off by half a unit at most, and each error grows with interest:
    the residue is at most F_n = Σ (1 + r)^k, a little above n. It is within n − 1 for all but a few loans in
    a million.
    """
    count, random = proof.size(small=20_000, full=2_000_000, of="loans"), np.random.default_rng(proof.seed)
    for term in (3, 6, 12):
        lent, rate = random.integers(10_000, 10**9, count), random.integers(0, 240_001, count)
        plans = schedules(loans(lent, rate, term, np.datetime64("2026-11-22")))
        assert plans.principal.min() >= 0
        assert plans.interest.min() >= 0
        assert (plans.principal.sum(axis=1) == lent).all()
        assert (plans.amount[:, :-1] == plans.amount[:, :1]).all()
        residue = np.abs(plans.amount[:, -1] - plans.amount[:, 0])
        growth = 1 + rate / 12e6
        assert (residue <= sum(growth**k for k in range(term)) + 1e-9).all()
        beyond = int((residue > term - 1).sum())
        proof.record(**{f"residue_beyond_n_minus_1_of_{term}": beyond})
        assert beyond <= 3 + count // 50_000


def test_threads_and_blocks_do_not_show() -> None:
    random = np.random.default_rng(5)
    count = 150_000
    book = loans(
        random.integers(1, 10**8, count), random.integers(0, 10**6, count), 4, np.datetime64("2026-01-31")
    )
    single, many = schedules(book, workers=1), schedules(book, workers=3)
    assert (single.principal == many.principal).all()
    assert (single.interest == many.interest).all()
    assert (single.due_date == many.due_date).all()
    for k in (0, 65_535, 65_536, count - 1):
        assert one(single, k) == expected(single, k)


def test_shorter_loans_are_padded() -> None:
    plans = schedules(loans([100, 100], 120_000, [2, 4], np.datetime64("2026-01-31")))
    assert plans.principal.shape == plans.due_date.shape == plans.amount.shape == (2, 4)
    assert np.isnat(plans.due_date[0, 2:]).all()
    assert (plans.amount[0, 2:] == 0).all()
    assert plans.within.tolist() == [[True, True, False, False], [True] * 4]


def test_scalars_stand_for_all_and_nothing_is_a_book_too() -> None:
    plans = schedules(loans(1_200_000, 120_000, 6, date(2026, 12, 10)))
    assert plans.amount.tolist() == [[207_058] * 6]
    empty = schedules(loans(np.array([], np.int64), 120_000, 6, np.array([], "datetime64[D]")))
    assert len(empty) == 0
    assert empty.total_interest.tolist() == []
    assert empty.principal.shape == (0, 0)
    nobody = np.array([], np.int64)
    assert schedules(loans(nobody, nobody, nobody, np.array([], "datetime64[D]"))).principal.shape == (0, 0)
    dear = schedules(loans(10**9, 0, 3, np.datetime64("2026-12-10"), monthly_fee_rate=1))
    assert dear.fee.tolist() == [[1_000] * 3]


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("rate", [1, 119_999, 120_000, 2_400_000])
def test_both_sides_of_the_float64_bound_of_interest(rounding: Rounding, rate: int) -> None:
    """Around 32 a + 8 d = 2**53 and around 2 a + d = 2**62 the plans are the exact ones."""
    bounds = [(2**53 - 8 * 12_000_000) // (32 * rate), (2**62 - 12_000_000) // (2 * rate)]
    near = {min(max(bound + step, 1), MAX_AMOUNT) for bound in bounds for step in range(-20, 21)}
    lent = np.array(sorted(near))
    plans = schedules(loans(lent, rate, 12, np.datetime64("2026-11-22"), rounding=rounding))
    for k in range(len(lent)):
        assert one(plans, k) == expected(plans, k)
    product = np.array([bounds[0] * rate - rate, bounds[0] * rate + rate], np.float64)
    assert float64_exact(product, 12_000_000).tolist() == [True, False]
    product = np.array([bounds[1] * rate * 0.999, bounds[1] * rate * 1.001], np.float64)
    assert int64_exact(product, 12_000_000).tolist() == [True, False]


@given(st.integers(1, 2**20), st.integers(1, 2**14), st.integers(1, 2**14), st.sampled_from(Rounding))
def test_float64_divides_as_int64_does_even_at_ties(
    half: int, numerator: int, step: int, rounding: Rounding
) -> None:
    """Balances whose interest is exactly, or one part in the denominator beside, half a unit."""
    denominator = 2 * numerator * step
    balances = [half * step + k for k in (-1, 0, 1) if half * step + k > 0]
    if not float64_exact(np.array([float(max(balances)) * numerator]), denominator).all():
        return
    fast = Float64Arrays(rounding, len(balances))
    rates = fast.rate(np.full(len(balances), numerator), denominator)
    found = fast.divide(fast.product(np.array(balances, np.float64), rates), denominator)
    assert found.tolist() == [round_div(b * numerator, denominator, rounding) for b in balances]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"principal": [1, 0]}, "/principal/1"),
        ({"principal": [1, MAX_AMOUNT + 1]}, "/principal/1"),
        ({"principal": [MAX_AMOUNT, MAX_AMOUNT + 1]}, "/principal/1"),
        ({"monthly_fee_rate": 1, "method": Method.INTEREST_FREE}, "/monthly_fee_rate/0"),
        ({"principal": [1.0, 2.0]}, "/principal"),
        ({"annual_rate": [0, -1]}, "/annual_rate/1"),
        ({"annual_rate": 10**7 + 1}, "/annual_rate"),
        ({"installments": 0}, "/installments"),
        ({"installments": [1, 61]}, "/installments/1"),
        ({"monthly_fee_rate": [0, 10**6 + 1]}, "/monthly_fee_rate/1"),
        ({"monthly_fee_rate": [0, 5], "method": Method.INTEREST_FREE}, "/monthly_fee_rate/1"),
    ],
)
def test_bad_arrays_are_refused_with_the_first_at_fault(change: dict[str, object], pointer: str) -> None:
    good: dict[str, object] = {
        "principal": [100, 100],
        "annual_rate": 120_000,
        "installments": 3,
        "disbursed_on": np.datetime64("2026-11-22"),
    }
    with pytest.raises(InvalidTerms) as refusal:
        loans(**{**good, **change})  # type: ignore[arg-type]
    assert refusal.value.faults[0].pointer == pointer


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(InvalidTerms):
        loans([100, 100], [0, 0, 0], 3, np.datetime64("2026-11-22"))


def test_bad_dates_are_refused() -> None:
    day = np.datetime64("2026-11-22")
    with pytest.raises(InvalidFirstDueDate) as refusal:
        schedules(loans([100, 100], 0, 3, day, [day + 1, day]))
    assert refusal.value.faults[0].pointer == "/first_due_on/1"
    with pytest.raises(DateOutOfRange):
        schedules(loans(100, 0, 3, np.datetime64("2300-01-01")))
    with pytest.raises(DateOutOfRange):
        schedules(loans(100, 0, 3, day, np.datetime64("2299-12-01")))


CLOSED = frozenset(
    day for day in (date(2026, 1, 1) + timedelta(days=k) for k in range(1096)) if day.weekday() > 4
) | {date(2026, 10, day) for day in range(1, 8)}
BUSINESS_DAYS = BusinessDays(CLOSED, 2026, 2028)


@pytest.mark.parametrize("rolling", list(Rolling))
def test_holidays_move_due_dates_in_bulk_too(rolling: Rolling) -> None:
    paid_out = np.datetime64("2026-01-01") + np.arange(365)
    book = loans(10_000, 120_000, np.where(np.arange(365) % 2, 5, 7), paid_out, day_count=DayCount.ACTUAL_365)
    plans, still = schedules(book, 2, rolling, BUSINESS_DAYS), schedules(book)
    assert (plans.ends_on == still.due_date)[plans.within].all()
    assert np.isnat(plans.due_date[~plans.within]).all()
    assert (plans.interest == still.interest).all()
    terms = [Terms(10_000, Decimal("0.12"), n, day_count=DayCount.ACTUAL_365) for n in (7, 5)]
    for k in range(365):
        rows = schedule(terms[k % 2], paid_out[k].item(), None, rolling, BUSINESS_DAYS).installments
        assert [row.due_date for row in rows] == plans.due_date[k, : len(rows)].tolist()
    shut = bool(np.isin(plans.due_date[plans.within], np.array(sorted(CLOSED), "datetime64[D]")).any())
    assert shut == (rolling is Rolling.NONE)
    stay = (
        plans.due_date[plans.within].astype("M8[M]") == still.due_date[plans.within].astype("M8[M]")
    ).all()
    assert stay == (rolling in (Rolling.NONE, Rolling.MODIFIED_FOLLOWING))


def test_years_without_a_calendar_are_refused_in_bulk_too() -> None:
    def asked(paid_out: str, rolling: Rolling, days: BusinessDays | None) -> Plans:
        return schedules(loans([100, 100], 0, 2, [np.datetime64("2026-03-05"), paid_out]), 1, rolling, days)

    with pytest.raises(CalendarMissing):
        asked("2026-03-05", Rolling.FOLLOWING, None)
    asked("2028-10-29", Rolling.FOLLOWING, BUSINESS_DAYS)
    with pytest.raises(CalendarMissing):
        asked("2028-11-30", Rolling.FOLLOWING, BUSINESS_DAYS)
    with pytest.raises(CalendarMissing):
        asked("2025-10-30", Rolling.FOLLOWING, BUSINESS_DAYS)
    asked("2025-12-02", Rolling.PRECEDING, BUSINESS_DAYS)
    for rolling in (Rolling.PRECEDING, Rolling.FOLLOWING):
        assert asked("2025-12-01", rolling, BUSINESS_DAYS).due_date[1, 0].item() == date(2026, 1, 1)
    with pytest.raises(CalendarMissing):  # 1 January 2029 alone lies beyond
        schedules(loans(100, 0, 1, np.datetime64("2028-12-01")), 1, Rolling.PRECEDING, BUSINESS_DAYS)
    shut = {date(2026, 1, 1) + timedelta(days=k) for k in range(10)}
    opening = BusinessDays(CLOSED | shut | {date(2028, 12, 31)}, 2026, 2028)
    with pytest.raises(CalendarMissing):
        asked("2025-12-02", Rolling.PRECEDING, opening)
    for rolling in (Rolling.FOLLOWING, Rolling.MODIFIED_FOLLOWING):
        with pytest.raises(CalendarMissing):
            asked("2028-10-31", rolling, opening)
        with pytest.raises(CalendarMissing):
            schedule(Terms(100, Decimal(0), 2), date(2028, 10, 31), None, rolling, opening)


def test_fees_and_quotients_too_large_for_int64_are_exact() -> None:
    random = np.random.default_rng(11)
    left = np.array([MAX_AMOUNT - 1, 5 * 2**40, 3, 5, 1], np.int64)  # the second is 2.5
    right = np.array([10**6, 2**20, 1, 1, 10**9], np.int64)
    below = np.array([70_001, 2**61, 2, 2, 10**9], np.int64)
    for code, rounding in enumerate(Rounding):
        codes = np.full(5, code)
        expected = [
            round_div(a * b, d, rounding)
            for a, b, d in zip(left.tolist(), right.tolist(), below.tolist(), strict=True)
        ]
        assert rounded_quotient(left, right, below, codes).tolist() == expected
        assert rounded_quotient(left[2:], right[2:], below[2:], codes[2:]).tolist() == expected[2:]
    mixed = random.integers(0, 2, 5)
    assert rounded_quotient(left, right, below, mixed).tolist() == [
        round_div(a * b, d, tuple(Rounding)[c])
        for a, b, d, c in zip(left.tolist(), right.tolist(), below.tolist(), mixed.tolist(), strict=True)
    ]
