"""Money split over arrays is the split of each loan alone."""

from __future__ import annotations

import numpy as np
import pytest

from refi.schedules.allocation import ORDERS, Across, Ahead, Component, Order, Owed, When
from refi.schedules.allocation import allocate as one
from refi.schedules.array_allocation import COMPONENTS, TIMES, allocate

BACKWARDS = (When.IN_ADVANCE, When.DUE, When.PAST_DUE)
ORDERS_HERE = [
    *ORDERS.values(),
    Order(when=BACKWARDS),
    Order(when=(When.DUE,)),
    Order(when=(When.PAST_DUE, When.IN_ADVANCE), across=Across.COMPONENTS),
    Order((Component.FEE,), BACKWARDS, Across.COMPONENTS_OVERALL),
    Order((Component.INTEREST, Component.FEE), in_advance=(Component.PRINCIPAL,)),
    Order(ahead=Ahead.LAST),
    Order(across=Across.COMPONENTS, ahead=Ahead.LAST),
    Order(when=BACKWARDS, across=Across.COMPONENTS_FALLEN_DUE),
    Order(when=(When.PAST_DUE, When.IN_ADVANCE, When.DUE), across=Across.COMPONENTS_FALLEN_DUE),
    Order(when=(When.DUE, When.IN_ADVANCE), across=Across.COMPONENTS_FALLEN_DUE, ahead=Ahead.LAST),
]


@pytest.mark.parametrize("order", ORDERS_HERE)
def test_each_loan_is_met_as_if_alone(order: Order) -> None:
    random, count, rows = np.random.default_rng(23), 120, 5
    owed = {component: random.integers(0, 9, (rows, count)) for component in Component}
    when = np.sort(random.integers(0, 3, (rows, count)), axis=0)
    amount = random.integers(0, 150, count)
    taken, left = allocate(amount, owed, when, order)
    assert list(taken) == list(COMPONENTS)
    for k in range(count):
        debts = [
            Owed(j, TIMES[when[j, k]], *(int(owed[component][j, k]) for component in Component))
            for j in range(rows)
        ]
        parts, rest = one(int(amount[k]), debts, order)
        met = np.zeros((len(COMPONENTS), rows), np.int64)
        for part in parts:
            met[COMPONENTS.index(part.component), part.installment] += part.amount
        assert [taken[component][:, k].tolist() for component in COMPONENTS] == met.tolist()
        assert left[k] == rest
