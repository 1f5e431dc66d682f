"""What rules look at and what they answer: a `Case` in, a `Finding` out, with the inputs that were seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from refi.money import rate_text
from refi.policies import Policy, ReasonCode
from refi.underwriting.codec import Json, to_json
from refi.underwriting.facts import Facts
from refi.underwriting.pricing import Priced
from refi.underwriting.scorecard import Scored


class Effect(StrEnum):
    """What a finding does to the decision."""

    PASSED = "passed"
    REFER = "refer"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found: its id, its effect, the reason if it hit, and the inputs it looked at."""

    rule: str
    effect: Effect
    reason: ReasonCode | None
    seen: dict[str, Json]
    also: tuple[ReasonCode, ...] = ()
    """Further reasons of the same finding, most important first: a score has several."""

    @property
    def hit(self) -> bool:
        """Whether the rule speaks against an automatic approval."""
        return self.effect is not Effect.PASSED


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules look at: the facts, the policy, the priced wish and its burden (None without income).

    ``scored`` is None where the bills do not tell enough or the strategy has no scorecard.
    """

    facts: Facts
    policy: Policy
    priced: Priced | None
    obligations: int | None
    burden: Fraction | None
    scored: Scored | None = None
    income: int | None = None
    """What counts as coming in each month: verified, else as the policy takes what was told."""


Rule = Callable[[Case], Finding]


def passed(rule: str, **seen: object) -> Finding:
    """The rule has nothing against it; ``seen`` are the inputs that it looked at."""
    return Finding(rule, Effect.PASSED, None, _plain(seen))


def refer(rule: str, reason: ReasonCode, **seen: object) -> Finding:
    """The rule wants a person to look."""
    return Finding(rule, Effect.REFER, reason, _plain(seen))


def decline(rule: str, reason: ReasonCode, **seen: object) -> Finding:
    """The rule forbids the loan."""
    return Finding(rule, Effect.DECLINE, reason, _plain(seen))


def _plain(seen: dict[str, object]) -> dict[str, Json]:
    return {
        name: rate_text(value) if isinstance(value, Fraction) else to_json(value)
        for name, value in seen.items()
    }
