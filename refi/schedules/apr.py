"""Annual percentage rates: the Chinese internal rate, Regulation Z Appendix J, and the EU effective rate.

- ``cn_irr``: the monthly internal rate r; ``apr`` = 12 r, ``effective_annual_rate`` = (1 + r)^12 − 1
  (PBOC 2021 no. 3 shows both forms). Odd days are thirtieths of a month and compound.
- ``us_actuarial``: the rate per unit period times the unit periods of a year; odd days count simply.
- ``eu_effective``: the effective rate X of Directive 2008/48/EC; ``apr`` and the effective rate are the same.

All rates are fractions (0.12 is 12 %), `Decimal`, twelve places, the same digits on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from enum import StrEnum
from fractions import Fraction

from refi.errors import Fault, Refused
from refi.money import MAX_AMOUNT
from refi.schedules.dates import FIRST_YEAR, LAST_YEAR, is_date, nominal_day, written
from refi.schedules.solver import DIGITS, NoRate, TimedFlow, compound, period_rate, shown
from refi.schedules.unit_periods import (
    UnitPeriod,
    anchor_day,
    common,
    eu_months,
    measure,
    months_30,
    named,
)


class Regime(StrEnum):
    """Whose rule measures time and names the rate."""

    CN_IRR = "cn_irr"
    US_ACTUARIAL = "us_actuarial"
    EU_EFFECTIVE = "eu_effective"


class InvalidFlows(Refused):
    """A flow is not a positive whole amount on a date, or the question is not well formed."""

    code = "validation_failed"


@dataclass(frozen=True, slots=True)
class Flow:
    """Money that moves on a day: minor units, always positive; the list it is in gives the direction."""

    on: date
    amount: int


@dataclass(frozen=True, slots=True)
class Rates:
    """What is disclosed: fractions with twelve places."""

    apr: Decimal
    effective_annual_rate: Decimal


def rates(
    advances: Sequence[Flow],
    payments: Sequence[Flow],
    regime: Regime = Regime.CN_IRR,
    unit_period: str | None = None,
) -> Rates:
    """The annual rate of dated flows.

    ``regime`` may be given by its name (``"eu_effective"``). ``unit_period`` matters for ``us_actuarial``
    (without one, or as ``term``, Appendix J finds it) and, as ``day`` or ``week``, for ``eu_effective``.
    Raises `InvalidFlows`, `NoRate`, `AmbiguousRate`, `UnknownUnitPeriod` or, near the ends of 1900–2299,
    `DateOutOfRange`.
    """
    _check(advances, payments)
    if regime not in tuple(Regime):
        raise InvalidFlows(f"no regime is called {regime!r}", faults=[Fault("/regime", "unknown")])
    regime = Regime(regime)
    start = min(flow.on for flow in advances)
    if min(flow.on for flow in payments) < start:
        raise NoRate("a payment comes before the first advance")
    if max(flow.on for flow in payments) == start:
        raise NoRate("all is repaid on the day of the first advance")
    unit = None if unit_period in (None, "term") else named(str(unit_period))
    if regime is Regime.US_ACTUARIAL:
        return _us(advances, payments, start, unit)
    if regime is Regime.EU_EFFECTIVE:
        return _eu(advances, payments, start, unit)
    anchor = _series_anchor(start, [flow.on for flow in payments])
    return of_months(
        [TimedFlow(a.amount, months_30(start, a.on, anchor)) for a in advances]
        + [TimedFlow(-p.amount, months_30(start, p.on, anchor)) for p in payments]
    )


def of_months(flows: Sequence[TimedFlow]) -> Rates:
    """The Chinese form for flows already timed in months: 12 r and (1 + r)^12 − 1."""
    monthly = period_rate(flows)
    with localcontext(DIGITS):
        return Rates(shown(12 * monthly), shown(compound(monthly, 12)))


def of_installments(advanced: int, amounts: Iterable[int], first_period: Fraction = Fraction(1)) -> Rates:
    """The Chinese form for a plan: ``advanced`` now, ``amounts`` monthly from ``first_period`` months on.

    Whole minor units; a month without a payment is 0. Raises `InvalidFlows` for one below, and as `rates`.
    """
    amounts = tuple(amounts)
    if min(amounts, default=0) < 0:
        wrong = next(k for k, amount in enumerate(amounts) if amount < 0)
        raise InvalidFlows("a payment is not negative", faults=[Fault(f"/amounts/{wrong}", "out_of_range")])
    first = first_period.numerator if first_period.denominator == 1 else first_period  # ints are quicker
    timed = [TimedFlow(advanced, 0)]
    timed += [TimedFlow(-amount, first + k) for k, amount in enumerate(amounts) if amount]
    return of_months(timed)


def _us(advances: Sequence[Flow], payments: Sequence[Flow], start: date, unit: UnitPeriod | None) -> Rates:
    if unit is None or (
        unit.days == 1 and len(advances) == len(payments) == 1
    ):  # one payment: the term, (b)(4)
        unit = common([a.on for a in advances], [p.on for p in payments])
    anchor = _series_anchor(start, [flow.on for flow in payments])
    timed = []
    for sign, flows in ((1, advances), (-1, payments)):
        for flow in flows:
            whole, odd = measure(unit, start, flow.on, anchor)
            timed.append(TimedFlow(sign * flow.amount, Fraction(whole), odd))
    rate = period_rate(timed)
    per_year = unit.per_year
    with localcontext(DIGITS):
        nominal = rate * per_year.numerator / per_year.denominator
    return Rates(shown(nominal), shown(compound(rate, per_year)))


def _eu(advances: Sequence[Flow], payments: Sequence[Flow], start: date, unit: UnitPeriod | None) -> Rates:
    anchor = _series_anchor(start, [flow.on for flow in payments])
    every = [flow.on for flow in (*advances, *payments)]
    if unit is None:
        whole_months = all(eu_months(start, on, anchor, by_weeks=False).denominator == 1 for on in every)
        by_weeks = not whole_months and all((on - start).days % 7 == 0 for on in every)
    else:
        by_weeks = unit.days > 0 and unit.days % 7 == 0

    def time(on: date) -> Fraction:
        if unit is not None and unit.days == 1:
            return Fraction((on - start).days * 12, 365)
        return eu_months(start, on, anchor, by_weeks)

    monthly = period_rate(
        [TimedFlow(a.amount, time(a.on)) for a in advances]
        + [TimedFlow(-p.amount, time(p.on)) for p in payments]
    )
    effective = shown(compound(monthly, 12))
    return Rates(effective, effective)


def _series_anchor(start: date, payments: Sequence[date]) -> int:
    """The day that the payments keep; a payout on a later day explains month-end payments."""
    anchor = anchor_day(payments)
    if start.day > anchor and all(nominal_day(on, start.day) == start.day for on in payments):
        return start.day
    return anchor


def _check(advances: Sequence[Flow], payments: Sequence[Flow]) -> None:
    faults = []
    for name, flows in (("advances", advances), ("payments", payments)):
        if not flows:
            faults.append(Fault(f"/{name}", "empty"))
        for k, flow in enumerate(flows):
            if not is_date(flow.on):
                faults.append(Fault(f"/{name}/{k}/on", "not_a_date"))
            elif not FIRST_YEAR <= flow.on.year <= LAST_YEAR:
                faults.append(Fault(f"/{name}/{k}/on", "out_of_range"))
            if type(flow.amount) is not int or not 0 < flow.amount <= MAX_AMOUNT:
                faults.append(Fault(f"/{name}/{k}/amount", "out_of_range"))
    if faults:
        raise InvalidFlows("flows are positive whole amounts on dates", faults=faults)


def answer(question: Mapping[str, object]) -> dict[str, str]:
    """The answer of ``refi apr``: the question's JSON in, ``apr`` and ``effective_annual_rate`` as text out.

    Raises `InvalidFlows` with a pointer to each fault, or what `rates` raises.
    """
    faults: list[Fault] = []
    flows = {name: _parse(question.get(name), name, faults) for name in ("advances", "payments")}
    regime = question.get("regime", Regime.CN_IRR.value)
    if regime not in Regime.__members__.values():
        faults.append(Fault("/regime", "unknown"))
    unit = _unit(question.get("unit_period"), faults)
    if faults:
        raise InvalidFlows("the question is not well formed", faults=faults)
    found = rates(flows["advances"], flows["payments"], Regime(str(regime)), unit)
    return {"apr": f"{found.apr:f}", "effective_annual_rate": f"{found.effective_annual_rate:f}"}


def _parse(value: object, name: str, faults: list[Fault]) -> list[Flow]:
    if not isinstance(value, list):
        faults.append(Fault(f"/{name}", "not_a_list"))
        return []
    flows = []
    for k, item in enumerate(value):
        on = amount = None
        if isinstance(item, Mapping):
            on, amount = _date(item.get("on")), item.get("amount")
        if on is None:
            faults.append(Fault(f"/{name}/{k}/on", "not_a_date"))
        elif type(amount) is not int:
            faults.append(Fault(f"/{name}/{k}/amount", "not_an_integer"))
        else:
            flows.append(Flow(on, amount))
    return flows


def _unit(value: object, faults: list[Fault]) -> str | None:
    if value is None or isinstance(value, str):
        return value
    faults.append(Fault("/unit_period", "unknown"))
    return None


def _date(value: object) -> date | None:
    try:
        return written(value) if isinstance(value, str) else None
    except ValueError:
        return None
