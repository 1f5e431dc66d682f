"""The section of a policy that says how loans may be changed after they were paid out, and by whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from refi.policies.base import Amount, Count, Days, Term, Value
from refi.policies.deciding import Authority

Modification = Literal["defer", "due_date_change", "re_age", "extend"]


class Yearly(Value):
    """At most so many acts of a kind on one loan within 12 months and within five years."""

    kind: Modification
    per_year: Count
    per_five_years: Count


class Changes(Value):
    """Limits of acts on loans. Amounts are minor units; months and installments are counts.

    ``four_eyes`` names modifications that always need a second person; giving money away always does, above
    ``waive_alone`` of the maker's role. ``authority`` is what a second person may agree to.
    """

    limits: tuple[Yearly, ...]
    four_eyes: tuple[Modification, ...]
    deferred_months_per_year: Count
    due_date_moves_days: Days
    coming_installments: Term
    paid_before_re_age: Count
    reverse_alone_days: Days
    waive_alone: tuple[Authority, ...] = ()
    authority: tuple[Authority, ...] = Field(min_length=1)

    def limit(self, kind: str) -> Yearly | None:
        """The limit of that kind of modification; none: it may be done as often as wished."""
        return next((each for each in self.limits if each.kind == kind), None)

    def alone(self, roles: Iterable[str]) -> int:
        """What somebody with these roles may waive alone."""
        return _most(self.waive_alone, roles)

    def second(self, roles: Iterable[str]) -> int:
        """What somebody with these roles may agree to as a second person."""
        return _most(self.authority, roles)


def _most(limits: tuple[Authority, ...], roles: Iterable[str]) -> Amount:
    held = frozenset(roles)
    return max((each.amount for each in limits if each.role in held), default=0)
