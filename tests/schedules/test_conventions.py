"""Conventions by name: read, refused, and what each one does to a contract."""

from __future__ import annotations

import itertools
from datetime import date
from decimal import Decimal

import pytest

from refi.errors import Fault
from refi.schedules import conventions
from refi.schedules.allocation import BY_LAW, MATRIX, Across, Ahead, Component, Order, matrix, order
from refi.schedules.amortization import Terms
from refi.schedules.contract import Contract, Receipt, replay
from refi.schedules.conventions import OURS, Conventions, InvalidConvention

ON = date(2026, 12, 10)
TERMS = Terms(1_200_000, Decimal("0.12"), 6)


def test_nothing_named_is_ours() -> None:
    assert conventions.named({}) == OURS == Conventions()
    assert conventions.named({"order": "by_law"}) is conventions.named({"order": "by_law"})
    assert dict(matrix(OURS.order)) == dict(MATRIX)


def test_every_row_of_components_is_an_order_by_name() -> None:
    for components in itertools.permutations(Component):
        assert order("_".join(components)).components == components
    assert order("fee_penalty_interest_principal") == BY_LAW


def test_an_order_is_named_in_parts() -> None:
    found = conventions.named(
        {"order": "interest_principal_fee_penalty", "across": "components", "ahead": "last"}
    )
    assert found.order == Order(
        (Component.INTEREST, Component.PRINCIPAL, Component.FEE, Component.PENALTY),
        across=Across.COMPONENTS,
        ahead=Ahead.LAST,
    )


@pytest.mark.parametrize(
    ("names", "faults"),
    [
        ({"order": "fee_first"}, [("/order", "unknown")]),
        ({"order": "fee_fee_interest_principal"}, [("/order", "unknown")]),
        ({"order": ""}, [("/order", "unknown")]),
        ({"across": "loans"}, [("/across", "unknown")]),
        ({"ahead": "NEXT", "colour": "red"}, [("/ahead", "unknown"), ("/colour", "unknown")]),
        ({"order": "principal_first", "ahead": "last"}, [("/across", "contradicts_in_advance")]),
    ],
)
def test_a_name_that_does_not_exist_is_refused(names: dict[str, str], faults: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidConvention) as refused:
        conventions.named(names)
    assert refused.value.faults == tuple(Fault(*fault) for fault in faults)


def test_a_contract_meets_debts_in_the_order_of_its_conventions() -> None:
    """207,058 a month; nine days late, 874 of penalty: the order decides what 10,500 meets."""
    events = [Receipt("one", date(2027, 1, 10), 207_058), Receipt("late", date(2027, 2, 19), 10_500)]
    ours = Contract(TERMS, ON)
    theirs = Contract(TERMS, ON, conventions=conventions.named({"order": "interest_principal_penalty_fee"}))
    found = [replay(kind, events, events[-1].on).allocations["late"] for kind in (ours, theirs)]
    assert [[(part.component.value, part.amount) for part in parts] for parts in found] == [
        [("penalty", 874), ("interest", 9_626)],
        [("interest", 10_049), ("principal", 451)],
    ]


def test_orders_by_kind_come_before_the_one_of_the_conventions() -> None:
    principal = Order((Component.PRINCIPAL,))
    contract = Contract(TERMS, ON, orders={**MATRIX, "due": principal}, conventions=OURS)
    assert contract.order("due") == principal
    assert Contract(TERMS, ON).order("recovery") == MATRIX["recovery"]
