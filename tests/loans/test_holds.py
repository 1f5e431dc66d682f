"""Holds: from when until when they stand, for which loans, and how long one person may hold alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.loans import holds
from refi.loans.holds import HoldKind
from refi.policies.servicing import Standstill

ON = date(2026, 11, 22)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Held:
    kind: HoldKind = HoldKind.HARDSHIP
    loan_id: str | None = None
    from_on: date = ON
    until_on: date | None = None
    lifted_on: date | None = None


def test_the_kinds_are_known_to_the_policy() -> None:
    assert {kind.value for kind in HoldKind} <= set(get_args(Standstill))


@pytest.mark.parametrize(
    ("hold", "on", "stands"),
    [
        (Held(), ON, True),
        (Held(), ON - DAY, False),
        (Held(until_on=ON), ON, True),
        (Held(until_on=ON), ON + DAY, False),
        (Held(lifted_on=ON), ON, False),
        (Held(until_on=ON + 9 * DAY, lifted_on=ON), ON + DAY, False),
    ],
)
def test_a_hold_stands_from_its_first_through_its_last_day(hold: Held, on: date, stands: bool) -> None:
    assert holds.stands(hold, on) is stands


def test_a_dispute_is_about_its_own_loan_and_the_rest_about_the_person() -> None:
    held = [Held(HoldKind.DISPUTE, "loan_a"), Held(HoldKind.COMPLAINT, until_on=ON + DAY)]
    assert holds.stops(held, ON, ["loan_a"]) == {"dispute": None, "complaint": ON + DAY}
    assert holds.stops(held, ON, ["loan_b"]) == {"complaint": ON + DAY}
    assert holds.stops(held, ON) == {"dispute": None, "complaint": ON + DAY}
    assert holds.stops(held, ON + 2 * DAY, ["loan_b"]) == {}


@given(st.lists(st.none() | st.integers(0, 60), min_size=1, max_size=5), st.integers(0, 60))
def test_of_several_holds_of_a_kind_the_last_to_end_counts(ends: list[int | None], days: int) -> None:
    on = ON + days * DAY
    held = [Held(until_on=None if end is None else ON + end * DAY) for end in ends]
    alive = [end for end in ends if end is None or end >= days]
    expected = (
        {}
        if not alive
        else {"hardship": None if None in alive else ON + max(filter(None, [0, *alive]), default=0) * DAY}
    )
    assert holds.stops(held, on) == expected


def test_one_person_holds_for_thirty_days_and_no_longer() -> None:
    assert holds.alone_until(ON, 30, ON + 7 * DAY) == ON + 7 * DAY
    assert holds.alone_until(ON, 30, ON + 31 * DAY) == ON + 30 * DAY
    assert holds.alone_until(ON, 30, None) == ON + 30 * DAY
