"""Train a scorecard: monotone bins, weights of evidence, a logistic regression, whole points. Pure, numpy
alone.

Each segment (never late, late at least once) is trained by itself:

1. Every characteristic is cut at its fiftieths; neighbors are pooled until the share of defaults goes one
   way, the way in which the characteristic may be weighed, then until every bin holds enough people and
   differs from the next.
2. A bin becomes its weight of evidence, ln(share of the good / share of the bad).
3. Of two characteristics that say the same, the one that tells more stays; then the least certain leaves,
   one by one, until each that is left helps with confidence and in the right direction.
4. Coefficients become whole points: `PDO` points double the odds.

No randomness but the seeded folds, no solver but Newton's method: the same rows give the same card.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from refi.errors import Refused
from refi.underwriting import measures, spread
from refi.underwriting.characteristics import CHARACTERISTICS, Floats, Histories, values
from refi.underwriting.measures import Fit, Flags
from refi.underwriting.scorecard import LATE, NEVER_LATE, Bin, Scorecard, Segment, Weighed

PDO = 50
ANCHOR_SCORE, ANCHOR_ODDS = 600, 5
"""At 600 points five pay for one who does not."""
LEAST, MOST = 0, 1000
FINE_BINS = 50
MOST_BINS = 8
LEAST_SHARE = 0.04
BIN_DIFFERENCE = 2.5
"""Standard errors by which the default shares of neighboring bins differ."""
SAME_THING = 0.97
CERTAINTY = 2.0
"""Standard errors by which a coefficient differs from zero."""
RIDGE = 20.0
FOLDS = 5
FOLD_SEED = 20_261_122
LEAST_ROWS = 500
LEAST_DEFAULTS = 50
SCORE_BINS = 10


class TooFewToTrain(Refused):
    """A scorecard of so few people would say more about them than about the next."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """Bins of one characteristic: right edges (the last is open), people and defaults, missing last."""

    edges: Floats
    people: Floats
    defaults: Floats
    woe: Floats

    def place(self, value: Floats) -> Floats:
        missing = np.isnan(value)
        found = np.searchsorted(self.edges, np.where(missing, 0.0, value), side="left")
        return np.asarray(self.woe[np.where(missing, len(self.edges) + 1, found)])


def train(of: Histories, bad: Flags, version: str, *, folds: int = FOLDS) -> Scorecard:
    """The card for these card holders and outcomes (N,); its figures are of ``folds`` it did not see.

    Raises `TooFewToTrain` for fewer than 500 rows or 50 of an outcome in a segment.
    """
    require_enough(of, bad)
    card = _card(of, bad, version, {})
    training = {
        "fingerprint": fingerprint(of, bad),
        "people": len(of),
        "defaults": int(bad.sum()),
        "never_late": int(of.never_late.sum()),
        **({"cross_validated": cross_validate(of, bad, folds)} if folds > 1 else {}),
        **_distribution(card, of),
    }
    return Scorecard(
        **{name: getattr(card, name) for name in ("version", "pdo", "anchor_score", "anchor_odds")},
        least=card.least,
        most=card.most,
        segments=card.segments,
        training=training,
    )


def require_enough(of: Histories, bad: Flags) -> None:
    """`TooFewToTrain` when a segment has too few people or too few of an outcome."""
    for name, rows in ((NEVER_LATE, of.never_late), (LATE, ~of.never_late)):
        people, defaults = int(rows.sum()), int(bad[rows].sum())
        if people < LEAST_ROWS or min(defaults, people - defaults) < LEAST_DEFAULTS:
            raise TooFewToTrain(
                f"segment {name}: {people} people, {defaults} defaults; {LEAST_ROWS} people and "
                f"{LEAST_DEFAULTS} of each outcome are needed",
                segment=name,
                people=people,
                defaults=defaults,
            )


def fingerprint(of: Histories, bad: Flags) -> str:
    """SHA-256 of the rows as whole numbers, whatever their order."""
    table = np.column_stack([of.limits, of.bills, of.paid, of.late, bad]).astype("<i8")
    return hashlib.sha256(table[np.lexsort(table.T)].tobytes()).hexdigest()


def cross_validate(of: Histories, bad: Flags, folds: int) -> dict[str, Any]:
    """Figures on people whom the card did not see: trained ``folds`` times on the others."""
    turns = np.empty(len(of), dtype=np.int64)
    turns[np.random.default_rng(FOLD_SEED).permutation(len(of))] = np.arange(len(of)) % folds
    scores, areas = np.zeros(len(of), dtype=np.int64), []
    for fold in range(folds):
        seen = turns != fold
        card = _card(of.some(seen), bad[seen], "fold", {})
        scores[~seen] = card.scores(of.some(~seen))
        areas.append(measures.auc(-scores[~seen].astype(float), bad[~seen]).auc)
    never, log_odds = of.never_late, card.log_odds(scores)
    slope = measures.calibration_slope(log_odds, bad)
    slope_never = measures.calibration_slope(log_odds[never], bad[never])
    return {
        "folds": folds,
        "auc_mean": round(float(np.mean(areas)), 4),
        "auc": [round(area, 4) for area in areas],
        "ks": round(measures.ks(-scores.astype(float), bad), 4),
        "calibration_slope": None if slope is None else round(slope, 4),
        "never_late": {
            "auc": round(measures.auc(-scores[never].astype(float), bad[never]).auc, 4),
            "calibration_slope": None if slope_never is None else round(slope_never, 4),
        },
    }


def _distribution(card: Scorecard, of: Histories) -> dict[str, Any]:
    """How the scores of the people trained on are spread: what later months are compared with."""
    scores = card.scores(of)
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, SCORE_BINS + 1)[1:-1], method="lower"))
    counts = np.bincount(np.searchsorted(edges, scores, side="left"), minlength=len(edges) + 1)
    return {
        "score_edges": [int(edge) for edge in edges],
        "score_counts": [int(count) for count in counts],
        "facts": spread.of_facts(of),
    }


def _card(of: Histories, bad: Flags, version: str, training: dict[str, Any]) -> Scorecard:
    segments = {}
    for name, rows in ((NEVER_LATE, of.never_late), (LATE, ~of.never_late)):
        segments[name] = _segment(name, of.some(rows), bad[rows])
    return Scorecard(version, PDO, ANCHOR_SCORE, ANCHOR_ODDS, LEAST, MOST, segments, training)


def _segment(name: str, of: Histories, bad: Flags) -> Segment:
    seen = values(of, list(CHARACTERISTICS))
    cuts = {key: cut for key, value in seen.items() if (cut := _cut(key, value, bad)) is not None}
    evidence = {key: cut.place(seen[key]) for key, cut in cuts.items()}
    names, fit = _chosen(evidence, bad)
    per_log_odds = PDO / np.log(2.0)
    base = ANCHOR_SCORE - per_log_odds * (fit.intercept + np.log(ANCHOR_ODDS))
    weighed = [
        _weighed(key, cuts[key], float(coefficient), per_log_odds)
        for key, coefficient in zip(names, fit.coefficients, strict=True)
    ]
    return Segment(name, round(float(base)), tuple(weighed))


def _weighed(name: str, cut: _Cut, coefficient: float, per_log_odds: float) -> Weighed:
    ends: list[Decimal | None] = [_written(edge) for edge in cut.edges]
    bins = [
        Bin(
            end,
            round(-per_log_odds * coefficient * float(woe)),
            Decimal(f"{woe:.4f}"),
            int(people),
            int(defaults),
        )
        for end, woe, people, defaults in zip(
            [*ends, None, None], cut.woe, cut.people, cut.defaults, strict=True
        )
    ]
    return Weighed(name, Decimal(f"{coefficient:.4f}"), tuple(bins[:-1]), bins[-1])


def _written(edge: float) -> Decimal:
    """The edge as a decimal that reads back as the same float."""
    return Decimal(int(edge)) if edge == int(edge) else Decimal(repr(float(edge)))


def _cut(name: str, value: Floats, bad: Flags) -> _Cut | None:
    """Monotone bins of one characteristic; None when it does not tell the good from the bad."""
    known = ~np.isnan(value)
    if known.sum() < LEAST_ROWS:
        return None
    marks = np.quantile(value[known], np.linspace(0, 1, FINE_BINS + 1)[1:-1], method="lower")
    edges = np.unique(np.round(marks, 3))
    place = np.searchsorted(edges, value[known], side="left")
    people = np.bincount(place, minlength=len(edges) + 1).astype(np.float64)
    defaults = np.bincount(place, weights=bad[known], minlength=len(edges) + 1)
    rows = [
        (n, d, end) for n, d, end in zip(people, defaults, [*edges, np.inf], strict=True) if n > 0
    ]  # an edge above all values leaves an empty bin
    way = -1 if CHARACTERISTICS[name].better == "higher" else 1
    pooled = _distinct(_one_way(rows, way), LEAST_SHARE * len(value))
    if len(pooled) < 2:
        return None
    n, d = (np.array([row[k] for row in pooled] + [0.0]) for k in (0, 1))
    n[-1], d[-1] = (~known).sum(), bad[~known].sum()
    return _Cut(np.array([row[2] for row in pooled[:-1]]), n, d, _evidence(n, d, len(value), int(bad.sum())))


_Rows = list[tuple[float, float, float]]


def _one_way(rows: _Rows, way: int) -> _Rows:
    """Neighbors pooled until the share of defaults only rises (``way`` 1) or only falls (-1)."""
    out: _Rows = []
    for row in rows:
        out.append(row)
        while len(out) > 1 and way * out[-2][1] * out[-1][0] >= way * out[-1][1] * out[-2][0]:
            _pool(out, len(out) - 2)
    return out


def _pool(rows: _Rows, at: int) -> None:
    (n, d, _), (m, e, end) = rows[at : at + 2]
    rows[at : at + 2] = [(n + m, d + e, end)]


def _distinct(rows: _Rows, least: float) -> _Rows:
    """Neighbors pooled until each bin has ``least`` people and differs from the next."""
    while len(rows) > 1:
        apart = [_apart(rows[i], rows[i + 1]) for i in range(len(rows) - 1)]
        small = next((i for i, row in enumerate(rows) if row[0] < least), None)
        if small is not None:
            left = small == len(rows) - 1 or (small > 0 and apart[small - 1] < apart[small])
            _pool(rows, small - 1 if left else small)
        elif len(rows) > MOST_BINS or min(apart) < BIN_DIFFERENCE:
            _pool(rows, apart.index(min(apart)))
        else:
            break
    return rows


def _apart(a: tuple[float, float, float], b: tuple[float, float, float]) -> float:
    """By how many standard errors two default shares differ."""
    share = (a[1] + b[1]) / (a[0] + b[0])
    error = (share * (1 - share) * (1 / a[0] + 1 / b[0])) ** 0.5
    return float(abs(a[1] / a[0] - b[1] / b[0]) / error) if error else 0.0


def _evidence(people: Floats, defaults: Floats, total: int, bad: int) -> Floats:
    """Weight of evidence of each bin, half a person added to both outcomes. A missing value that hardly
    anybody had in training counts like the worst bin: not telling is never an advantage."""
    woe = np.log(((people - defaults + 0.5) / (total - bad)) / ((defaults + 0.5) / bad))
    if people[-1] < LEAST_DEFAULTS:
        woe[-1] = woe[:-1].min()
    return np.asarray(woe)


def _chosen(evidence: dict[str, Floats], bad: Flags) -> tuple[list[str], Fit]:
    """The characteristics that stay, and the regression on their evidence."""
    told = {key: measures.auc(-value, bad).auc for key, value in evidence.items()}
    names = sorted(evidence, key=lambda key: (-round(told[key], 6), key))
    alike = _alike(np.array([evidence[key] for key in names]))
    kept: list[int] = []
    for i in range(len(names)):
        if all(alike[i, j] < SAME_THING for j in kept):
            kept.append(i)
    names = [names[i] for i in kept]
    while names:
        fit = measures.logistic(np.array([evidence[key] for key in names]), bad, ridge=RIDGE)
        if fit is None:
            break
        certain = fit.coefficients / fit.errors
        worst = int(np.argmax(certain))
        if certain[worst] < -CERTAINTY:
            return names, fit
        names.pop(worst)
    raise TooFewToTrain("nothing in these bills tells who will default", characteristics=0)


def _alike(rows: Floats) -> Floats:
    """(K, K) absolute correlations of K rows."""
    centered = rows - rows.mean(axis=1, keepdims=True)
    scaled = centered / np.sqrt((centered**2).sum(axis=1, keepdims=True))
    return np.asarray(np.abs(np.einsum("in,jn->ij", scaled, scaled)))
