"""Installment plans: who pays what when, exact to the minor unit.

Four methods: equal installments (等额本息), equal principal (等额本金), flat fee (等本等费: a share of the
principal and a fee on the amount first lent, each month) and interest-free. Interest is rounded once per
installment; the last installment takes the residue. Figures are Python integers of any size; arrays of
loans go through `refi.schedules.bulk`, which runs the same recurrence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import lcm
from typing import NamedTuple

from refi.errors import Fault, Refused
from refi.money import MAX_AMOUNT, Rounding, round_div, round_exact
from refi.schedules import dates, periods
from refi.schedules.apr import Rates, of_installments
from refi.schedules.day_count import DENOMINATOR, DayCount, counted_days, days_30, weight
from refi.schedules.periods import MONTH, Period
from refi.schedules.recurrence import ExactIntegers, constant_principal, level, level_payment, reduced

MAX_INSTALLMENTS = 60
MAX_ANNUAL_RATE = Decimal(10)
"""A nominal rate above 1000 % a year is a typing error, not a price."""
MAX_RATE_PLACES = 12


class InvalidTerms(Refused):
    """A term of the plan is outside what can be computed; the faults name each one."""

    code = "validation_failed"


class Method(StrEnum):
    """How principal and price are spread over the installments."""

    EQUAL_INSTALLMENT = "equal_installment"
    EQUAL_PRINCIPAL = "equal_principal"
    FLAT_FEE = "flat_fee"
    INTEREST_FREE = "interest_free"


BEARS_INTEREST = frozenset({Method.EQUAL_INSTALLMENT, Method.EQUAL_PRINCIPAL})


@dataclass(frozen=True, slots=True)
class Terms:
    """The priced terms of a plan. Creating one checks it: `InvalidTerms` names every fault at once.

    Attributes:
        principal: what is lent, minor units, 1 to 10**15.
        annual_rate: nominal annual rate as a fraction, 0 to 10. Under ``flat_fee`` and ``interest_free`` no
            interest is charged and the rate only prices penalties.
        installments: 1 to 60 monthly installments.
        method: how the principal and price are spread.
        monthly_fee_rate: fee of each month as a part of the amount lent, 0 to 1.
        day_count: how the days of a period count against a year.
        rounding: how exact amounts become whole minor units.
    """

    principal: int
    annual_rate: Decimal
    installments: int
    method: Method = Method.EQUAL_INSTALLMENT
    monthly_fee_rate: Decimal = Decimal(0)
    day_count: DayCount = DayCount.THIRTY_360
    rounding: Rounding = Rounding.HALF_UP

    def __post_init__(self) -> None:
        faults = [*self._whole_number_faults(), *self._rate_faults(), *self._choice_faults()]
        if faults:
            raise InvalidTerms("the terms of the plan are not valid", faults=faults)

    def _whole_number_faults(self) -> list[Fault]:
        faults = []
        for name, most in (("principal", MAX_AMOUNT), ("installments", MAX_INSTALLMENTS)):
            value = getattr(self, name)
            if type(value) is not int:
                faults.append(Fault(f"/{name}", "not_an_integer"))
            elif value < 1:
                faults.append(Fault(f"/{name}", "not_positive"))
            elif value > most:
                faults.append(Fault(f"/{name}", "too_large"))
        return faults

    def _rate_faults(self) -> list[Fault]:
        faults = []
        for name, most in (("annual_rate", MAX_ANNUAL_RATE), ("monthly_fee_rate", Decimal(1))):
            value = getattr(self, name)
            if not isinstance(value, Decimal) or not value.is_finite():
                faults.append(Fault(f"/{name}", "not_a_decimal"))
            elif value < 0:
                faults.append(Fault(f"/{name}", "negative"))
            elif value > most:
                faults.append(Fault(f"/{name}", "too_large"))
            elif int(value.as_tuple().exponent) < -MAX_RATE_PLACES:
                faults.append(Fault(f"/{name}", "too_many_places"))
        return faults

    def _choice_faults(self) -> list[Fault]:
        faults = [
            Fault(f"/{name}", "unknown")
            for name, kind in (("method", Method), ("day_count", DayCount), ("rounding", Rounding))
            if not isinstance(getattr(self, name), kind)
        ]
        if self.method is Method.INTEREST_FREE and self.monthly_fee_rate != 0:
            faults.append(Fault("/monthly_fee_rate", "not_allowed"))
        return faults


class Installment(NamedTuple):
    """One row of a plan; amounts in minor units, ``amount`` = principal + interest + fee."""

    number: int
    due_date: date
    days: int
    principal: int
    interest: int
    fee: int
    amount: int
    balance_after: int


@dataclass(frozen=True)
class Schedule:
    """A plan and what is disclosed about it. The rates are worked out when first asked for."""

    terms: Terms
    disbursed_on: date
    installments: tuple[Installment, ...]
    first_period: Fraction

    @property
    def principal(self) -> int:
        """What is lent, minor units."""
        return self.terms.principal

    @cached_property
    def total_interest(self) -> int:
        """Interest over the whole plan, minor units."""
        return sum(row.interest for row in self.installments)

    @cached_property
    def total_fee(self) -> int:
        """Fees over the whole plan, minor units."""
        return sum(row.fee for row in self.installments)

    @property
    def total_of_payments(self) -> int:
        """Principal, interest and fees together, minor units."""
        return self.terms.principal + self.total_interest + self.total_fee

    @cached_property
    def rates(self) -> Rates:
        """The all-in rates of the plan as it will be paid."""
        return of_installments(
            self.terms.principal, (row.amount for row in self.installments), self.first_period
        )

    @property
    def apr(self) -> Decimal:
        """12 × the monthly internal rate over all costs, a fraction with twelve places."""
        return self.rates.apr

    @property
    def effective_annual_rate(self) -> Decimal:
        """(1 + monthly internal rate)^12 − 1, a fraction with twelve places."""
        return self.rates.effective_annual_rate


def fraction_of(rate: Decimal) -> tuple[int, int]:
    """A decimal rate as numerator and denominator, exactly."""
    return rate.as_integer_ratio()


def period_rates(terms: Terms, weights: list[int]) -> tuple[list[int], int]:
    """The rate of each period over one common denominator, all zero when the method bears no interest."""
    if terms.method not in BEARS_INTEREST:
        return [0] * len(weights), 1
    numerator, denominator = fraction_of(terms.annual_rate)
    return reduced([numerator * w for w in weights], denominator * DENOMINATOR[terms.day_count])


def split(terms: Terms, weights: list[int]) -> list[tuple[int, int, int]]:
    """(principal, interest, balance after) of each installment, for periods of the given weights."""
    exact = ExactIntegers(terms.rounding)
    numerators, denominator = period_rates(terms, weights)
    if terms.method is Method.EQUAL_INSTALLMENT:
        payment = level_payment(terms.principal, numerators, denominator, terms.rounding)
        return list(level(exact, terms.principal, payment, numerators, denominator))
    share = round_div(terms.principal, terms.installments, terms.rounding)
    return list(constant_principal(exact, terms.principal, share, numerators, denominator))


def level_amount(
    principal: int, period_rates: Sequence[Decimal | Fraction], rounding: Rounding = Rounding.HALF_UP
) -> int:
    """The generalized level payment: P · Π(1 + f_k) / F_n; F_1 = 1, F_k = 1 + F_(k−1) (1 + f_k). Minor units.

    ``period_rates`` are the rates f_k of 1 to 60 periods as fractions (a twelfth of the annual rate, or the
    annual rate × `refi.schedules.day_count.year_fraction`). Exact, rounded once. Raises `InvalidTerms`.
    """
    faults = []
    if type(principal) is not int or not 1 <= principal <= MAX_AMOUNT:
        faults.append(Fault("/principal", "out_of_range"))
    if not 1 <= len(period_rates) <= MAX_INSTALLMENTS:
        faults.append(Fault("/period_rates", "out_of_range"))
    for k, rate in enumerate(period_rates):
        known = rate.is_finite() if isinstance(rate, Decimal) else type(rate) in (Fraction, int)
        if not known or not 0 <= rate <= MAX_ANNUAL_RATE:
            faults.append(Fault(f"/period_rates/{k}", "out_of_range"))
    if faults:
        raise InvalidTerms("the level payment has no value", faults=faults)
    ratios = [rate.as_integer_ratio() for rate in period_rates]
    common = lcm(*(below for _, below in ratios))
    return level_payment(principal, [above * (common // below) for above, below in ratios], common, rounding)


def monthly_fee(terms: Terms) -> int:
    """The fee of each installment in minor units: the fee rate on the amount first lent."""
    if not terms.monthly_fee_rate:
        return 0
    return round_exact(terms.principal * Fraction(terms.monthly_fee_rate), terms.rounding)


def schedule(
    terms: Terms,
    disbursed_on: date,
    first_due_on: date | None = None,
    rolling: dates.Rolling = dates.Rolling.NONE,
    business_days: dates.BusinessDays | None = None,
) -> Schedule:
    """The plan of ``terms`` paid out on ``disbursed_on``.

    ``first_due_on`` defaults to one month later; an earlier or later one makes an odd first period. With
    ``rolling`` and ``business_days`` a due date on a holiday is shown on the day it moves to; days, interest
    and amounts stay those of the nominal dates. Raises `InvalidFirstDueDate` unless the first due date and
    the day it moves to are after the payout, `DateOutOfRange` outside the years 1900–2299, `CalendarMissing`
    for ``rolling`` without holidays or a year whose holidays are not loaded.
    """
    due, days, weights = calendar(terms, disbursed_on, first_due_on)
    anchor = dates.anchor_of(disbursed_on, due[0])
    first_period = Fraction(days_30(disbursed_on, due[0], None, anchor), 30)
    if rolling is not dates.Rolling.NONE:
        due = tuple(dates.rolled(on, rolling, business_days) for on in due)
        if due[0] <= disbursed_on:
            raise dates.InvalidFirstDueDate.rolls_back("/first_due_on")
    fee = monthly_fee(terms)
    rows = []
    for k, (principal, interest, after) in enumerate(split(terms, weights)):
        amount = principal + interest + fee
        rows.append(Installment(k + 1, due[k], days[k], principal, interest, fee, amount, after))
    return Schedule(terms, disbursed_on, tuple(rows), first_period)


def calendar(
    terms: Terms, disbursed_on: date, first_due_on: date | None, period: Period = MONTH
) -> tuple[tuple[date, ...], list[int], list[int]]:
    """Due dates, counted days and day-count weights of every period of a plan."""
    periods.check_dates(disbursed_on, first_due_on, terms.installments, period)
    first = periods.after(disbursed_on, period) if first_due_on is None else first_due_on
    if first <= disbursed_on:
        raise dates.InvalidFirstDueDate(
            "the first due date must come after the payout",
            faults=[Fault("/first_due_on", "not_after_disbursed_on")],
        )
    anchor = dates.anchor_of(disbursed_on, first)
    due = periods.due_dates(first, terms.installments, anchor, period)
    kind = terms.day_count
    if period != MONTH:
        return due, *periods.weights(kind, period, disbursed_on, due, anchor)
    first_days = counted_days(kind, disbursed_on, first, None, anchor)
    if kind is DayCount.THIRTY_360:
        days = [first_days] + [30] * (terms.installments - 1)
        return due, days, days
    pairs = list(pairwise((disbursed_on, *due)))
    return due, [(b - a).days for a, b in pairs], [weight(kind, a, b) for a, b in pairs]
