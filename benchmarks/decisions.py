"""Decisions in bulk, with reasons, against scikit-learn pipelines that only predict; and one decision alone.

``python -m benchmarks.decisions [--cards CSV] [--rounds R]``. The rows are real card holders (``--cards`` or
``REFI_CARDS_CSV``), else made up. In turns on the same rows, ours first: score, price, every rule, reasons;
theirs: ``predict`` of a fitted pipeline. What counts is the median of the rounds' ratios of processor time,
theirs / ours: above 1 we are faster. Without scikit-learn (``uv pip install scikit-learn``) only our own
times are shown.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from refi import policies
from refi.seeding import aggregates, made_up, scoring
from refi.seeding.files_service import clients_in, shipped_figures
from refi.seeding.service import SEED
from refi.underwriting import bulk, shipped_service
from refi.underwriting.characteristics import histories, values
from refi.underwriting.decision import decide_wish
from refi.underwriting.facts import Facts
from tests.underwriting.given import facts

MADE_UP = 24_000
ALONE = 500


def rows(cards: str | None) -> tuple[bulk.Applicants, np.ndarray]:
    """Applications for the newest bill of each card holder who has one, and who of them defaulted."""
    if cards:
        clients = list(clients_in(Path(cards)))
    else:
        figures = shipped_figures()
        clients = [aggregates.client(figures, SEED, number) for number in range(MADE_UP)]
    clients = [one for one in clients if one.bills[0] >= 10_000]
    of = scoring.histories_of(clients)
    amounts = of.bills[:, 0].astype(np.int64)
    bad = np.array([bool(one.defaulted) for one in clients])
    if not bad.any():
        bad = of.late[:, 0] > 0
    incomes = np.array([made_up.monthly_income(SEED, one.id, one.limit) for one in clients], dtype=np.int64)
    everybody = np.ones(len(clients), dtype=np.bool_)
    alike: Facts = facts(bills=None, on=date(2026, 11, 22))
    return bulk.Applicants(alike, amounts, amounts, incomes, of.late[:, 0] > 0, of, everybody), bad


def pipelines(of: bulk.Applicants, bad: np.ndarray) -> dict[str, tuple[Any, np.ndarray]]:
    """Fitted pipelines and the raw rows that they predict from."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, StandardScaler

    raw = np.column_stack([of.histories.limits, of.histories.bills, of.histories.paid, of.histories.late])
    card = shipped_service.shipped("cn-2026-11")
    names = sorted({each.name for segment in card.segments.values() for each in segment.weighed})

    def characteristics(table: np.ndarray) -> np.ndarray:
        some = histories(table[:, 0], table[:, 1:7], table[:, 7:12], table[:, 12:])
        return np.nan_to_num(np.column_stack(list(values(some, names).values())), nan=-1.0)

    binned = make_pipeline(
        FunctionTransformer(characteristics),
        KBinsDiscretizer(8, encode="onehot", quantile_method="averaged_inverted_cdf"),
        LogisticRegression(max_iter=300),
    )
    made = {
        "the same characteristics, binned, logistic": binned,
        "raw columns, gradient boosting": make_pipeline(StandardScaler(), HistGradientBoostingClassifier()),
        "raw columns, scaled, logistic (AUC 0.72)": make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=300)
        ),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some bins are empty
        return {name: (pipe.fit(raw, bad), raw) for name, pipe in made.items()}


def timed(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cards", default=os.environ.get("REFI_CARDS_CSV"))
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args()
    of, bad = rows(chosen.cards)
    strategy = shipped_service.strategy_of(policies.load("cn"))
    ours = lambda: bulk.decide_many(of, strategy)  # noqa: E731
    ours()
    theirs: dict[str, Callable[[], object]] = {}
    if importlib.util.find_spec("sklearn") is None:
        print("scikit-learn is not installed: only our own times")
    else:
        for name, (pipe, raw) in pipelines(of, bad).items():
            theirs[name] = lambda pipe=pipe, raw=raw: pipe.predict(raw)
    mine: list[float] = []
    ratios: dict[str, list[float]] = {name: [] for name in theirs}
    for _ in range(chosen.rounds):
        mine.append(timed(ours))
        for name, run in theirs.items():
            ratios[name].append(timed(run) / mine[-1])
    once = statistics.median(mine)
    print(f"decide {len(of):,} rows with reasons: {once * 1000:.1f} ms, {len(of) / once:,.0f} a second")
    for name, found in ratios.items():
        print(f"{statistics.median(found):6.2f} x  {name}  ({min(found):.2f} to {max(found):.2f})")
    one = facts()
    alone = statistics.median(timed(lambda: decide_wish(one, strategy)) for _ in range(ALONE))
    print(f"one decision alone, record not written: {alone * 1000:.3f} ms")


if __name__ == "__main__":
    main()
