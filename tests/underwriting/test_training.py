"""Training on made-up people: the same rows give the same card, and too few give none."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from refi.seeding import scoring
from refi.seeding.files_service import clients_in
from refi.underwriting import measures, scorecard, shipped_service, training
from refi.underwriting.characteristics import Histories
from refi.underwriting.training import TooFewToTrain
from tests.parsed import ROOT

REAL = Path(os.environ.get("REFI_CARDS_CSV") or ROOT.parent / "shared" / "data" / "card_clients.csv")
needs_real = pytest.mark.skipif(not REAL.is_file(), reason=f"no card holders' file at {REAL}")


def people(n: int = 4000) -> tuple[Histories, measures.Flags]:
    """People who default the more, the less of the newest bill they pay and the later they are."""
    random = np.random.default_rng(11)
    limits = random.integers(1, 50, n) * 1_000_000.0
    bills = np.round(limits[:, None] * random.random((n, 6)))
    share = random.random((n, 5))
    paid = np.round(bills[:, 1:] * share)
    late = np.where(random.random((n, 6)) < 0.1, 2.0, 0.0)
    risk = -1.0 - 2 * share[:, 0] + 0.8 * late[:, 0]
    return Histories(limits, bills, paid, late), random.random(n) < 1 / (1 + np.exp(-risk))


def test_the_same_rows_give_the_same_card_in_any_order() -> None:
    of, bad = people()
    turned = np.random.default_rng(1).permutation(len(of))
    first = training.train(of, bad, "one", folds=1)
    assert scorecard.to_json(training.train(of, bad, "one", folds=1)) == scorecard.to_json(first)
    again = training.train(of.some(turned), bad[turned], "one", folds=1)
    assert scorecard.to_json(again) == scorecard.to_json(first)


def test_what_was_built_in_is_found() -> None:
    of, bad = people()
    card = training.train(of, bad, "one", folds=2)
    assert "paid_share_newest" in {each.name for each in card.segments["never_late"].weighed}
    late = {each.name for each in card.segments["late"].weighed}
    assert late & {"late_newest", "late_growth", "bills_since_late"}
    assert card.training["cross_validated"]["auc_mean"] > 0.65
    assert scorecard.parse(scorecard.to_json(card)) == card


def test_too_few_train_nothing() -> None:
    of, bad = people()
    with pytest.raises(TooFewToTrain):
        training.train(of.some(np.arange(300)), bad[:300], "few")
    with pytest.raises(TooFewToTrain):
        training.train(of, np.zeros(len(of), dtype=bool), "nobody")


def test_noise_trains_nothing() -> None:
    of, _ = people()
    random = np.random.default_rng(4)
    bad = random.random(len(of)) < 0.5
    with pytest.raises(TooFewToTrain):
        training.train(of, bad, "noise", folds=1)


@needs_real
def test_the_shipped_card_is_the_one_that_the_real_rows_give() -> None:
    clients = list(clients_in(REAL))
    of, bad = scoring.histories_of(clients), scoring.outcomes_of(clients)
    shipped = shipped_service.shipped("cn-2026-11")
    if training.fingerprint(of, bad) != shipped.training["fingerprint"]:
        pytest.skip("these are not the rows that the shipped card was trained on")
    made = training.train(of, bad, "cn-2026-11")
    assert made.fingerprint == shipped.fingerprint


@needs_real
def test_the_figures_on_real_rows() -> None:
    told = scoring.evaluate(shipped_service.shipped("cn-2026-11"), list(clients_in(REAL)))
    assert told["auc"] >= 0.77
    assert told["auc_ci"][0] < told["auc"] < told["auc_ci"][1]
    assert 0.9 <= told["calibration_slope"] <= 1.1
    assert told["never_late"]["auc"] >= 0.63
    observed = [each["observed"] for each in told["bins"]]
    assert observed == sorted(observed)
