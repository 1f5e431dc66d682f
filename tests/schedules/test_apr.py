"""Annual rates: published examples, independent checks, refusals."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.schedules.amortization import Terms, schedule
from refi.schedules.apr import Flow, InvalidFlows, Regime, answer, of_installments, rates
from refi.schedules.dates import add_months
from refi.schedules.solver import AmbiguousRate, NoRate, TimedFlow, period_rate
from refi.schedules.unit_periods import UnknownUnitPeriod, common, named


def monthly(start: date, first: date, amounts: list[int]) -> list[Flow]:
    return [
        Flow(add_months(first, k, max(start.day, first.day) if k else None), a) for k, a in enumerate(amounts)
    ]


US_CASES = [
    (date(1978, 1, 10), 500000, date(1978, 2, 10), [23000] * 24, "9.69"),
    (date(1978, 2, 10), 600000, date(1978, 4, 1), [20000] * 36, "11.82"),
    (date(1978, 1, 10), 500000, date(1978, 2, 10), [25000] + [23000] * 23, "10.08"),
    (date(1978, 1, 10), 500000, date(1978, 2, 10), [25000] + [23000] * 22 + [28000], "10.90"),
]


@pytest.mark.parametrize(("start", "advanced", "first", "amounts", "percent"), US_CASES)
def test_regulation_z_examples(
    start: date, advanced: int, first: date, amounts: list[int], percent: str
) -> None:
    payments = [Flow(add_months(first, k), a) for k, a in enumerate(amounts)]
    for unit in ("month", None):
        found = rates([Flow(start, advanced)], payments, Regime.US_ACTUARIAL, unit)
        assert round(found.apr * 100, 2) == Decimal(percent)


def test_the_central_banks_example() -> None:
    found = of_installments(9_900_000, [883_330] * 12)
    assert round(found.apr * 100, 2) == Decimal("12.80")
    assert round(found.effective_annual_rate * 100, 2) == Decimal("13.58")


def test_published_monthly_internal_rates() -> None:
    assert round(of_installments(1_000_000, [89_333] * 12).apr * 100, 2) == Decimal("13.03")
    assert round(of_installments(100_000, [34_002] * 3).apr * 100, 4) == Decimal("11.9962")


def test_european_examples() -> None:
    start = date(2026, 1, 1)
    yearly = [Flow(date(2027, 1, 1), 60000), Flow(date(2028, 1, 1), 60000)]
    found = rates([Flow(start, 100000)], yearly, Regime.EU_EFFECTIVE)
    assert found.apr == found.effective_annual_rate
    assert round(found.apr * 100, 4) == Decimal("13.0662")
    six = [Flow(add_months(start, k), 17255) for k in range(1, 7)]
    assert round(rates([Flow(start, 100000)], six, Regime.EU_EFFECTIVE).apr * 100, 3) == Decimal("12.686")
    directive = [Flow(date(2026, 4, 1), 272), Flow(date(2026, 7, 1), 272), Flow(date(2027, 1, 1), 544)]
    assert round(rates([Flow(start, 1000)], directive, Regime.EU_EFFECTIVE).apr * 100, 2) == Decimal("13.19")


def test_european_odd_days_are_parts_of_their_year() -> None:
    days = rates([Flow(date(1994, 1, 1), 1000)], [Flow(date(1995, 7, 1), 1200)], Regime.EU_EFFECTIVE, "day")
    assert round(days.apr * 100, 2) == Decimal("12.96")
    months = rates([Flow(date(1994, 1, 1), 1000)], [Flow(date(1995, 7, 1), 1200)], Regime.EU_EFFECTIVE)
    assert round(months.apr * 100, 2) == Decimal("12.92")
    weeks = rates(
        [Flow(date(2026, 1, 1), 1000)], [Flow(date(2026, 12, 31), 1100)], Regime.EU_EFFECTIVE, "week"
    )
    assert weeks.apr == Decimal("0.1")


@given(
    st.integers(10_000, 10**9),
    st.lists(st.integers(1, 10**9), min_size=1, max_size=24),
    st.integers(7, 90),
)
def test_the_rate_brackets_the_root_in_exact_rationals(advanced: int, amounts: list[int], days: int) -> None:
    repaid = sum(amounts)
    if not advanced <= repaid <= 10 * advanced:
        return
    first = Fraction(days, 30)
    flows = [TimedFlow(advanced, Fraction(0))] + [TimedFlow(-a, first + k) for k, a in enumerate(amounts)]
    rate = Fraction(period_rate(flows))
    tiny = Fraction(1, 10**15)

    def value(at: Fraction) -> Decimal:
        with localcontext(prec=80):
            growth = 1 + Decimal(at.numerator) / at.denominator
            powers = [growth ** -(Decimal(f.periods.numerator) / f.periods.denominator) for f in flows]
            return sum((f.amount * p for f, p in zip(flows, powers, strict=True)), Decimal(0))

    assert value(rate - tiny) <= 0 <= value(rate + tiny)


def test_the_callers_decimal_context_does_not_matter() -> None:
    expected = of_installments(1_000_000, [89_333] * 12)
    with localcontext(prec=3):
        assert of_installments(1_000_000, [89_333] * 12) == expected


def test_month_ends_are_whole_months() -> None:
    start = date(2027, 1, 31)
    payments = [Flow(on, 34_002) for on in (date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30))]
    expected = of_installments(100_000, [34_002] * 3)
    assert rates([Flow(start, 100_000)], payments) == expected
    single = rates([Flow(start, 100_000)], [Flow(date(2027, 2, 28), 101_000)])
    assert single.apr == Decimal("0.12")


def test_zero_cost_is_zero() -> None:
    assert of_installments(900, [300] * 3).apr == 0


@pytest.mark.parametrize(
    ("advances", "payments"),
    [
        ([(0, 100)], [(1, 99)]),
        ([(1, 100)], [(0, 101)]),
    ],
)
def test_flows_without_a_rate_are_refused(
    advances: list[tuple[int, int]], payments: list[tuple[int, int]]
) -> None:
    start = date(2026, 1, 1)

    def flows(rows: list[tuple[int, int]]) -> list[Flow]:
        return [Flow(add_months(start, k), amount) for k, amount in rows]

    with pytest.raises(NoRate):
        rates(flows(advances), flows(payments))


def test_flows_with_two_rates_are_refused() -> None:
    start = date(2026, 1, 1)
    advances = [Flow(start, 1000), Flow(add_months(start, 24), 1320)]
    payments = [Flow(add_months(start, 12), 2321)]
    with pytest.raises((AmbiguousRate, NoRate)):
        rates(advances, payments)


def test_several_advances_are_one_rate() -> None:
    start = date(2026, 1, 1)
    advances = [Flow(start, 1000), Flow(add_months(start, 1), 1000)]
    payments = [Flow(add_months(start, 2), int(1000 * 1.0201 + 1000 * 1.01))]
    assert round(rates(advances, payments).apr, 2) == Decimal("0.12")


@pytest.mark.parametrize(
    ("question", "pointer"),
    [
        ({}, "/advances"),
        ({"advances": [], "payments": []}, "/advances"),
        ({"advances": [{"on": "2026-13-01", "amount": 1}], "payments": [{"on": "2026-02-01", "amount": 1}]},
         "/advances/0/on"),
        ({"advances": [{"on": "2026-01-01", "amount": 1.5}], "payments": [{"on": "2026-02-01", "amount": 1}]},
         "/advances/0/amount"),
        ({"advances": [{"on": "2026-01-01", "amount": 0}], "payments": [{"on": "2026-02-01", "amount": 1}]},
         "/advances/0/amount"),
        ({"advances": [{"on": "2026-01-01", "amount": 1}], "payments": [7]}, "/payments/0/on"),
        ({"advances": [{"on": "2026-01-01", "amount": 1}], "payments": [{"on": "2026-02-01", "amount": 1}],
          "regime": "mars"}, "/regime"),
    ],
)  # fmt: skip
def test_bad_questions_are_refused_with_a_pointer(question: dict[str, object], pointer: str) -> None:
    with pytest.raises(InvalidFlows) as refusal:
        answer(json.loads(json.dumps(question)))
    assert refusal.value.faults[0].pointer == pointer


def test_the_commands_answer_is_text() -> None:
    question = {
        "advances": [{"on": "2026-01-15", "amount": 9900000}],
        "payments": [{"on": f"2026-{m:02d}-15", "amount": 883330} for m in range(2, 13)]
        + [{"on": "2027-01-15", "amount": 883330}],
        "regime": "cn_irr",
    }
    assert answer(question) == {"apr": "0.128038018510", "effective_annual_rate": "0.135825576327"}


def test_unit_periods_by_name() -> None:
    assert named("two_weeks").per_year == 26
    assert named("half_month").per_year == 24
    assert named("quarter").per_year == 4
    assert named("day").per_year == 365
    assert named("four_weeks").per_year == 13
    with pytest.raises(UnknownUnitPeriod):
        named("fortnight_and_a_half")
    with pytest.raises(UnknownUnitPeriod):
        named("thirteen_months")


def test_unit_periods_that_appendix_j_finds() -> None:
    start = date(2026, 1, 5)
    weekly = [date.fromordinal(start.toordinal() + 7 * k) for k in range(1, 9)]
    assert common([start], weekly).days == 7
    fortnightly = [date.fromordinal(start.toordinal() + 14 * k) for k in range(1, 9)]
    assert common([start], fortnightly).days == 14
    quarterly = [add_months(start, 3 * k) for k in range(1, 5)]
    assert common([start], quarterly).months == 3
    assert common([start], [add_months(start, 18)]).months == 12
    assert common([start], [add_months(start, 6)]).months == 6
    assert common([start], [date(2026, 4, 20)]).term_days == 105


def test_regulation_z_single_payments() -> None:
    """Appendix J (c)(5): a term in days, one of a year, and one of a year and a half."""
    start = date(1978, 1, 3)
    for unit in (None, "term"):
        days = rates([Flow(start, 100_000)], [Flow(date(1978, 9, 15), 108_000)], Regime.US_ACTUARIAL, unit)
        assert round(days.apr * 100, 2) == Decimal("11.45")
    year = rates([Flow(start, 100_000)], [Flow(date(1979, 1, 3), 112_000)], Regime.US_ACTUARIAL)
    assert year.apr == year.effective_annual_rate == Decimal("0.12")
    longer = rates([Flow(start, 100_000)], [Flow(date(1979, 7, 3), 118_720)], Regime.US_ACTUARIAL)
    assert longer.apr == Decimal("0.12")  # 1.12 × (1 + 0.12 / 2)
    months = rates([Flow(start, 100_000)], [Flow(date(1978, 7, 3), 106_000)], Regime.US_ACTUARIAL)
    assert months.apr == Decimal("0.12")


def test_regulation_z_odd_days_count_simply() -> None:
    """An advance 19 days before the first full month: (1 + 19/30 i)(1 + i)."""
    payment = round(100_000 * (1 + Decimal(19) / 30 * Decimal("0.01")) * Decimal("1.01"))
    found = rates(
        [Flow(date(1978, 2, 10), 100_000)], [Flow(date(1978, 4, 1), payment)], Regime.US_ACTUARIAL, "month"
    )
    assert round(found.apr, 4) == Decimal("0.12")


@pytest.mark.parametrize(
    ("unit", "days", "per_year"), [("week", 7, 52), ("two_weeks", 14, 26), ("day", 1, 365)]
)
def test_regulation_z_unit_periods_of_days(unit: str, days: int, per_year: int) -> None:
    start = date(1978, 1, 10)
    payments = [
        Flow(date.fromordinal(start.toordinal() + days * k), 10_100 if k == 3 else 100) for k in (1, 2, 3)
    ]
    found = rates([Flow(start, 10_000)], payments, Regime.US_ACTUARIAL, unit)
    assert found.apr == Decimal("0.01") * per_year


def test_regulation_z_half_months() -> None:
    start = date(1978, 1, 1)
    payments = [Flow(date(1978, 1, 16), 100), Flow(date(1978, 2, 1), 10_100)]
    found = rates([Flow(start, 10_000)], payments, Regime.US_ACTUARIAL, "half_month")
    assert found.apr == Decimal("0.24")


@given(
    st.dates(date(2024, 1, 1), date(2104, 12, 31)),
    st.one_of(st.none(), st.integers(2, 80)),
    st.integers(1, 24),
    st.decimals(0, Decimal("0.36"), places=4),
)
def test_a_plans_rate_is_that_of_its_dated_flows(
    paid_out: date, odd: int | None, term: int, rate: Decimal
) -> None:
    first = None if odd is None else paid_out + timedelta(days=odd)
    plan = schedule(Terms(1_000_000, rate, term, monthly_fee_rate=Decimal("0.001")), paid_out, first)
    payments = [Flow(row.due_date, row.amount) for row in plan.installments]
    found = rates([Flow(paid_out, 1_000_000)], payments)
    assert (found.apr, found.effective_annual_rate) == (plan.apr, plan.effective_annual_rate)
