"""The allocation matrix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.errors import Fault
from refi.schedules.allocation import (
    BY_LAW,
    DUE_ONLY,
    MATRIX,
    ORDERS,
    PRINCIPAL_FIRST,
    Across,
    Ahead,
    Component,
    InvalidOrder,
    Order,
    Owed,
    Part,
    When,
    allocate,
    matrix,
    order,
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


COMING = tuple(Owed(number, When.IN_ADVANCE, 100, 10, 3, 0) for number in (1, 2, 3))


def test_debts_in_advance_may_have_an_order_of_their_own() -> None:
    order = ORDERS["due_penalty_fee_interest_principal_in_advance_principal_penalty_fee_interest"]
    parts, _ = allocate(115 + 122 + 121, OWED, order)
    assert [(part.installment, part.component.value) for part in parts] == [
        (1, "penalty"), (1, "fee"), (1, "interest"), (1, "principal"),
        (2, "fee"), (2, "interest"), (2, "principal"), (3, "principal"), (3, "fee"),
    ]  # fmt: skip


def test_money_in_advance_may_meet_the_last_installment_first() -> None:
    parts, rest = allocate(120, COMING, Order(ahead=Ahead.LAST))
    assert [(part.installment, part.amount) for part in parts] == [(3, 3), (3, 10), (3, 100), (2, 3), (2, 4)]
    assert rest == 0
    parts, _ = allocate(230, (OWED[0], *COMING[1:]), Order(across=Across.COMPONENTS, ahead=Ahead.LAST))
    assert [(part.installment, part.amount) for part in parts][4:] == [
        (3, 3), (2, 3), (3, 10), (2, 10), (3, 89),
    ]  # fmt: skip


def test_money_in_advance_may_be_spread_evenly() -> None:
    parts, rest = allocate(62, COMING, Order(ahead=Ahead.EVENLY))
    shares = [sum(p.amount for p in parts if p.installment == number) for number in (1, 2, 3)]
    assert (shares, rest) == ([21, 21, 20], 0)
    for amount, expected in ((100, [33, 33, 34]), (1, [0, 0, 1]), (2, [1, 1, 0]), (5, [2, 2, 1])):
        spread, _ = allocate(amount, COMING, Order(ahead=Ahead.EVENLY))
        assert [sum(p.amount for p in spread if p.installment == k) for k in (1, 2, 3)] == expected
    assert parts[:3] == (
        Part(1, Component.FEE, 3),
        Part(1, Component.INTEREST, 10),
        Part(1, Component.PRINCIPAL, 8),
    )
    small = (Owed(1, When.IN_ADVANCE, 5, 0, 0, 0), *COMING[1:])
    parts, rest = allocate(65, small, Order(ahead=Ahead.EVENLY))
    assert [sum(p.amount for p in parts if p.installment == number) for number in (1, 2, 3)] == [5, 30, 30]
    last = (*COMING[:2], Owed(3, When.IN_ADVANCE, 5, 0, 0, 0))
    parts, rest = allocate(65, last, Order(ahead=Ahead.EVENLY))
    assert [sum(p.amount for p in parts if p.installment == number) for number in (1, 2, 3)] == [30, 30, 5]
    _, rest = allocate(1000, small, Order(ahead=Ahead.EVENLY))
    assert rest == 1000 - 5 - 2 * 113
    assert allocate(50, OWED[:2], Order(ahead=Ahead.EVENLY)) == allocate(50, OWED[:2])
    own = Order(in_advance=(Component.PRINCIPAL, Component.INTEREST), ahead=Ahead.EVENLY)
    parts, rest = allocate(6, COMING, own)
    assert [part.component for part in parts] == [Component.PRINCIPAL] * 3
    assert allocate(1000, COMING, own)[1] == 1000 - 330  # fees are not met


def test_orders_by_name() -> None:
    parts, _ = allocate(8, OWED, order("penalty_fee_interest_principal"))
    assert [part.component.value for part in parts] == ["penalty", "fee", "interest"]
    parts, _ = allocate(115, OWED, order("interest_principal_penalty_fee"))
    assert [part.component.value for part in parts] == ["interest", "principal", "penalty", "fee"]
    parts, _ = allocate(115, OWED, order("principal_interest_penalty_fee"))
    assert [part.component.value for part in parts] == ["principal", "interest", "penalty", "fee"]
    late = (OWED[0], OWED[0]._replace(number=2))
    parts, _ = allocate(8, late, order("by_component"))
    assert [(part.installment, part.component.value) for part in parts] == [
        (1, "fee"), (2, "fee"), (1, "penalty"),
    ]  # fmt: skip
    long = order("due_penalty_interest_principal_fee_in_advance_penalty_interest_principal_fee")
    assert [c.value for c in long.of(When.IN_ADVANCE)] == ["penalty", "interest", "principal", "fee"]
    assert (order("by_law"), order("due_only"), order("principal_first")) == (
        BY_LAW,
        DUE_ONLY,
        PRINCIPAL_FIRST,
    )


def test_orders_from_data() -> None:
    made = order(
        {
            "components": ["interest", "fee"],
            "when": ["past_due", "in_advance"],
            "across": "components",
            "in_advance": ["principal"],
            "ahead": "last",
        }
    )
    assert made == Order(
        (Component.INTEREST, Component.FEE),
        (When.PAST_DUE, When.IN_ADVANCE),
        Across.COMPONENTS,
        (Component.PRINCIPAL,),
        Ahead.LAST,
    )
    assert order({}) == BY_LAW


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ("by_luck", ""),
        ({"order": ["fee"]}, "/order"),
        ({"components": "fee"}, "/components"),
        ({"components": ["tip"]}, "/components"),
        ({"when": [1]}, "/when"),
        ({"across": ["installments"]}, "/across"),
        ({"ahead": "soon"}, "/ahead"),
    ],
)
def test_orders_that_do_not_exist_are_refused(given: str | dict[str, object], pointer: str) -> None:
    with pytest.raises(InvalidOrder) as refusal:
        order(given)
    assert refusal.value.faults == (Fault(pointer, "unknown"),)


@pytest.mark.parametrize(
    "own", [{"in_advance": (Component.FEE,)}, {"ahead": Ahead.LAST}, {"ahead": Ahead.EVENLY}]
)
def test_an_order_over_all_times_has_none_of_its_own_in_advance(own: dict[str, object]) -> None:
    with pytest.raises(InvalidOrder) as refusal:
        Order(across=Across.COMPONENTS_OVERALL, **own)  # type: ignore[arg-type]
    assert refusal.value.faults == (Fault("/across", "contradicts_in_advance"),)


def test_a_complete_order_meets_everything() -> None:
    short = Order((Component.INTEREST,), (When.DUE,), in_advance=(Component.PRINCIPAL,))
    full = short.complete()
    assert full.components[0] is Component.INTEREST
    assert full.when == (When.DUE, When.PAST_DUE, When.IN_ADVANCE)
    assert full.of(When.IN_ADVANCE)[0] is Component.PRINCIPAL
    assert allocate(1000, OWED, full)[1] == 1000 - 115 - 122 - 131
    assert BY_LAW.complete() == BY_LAW


def test_one_order_for_a_whole_contract() -> None:
    made = matrix(ORDERS["penalty_fee_interest_principal"])
    assert made["due"] == made["payoff"] == ORDERS["penalty_fee_interest_principal"]
    assert made["prepay_lower"] == made["prepay_shorten"]
    assert made["prepay_lower"].when == (When.PAST_DUE, When.DUE)
    assert made["prepay_lower"].components[0] is Component.PENALTY
    assert made["recovery"] == PRINCIPAL_FIRST
    assert MATRIX["prepay_shorten"] == DUE_ONLY


@pytest.mark.parametrize("bad", [{"components": ()}, {"when": ()}, {"components": (Component.FEE,) * 2},
                                 {"when": (When.DUE, When.DUE)}, {"in_advance": ()},
                                 {"in_advance": (Component.FEE,) * 2}])  # fmt: skip
def test_orders_name_each_thing_once(bad: dict[str, tuple[object, ...]]) -> None:
    with pytest.raises(InvalidOrder) as refusal:
        Order(**bad)  # type: ignore[arg-type]
    (name,) = bad
    assert refusal.value.faults == (Fault(f"/{name}", "invalid"),)


AMOUNT = st.integers(0, 50)
ROWS = st.lists(st.tuples(st.sampled_from(When), AMOUNT, AMOUNT, AMOUNT, AMOUNT), max_size=6)
EVERY = st.permutations(list(Component)).map(tuple)
TIMES = st.lists(st.sampled_from(When), min_size=1, unique=True).map(tuple)
ANY_ORDER = st.one_of(
    st.builds(Order, components=EVERY, when=TIMES, across=st.just(Across.COMPONENTS_OVERALL)),
    st.builds(
        Order,
        components=EVERY,
        when=TIMES,
        across=st.sampled_from([Across.INSTALLMENTS, Across.COMPONENTS, Across.COMPONENTS_FALLEN_DUE]),
        in_advance=st.one_of(st.none(), EVERY),
        ahead=st.sampled_from(Ahead),
    ),
)


@given(st.integers(0, 600), ROWS, ANY_ORDER)
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


def test_even_shares_stop_at_what_each_owes_and_at_what_there_is() -> None:
    """75 on 5, 30 and 100 are 25 each, then 10 of the 20 left, then 5; 11 on seven are 2 each and one 1."""

    def spread(amount: int, *owed: int) -> list[int]:
        rows = [Owed(k, When.IN_ADVANCE, principal, 0, 0, 0) for k, principal in enumerate(owed, start=1)]
        parts, _ = allocate(amount, rows, Order(ahead=Ahead.EVENLY))
        return [sum(part.amount for part in parts if part.installment == row.number) for row in rows]

    assert spread(75, 5, 30, 100) == [5, 30, 40]
    assert spread(11, *[9] * 7) == [2, 2, 2, 2, 2, 1, 0]
