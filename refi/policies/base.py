"""What every policy value shares (frozen, strict, no unknown field) and checks that several sections need."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=64)]
Amount = Annotated[int, Field(ge=0, le=10**15)]
"""Whole minor units of the market's currency."""
Days = Annotated[int, Field(ge=0, le=3660)]
Count = Annotated[int, Field(ge=0, le=10_000)]
Rate = Annotated[Decimal, Field(ge=0, le=10, allow_inf_nan=False)]
"""A fraction of one: 0.12 is twelve percent."""
Share = Annotated[Decimal, Field(ge=0, le=1, allow_inf_nan=False)]
"""A part of a whole."""
Term = Annotated[int, Field(ge=1, le=60)]
Gate = Literal["reminder", "collection", "marketing"]
Channel = Literal["sms", "push", "email", "inbox"]
"""How a message reaches a borrower; ``inbox`` is the list of messages in the app."""


class Value(BaseModel):
    """A frozen piece of policy. An unknown field, a wrong type or a missing rule is refused at start."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


SCORES = (0, 1000)
"""The least and the greatest score that a scorecard may give."""


class Misplaced(ValueError):
    """What a section says is wrong at ``place``, seen from the section."""

    def __init__(self, reason: str, *place: int | str) -> None:
        super().__init__(reason)
        self.place = place


class DayBand(Value):
    """Days past due from ``from_days`` through ``to_days`` inclusive; the last band has no end."""

    name: Name
    from_days: Days
    to_days: Days | None = None

    def holds(self, days: int) -> bool:
        """Whether that many days past due fall into this band."""
        return self.from_days <= days and (self.to_days is None or days <= self.to_days)


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def require_distinct(what: str, names: Sequence[object]) -> None:
    """Refuse (``ValueError``) a list that says the same thing twice."""
    twice = sorted({str(name) for name in names if list(names).count(name) > 1})
    if twice:
        raise ValueError(f"{what} named twice: {', '.join(twice)}")


def require_contiguous_days(what: str, field: str, bands: Sequence[DayBand]) -> None:
    """Refuse bands of days, the list ``field``, that do not start at 1, overlap, leave a gap, or do not end
    open."""
    require_distinct(what, [band.name for band in bands])
    expected = 1
    for position, band in enumerate(bands):
        last = position == len(bands) - 1
        why = None
        if band.from_days > expected:
            why = f"gap in {what}: nothing holds {expected} days, {band.name} starts later"
        elif band.from_days < expected:
            why = f"overlapping {what}: {band.name} starts at {band.from_days}, not {expected}"
        elif (band.to_days is None) != last:
            why = f"{what}: only the last one may be open, {band.name} is not right"
        elif band.to_days is not None and band.to_days < band.from_days:
            why = f"{what}: {band.name} ends before it starts"
        if why is not None:
            raise Misplaced(why, field, position)
        if band.to_days is not None:
            expected = band.to_days + 1


class _ScoreBand(_Named, Protocol):
    @property
    def from_score(self) -> int: ...
    @property
    def below_score(self) -> int: ...


def require_contiguous_scores(what: str, field: str, bands: Sequence[_ScoreBand]) -> None:
    """Refuse half-open bands of score, the list ``field`` in any order, that overlap or leave a gap: between
    them, or at either end of `SCORES`."""
    require_distinct(what, [band.name for band in bands])
    ordered = sorted(enumerate(bands), key=lambda each: each[1].from_score)
    for place, band in ordered:
        if band.below_score <= band.from_score:
            raise Misplaced(f"{what}: band {band.name} is empty", field, place, "below_score")
    for (_, lower), (place, upper) in itertools.pairwise(ordered):
        here = (field, place, "from_score")
        if upper.from_score > lower.below_score:
            raise Misplaced(
                f"gap in {what}: no band holds scores {lower.below_score}..{upper.from_score - 1} "
                f"(between {lower.name} and {upper.name})",
                *here,
            )
        if upper.from_score < lower.below_score:
            both = f"{lower.name}, {upper.name} both hold {upper.from_score}"
            raise Misplaced(f"overlapping {what}: {both}", *here)
    (first, lowest), (last, highest) = ordered[0], ordered[-1]
    if lowest.from_score > SCORES[0]:
        gap = (
            f"gap in {what}: no band holds scores {SCORES[0]}..{lowest.from_score - 1} (below {lowest.name})"
        )
        raise Misplaced(gap, field, first, "from_score")
    if highest.below_score <= SCORES[1]:
        gap = f"gap in {what}: no band holds scores {highest.below_score}..{SCORES[1]} (above {highest.name})"
        raise Misplaced(gap, field, last, "below_score")
