"""Card holders' rows as a scorecard sees them, and how well a card tells who of them defaults. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refi import experiments
from refi.errors import Refused
from refi.seeding.card_clients import Client
from refi.seeding.headers import DEFAULTED
from refi.underwriting import measures, training
from refi.underwriting.characteristics import CLOSED, Histories, histories, values
from refi.underwriting.measures import Flags, Floats
from refi.underwriting.scorecard import NEVER_LATE, Scorecard, Weighed

TABLE_BINS = 10
WORST_SHOWN = 4
TOLD = ("auc", "auc_ci", "gini", "gini_ci", "ks", "ks_ci", "calibration_slope", "calibration_slope_ci")


class OutcomeMissing(Refused):
    """The rows do not say who defaulted, so that nothing can be trained or measured on them."""


def histories_of(clients: Sequence[Client]) -> Histories:
    """Six bills, five payments on them, and months late; the codes for no use and paid in full are not
    used."""
    return histories(
        [one.limit for one in clients],
        [one.bills for one in clients],
        [one.payments[:CLOSED] for one in clients],
        [[max(status, 0) for status in one.statuses] for one in clients],
    )


def outcomes_of(clients: Sequence[Client]) -> Flags:
    """(N,) who defaulted; `OutcomeMissing` where the file does not say."""
    if any(one.defaulted is None for one in clients):
        raise OutcomeMissing(f"the header lacks {DEFAULTED}", columns=[DEFAULTED])
    return np.array([bool(one.defaulted) for one in clients], dtype=np.bool_)


def evaluate(card: Scorecard, clients: Sequence[Client]) -> dict[str, Any]:
    """The figures of ``refi score evaluate``: of everybody, and of those who were never late.

    Raises `OutcomeMissing`, and `measures.OutcomesOneSided` unless there are two of each outcome.
    """
    of, bad = histories_of(clients), outcomes_of(clients)
    measures.require_both(bad)
    scores = card.scores(of)
    never = of.never_late
    return {
        "n": len(of),
        "defaults": int(bad.sum()),
        **_told(card, scores, bad),
        "never_late": {
            "n": int(never.sum()),
            "defaults": int(bad[never].sum()),
            **_told(card, scores[never], bad[never]),
        },
        "bins": _bins(card, scores, bad),
        "stability": _stability(card, of, scores),
        "scorecard": {
            "version": card.version,
            "fingerprint": card.fingerprint,
            "trained_on_these_rows": card.training.get("fingerprint") == training.fingerprint(of, bad),
            "cross_validated": card.training.get("cross_validated"),
        },
    }


def _told(card: Scorecard, scores: NDArray[np.int64], bad: Flags) -> dict[str, Any]:
    """AUC, Gini, KS and slope of calibration with their intervals; null where an outcome has fewer than two
    rows."""
    risk = -scores.astype(np.float64)
    try:
        area = measures.auc(risk, bad)
    except measures.OutcomesOneSided:
        return dict.fromkeys(TOLD)
    slope, slope_ci = measures.calibration(card.log_odds(scores), bad) or (None, None)
    figures = (
        area.auc, (area.low, area.high), area.gini, area.gini_interval,
        measures.ks(risk, bad), measures.ks_interval(risk, bad), slope, slope_ci,
    )  # fmt: skip
    return {name: _rounded(value) for name, value in zip(TOLD, figures, strict=True)}


def _rounded(value: float | measures.Interval | None) -> float | list[float] | None:
    if isinstance(value, tuple):
        return [round(end, 6) for end in value]
    return None if value is None else round(value, 6)


def _bins(card: Scorecard, scores: NDArray[np.int64], bad: Flags) -> list[dict[str, Any]]:
    """Tenths of the rows by score, best first: how many defaulted, and how many were expected to."""
    expected = 1 / (1 + np.exp(-card.log_odds(scores)))
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, TABLE_BINS + 1)[1:-1], method="lower"))
    place = np.searchsorted(edges, scores, side="left")
    found = []
    for which in reversed(range(len(edges) + 1)):
        rows = place == which
        if rows.any():
            found.append(
                {
                    "from_score": int(scores[rows].min()),
                    "to_score": int(scores[rows].max()),
                    "n": int(rows.sum()),
                    "defaults": int(bad[rows].sum()),
                    "observed": round(float(bad[rows].mean()), 6),
                    "observed_ci": _rounded(experiments.interval(int(bad[rows].sum()), int(rows.sum()))),
                    "expected": round(float(expected[rows].mean()), 6),
                }
            )
    return found


def _stability(card: Scorecard, of: Histories, scores: NDArray[np.int64]) -> dict[str, Any]:
    """How far these rows are from those trained on: of the score, and of each weighed characteristic."""
    found: dict[str, Any] = {}
    if "score_edges" in card.training:
        place = np.searchsorted(card.training["score_edges"], scores, side="left")
        before = np.array(card.training["score_counts"])
        found["score"] = psi_json(measures.stability(np.bincount(place, minlength=len(before)), before))
    for segment in card.segments.values():
        some = of.some(of.never_late if segment.name == NEVER_LATE else ~of.never_late)
        seen = values(some, [each.name for each in segment.weighed])
        for each in segment.weighed:
            found[f"{segment.name}.{each.name}"] = psi_json(moved(each, seen[each.name]))
    return found


def moved(weighed: Weighed, value: Floats) -> measures.Stability:
    """PSI of one characteristic of a segment against the people trained on."""
    before = np.array([each.people for each in (*weighed.bins, weighed.missing)])
    return measures.stability(np.bincount(weighed.places(value), minlength=len(before)), before)


def psi_json(found: measures.Stability) -> dict[str, Any]:
    """A stability index beside its noise floor and its N."""
    noise = None if found.noise == float("inf") else round(found.noise, 6)
    return {"psi": round(found.psi, 6), "noise": noise, "n": found.n, "verdict": found.verdict}


def lines(card: Scorecard, clients: Sequence[Client]) -> list[dict[str, Any]]:
    """What ``refi score score`` says of each card holder: score, probability and what cost most points."""
    of = histories_of(clients)
    found = []
    for place, client in enumerate(clients):
        made = card.score(of.some(np.array([place])))
        costly = [each for each in made.contributions if each.lost > 0][:WORST_SHOWN]
        found.append(
            {
                "id": client.id,
                "score": made.score,
                "default_probability": f"{made.default_probability:f}",
                "segment": made.segment,
                "costly": [{"characteristic": each.name, "points_lost": each.lost} for each in costly],
            }
        )
    return found
