"""The section of a policy that says who is reminded of what, when and how: the ladder.

A version has stages (days around a due date) and rules. Of the rules of a stage the first that fits decides
what is said and by which channel; none that fits, or one without channels, says nothing. Arms split the
borrowers by a stable hash, so that two ladders can be compared.
"""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from refi.policies.base import Amount, Channel, Name, Value, require_distinct

History = Literal["first_loan", "returning", "on_time", "late_before"]
Habit = Literal["transactor", "occasional_revolver", "persistent_revolver", "inactive", "unknown"]
LoanProduct = Literal["card_refinance", "micro_loan"]

WHOLE = 100
_LISTS = ("arms", "products", "segments", "buckets", "history")


class Arm(Value):
    """A share of the borrowers, in percent, that the ladder treats alike."""

    name: Name
    share: Annotated[int, Field(ge=0, le=WHOLE)]


class When(Value):
    """What must hold for a rule to fit; an empty list asks for nothing, of a list one is enough.

    ``segments`` are habits of the card holder, ``buckets`` those of delinquency and ``current``, ``history``
    what the borrower did with us so far. Amounts are what the installments that the message is about were
    scheduled at, together: ``amount_from`` up to but not including ``amount_below``.
    """

    arms: tuple[Name, ...] = ()
    products: tuple[LoanProduct, ...] = ()
    segments: tuple[Habit, ...] = ()
    buckets: tuple[Name, ...] = ()
    history: tuple[History, ...] = ()
    amount_from: Amount | None = None
    amount_below: Amount | None = None

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        for name in _LISTS:
            require_distinct(name, getattr(self, name))
        if self.amount_below is not None and self.amount_below <= (self.amount_from or 0):
            raise ValueError("amount_below must be above amount_from: nothing would fit")
        return self

    def covers(self, other: When) -> bool:
        """Whether this holds wherever ``other`` does."""
        for name in _LISTS:
            mine, theirs = set(getattr(self, name)), set(getattr(other, name))
            if mine and not (theirs and theirs <= mine):
                return False
        if (self.amount_from or 0) > (other.amount_from or 0):
            return False
        return self.amount_below is None or (
            other.amount_below is not None and other.amount_below <= self.amount_below
        )


class Stage(Value):
    """A moment of the ladder: ``days`` from the due date, negative before it. It lapses at the next one."""

    name: Name
    days: Annotated[int, Field(ge=-30, le=365)]
    gate: Literal["reminder", "collection"]
    enabled: bool


class Rule(Value):
    """What a stage says to those who fit: a template, by the first of ``channels`` that reaches them."""

    name: Name
    stage: Name
    channels: tuple[Channel, ...]
    template: Name | None = None
    when: When = When()

    @model_validator(mode="after")
    def _has_words_for_its_channels(self) -> Self:
        require_distinct(f"channels of {self.name}", self.channels)
        if bool(self.channels) != (self.template is not None):
            raise ValueError(f"{self.name}: a rule has channels and a template, or neither and says nothing")
        return self


class LadderVersion(Value):
    """The ladder from ``from_on``; a day's stages begin at ``send_at`` where the borrower lives."""

    name: Name
    from_on: date
    send_at: time
    arms: tuple[Arm, ...] = Field(min_length=1)
    stages: tuple[Stage, ...] = Field(min_length=1)
    rules: tuple[Rule, ...] = Field(min_length=1)

    def lapses_on(self, stage: Stage) -> int | None:
        """Days from due at which the next stage begins and this one lapses; None for the last one."""
        return min((other.days for other in self.stages if other.days > stage.days), default=None)

    def rules_of(self, stage: Stage) -> tuple[Rule, ...]:
        """The rules of that stage, in the order in which they are asked."""
        return tuple(rule for rule in self.rules if rule.stage == stage.name)

    @model_validator(mode="after")
    def _climbs(self) -> Self:
        require_distinct("stages", [stage.name for stage in self.stages])
        days = [stage.days for stage in self.stages]
        if days != sorted(set(days)):
            raise ValueError("overlapping ladder stages: days must rise")
        require_distinct("arms", [arm.name for arm in self.arms])
        if sum(arm.share for arm in self.arms) != WHOLE:
            raise ValueError(
                f"the shares of the arms make {sum(arm.share for arm in self.arms)}, not {WHOLE}"
            )
        return self

    @model_validator(mode="after")
    def _every_rule_can_apply(self) -> Self:
        require_distinct("rules", [rule.name for rule in self.rules])
        arms, stages = {arm.name for arm in self.arms}, {stage.name for stage in self.stages}
        for rule in self.rules:
            if rule.stage not in stages:
                raise ValueError(f"rule {rule.name}: there is no stage {rule.stage}")
            if unknown := sorted(set(rule.when.arms) - arms):
                raise ValueError(f"rule {rule.name}: there is no arm {unknown[0]}")
        for stage in self.stages:
            rules = self.rules_of(stage)
            if stage.enabled and not rules:
                raise ValueError(f"stage {stage.name} is enabled and has no rule")
            for later, rule in enumerate(rules):
                for earlier in rules[:later]:
                    if earlier.when.covers(rule.when):
                        raise ValueError(
                            f"overlapping rules: {rule.name} never applies, {earlier.name} is asked before it"
                        )
        return self


class Ladder(Value):
    """Every version of the ladder, oldest first; one is in force from its day until the next one's."""

    versions: tuple[LadderVersion, ...] = Field(min_length=1)

    def on(self, day: date) -> LadderVersion:
        """The version in force on ``day``; the first one also before its own day."""
        begun = [version for version in self.versions if version.from_on <= day]
        return begun[-1] if begun else self.versions[0]

    @model_validator(mode="after")
    def _follow_each_other(self) -> Self:
        require_distinct("ladder versions", [version.name for version in self.versions])
        days = [version.from_on for version in self.versions]
        if days != sorted(set(days)):
            raise ValueError("overlapping ladder versions: from_on must rise")
        return self
