"""Which debt a payment meets first: a matrix of *when it fell due* × *what it is*, kept as data.

The default is the law's (Civil Code 561): installment by installment, oldest first; within one: fees,
penalty, interest, principal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from refi.errors import Fault, Refused
from refi.money import Rounding, round_div

T = TypeVar("T")


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
    """What is finished before the next: an installment, a component among the debts of one time, a component
    among all that have fallen due (then an installment), or a component among all debts whatever their time.
    """

    INSTALLMENTS = "installments"
    COMPONENTS = "components"
    COMPONENTS_FALLEN_DUE = "components_fallen_due"
    COMPONENTS_OVERALL = "components_overall"


class Ahead(StrEnum):
    """Which installments money in advance meets first: the next one, the last one, or all of them evenly."""

    NEXT = "next"
    LAST = "last"
    EVENLY = "evenly"


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
    """One row of the matrix: which debts a transaction may meet, and in which order.

    Attributes:
        components: what is met first; a component that is left out is never met.
        when: which debts are met first; a time that is left out is never met.
        across: what is finished before the next.
        in_advance: the components of debts not yet due, where their order is another one.
        ahead: which of the installments not yet due come first.
    """

    components: tuple[Component, ...] = (
        Component.FEE, Component.PENALTY, Component.INTEREST, Component.PRINCIPAL,
    )  # fmt: skip
    when: tuple[When, ...] = (When.PAST_DUE, When.DUE, When.IN_ADVANCE)
    across: Across = Across.INSTALLMENTS
    in_advance: tuple[Component, ...] | None = None
    ahead: Ahead = Ahead.NEXT

    def __post_init__(self) -> None:
        named = (("components", self.components), ("when", self.when), ("in_advance", self.in_advance))
        for name, given in named:
            if given is not None and (not given or len(set(given)) != len(given)):
                raise InvalidOrder(f"{name} are named once each", faults=[Fault(f"/{name}", "invalid")])
        if self.across is Across.COMPONENTS_OVERALL and (self.in_advance or self.ahead is not Ahead.NEXT):
            raise InvalidOrder(
                "components_overall knows no order of its own for debts in advance",
                faults=[Fault("/across", "contradicts_in_advance")],
            )

    def of(self, when: When) -> tuple[Component, ...]:
        """The components of the debts of one time, in order."""
        return self.in_advance if when is When.IN_ADVANCE and self.in_advance else self.components

    def passes(self) -> list[tuple[When, ...]]:
        """The times in order; those that are walked through as one are together."""
        late = tuple(when for when in self.when if when is not When.IN_ADVANCE)
        if self.across is not Across.COMPONENTS_FALLEN_DUE or len(late) < 2:
            return [(when,) for when in self.when]
        return [late if when is late[0] else (when,) for when in self.when if when is not late[1]]

    def by_installment(self, when: When) -> bool:
        """Whether an installment is finished before the next, among the debts of a time."""
        if self.across is Across.COMPONENTS_FALLEN_DUE:
            return when is When.IN_ADVANCE
        return self.across is Across.INSTALLMENTS

    def complete(self) -> Order:
        """The same order with whatever it leaves out at the end, so that all debts are met."""
        return replace(
            self,
            components=_completed(self.components, Component),
            when=_completed(self.when, When),
            in_advance=self.in_advance and _completed(self.in_advance, Component),
        )


def _completed(given: tuple[T, ...], kind: Iterable[T]) -> tuple[T, ...]:
    return given + tuple(value for value in kind if value not in given)


FEE, PENALTY, INTEREST, PRINCIPAL = Component.FEE, Component.PENALTY, Component.INTEREST, Component.PRINCIPAL
BY_LAW = Order()
DUE_ONLY = Order(when=(When.PAST_DUE, When.DUE))
PRINCIPAL_FIRST = Order((PRINCIPAL, INTEREST, FEE, PENALTY), across=Across.COMPONENTS_OVERALL)

ORDERS: Mapping[str, Order] = MappingProxyType(
    {
        "by_law": BY_LAW,
        "by_component": Order(across=Across.COMPONENTS),
        "due_only": DUE_ONLY,
        "principal_first": PRINCIPAL_FIRST,
        "penalty_fee_interest_principal": Order((PENALTY, FEE, INTEREST, PRINCIPAL)),
        "interest_principal_penalty_fee": Order((INTEREST, PRINCIPAL, PENALTY, FEE)),
        "principal_interest_penalty_fee": Order((PRINCIPAL, INTEREST, PENALTY, FEE)),
        "rbi_india": Order((PENALTY, FEE, INTEREST, PRINCIPAL), across=Across.COMPONENTS_FALLEN_DUE),
        "early_repayment": Order((INTEREST, PRINCIPAL, PENALTY, FEE), in_advance=(PRINCIPAL,)),
        "due_penalty_fee_interest_principal_in_advance_principal_penalty_fee_interest": Order(
            (PENALTY, FEE, INTEREST, PRINCIPAL), in_advance=(PRINCIPAL, PENALTY, FEE, INTEREST)
        ),
        "due_penalty_interest_principal_fee_in_advance_penalty_interest_principal_fee": Order(
            (PENALTY, INTEREST, PRINCIPAL, FEE)
        ),
    }
)
"""Orders by name: ours, and those of other systems (the long names and the two before: Apache Fineract)."""


def order(given: str | Mapping[str, object]) -> Order:
    """An order by its name in `ORDERS`, or from data with the fields of `Order` as text and lists of text.

    The four components joined by ``_`` (``interest_fee_penalty_principal``) name the order that meets them
    like that. Raises `InvalidOrder` for a name, field or value that does not exist.
    """
    if isinstance(given, str):
        if given in ORDERS:
            return ORDERS[given]
        if sorted(given.split("_")) != sorted(Component):
            raise InvalidOrder(f"no order is called {given!r}", faults=[Fault("", "unknown")])
        return Order(tuple(Component(name) for name in given.split("_")))
    kinds: dict[str, type[StrEnum]] = {
        "components": Component, "when": When, "in_advance": Component, "across": Across, "ahead": Ahead,
    }  # fmt: skip
    fields: dict[str, Any] = {}
    for name, value in given.items():
        kind = kinds.get(name)
        try:
            if kind in (Across, Ahead):
                fields[name] = kind(str(value))
            elif kind is not None and isinstance(value, list | tuple):
                fields[name] = tuple(kind(item) for item in value)
            else:
                raise ValueError
        except ValueError:
            raise InvalidOrder(f"{name}: {value!r}", faults=[Fault(f"/{name}", "unknown")]) from None
    return Order(**fields)


@lru_cache(maxsize=256)
def matrix(order: Order) -> Mapping[str, Order]:
    """One order for every kind of transaction: prepayments stop at what is due, recoveries keep theirs."""
    due = replace(order, when=tuple(when for when in order.when if when is not When.IN_ADVANCE))
    return MappingProxyType(
        {
            "due": order,
            "prepay_shorten": due,
            "prepay_lower": due,
            "payoff": order,
            "recovery": PRINCIPAL_FIRST,
        }
    )


MATRIX = matrix(BY_LAW)
"""The order of each kind of transaction; a contract may carry its own.

A prepayment meets what is due and then goes to principal ahead of the schedule. Money recovered after a
charge-off repays the principal that was written off first.
"""


def allocate(amount: int, owed: Sequence[Owed], order: Order = BY_LAW) -> tuple[tuple[Part, ...], int]:
    """Split ``amount`` over ``owed`` (oldest first); return the parts and what is left over.

    Every part is positive; parts and rest add up to ``amount``.
    """
    parts: list[Part] = []
    if order.across is Across.COMPONENTS_OVERALL:
        ranked = [row for when in order.when for row in owed if row.when is when]
        rest = _meet(parts, amount, _by_component(ranked, order.components))
        return tuple(parts), rest
    for times in order.passes():
        when = times[-1]
        rows = [row for row in owed if row.when in times]
        if when is When.IN_ADVANCE and order.ahead is Ahead.LAST:
            rows.reverse()
        walk = _by_installment if order.by_installment(when) else _by_component
        if when is When.IN_ADVANCE and order.ahead is Ahead.EVENLY:
            amount = _evenly(parts, amount, rows, order.of(when))
        else:
            amount = _meet(parts, amount, walk(rows, order.of(when)))
    return tuple(parts), amount


Debts = Iterable[tuple[int, Component, int]]


def _by_installment(rows: Sequence[Owed], components: Sequence[Component]) -> Debts:
    return ((row.number, component, getattr(row, component)) for row in rows for component in components)


def _by_component(rows: Sequence[Owed], components: Sequence[Component]) -> Debts:
    return ((row.number, component, getattr(row, component)) for component in components for row in rows)


def _meet(parts: list[Part], amount: int, debts: Debts) -> int:
    """Meet debts one after another; what is left of the amount."""
    for number, component, most in debts:
        taken = min(amount, most)
        if taken > 0:
            parts.append(Part(number, component, taken))
            amount -= taken
    return amount


def _evenly(parts: list[Part], amount: int, rows: Sequence[Owed], components: Sequence[Component]) -> int:
    """Give each installment the same share, rounded, the last one the rest; at most what it owes.

    What an installment has no room for is shared anew among the others (Apache Fineract's REAMORTIZATION).
    """
    room = {row.number: _sum(row, components) for row in rows}
    shares = dict.fromkeys(room, 0)
    while amount and (free := [number for number in room if room[number] > shares[number]]):
        share = round_div(amount, len(free), Rounding.HALF_EVEN)
        rest = max(amount - share * (len(free) - 1), 0)
        for number in free:
            part = min(rest if number == free[-1] else share, room[number] - shares[number], amount)
            shares[number] += part
            amount -= part
    for row in rows:
        _meet(parts, shares[row.number], _by_installment([row], components))
    return amount


def _sum(row: Owed, components: Sequence[Component]) -> int:
    return sum(getattr(row, component) for component in components)


def total(parts: Iterable[Part], component: Component | None = None) -> int:
    """The sum of parts, of one component or of all."""
    return sum(part.amount for part in parts if component is None or part.component is component)
