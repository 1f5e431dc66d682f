"""What loan systems treat differently, as options by name; a contract carries its own.

The defaults are ours (RULES.md). `named` reads them from plain names, as policies, signed contracts and
files of worked cases write them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

from refi.errors import Fault, Refused
from refi.schedules.allocation import BY_LAW, Across, Ahead, InvalidOrder, Order, order


class InvalidConvention(Refused):
    """No convention or no choice of it is called that; the faults name each."""

    code = "validation_failed"


@dataclass(frozen=True, slots=True)
class Conventions:
    """One choice for each thing that systems treat differently.

    Attributes:
        order: which debts money meets first (`refi.schedules.allocation`).
    """

    order: Order = BY_LAW


OURS = Conventions()

PARTS_OF_ORDER: Mapping[str, type[StrEnum]] = {"across": Across, "ahead": Ahead}
CHOICES: Mapping[str, type[StrEnum]] = {}


def named(names: Mapping[str, str]) -> Conventions:
    """The conventions of a mapping from convention to choice; what is not named is the default.

    ``order`` is a name of `refi.schedules.allocation.order`; ``across`` and ``ahead`` change that order.
    Raises `InvalidConvention` with a fault for each name that does not exist.
    """
    return _named(tuple(sorted(names.items())))


@lru_cache(maxsize=256)
def _named(names: tuple[tuple[str, str], ...]) -> Conventions:
    given = dict(names)
    faults = []
    chosen: dict[str, Any] = {}
    for name, value in names:
        kind = CHOICES.get(name) or PARTS_OF_ORDER.get(name)
        if kind is not None and value in tuple(kind):
            chosen[name] = kind(value)
        elif name != "order":
            faults.append(Fault(f"/{name}", "unknown"))
    base = BY_LAW
    try:
        base = order(given.get("order", "by_law"))
        base = replace(base, **{name: chosen[name] for name in PARTS_OF_ORDER if name in chosen})
    except InvalidOrder as refusal:
        faults += [Fault(fault.pointer or "/order", fault.code) for fault in refusal.faults]
    if faults:
        raise InvalidConvention("there is no such convention", faults=faults)
    return Conventions(order=base)
