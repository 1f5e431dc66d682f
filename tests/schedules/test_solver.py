"""The root-finder itself: values, slopes, few steps, limits."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest

from refi.schedules.apr import Flow, rates
from refi.schedules.solver import (
    DIGITS,
    NoRate,
    TimedFlow,
    Valuation,
    compound,
    period_rate,
    root,
    shown,
)

REGULAR = [TimedFlow(100_000, 0), *(TimedFlow(-34_002, k) for k in (1, 2, 3))]
GAPS = [TimedFlow(100_000, 0), TimedFlow(-30_000, 2), TimedFlow(-40_000, 3), TimedFlow(-45_000, 7)]
ODD = [
    TimedFlow(100_000, Fraction(0)),
    TimedFlow(-60_000, Fraction(7, 3)),
    TimedFlow(-55_000, Fraction(10, 3)),
]
SIMPLE = [
    TimedFlow(100_000, 0),
    TimedFlow(20_000, 0, Fraction(1, 2)),
    TimedFlow(-61_000, 1, Fraction(19, 30)),
    TimedFlow(-70_000, 2, Fraction(19, 30)),
]
FROM_ONE = [TimedFlow(100_000, 1), TimedFlow(-51_000, 2), TimedFlow(-52_000, 3)]
KINDS = {"regular": REGULAR, "gaps": GAPS, "odd": ODD, "simple": SIMPLE, "from one": FROM_ONE}


def worth(flows: list[TimedFlow], rate: Decimal) -> Decimal:
    """Each flow by its own formula."""
    total = Decimal(0)
    for flow in flows:
        periods = Decimal(flow.periods.numerator) / flow.periods.denominator
        simple = Decimal(flow.simple.numerator) / flow.simple.denominator
        total += flow.amount / ((1 + rate) ** periods * (1 + simple * rate))
    return total


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", ["0", "0.01", "0.3", "7"])
def test_values_and_slopes(kind: str, rate: str) -> None:
    flows, at, tiny = KINDS[kind], Decimal(rate), Decimal("1e-14")
    with localcontext(DIGITS):
        valued = Valuation(flows[::-1])
        value, slope = valued.value_and_slope(at)
        assert abs(value - worth(flows, at)) < Decimal("1e-40")
        assert abs(sum(valued.present_values(at)) - worth(flows, at)) < Decimal("1e-40")
        difference = (worth(flows, at + tiny) - worth(flows, at - tiny)) / (2 * tiny)
        assert abs(slope - difference) < Decimal("1e-15")


def test_only_one_flow_a_period_is_regular() -> None:
    assert Valuation(REGULAR).regular
    assert Valuation(REGULAR[:2]).regular
    for other in (GAPS, ODD, SIMPLE, FROM_ONE, [*REGULAR, TimedFlow(-1, 3)]):
        assert not Valuation(other).regular


class Counted(Valuation):
    """Counts how often the flows are valued."""

    asked = 0

    def value_and_slope(self, rate: Decimal) -> tuple[Decimal, Decimal]:
        self.asked += 1
        return super().value_and_slope(rate)


@pytest.mark.parametrize("kind", KINDS)
def test_few_steps_settle_a_root(kind: str) -> None:
    with localcontext(DIGITS):
        flows = Counted(KINDS[kind])
        rate = root(flows)
        assert flows.asked <= 11
        assert abs(worth(KINDS[kind], rate)) < Decimal("1e-30")


@pytest.mark.parametrize("largest", [4 * 10**5, 10**6 - 1, 10**6])
def test_rates_up_to_a_million_a_period_are_found(largest: int) -> None:
    assert round(period_rate([TimedFlow(1, 0), TimedFlow(-largest - 1, 1)]), 20) == largest


def test_rates_beyond_are_not() -> None:
    with pytest.raises(NoRate):
        period_rate([TimedFlow(1, 0), TimedFlow(-(10**6) - 2, 1)])


def test_money_of_one_unit_counts() -> None:
    assert round(period_rate([TimedFlow(1, 0), TimedFlow(-2, 1)]), 20) == 1
    assert period_rate([TimedFlow(2, 0), TimedFlow(-1, 1), TimedFlow(-1, 2)]) == 0
    assert period_rate([TimedFlow(1, 0), TimedFlow(-1, 1)]) == 0
    assert round(period_rate([TimedFlow(1, 0), TimedFlow(1, 1), TimedFlow(-3, 2)]), 6) == Decimal("0.302776")


def test_flows_are_taken_in_order_of_time() -> None:
    """A payment half a period after the advance of the same whole period comes after it."""
    late = [TimedFlow(-110, 0, Fraction(1, 2)), TimedFlow(100, 0, Fraction(0))]
    assert round(period_rate(late), 12) == Decimal("0.2")
    half = [TimedFlow(100, 1), TimedFlow(-110, 1, Fraction(1, 2))]
    assert round(period_rate(half), 12) == Decimal("0.2")


def test_shown_and_compounded_in_the_fixed_context() -> None:
    with localcontext(prec=3):
        assert shown(Decimal("0.1234567890125")) == Decimal("0.123456789012")
        assert compound(Decimal("0.01"), 12).quantize(Decimal("1e-12"), context=DIGITS) == Decimal(
            "0.126825030132"
        )
        assert compound(Decimal("0.21"), Fraction(1, 2)) == Decimal("0.1")


def test_the_last_rate_that_can_be_told() -> None:
    """1,467 for 1 in a month are 1,467 ** 12 − 1 a year, 38 digits and twelve places; 1,468 would be 39."""
    start, end = date(2026, 1, 1), date(2026, 2, 1)
    told = rates([Flow(start, 1)], [Flow(end, 1_467)]).effective_annual_rate
    assert told == 1_467**12 - 1
    with pytest.raises(NoRate) as refused:
        rates([Flow(start, 1)], [Flow(end, 1_468)])
    assert str(refused.value) == "the rate is beyond every measure"
