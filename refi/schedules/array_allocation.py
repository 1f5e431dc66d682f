"""Money split over the debts of many loans at once: `refi.schedules.allocation`, over arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from refi.errors import Fault
from refi.schedules.allocation import BY_LAW, Across, Ahead, Component, InvalidOrder, Order, When

Ints = NDArray[np.int64]
TIMES = tuple(When)
"""Times by code: 0 is past due, 1 due, 2 in advance."""
COMPONENTS = tuple(Component)


def allocate(
    amount: Ints, owed: Mapping[Component, Ints], when: Ints, order: Order = BY_LAW
) -> tuple[dict[Component, Ints], Ints]:
    """Split ``amount`` of shape (N,) over ``owed``; what meets each debt, and what is left over, (N,).

    Args:
        amount: minor units, none negative.
        owed: for each component an (n, N) array, installment by loan, oldest installment first.
        when: (n, N) indices into `TIMES`, rising with the installment.
        order: which debts come first. ``Ahead.EVENLY`` is for one loan only (`InvalidOrder`).
    """
    if order.ahead is Ahead.EVENLY:
        raise InvalidOrder("loans in bulk cannot be met evenly", faults=[Fault("/ahead", "not_in_bulk")])
    debts = np.stack([owed[component] for component in COMPONENTS])
    taken = np.zeros_like(debts)
    left = amount
    for rows, columns, reached in _passes(when, order):
        queue = debts[rows, columns] * reached
        before = np.cumsum(queue, axis=0) - queue
        met = np.minimum(np.maximum(left - before, 0), queue)
        taken[rows, columns] += met
        left = left - met.sum(axis=0)
    return dict(zip(COMPONENTS, taken, strict=True)), left


def _passes(when: Ints, order: Order) -> Iterator[tuple[Ints, Ints, NDArray[np.bool_]]]:
    """Debts to walk through, as (component, installment) pairs, and for which loans they count (S, N)."""
    codes = [TIMES.index(time) for time in order.when]
    in_step = codes == sorted(codes) and order.in_advance is None and order.ahead is Ahead.NEXT
    if order.across is Across.INSTALLMENTS and in_step:  # later debts come later: one pass is enough
        rows, columns = _walk(len(when), order, When.DUE)
        yield rows, columns, np.isin(when, codes)[columns]
    elif order.across is Across.COMPONENTS_OVERALL:
        for component in order.components:
            for code in codes:
                columns = np.arange(len(when))
                yield np.full(len(when), COMPONENTS.index(component)), columns, when == code
    else:
        for times in order.passes():
            rows, columns = _walk(len(when), order, times[-1])
            yield rows, columns, np.isin(when, [TIMES.index(time) for time in times])[columns]


def _walk(installments: int, order: Order, time: When) -> tuple[Ints, Ints]:
    """The debts of one time in order: component and installment of each."""
    components = np.array([COMPONENTS.index(component) for component in order.of(time)])
    numbers = np.arange(installments)
    if time is When.IN_ADVANCE and order.ahead is Ahead.LAST:
        numbers = numbers[::-1]
    if order.by_installment(time):
        return np.tile(components, len(numbers)), np.repeat(numbers, len(components))
    return np.repeat(components, len(numbers)), np.tile(numbers, len(components))
