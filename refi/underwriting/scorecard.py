"""A scorecard: whole points for what six bills say. Pure.

A card has segments (never late, and late at least once), each with a base and a few characteristics in bins.
A score is the base plus one number of points a characteristic: whole numbers, so that one card holder and a
million get the same score to the point. ``pdo`` points double the odds of staying good;
`Scorecard.default_probability` turns a score into a probability by exact decimals.

What is scored is read from a JSON file (`parse`); everything in it can be read and checked by hand.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refi.policies import ReasonCode
from refi.underwriting.characteristics import CHARACTERISTICS, Floats, Histories, values

FORMAT = 1
NEVER_LATE, LATE = "never_late", "late"
SEGMENTS = (NEVER_LATE, LATE)
_EXACT = Context(prec=28)
Points = NDArray[np.int64]


class ScorecardRefused(ValueError):
    """The file is not a scorecard: the message names the place and the reason."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Values above the bin before, up to and including ``to`` (None: no end), and what they earn."""

    to: Decimal | None
    points: int
    woe: Decimal
    people: int
    defaults: int


@dataclass(frozen=True)
class Weighed:
    """A characteristic of a segment: its bins in rising order, and one for missing values."""

    name: str
    coefficient: Decimal
    bins: tuple[Bin, ...]
    missing: Bin

    @functools.cached_property
    def best(self) -> int:
        """The most points that can be earned."""
        return max(each.points for each in (*self.bins, self.missing))

    @property
    def reason(self) -> ReasonCode:
        """What a borrower reads when it costs points."""
        return CHARACTERISTICS[self.name].reason

    def places(self, value: Floats) -> NDArray[np.intp]:
        """(N,) which bin holds each value; ``len(bins)`` is the one for missing values."""
        found = self._edges.searchsorted(value, side="left")  # NaN is sorted behind every number
        found[np.isnan(value)] = len(self.bins)
        return found

    @functools.cached_property
    def _edges(self) -> Floats:
        return np.array([float(each.to) for each in self.bins if each.to is not None], dtype=np.float64)

    @functools.cached_property
    def points(self) -> Points:
        """Points of each place."""
        return np.array([each.points for each in (*self.bins, self.missing)], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Segment:
    """One population with its own weights."""

    name: str
    base: int
    weighed: tuple[Weighed, ...]

    def earned(self, of: Histories) -> Iterator[tuple[Weighed, Points]]:
        """Each characteristic with the points (N,) that it earns these card holders."""
        seen = values(of, [each.name for each in self.weighed])
        for each in self.weighed:
            yield each, each.points[each.places(seen[each.name])]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one characteristic did to one score: the points it earned and how many it could have."""

    name: str
    points: int
    best: int
    reason: ReasonCode

    @property
    def lost(self) -> int:
        """Points missed against the best bin."""
        return self.best - self.points


@dataclass(frozen=True, slots=True)
class Scored:
    """A score with what made it, most costly characteristic first."""

    score: int
    default_probability: Decimal
    segment: str
    base: int
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True)
class Scorecard:
    """A card that scores: its segments, its scale, and what is recorded of its training."""

    version: str
    pdo: int
    anchor_score: int
    anchor_odds: int
    least: int
    most: int
    segments: Mapping[str, Segment]
    training: Mapping[str, Any]

    def scores(self, of: Histories) -> Points:
        """(N,) scores; the same as `score` gives each row."""
        found = np.zeros(len(of), dtype=np.int64)
        late = ~of.never_late
        for name, rows in ((NEVER_LATE, ~late), (LATE, late)):
            if rows.any():
                found[rows] = self._of_segment(self.segments[name], of.some(rows))
        return found

    def _of_segment(self, segment: Segment, of: Histories) -> Points:
        total = np.full(len(of), segment.base, dtype=np.int64)
        for _, points in segment.earned(of):
            total += points
        return np.clip(total, self.least, self.most)

    def score(self, of: Histories) -> Scored:
        """The score of one card holder, explained."""
        segment = self.segments[NEVER_LATE if of.never_late[0] else LATE]
        parts = [
            Contribution(each.name, int(points[0]), each.best, each.reason)
            for each, points in segment.earned(of)
        ]
        total = segment.base + sum(part.points for part in parts)
        total = min(max(total, self.least), self.most)
        ordered = tuple(sorted(parts, key=lambda part: (-part.lost, part.name)))
        return Scored(total, self.default_probability(total), segment.name, segment.base, ordered)

    def default_probability(self, score: int) -> Decimal:
        """Chance of a default in the next month at that score, six decimals; exact, no floats."""
        if (known := self._probabilities.get(score)) is not None:
            return known
        odds = self.anchor_odds * _EXACT.power(
            Decimal(2), _EXACT.divide(Decimal(score - self.anchor_score), self.pdo)
        )
        found = _EXACT.divide(Decimal(1), 1 + odds).quantize(Decimal("0.000001"))
        self._probabilities[score] = found
        return found

    @functools.cached_property
    def _probabilities(self) -> dict[int, Decimal]:
        """Those worked out before: there are not many scores."""
        return {}

    def log_odds(self, scores: Points) -> Floats:
        """(N,) natural logarithm of the odds of a default at each score, for figures and not for money."""
        per_point = np.log(2.0) / self.pdo
        return np.asarray((self.anchor_score - scores) * per_point - np.log(float(self.anchor_odds)))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what scores, in its canonical JSON."""
        canonical = json.dumps(to_json(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def to_json(card: Scorecard) -> dict[str, Any]:
    """The card as plain JSON values; `parse` makes the same card of it."""
    return {
        "format": FORMAT,
        "version": card.version,
        "scale": {
            "pdo": card.pdo,
            "anchor_score": card.anchor_score,
            "anchor_odds": card.anchor_odds,
            "least": card.least,
            "most": card.most,
        },
        "segments": {name: _segment_json(card.segments[name]) for name in SEGMENTS},
        "training": dict(card.training),
    }


def _segment_json(segment: Segment) -> dict[str, Any]:
    return {
        "base": segment.base,
        "characteristics": [
            {
                "name": each.name,
                "about": CHARACTERISTICS[each.name].about,
                "better": CHARACTERISTICS[each.name].better,
                "reason": each.reason,
                "coefficient": str(each.coefficient),
                "bins": [_bin_json(one) for one in each.bins],
                "missing": _bin_json(each.missing),
            }
            for each in segment.weighed
        ],
    }


def _bin_json(one: Bin) -> dict[str, Any]:
    return {
        "to": None if one.to is None else str(one.to),
        "points": one.points,
        "woe": str(one.woe),
        "people": one.people,
        "defaults": one.defaults,
    }


def parse(data: Any) -> Scorecard:
    """The card that ``data`` (JSON values) describes; `ScorecardRefused` for anything unsound."""
    try:
        if data["format"] != FORMAT:
            raise ScorecardRefused(f"format {data['format']!r} is not {FORMAT}")
        scale = data["scale"]
        card = Scorecard(
            version=str(data["version"]),
            segments={name: _segment(name, data["segments"][name]) for name in SEGMENTS},
            training=data["training"],
            **{name: _whole(scale[name]) for name in ("pdo", "anchor_score", "anchor_odds", "least", "most")},
        )
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ScorecardRefused(f"not a scorecard: {type(error).__name__} {error}") from error
    if card.pdo < 1 or card.anchor_odds < 1 or card.least >= card.most:
        raise ScorecardRefused("scale: pdo and anchor_odds are above zero, least is below most")
    return card


def _segment(name: str, data: Any) -> Segment:
    found = tuple(_weighed(name, each) for each in data["characteristics"])
    if len({each.name for each in found}) != len(found):
        raise ScorecardRefused(f"{name}: a characteristic twice")
    return Segment(name, _whole(data["base"]), found)


def _weighed(segment: str, data: Any) -> Weighed:
    name, where = data["name"], f"{segment}.{data['name']}"
    if name not in CHARACTERISTICS:
        raise ScorecardRefused(f"{where}: there is no such characteristic")
    bins = tuple(_bin(each) for each in data["bins"])
    _require_bins(where, name, bins)
    return Weighed(name, Decimal(data["coefficient"]), bins, _bin(data["missing"]))


def _require_bins(where: str, name: str, bins: Sequence[Bin]) -> None:
    """Bins rise without a gap to an open end, and points go one way: the way that is better."""
    if not bins or bins[-1].to is not None or any(each.to is None for each in bins[:-1]):
        raise ScorecardRefused(f"{where}: the last bin, and only it, has no end")
    ends = [each.to for each in bins if each.to is not None]
    if any(lower >= upper for lower, upper in itertools.pairwise(ends)):
        raise ScorecardRefused(f"{where}: overlapping bins")
    way = 1 if CHARACTERISTICS[name].better == "higher" else -1
    if any(way * lower.points > way * upper.points for lower, upper in itertools.pairwise(bins)):
        raise ScorecardRefused(f"{where}: points are not monotone")


def _bin(data: Any) -> Bin:
    to = None if data["to"] is None else Decimal(data["to"])
    if to is not None and not to.is_finite():
        raise ScorecardRefused(f"{to} is not the end of a bin")
    return Bin(
        to, _whole(data["points"]), Decimal(data["woe"]), _whole(data["people"]), _whole(data["defaults"])
    )


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ScorecardRefused(f"{value!r} is not a whole number")
    return value
