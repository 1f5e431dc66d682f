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


def require_contiguous_days(what: str, bands: Sequence[DayBand]) -> None:
    """Refuse bands of days that do not start at 1, overlap, leave a gap, or do not end open."""
    require_distinct(what, [band.name for band in bands])
    expected = 1
    for position, band in enumerate(bands):
        last = position == len(bands) - 1
        if band.from_days > expected:
            raise ValueError(f"gap in {what}: nothing holds {expected} days, {band.name} starts later")
        if band.from_days < expected:
            raise ValueError(f"overlapping {what}: {band.name} starts at {band.from_days}, not {expected}")
        if (band.to_days is None) != last:
            raise ValueError(f"{what}: only the last one may be open, {band.name} is not right")
        if band.to_days is not None:
            if band.to_days < band.from_days:
                raise ValueError(f"{what}: {band.name} ends before it starts")
            expected = band.to_days + 1


class _ScoreBand(_Named, Protocol):
    @property
    def from_score(self) -> int: ...
    @property
    def below_score(self) -> int: ...


def require_contiguous_scores(what: str, bands: Sequence[_ScoreBand]) -> None:
    """Refuse half-open bands of score that overlap or leave a gap between them, in any order."""
    require_distinct(what, [band.name for band in bands])
    ordered = sorted(bands, key=lambda band: band.from_score)
    for band in ordered:
        if band.below_score <= band.from_score:
            raise ValueError(f"{what}: band {band.name} is empty")
    for lower, upper in itertools.pairwise(ordered):
        if upper.from_score > lower.below_score:
            raise ValueError(
                f"gap in {what}: no band holds scores {lower.below_score}..{upper.from_score - 1} "
                f"(between {lower.name} and {upper.name})"
            )
        if upper.from_score < lower.below_score:
            raise ValueError(f"overlapping {what}: {lower.name}, {upper.name} both hold {upper.from_score}")
