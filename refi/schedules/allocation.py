"""Which debt a payment meets first: a matrix of *when it fell due* × *what it is*, kept as data.

The default is the law's (Civil Code 561): installment by installment, oldest first; within one: fees,
penalty, interest, principal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from refi.errors import Fault, Refused


class InvalidOrder(Refused):
    """An allocation order repeats or lacks a component, or names no time at all."""

    code = "validation_failed"


class Component(StrEnum):
    """What a part of a debt is."""

    PRINCIPAL = "principal"
    INTEREST = "interest"
    FEE = "fee"
    PENALTY = "penalty"


class When(StrEnum):
    """When a part of a debt falls due, seen from the day the money moves."""

    PAST_DUE = "past_due"
    DUE = "due"
    IN_ADVANCE = "in_advance"


class Across(StrEnum):
    """What is finished before the next: an installment, a component among the debts of one time, or a
    component among all debts whatever their time.
    """

    INSTALLMENTS = "installments"
    COMPONENTS = "components"
    COMPONENTS_OVERALL = "components_overall"


class Part(NamedTuple):
    """Money that meets one component of one installment, minor units.

    Installment 0 (`AHEAD`) is principal repaid ahead of the schedule, which belongs to no installment.
    """

    installment: int
    component: Component
    amount: int


AHEAD = 0


class Owed(NamedTuple):
    """What one installment still owes, minor units by component, and when that falls due."""

    number: int
    when: When
    principal: int
    interest: int
    fee: int
    penalty: int


@dataclass(frozen=True, slots=True)
class Order:
    """One row of the matrix: which debts a transaction may meet, and in which order."""

    components: tuple[Component, ...] = (
        Component.FEE,
        Component.PENALTY,
        Component.INTEREST,
        Component.PRINCIPAL,
    )
    when: tuple[When, ...] = (When.PAST_DUE, When.DUE, When.IN_ADVANCE)
    across: Across = Across.INSTALLMENTS

    def __post_init__(self) -> None:
        if not self.components or len(set(self.components)) != len(self.components):
            raise InvalidOrder("components must be named once each", faults=[Fault("/components", "invalid")])
        if not self.when or len(set(self.when)) != len(self.when):
            raise InvalidOrder("times must be named once each", faults=[Fault("/when", "invalid")])


BY_LAW = Order()
DUE_ONLY = Order(when=(When.PAST_DUE, When.DUE))
PRINCIPAL_FIRST = Order(
    components=(Component.PRINCIPAL, Component.INTEREST, Component.FEE, Component.PENALTY),
    across=Across.COMPONENTS_OVERALL,
)

MATRIX: Mapping[str, Order] = MappingProxyType(
    {
        "due": BY_LAW,
        "prepay_shorten": DUE_ONLY,
        "prepay_lower": DUE_ONLY,
        "payoff": BY_LAW,
        "recovery": PRINCIPAL_FIRST,
    }
)
"""The order of each kind of transaction; a contract may carry its own.

A prepayment meets what is due and then goes to principal ahead of the schedule. Money recovered after a
charge-off repays the principal that was written off first.
"""


def allocate(amount: int, owed: Sequence[Owed], order: Order = BY_LAW) -> tuple[tuple[Part, ...], int]:
    """Split ``amount`` over ``owed`` (oldest first); return the parts and what is left over.

    Every part is positive; parts and rest add up to ``amount``.
    """
    parts: list[Part] = []
    for number, component, most in _walk(owed, order):
        if amount == 0:
            break
        taken = min(amount, most)
        if taken > 0:
            parts.append(Part(number, component, taken))
            amount -= taken
    return tuple(parts), amount


def _walk(owed: Sequence[Owed], order: Order) -> Iterator[tuple[int, Component, int]]:
    if order.across is Across.COMPONENTS_OVERALL:
        ranked = [row for when in order.when for row in owed if row.when is when]
        for component in order.components:
            for row in ranked:
                yield row.number, component, getattr(row, component)
        return
    for when in order.when:
        rows = [row for row in owed if row.when is when]
        if order.across is Across.INSTALLMENTS:
            for row in rows:
                for component in order.components:
                    yield row.number, component, getattr(row, component)
        else:
            for component in order.components:
                for row in rows:
                    yield row.number, component, getattr(row, component)


def total(parts: Iterable[Part], component: Component | None = None) -> int:
    """The sum of parts, of one component or of all."""
    return sum(part.amount for part in parts if component is None or part.component is component)
