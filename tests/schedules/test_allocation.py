"""The allocation matrix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.errors import Fault
from refi.schedules.allocation import (
    BY_LAW,
    DUE_ONLY,
    PRINCIPAL_FIRST,
    Across,
    Component,
    InvalidOrder,
    Order,
    Owed,
    Part,
    When,
    allocate,
    total,
)

OWED = (
    Owed(1, When.PAST_DUE, 100, 10, 3, 2),
    Owed(2, When.DUE, 110, 9, 3, 0),
    Owed(3, When.IN_ADVANCE, 120, 8, 3, 0),
)


def test_the_law_finishes_the_oldest_installment_first() -> None:
    parts, rest = allocate(120, OWED, BY_LAW)
    assert parts == (
        Part(1, Component.FEE, 3), Part(1, Component.PENALTY, 2), Part(1, Component.INTEREST, 10),
        Part(1, Component.PRINCIPAL, 100), Part(2, Component.FEE, 3), Part(2, Component.INTEREST, 2),
    )  # fmt: skip
    assert rest == 0


def test_what_is_not_due_can_be_left_alone() -> None:
    parts, rest = allocate(1000, OWED, DUE_ONLY)
    assert {part.installment for part in parts} == {1, 2}
    assert rest == 1000 - 115 - 122


def test_recoveries_meet_all_principal_first() -> None:
    parts, _ = allocate(331, OWED, PRINCIPAL_FIRST)
    assert [part.component for part in parts] == [Component.PRINCIPAL] * 3 + [Component.INTEREST]


def test_times_can_be_reordered() -> None:
    order = Order(when=(When.IN_ADVANCE, When.PAST_DUE), across=Across.COMPONENTS)
    parts, _ = allocate(12, OWED, order)
    assert parts == (
        Part(3, Component.FEE, 3),
        Part(3, Component.INTEREST, 8),
        Part(3, Component.PRINCIPAL, 1),
    )


@pytest.mark.parametrize("bad", [{"components": ()}, {"when": ()}, {"components": (Component.FEE,) * 2},
                                 {"when": (When.DUE, When.DUE)}])  # fmt: skip
def test_orders_name_each_thing_once(bad: dict[str, tuple[object, ...]]) -> None:
    with pytest.raises(InvalidOrder) as refusal:
        Order(**bad)  # type: ignore[arg-type]
    (name,) = bad
    assert refusal.value.faults == (Fault(f"/{name}", "invalid"),)


AMOUNT = st.integers(0, 50)
ROWS = st.lists(st.tuples(st.sampled_from(When), AMOUNT, AMOUNT, AMOUNT, AMOUNT), max_size=6)
ORDERS = st.builds(
    Order,
    components=st.permutations(list(Component)).map(tuple),
    when=st.lists(st.sampled_from(When), min_size=1, unique=True).map(tuple),
    across=st.sampled_from(Across),
)


@given(st.integers(0, 600), ROWS, ORDERS)
def test_nothing_is_lost_and_nothing_is_overpaid(
    amount: int, rows: list[tuple[When, int, int, int, int]], order: Order
) -> None:
    owed = [Owed(k + 1, *row) for k, row in enumerate(rows)]
    parts, rest = allocate(amount, owed, order)
    assert total(parts) + rest == amount
    assert all(part.amount > 0 for part in parts)
    reachable = sum(sum(row[2:]) for row in owed if row.when in order.when)
    assert total(parts) == min(amount, reachable)
    for row in owed:
        for component in Component:
            met = sum(p.amount for p in parts if (p.installment, p.component) == (row.number, component))
            assert met <= getattr(row, component)
