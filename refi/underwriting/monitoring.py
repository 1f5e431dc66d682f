"""Early warning: have the people, the decisions or the payments of late moved? Pure.

The population stability index (PSI) of the score, of each characteristic and of each fact, against the people
that the scorecard was trained on and against the days before; the mix of outcomes and reasons; what the book
says. Every figure stands beside its number of people; a PSI counts only beyond twice what chance gives such
a sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from refi.policies.deciding import Warning as Thresholds
from refi.underwriting.measures import Stability, stability
from refi.underwriting.scorecard import Scorecard, Segment

Values = Mapping[str | None, int]
"""How often a fact had which value, as a text; None where nobody told."""

NUMBERS = (
    *("wish.amount", "wish.term", "age", "card_apr", "statement_balance", "statement_minimum"),
    *("statement_age", "refinanced", "monthly_income", "other_card_minimums", "loan_installments"),
    *(
        "verified_income",
        "exposure",
        "days_past_due",
        "worst_days_past_due",
        "credit_limit",
        "utilization",
        "paid_share",
    ),
    *("revolving_streak", "cash_share", "bureau.open_delinquencies", "bureau.inquiries_six_months"),
    "bureau.monthly_obligations",
)
LABELS = (
    *("identity_verified", "consents", "fraud_signals", "issuer", "card_payable", "statement_overdue"),
    *("minimum_payer", "charged_off", "bureau"),
)
"""Facts that are compared. What we have lent to everybody says nothing about applicants."""
TENTHS = 10


@dataclass(frozen=True, slots=True)
class Period:
    """The engine's decisions of some days, counted: scores, outcomes, reasons, values of facts.

    ``earned``: by segment and characteristic, how many earned which points of the scorecard.
    """

    outcomes: Mapping[str, int]
    reasons: Mapping[str, int] = field(default_factory=dict)
    scores: Mapping[int, int] = field(default_factory=dict)
    earned: Mapping[tuple[str, str], Mapping[int, int]] = field(default_factory=dict)
    facts: Mapping[str, Values] = field(default_factory=dict)

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
    """What the loans say: first installments that fell due and those long past due, and what is lent.

    ``lent`` and ``limit`` of everybody under an empty name, and of the card issuers under theirs.
    """

    first_due: int
    first_missed: int
    lent: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to look at, with its figures."""

    name: str
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moved:
    """One stability index: of ``what``, ``against`` training or before."""

    what: str
    against: str
    told: Stability


def warnings(
    now: Period, before: Period, book: Book, card: Scorecard | None, rules: Thresholds
) -> list[Alert]:
    """Everything that is beyond the policy's thresholds."""
    found = [alert for each in moves(now, before, card, rules) for alert in _beyond(each, rules)]
    if min(now.decisions, before.decisions) >= rules.least_decisions:
        was, is_ = before.approved or 0.0, now.approved or 0.0
        if abs(is_ - was) > rules.approval_shift:
            figures = {"now": round(is_, 4), "before": round(was, 4), "n": now.decisions}
            found.append(Alert("approval_share", figures))
    if (
        book.first_due >= rules.least_decisions
        and book.first_missed > rules.first_payment_default * book.first_due
    ):
        share = round(book.first_missed / book.first_due, 4)
        found.append(Alert("first_payment_default", {"share": share, "n": book.first_due}))
    for issuer, (lent, limit) in sorted(book.lent.items()):
        if lent > rules.portfolio_used * limit:
            name = f"issuer_limit.{issuer}" if issuer else "portfolio_limit"
            found.append(Alert(name, {"lent": lent, "limit": limit}))
    return found


def moves(now: Period, before: Period, card: Scorecard | None, rules: Thresholds) -> list[Moved]:
    """Every stability index that enough people stand behind, whether or not it is alarming."""
    enough, found = rules.least_decisions, list[Moved]()
    if card is not None:
        found += _against_training(now, card, enough)
    decided = min(now.decisions, before.decisions)
    for what, new, old in _pairs(now, before):
        people = decided if what == "reason_mix" else min(sum(new.values()), sum(old.values()))
        if people >= enough:  # a decision may have no reason, or several
            told = stability(*_counted(what, new, old))
            found.append(Moved(what, "before", told))
    return found


def _against_training(now: Period, card: Scorecard, enough: int) -> Iterator[Moved]:
    """The score, each characteristic by the points that it earned, and the facts that the bills tell."""
    trained = card.training
    if "score_edges" in trained and sum(now.scores.values()) >= enough:
        new = _placed({str(k): n for k, n in now.scores.items()}, trained["score_edges"], missing=False)
        yield Moved("score", "training", stability(new, np.array(trained["score_counts"])))
    for segment in card.segments.values():
        for what, earned, people in _characteristics(segment, now):
            if sum(earned.values()) >= enough:
                yield Moved(what, "training", stability(*_counted(what, earned, people)))
    for name, spread in trained.get("facts", {}).items():
        values = now.facts.get(name, {})
        if sum(values.values()) >= enough:
            new = _placed(values, [Decimal(edge) for edge in spread["edges"]])
            yield Moved(name, "training", stability(new, np.array(spread["counts"])))


def _characteristics(
    segment: Segment, now: Period
) -> Iterator[tuple[str, Mapping[int, int], Mapping[int, int]]]:
    """People by points, now and in training: bins that earn the same are one."""
    for each in segment.weighed:
        trained = Counter[int]()
        for one in (*each.bins, each.missing):
            trained[one.points] += one.people
        yield f"{segment.name}.{each.name}", now.earned.get((segment.name, each.name), {}), trained


def _pairs(now: Period, before: Period) -> Iterator[tuple[str, Mapping[Any, int], Mapping[Any, int]]]:
    yield "score", now.scores, before.scores
    yield "outcome_mix", now.outcomes, before.outcomes
    yield "reason_mix", now.reasons, before.reasons
    for key in sorted({*now.earned, *before.earned}):
        yield ".".join(key), now.earned.get(key, {}), before.earned.get(key, {})
    for name in (*NUMBERS, *LABELS):
        yield name, now.facts.get(name, {}), before.facts.get(name, {})


def _counted(
    what: str, new: Mapping[Any, int], old: Mapping[Any, int]
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.int64]]]:
    """Both by the same bins: tenths of the earlier ones for numbers, else value by value."""
    if what in NUMBERS or what == "score":
        edges = _tenths(old)
        texts = [{None if k is None else str(k): n for k, n in each.items()} for each in (new, old)]
        return _placed(texts[0], edges), _placed(texts[1], edges)
    keys = sorted({*new, *old}, key=str)
    return (
        np.array([new.get(key, 0) for key in keys], dtype=np.int64),
        np.array([old.get(key, 0) for key in keys], dtype=np.int64),
    )


def _tenths(values: Mapping[Any, int]) -> list[Decimal]:
    """The values up to which a tenth more of the people lie; fewer where many have the same."""
    known = sorted((Decimal(str(key)), n) for key, n in values.items() if key is not None)
    total, edges, upto, step = sum(n for _, n in known), list[Decimal](), 0, 1
    for value, n in known:
        upto += n
        if upto * TENTHS >= step * total and upto < total:
            edges.append(value)
            step = upto * TENTHS // total + 1
    return edges


def _placed(values: Values, edges: list[Any], *, missing: bool = True) -> np.ndarray[Any, np.dtype[np.int64]]:
    """People in each bin (above the edge before, up to and including the edge), those untold last."""
    found = np.zeros(len(edges) + 1 + missing, dtype=np.int64)
    known = [(float(key), n) for key, n in values.items() if key is not None]
    places = np.searchsorted([float(edge) for edge in edges], [key for key, _ in known], side="left")
    np.add.at(found, places, [n for _, n in known])
    if missing:
        found[-1] += values.get(None, 0)
    return found


def _beyond(each: Moved, rules: Thresholds) -> list[Alert]:
    told = each.told
    if told.psi <= max(float(rules.psi), 2 * told.noise):
        return []
    name = each.what if each.what.endswith("_mix") else f"{each.what}_against_{each.against}"
    return [Alert(name, {"psi": round(told.psi, 4), "noise": round(told.noise, 4), "n": told.n})]
