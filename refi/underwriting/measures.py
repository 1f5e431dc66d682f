"""How well a score tells good from bad, and whether a population moved: AUC, KS, calibration, PSI. Pure.

Figures for people to judge by: floats, never money. Sources: DeLong, DeLong and Clarke-Pearson (1988) in the
fast form of Sun and Xu (2014) for the interval of the AUC; the PSI of a population against another. Every
interval is of 95 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from refi.errors import Refused

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
LEAST_OF_EACH = 2
NINETY_FIVE = NormalDist().inv_cdf(0.975)
DRAWS, SEED = 1000, 20_261_122
"""How often rows are drawn anew for the interval of the KS, and from which fixed seed."""
CONVERGED = 1e-9
MOST_STEPS = 60
SEPARATED = 30.0
"""A coefficient of log-odds beyond this says that the rows are separated: there is no slope to tell."""


class OutcomesOneSided(Refused):
    """Too few rows of one outcome: nothing can be told about how a score tells them apart."""


Interval = tuple[float, float]
"""Lower and upper end."""


@dataclass(frozen=True, slots=True)
class Auc:
    """Area under the curve with its 95 % interval (DeLong)."""

    auc: float
    low: float
    high: float

    @property
    def gini(self) -> float:
        """2 AUC - 1."""
        return 2 * self.auc - 1

    @property
    def gini_interval(self) -> Interval:
        """That of the AUC, likewise."""
        return 2 * self.low - 1, 2 * self.high - 1


def require_both(bad: Flags) -> None:
    """`OutcomesOneSided` unless there are `LEAST_OF_EACH` rows of each outcome."""
    bads, goods = int(bad.sum()), int((~bad).sum())
    if min(bads, goods) < LEAST_OF_EACH:
        raise OutcomesOneSided(
            f"{goods} good and {bads} bad rows: at least {LEAST_OF_EACH} of each outcome are needed",
            good=goods,
            bad=bads,
        )


def auc(risk: Floats, bad: Flags) -> Auc:
    """How often a bad row has the higher ``risk`` of two, ties counting half. Both (N,)."""
    require_both(bad)
    bads, goods = risk[bad], risk[~bad]
    all_ranks = _midranks(np.concatenate([bads, goods]))
    above_goods = (all_ranks[: len(bads)] - _midranks(bads)) / len(goods)
    above_bads = (all_ranks[len(bads) :] - _midranks(goods)) / len(bads)
    area = float(above_goods.mean())
    variance = above_goods.var(ddof=1) / len(bads) + above_bads.var(ddof=1) / len(goods)
    half = NINETY_FIVE * float(np.sqrt(variance))
    return Auc(area, max(0.0, area - half), min(1.0, area + half))


def _midranks(values: Floats) -> Floats:
    """Ranks from 1, equal values sharing the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[place], dtype=np.float64)


def ks(risk: Floats, bad: Flags) -> float:
    """The greatest distance between the two cumulative distributions."""
    require_both(bad)
    bads, goods = _by_level(risk, bad)
    return float(_distance(bads, goods))


def ks_interval(risk: Floats, bad: Flags) -> Interval:
    """The interval of the KS: the rows of each outcome are drawn anew, with replacement, from a fixed seed.

    A draw's KS is too great on average, since it is a maximum; the interval is moved by that much.
    """
    require_both(bad)
    found, random = ks(risk, bad), np.random.default_rng(SEED)
    bads, goods = (
        random.multinomial(counts.sum(), counts / counts.sum(), size=DRAWS) for counts in _by_level(risk, bad)
    )
    drawn = _distance(bads, goods)
    low, high = np.quantile(drawn, [0.025, 0.975]) - (drawn.mean() - found)
    return min(max(0.0, float(low)), found), max(min(1.0, float(high)), found)


def _by_level(risk: Floats, bad: Flags) -> list[NDArray[np.int64]]:
    """How many bad and how many good rows have each level of risk, from the lowest."""
    levels, place = np.unique(risk, return_inverse=True)
    return [np.bincount(place[which], minlength=len(levels)) for which in (bad, ~bad)]


def _distance(bads: NDArray[np.int64], goods: NDArray[np.int64]) -> Floats:
    """The greatest distance of the cumulative shares along the last axis."""
    share = [np.cumsum(each, axis=-1) / each.sum(axis=-1, keepdims=True) for each in (bads, goods)]
    return np.asarray(np.abs(share[0] - share[1]).max(axis=-1))


@dataclass(frozen=True, slots=True)
class Fit:
    """A logistic regression: intercept and coefficients (log-odds of bad), with their standard errors."""

    intercept: float
    coefficients: Floats
    errors: Floats


def logistic(x: Floats, bad: Flags, *, ridge: float = 0.0) -> Fit | None:
    """Maximum likelihood by Newton's method, with ``ridge`` times the squared coefficients as penalty.

    ``x`` is (K, N). None when the rows are separated and there is no maximum. Sums are numpy's own and not a
    threaded library's: the same on any number of cores, and no waiting for busy ones.
    """
    design = np.vstack([np.ones(x.shape[1]), x])
    penalty = np.diag([0.0] + [ridge] * len(x))
    weights, outcome = np.zeros(len(design)), bad.astype(np.float64)
    for _ in range(MOST_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(np.einsum("kn,k->n", design, weights), -500, 500)))
        curvature = np.einsum("in,jn->ij", design * (chance * (1 - chance)), design) + penalty
        slope = np.einsum("kn,n->k", design, outcome - chance) - penalty @ weights
        try:
            step = np.linalg.solve(curvature, slope)
        except np.linalg.LinAlgError:
            return None
        weights = weights + step
        if not np.all(np.isfinite(weights)) or np.abs(weights).max() > SEPARATED:
            return None
        if np.abs(step).max() < CONVERGED:
            errors = np.sqrt(np.diag(np.linalg.inv(curvature)))
            return Fit(float(weights[0]), weights[1:], errors[1:])
    return None


def calibration_slope(log_odds: Floats, bad: Flags) -> float | None:
    """Slope of the outcome on the predicted log-odds: 1 is right, below 1 too sure. None when not to be
    told."""
    return None if (found := calibration(log_odds, bad)) is None else found[0]


def calibration(log_odds: Floats, bad: Flags) -> tuple[float, Interval] | None:
    """`calibration_slope` with its interval, from the standard error of the regression (Wald)."""
    fit = logistic(log_odds[None, :], bad)
    if fit is None:
        return None
    slope, half = float(fit.coefficients[0]), NINETY_FIVE * float(fit.errors[0])
    return slope, (slope - half, slope + half)


@dataclass(frozen=True, slots=True)
class Stability:
    """Population stability index of ``n`` rows, beside the index that pure chance would give such a
    sample."""

    psi: float
    noise: float
    n: int

    @property
    def verdict(self) -> str:
        """``stable`` below 0.10 or below twice the noise, ``shifted`` above 0.25, else ``moving``."""
        if self.psi < max(0.10, 2 * self.noise):
            return "stable"
        return "shifted" if self.psi > 0.25 else "moving"


def stability(now: NDArray[np.int64], before: NDArray[np.int64]) -> Stability:
    """PSI of counts by bin against earlier counts by the same bins. An empty bin counts as half a row.

    The noise is the expectation under no change, (bins - 1) (1/N + 1/M): 0.045 for 10 bins at N = 200.
    """
    kept = (now + before) > 0
    counts, base = now[kept].astype(np.float64), before[kept].astype(np.float64)
    n, m = counts.sum(), base.sum()
    if n == 0 or m == 0:
        return Stability(0.0, float("inf"), int(n))
    share, was = np.maximum(counts, 0.5) / n, np.maximum(base, 0.5) / m
    psi = float(((share - was) * np.log(share / was)).sum())
    return Stability(psi, float((len(counts) - 1) * (1 / n + 1 / m)), int(n))
