"""Interest pauses of Apache Fineract, and level payments with a nearer last installment, as it makes them.

Figures from the end-to-end features ``LoanInterestPause`` and ``LoanReAging`` (part 3), by TestRail id.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refi.errors import Fault
from refi.money import Rounding
from refi.schedules.amortization import Method, Terms, split
from refi.schedules.contract import Contract, Event, InterestPause, InvalidEvent, Receipt, payoff, replay
from refi.schedules.contract_state import Why
from refi.schedules.conventions import named
from refi.schedules.smoothing import smoothed
from tests.schedules.test_fineract import FIRST, NEXT, paid, rows, run

FORTNIGHTS: dict[str, Any] = {
    "principal": 100_000, "annual_rate": "0.36", "installments": 16, "disbursed_on": "2025-04-01",
    "period": "15_days",
}  # fmt: skip
SMOOTHED = {**NEXT, "residue": "smoothed"}
APRIL = {"type": "interest_pause", "on": "2025-04-01", "starts_on": "2025-04-15", "ends_on": "2025-05-05"}
SPRING = {"type": "interest_pause", "on": "2024-02-02", "starts_on": "2024-02-10", "ends_on": "2024-05-10"}
AGED = {"type": "re_age", "on": "2024-03-15", "installments": 6, "first_due_on": "2024-04-01"}
PAUSED = [
    (5_776, 1_300), (7_076, 0), (6_117, 959), (5_861, 1_215), (5_948, 1_128), (6_038, 1_038), (6_128, 948),
    (6_220, 856), (6_313, 763), (6_408, 668), (6_504, 572), (6_602, 474), (6_701, 375), (6_801, 275),
    (6_903, 173), (4_604, 69),
]  # fmt: skip


def test_a_pause_over_two_due_dates_is_theirs() -> None:
    """C3625: 1,000.00 at 36 % over sixteen periods of 15 days; 70.76 each, 46.73 at the end."""
    assert rows(run([APRIL], SMOOTHED, on="2025-04-20", **FORTNIGHTS)) == PAUSED


def test_payments_in_a_pause_are_theirs() -> None:
    """C3625: on 20 April, late, and on 1 May: 57.76 and 13.00, then 70.76 of principal."""
    events = [APRIL, paid("2025-04-20", 7_076), paid("2025-05-01", 7_076)]
    found = run(events, SMOOTHED, on="2025-05-10", **FORTNIGHTS)
    assert rows(found) == PAUSED
    assert [row["paid"] for row in found["installments"][:3]] == [7_076, 7_076, 0]


def test_a_pause_keeps_the_installments_and_lowers_the_last_as_theirs() -> None:
    """C4275: from 10 February to 10 May."""
    assert rows(run([FIRST, SPRING], NEXT)) == [
        (1_643, 58), (1_688, 13), (1_701, 0), (1_701, 0), (1_687, 14), (1_580, 9),
    ]  # fmt: skip


def test_a_re_ageing_within_a_pause_is_theirs() -> None:
    """C4275: 83.57 and 0.13 on 15 March; the new installments are levelled as if there were no pause."""
    assert rows(run([FIRST, SPRING, AGED], NEXT)) == [
        (1_643, 58), (0, 0), (0, 0),
        (1_407, 13), (1_420, 0), (1_397, 23), (1_396, 24), (1_404, 16), (1_333, 8),
    ]  # fmt: skip


TERMS = Terms(10_000, Decimal("0.07"), 6)
START = date(2024, 1, 1)
ACTUAL = Contract(
    TERMS, START, penalty_multiple=Decimal(0), conventions=named({"interest": "actual_balance"})
)


@pytest.mark.parametrize(
    ("contract", "event", "fault"),
    [
        (
            Contract(TERMS, START),
            InterestPause("p", START, START, START),
            Fault("/0/type", "only_with_actual_balance"),
        ),
        (
            ACTUAL,
            InterestPause("p", START, START, START - timedelta(days=1)),
            Fault("/0/ends_on", "too_early"),
        ),
    ],
)
def test_a_pause_that_cannot_be_is_refused(contract: Contract, event: Event, fault: Fault) -> None:
    with pytest.raises(InvalidEvent) as refused:
        replay(contract, [event], START)
    assert refused.value.faults == (fault,)


def test_a_settled_loan_is_not_paused() -> None:
    events: list[Event] = [Receipt("all", START, 10_000), InterestPause("p", START, START, START)]
    assert replay(ACTUAL, events, START).ignored == {"p": Why.SETTLED}


days = st.integers(0, 200)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(days, st.integers(1, 4_000)), max_size=4),
    st.lists(st.tuples(days, st.integers(0, 90)), min_size=1, max_size=3),
    days,
)
def test_a_pause_costs_the_lender_and_loses_nothing(
    money: list[tuple[int, int]], pauses: list[tuple[int, int]], day: int
) -> None:
    """Principal adds up, nothing is negative, interest is never more than without, the payoff settles."""
    paid_in: list[Event] = [Receipt(str(k), START + timedelta(days=d), a) for k, (d, a) in enumerate(money)]
    paused: list[Event] = [
        InterestPause(f"p{k}", START, START + timedelta(days=d), START + timedelta(days=d + length))
        for k, (d, length) in enumerate(pauses)
    ]
    on = max([START + timedelta(days=day), *(event.on for event in paid_in)])
    state = replay(ACTUAL, [*paused, *paid_in], on)
    assert sum(row.principal for row in state.installments) == 10_000
    assert all(row.outstanding >= 0 and row.interest >= 0 for row in state.installments)
    if not paid_in:
        assert state.balances.interest <= replay(ACTUAL, [], on).balances.interest
    quote = payoff(ACTUAL, [*paused, *paid_in], on)
    assert quote.total == state.balances.total
    if quote.total:
        settled = replay(ACTUAL, [*paused, *paid_in, Receipt("all", on, quote.total)], on)
        assert (settled.settled, settled.excess["all"]) == (True, 0)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 10_000_000),
    st.decimals("0", "3", places=4),
    st.integers(1, 60),
    st.sampled_from(list(Rounding)),
)
def test_smoothing_never_leaves_the_last_one_further_away(
    principal: int, rate: Decimal, count: int, rounding: Rounding
) -> None:
    terms = Terms(principal, rate, count, rounding=rounding)
    plain, other = split(terms, [30] * count), smoothed(terms, [30] * count)
    assert sum(row[0] for row in other) == principal
    assert all(part >= 0 and interest >= 0 and left >= 0 for part, interest, left in other)
    if count > 1:
        apart = [abs(sum(found[-1][:2]) - sum(found[-2][:2])) for found in (plain, other)]
        assert apart[1] <= apart[0]


def test_only_level_payments_are_smoothed() -> None:
    terms = Terms(100_001, Decimal("0.12"), 12, Method.EQUAL_PRINCIPAL)
    assert smoothed(terms, [30] * 12) == split(terms, [30] * 12)
