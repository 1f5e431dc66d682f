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


def monthly(start: date, first: date, amounts: list[int]) -> list[Flow]:
    return [
        Flow(add_months(first, k, max(start.day, first.day) if k else None), a) for k, a in enumerate(amounts)
    ]


def every(days: int, first: date, count: int) -> list[date]:
    return [first + timedelta(days=days * k) for k in range(count)]


def months(step: int, first: date, count: int) -> list[date]:
    return [add_months(first, step * k) for k in range(count)]


def half_months(first: date, count: int) -> list[date]:
    """The 1st and the 16th of each month."""
    return sorted(day for k in range(count) for day in (add_months(first, k), add_months(first, k, 16)))[
        :count
    ]


JAN_10, FEB_10 = date(1978, 1, 10), date(1978, 2, 10)
OCT_1, APR_27 = date(1978, 10, 1), date(2026, 4, 27)
APPENDIX_J = {
    "c1i": (JAN_10, 500000, months(1, FEB_10, 24), [23000] * 24, "month", "9.69"),
    "c1ii": (FEB_10, 600000, months(1, date(1978, 4, 1), 36), [20000] * 36, "month", "11.82"),
    "c1iii": (date(1978, 2, 23), 500000, half_months(date(1978, 3, 1), 24), [21917] * 24, "half_month",
              "10.34"),
    "c1iv": (date(1978, 5, 23), 1000000, months(3, OCT_1, 40), [38500] * 40, "quarter", "8.97"),
    "c1v": (date(1978, 3, 20), 50000, every(7, date(1978, 4, 21), 30), [1760] * 30, "week", "14.96"),
    "c2i": (JAN_10, 500000, months(1, FEB_10, 24), [25000] + [23000] * 23, "month", "10.08"),
    "c2ii": (date(1978, 3, 18), 40000, every(28, date(1978, 4, 20), 12), [3950] + [3831] * 11, "four_weeks",
             "28.50"),
    "c3i": (JAN_10, 500000, months(1, FEB_10, 24), [23000] * 23 + [28000], "month", "10.50"),
    "c3ii": (date(1978, 4, 3), 20000, every(14, date(1978, 4, 11), 20), [950] * 19 + [3000], "two_weeks",
             "12.22"),
    "c4i": (JAN_10, 500000, months(1, FEB_10, 24), [25000] + [23000] * 22 + [28000], "month", "10.90"),
    "c4ii": (JAN_10, 800000, months(2, date(1978, 3, 1), 20), [44936] + [46500] * 18 + [20000], "two_months",
             "7.30"),
    "c5i": (date(1978, 1, 3), 100000, [date(1978, 9, 15)], [108000], "term", "11.45"),
    "c5i by days": (date(1978, 1, 3), 100000, [date(1978, 9, 15)], [108000], "day", "11.45"),
    "c5ii": (date(1978, 7, 15), 100000, [date(1979, 1, 15)], [104400], "half_year", "8.80"),
    "c5iii": (date(1978, 1, 17), 100000, [date(1979, 7, 17)], [113519], "year", "8.76"),
    "c5iv": (date(1978, 1, 3), 100000, [date(1980, 1, 3)], [124000], "year", "11.36"),
    "shorter first": (date(1978, 6, 23), 1000000, months(3, OCT_1, 40), [38500] * 40, "quarter", "9.15"),
    "short first": (date(1978, 7, 23), 1000000, months(3, OCT_1, 40), [38500] * 40, "quarter", "9.32"),
    "days": (date(2023, 10, 26), 100000, every(1, date(2023, 11, 30), 5), [22000] * 5, "day", "94.15"),
    "long week": (date(2023, 10, 28), 100000, every(7, date(2023, 11, 30), 5), [25000] * 5, "week", "176.52"),
    "short week": (date(2023, 11, 24), 100000, every(7, date(2023, 11, 30), 5), [25000] * 5, "week",
                   "434.30"),
    "years": (date(2023, 10, 26), 100000, months(12, date(2023, 11, 30), 5), [50000] * 5, "year", "78.34"),
    "years, after a fee": (APR_27, 9900000, months(12, date(2027, 4, 30), 3), [4021500] * 3, "year",
                           "10.528415"),
    "half years": (APR_27, 9900000, months(6, date(2026, 10, 31), 6), [1970000] * 6, "half_year",
                   "10.569370"),
    "quarters": (APR_27, 9900000, months(3, date(2026, 7, 31), 8), [1394673] * 8, "quarter", "10.859928"),
}  # fmt: skip
"""Regulation Z, Appendix J (c); then examples that others published, checked with FFIEC's tool or Excel."""


@pytest.mark.parametrize("case", APPENDIX_J)
def test_regulation_z_examples(case: str) -> None:
    start, advanced, days, amounts, named_unit, percent = APPENDIX_J[case]
    payments = [Flow(on, amount) for on, amount in zip(days, amounts, strict=True)]
    places = len(percent.partition(".")[2])
    for unit in (named_unit, None):
        found = rates([Flow(start, advanced)], payments, Regime.US_ACTUARIAL, unit)
        assert round(found.apr * 100, places) == Decimal(percent)


def test_a_fee_paid_on_the_day_is_less_advanced() -> None:
    start, days = date(2026, 1, 10), months(1, date(2026, 2, 15), 12)
    payments = [Flow(on, 88491) for on in days]
    kept = rates([Flow(start, 980_000)], payments, Regime.US_ACTUARIAL)
    paid = rates([Flow(start, 1_000_000)], [Flow(start, 20_000), *payments], Regime.US_ACTUARIAL)
    assert kept == paid
    assert round(kept.apr, 6) == Decimal("0.146920")


def test_regulation_z_several_advances() -> None:
    """Worked out by hand: 1 % a month on 1,000 then 2,000, whose second half comes 15 odd days late."""
    start = date(1978, 1, 1)
    half, monthly = 10**12, Decimal("0.01")
    advances = [Flow(start, half), Flow(date(1978, 2, 16), half)]
    owed = half * (1 + monthly) ** 3 + half * (1 + monthly) ** 2 / (1 + monthly / 2)
    found = rates(advances, [Flow(date(1978, 4, 1), round(owed))], Regime.US_ACTUARIAL, "month")
    assert round(found.apr, 9) == Decimal("0.12")
    assert round(found.effective_annual_rate, 9) == Decimal("0.126825030")


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
    start, _, days, amounts, unit, _ = APPENDIX_J["c1iii"]
    flows = [Flow(on, amount) for on, amount in zip(days, amounts, strict=True)]
    found = {regime: rates([Flow(start, 500000)], flows, regime, unit) for regime in Regime}
    with localcontext(prec=3):
        assert of_installments(1_000_000, [89_333] * 12) == expected
        for regime in Regime:
            assert rates([Flow(start, 500000)], flows, regime, unit) == found[regime]


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


def test_a_rate_beyond_every_measure_is_refused() -> None:
    """Doubled in a day: (2 ** 30) ** 12 − 1 a year has more digits than are shown exactly."""
    start = date(2026, 1, 1)
    with pytest.raises(NoRate):
        rates([Flow(start, 100)], [Flow(start + timedelta(days=1), 200)])


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
        ({"advances": [{"on": "2026-01-01", "amount": 1}], "payments": [{"on": "2026-02-01", "amount": 1}],
          "unit_period": 7}, "/unit_period"),
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


@pytest.mark.parametrize("regime", list(Regime))
@pytest.mark.parametrize("repaid", [90, 100, 110])
def test_flows_of_one_day_have_no_rate(regime: Regime, repaid: int) -> None:
    day = date(2026, 1, 5)
    with pytest.raises(NoRate):
        rates([Flow(day, 50), Flow(day, 50)], [Flow(day, repaid)], regime)


def test_flows_outside_the_calendar_are_refused() -> None:
    with pytest.raises(InvalidFlows) as refusal:
        rates([Flow(date(1899, 12, 31), 100)], [Flow(date(2300, 1, 1), 0)])
    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [
        ("/advances/0/on", "out_of_range"),
        ("/payments/0/on", "out_of_range"),
        ("/payments/0/amount", "out_of_range"),
    ]
    assert rates([Flow(date(1900, 1, 1), 1)], [Flow(date(1900, 2, 1), 1)]).apr == 0
    assert rates([Flow(date(2299, 1, 1), 10**15)], [Flow(date(2299, 12, 31), 10**15)]).apr == 0


def test_european_weeks_are_seen_from_the_dates() -> None:
    """Whole weeks that are not whole months are weeks; whole months stay months."""
    start = date(2026, 1, 1)
    weeks = rates([Flow(start, 1000)], [Flow(date(2026, 12, 31), 1100)], Regime.EU_EFFECTIVE)
    assert weeks.apr == Decimal("0.1")
    odd = rates([Flow(start, 1000)], [Flow(date(2026, 12, 30), 1100)], Regime.EU_EFFECTIVE)
    by_months = rates([Flow(start, 1000)], [Flow(date(2026, 12, 31), 1100)], Regime.EU_EFFECTIVE, "month")
    assert round(by_months.apr, 6) == Decimal("0.100120")  # 11 months and 30 days of 365
    assert round(odd.apr, 6) == Decimal("0.100409")  # 11 months and 29 days
    february, a_month = date(2026, 2, 1), [Flow(date(2026, 3, 1), 1010)]
    assert round(rates([Flow(february, 1000)], a_month, Regime.EU_EFFECTIVE).apr, 6) == Decimal("0.126825")
    some = [Flow(date(2026, 1, 8), 500), Flow(date(2026, 1, 16), 600)]
    assert rates([Flow(start, 1000)], some, Regime.EU_EFFECTIVE) == rates(
        [Flow(start, 1000)], some, Regime.EU_EFFECTIVE, "month"
    )


def test_a_payout_on_a_later_day_does_not_make_early_days_month_ends() -> None:
    """31 January to 28 February and 28 March: the 28th is kept, so the first period has 28 of 30 days."""
    flows = [Flow(date(2027, 2, 28), 500), Flow(date(2027, 3, 28), 520)]
    found = rates([Flow(date(2027, 1, 31), 1000)], flows)
    assert found == rates(
        [Flow(date(2027, 1, 1), 1000)], [Flow(date(2027, 1, 29), 500), Flow(date(2027, 2, 28), 520)]
    )


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
