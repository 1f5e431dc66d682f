"""What being late costs where the contract has days of grace, or penalties on whole installments.

207,058 a month, of which 197,009 principal and 10,049 interest fall due on 10 February; the penalty is 18 %
a year over 365 days.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refi.errors import Fault
from refi.schedules.amortization import Terms
from refi.schedules.contract import Contract, Event, Receipt, Reversal, payoff, replay
from refi.schedules.conventions import InvalidConvention, named

PAYOUT, DUE = date(2026, 12, 10), date(2027, 2, 10)
TERMS = Terms(1_200_000, Decimal("0.12"), 6)
FIRST = Receipt("first", date(2027, 1, 10), 207_058)


def contract(grace_days: int = 0, **conventions: str) -> Contract:
    return Contract(TERMS, PAYOUT, conventions=named(conventions), penalty_grace_days=grace_days)


def penalty(agreement: Contract, days: int, *events: Event) -> int:
    return replay(agreement, [FIRST, *events], DUE + timedelta(days=days)).balances.penalties


@pytest.mark.parametrize(
    ("grace_days", "conventions", "by_days"),
    [
        (0, {}, {0: 0, 5: 486, 6: 583, 9: 874}),
        (0, {"penalty_on": "installment"}, {0: 0, 5: 511, 9: 919}),
        (5, {}, {0: 0, 5: 0, 6: 97, 9: 389}),
        (5, {"grace": "counted"}, {0: 0, 5: 0, 6: 583, 9: 874}),
        (5, {"grace": "counted", "penalty_on": "installment"}, {5: 0, 6: 613, 9: 919}),
        (9, {}, {9: 0, 10: 97}),
    ],
)
def test_days_of_grace_are_free_or_are_counted_when_they_are_over(
    grace_days: int, conventions: dict[str, str], by_days: dict[int, int]
) -> None:
    found = contract(grace_days, **conventions)
    assert {days: penalty(found, days) for days in by_days} == by_days


@pytest.mark.parametrize(("grace", "left"), [("free", 211), ("counted", 475)])
def test_what_is_paid_within_the_grace_costs_nothing(grace: str, left: int) -> None:
    """100,000 on the third day leaves 107,058 of principal: four days of it, or nine."""
    paid = Receipt("part", DUE + timedelta(days=3), 100_000)
    found = contract(5, grace=grace)
    assert [part.component.value for part in replay(found, [FIRST, paid], paid.on).allocations["part"]] == [
        "interest", "principal",
    ]  # fmt: skip
    assert (penalty(found, 5, paid), penalty(found, 9, paid)) == (0, left)
    whole = Receipt("whole", DUE + timedelta(days=5), 207_058)
    assert penalty(found, 40, whole) == penalty(contract(5, grace=grace), 40, whole)
    assert replay(found, [FIRST, whole], whole.on).installments[1].penalty == 0


def test_lateness_itself_knows_no_grace() -> None:
    state = replay(contract(5), [FIRST], DUE + timedelta(days=3))
    assert (state.days_past_due, state.bucket, state.balances.past_due) == (3, "M1", 207_058)


@pytest.mark.parametrize(("days", "per_diem"), [(3, 289), (5, 386)])
def test_one_more_day_costs_the_penalty_once_the_grace_is_over(days: int, per_diem: int) -> None:
    """8,079 of interest over the 28 days to 10 March is 288.5 a day, the penalty 97.2."""
    assert payoff(contract(5), [FIRST], DUE + timedelta(days=days)).per_diem == per_diem


def test_on_the_actual_balance_a_penalty_is_on_principal() -> None:
    with pytest.raises(InvalidConvention) as refused:
        replay(contract(0, interest="actual_balance", penalty_on="installment"), [], PAYOUT)
    assert refused.value.faults == (Fault("/penalty_on", "not_with_actual_balance"),)


days_of = st.integers(0, 250)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(days_of, st.integers(1, 400_000)), max_size=5),
    st.integers(0, 40),
    st.sampled_from(["free", "counted"]),
    st.sampled_from(["principal", "installment"]),
    days_of,
)
def test_grace_keeps_the_promises(
    money: list[tuple[int, int]], grace_days: int, grace: str, penalty_on: str, day: int
) -> None:
    """Never more than without it, never negative, the payoff settles, a reversal undoes."""
    agreement = contract(grace_days, grace=grace, penalty_on=penalty_on)
    events: list[Event] = [Receipt(str(k), PAYOUT + timedelta(days=d), a) for k, (d, a) in enumerate(money)]
    on = max([PAYOUT + timedelta(days=day), *(event.on for event in events)])
    state = replay(agreement, events, on)
    assert all(row.penalty >= 0 and row.outstanding >= 0 for row in state.installments)
    assert sum(row.principal for row in state.installments) + state.prepaid_principal == 1_200_000
    if not events:
        without = replay(contract(0, penalty_on=penalty_on), [], on)
        assert state.balances.penalties <= without.balances.penalties
    quote = payoff(agreement, events, on)
    assert quote.total == state.balances.total
    if quote.total:
        last = Receipt("all", on, quote.total)
        settled = replay(agreement, [*events, last], on)
        assert (settled.settled, settled.excess["all"], settled.balances.total) == (True, 0, 0)
        assert replay(agreement, [*events, last, Reversal("no", on, "all")], on) == state
