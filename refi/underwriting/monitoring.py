"""Early warning: have the people, the decisions or the payments of late moved? Pure.

Every figure stands beside its number of people; a PSI counts only beyond twice what chance gives such a
sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refi.policies.deciding import Warning as Thresholds
from refi.underwriting.measures import Stability, stability
from refi.underwriting.scorecard import Scorecard


@dataclass(frozen=True, slots=True)
class Period:
    """Decisions of some days: scores (those that there were), outcomes and reasons counted."""

    scores: Sequence[int]
    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]

    @property
    def decisions(self) -> int:
        """How many."""
        return sum(self.outcomes.values())

    @property
    def approved(self) -> float | None:
        """The share approved; None of nothing."""
        return self.outcomes.get("approved", 0) / self.decisions if self.decisions else None


@dataclass(frozen=True, slots=True)
class Book:
    """What the loans say: first installments that fell due and those long past due, and what is lent."""

    first_due: int
    first_missed: int
    lent: int
    limit: int


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to look at, with its figures."""

    name: str
    figures: dict[str, Any]


def warnings(
    now: Period, before: Period, book: Book, card: Scorecard | None, rules: Thresholds
) -> list[Alert]:
    """Everything that is beyond the policy's thresholds."""
    found = []
    enough = rules.least_decisions
    if card is not None and len(now.scores) >= enough and "score_edges" in card.training:
        edges, trained = card.training["score_edges"], np.array(card.training["score_counts"])
        found += _moved("score_against_training", stability(_counted(now.scores, edges), trained), rules)
        if len(before.scores) >= enough:
            then = _counted(before.scores, edges)
            found += _moved("score_against_before", stability(_counted(now.scores, edges), then), rules)
    if min(now.decisions, before.decisions) >= enough:
        codes = sorted({*now.reasons, *before.reasons})
        mix = [np.array([each.reasons.get(code, 0) for code in codes]) for each in (now, before)]
        found += _moved("reason_mix", stability(mix[0], mix[1]), rules)
        was, is_ = before.approved or 0.0, now.approved or 0.0
        if abs(is_ - was) > rules.approval_shift:
            figures = {"now": round(is_, 4), "before": round(was, 4), "n": now.decisions}
            found.append(Alert("approval_share", figures))
    if book.first_due >= enough and book.first_missed > rules.first_payment_default * book.first_due:
        share = round(book.first_missed / book.first_due, 4)
        found.append(Alert("first_payment_default", {"share": share, "n": book.first_due}))
    if book.lent > rules.portfolio_used * book.limit:
        found.append(Alert("portfolio_limit", {"lent": book.lent, "limit": book.limit}))
    return found


def _counted(scores: Sequence[int], edges: Sequence[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    places = np.searchsorted(np.array(edges), np.array(scores), side="left")
    return np.bincount(places, minlength=len(edges) + 1).astype(np.int64)


def _moved(name: str, told: Stability, rules: Thresholds) -> list[Alert]:
    if told.psi <= max(float(rules.psi), 2 * told.noise):
        return []
    return [Alert(name, {"psi": round(told.psi, 4), "noise": round(told.noise, 4), "n": told.n})]
