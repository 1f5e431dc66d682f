"""Who revolves: closed cycles from bills, and the habit of the last five."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.cards.revolving import (
    CYCLES_LOOKED_AT,
    CYCLES_OF_A_REVOLVER,
    Cycle,
    Habit,
    Segment,
    closed_cycles,
    habit,
)

FULL, PART, NOTHING_DUE = Cycle(100, 100), Cycle(100, 99), Cycle(0, 0)
CYCLES = st.lists(st.builds(Cycle, st.integers(-5, 20), st.integers(0, 20)), max_size=8)


@pytest.mark.parametrize(
    ("cycles", "found"),
    [
        ([], (Segment.UNKNOWN, 0, 0)),
        ([NOTHING_DUE] * 5, (Segment.INACTIVE, 0, 0)),
        ([Cycle(-100, 0)] * 5, (Segment.INACTIVE, 0, 0)),
        ([FULL] * 5, (Segment.TRANSACTOR, 0, 5)),
        ([FULL], (Segment.TRANSACTOR, 0, 1)),
        ([Cycle(100, 500), NOTHING_DUE], (Segment.TRANSACTOR, 0, 1)),
        ([PART, FULL, FULL, FULL, FULL], (Segment.OCCASIONAL_REVOLVER, 1, 5)),
        ([PART, PART, FULL, FULL, FULL], (Segment.OCCASIONAL_REVOLVER, 2, 5)),
        ([PART, PART, PART, FULL, FULL], (Segment.PERSISTENT_REVOLVER, 3, 5)),
        ([PART, NOTHING_DUE, PART, NOTHING_DUE, PART], (Segment.PERSISTENT_REVOLVER, 3, 3)),
        ([Cycle(100, 0)] * 5, (Segment.PERSISTENT_REVOLVER, 5, 5)),
        ([FULL] * 5 + [PART] * 5, (Segment.TRANSACTOR, 0, 5)),
        ([PART] * 2 + [FULL] * 3 + [PART] * 5, (Segment.OCCASIONAL_REVOLVER, 2, 5)),
    ],
)
def test_habit(cycles: list[Cycle], found: tuple[Segment, int, int]) -> None:
    assert habit(cycles) == Habit(*found)


def test_a_payment_closes_the_bill_before_it() -> None:
    """Bills of 300, 200, 100 (newest first); 200 and 100 were paid in the months after they came."""
    assert closed_cycles([(300, 200), (200, 100), (100, 7)]) == [Cycle(200, 200), Cycle(100, 100)]


def test_same_month_matching_would_invent_revolvers() -> None:
    bills = [(600, 500), (500, 400), (400, 300), (300, 200), (200, 100), (100, 0)]
    assert habit(closed_cycles(bills)).segment is Segment.TRANSACTOR
    same_month = [Cycle(balance, paid) for balance, paid in bills[:5]]
    assert habit(same_month).segment is Segment.PERSISTENT_REVOLVER


def test_a_bill_that_does_not_tell_its_payments_closes_nothing() -> None:
    assert closed_cycles([(3, None), (2, 1), (1, None)]) == [Cycle(1, 1)]
    assert closed_cycles([(3, 3)]) == []
    assert closed_cycles([]) == []


@given(CYCLES)
def test_counts_and_segment_agree(cycles: list[Cycle]) -> None:
    found = habit(cycles)
    assert 0 <= found.revolved_cycles <= found.cycles_with_balance <= min(len(cycles), CYCLES_LOOKED_AT)
    expected = {
        (found.revolved_cycles >= CYCLES_OF_A_REVOLVER): Segment.PERSISTENT_REVOLVER,
        (0 < found.revolved_cycles < CYCLES_OF_A_REVOLVER): Segment.OCCASIONAL_REVOLVER,
        (found.cycles_with_balance > 0 and found.revolved_cycles == 0): Segment.TRANSACTOR,
        (bool(cycles) and found.cycles_with_balance == 0): Segment.INACTIVE,
        (not cycles): Segment.UNKNOWN,
    }
    assert found.segment is expected[True]


@given(CYCLES, CYCLES)
def test_only_the_last_five_count(cycles: list[Cycle], older: list[Cycle]) -> None:
    recent = (cycles + [FULL] * CYCLES_LOOKED_AT)[:CYCLES_LOOKED_AT]
    assert habit(recent) == habit(recent + older)


@given(CYCLES, st.integers(0, 7), st.integers(0, 20))
def test_paying_more_never_makes_a_revolver(cycles: list[Cycle], place: int, more: int) -> None:
    if cycles:
        place %= len(cycles)
        better = [*cycles]
        better[place] = Cycle(cycles[place].balance, cycles[place].paid + more)
        assert habit(better).revolved_cycles <= habit(cycles).revolved_cycles
        assert habit(better).cycles_with_balance == habit(cycles).cycles_with_balance
