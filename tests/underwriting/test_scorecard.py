"""The scorecard: whole points, one card holder like a million, monotone, nothing about the person."""

from __future__ import annotations

import copy
import itertools
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.underwriting import measures, scorecard, shipped_service
from refi.underwriting.characteristics import CHARACTERISTICS, histories, values
from refi.underwriting.scorecard import ScorecardRefused

CARD = shipped_service.shipped("cn-2026-11")
AMOUNTS = st.one_of(st.just(0), st.integers(-1_000_000, 100_000_000), st.integers(-(10**15), 10**15))
PAYMENTS = st.one_of(st.just(0), st.integers(0, 100_000_000), st.integers(0, 10**15))
ROWS = st.tuples(
    st.one_of(st.just(0), st.integers(0, 10**15)),
    st.lists(AMOUNTS, min_size=6, max_size=6),
    st.lists(PAYMENTS, min_size=5, max_size=5),
    st.lists(st.integers(0, 9), min_size=6, max_size=6),
)


@given(st.lists(ROWS, min_size=1, max_size=20))
def test_one_by_one_and_in_bulk_is_the_same_score(rows: list[Any]) -> None:
    many = histories(*zip(*rows, strict=True))
    for place, score in enumerate(CARD.scores(many)):
        made = CARD.score(many.some(np.array([place])))
        assert made.score == score
        assert CARD.least <= made.score <= CARD.most
        assert 0 <= made.default_probability <= 1
        assert all(each.lost >= 0 for each in made.contributions)
        unclipped = made.base + sum(each.points for each in made.contributions)
        assert made.score == min(max(unclipped, CARD.least), CARD.most)


@given(st.integers(0, 1000))
def test_the_probability_is_the_odds_of_the_scale(score: int) -> None:
    exact = 1 / (1 + 5 * 2 ** ((score - 600) / 50))
    assert abs(float(CARD.default_probability(score)) - exact) < 1e-6
    assert math.isclose(
        float(CARD.log_odds(np.array([score]))[0]), math.log(exact / (1 - exact)), abs_tol=1e-9
    )


def test_fifty_points_double_the_odds() -> None:
    assert CARD.default_probability(600) == Decimal("0.166667")
    assert CARD.default_probability(650) == Decimal("0.090909")


def test_every_characteristic_goes_one_way() -> None:
    for segment in CARD.segments.values():
        for each in segment.weighed:
            way = 1 if CHARACTERISTICS[each.name].better == "higher" else -1
            points = [way * one.points for one in each.bins]
            assert points == sorted(points), each.name


def test_nothing_about_the_person_is_weighed() -> None:
    forbidden = ("sex", "gender", "marriage", "marital", "education", "age", "birth", "name", "region")
    for name, one in CHARACTERISTICS.items():
        words = f"{name.replace('_', ' ')} {one.about}".lower().split()
        assert not set(words) & set(forbidden)
    assert {each.name for s in CARD.segments.values() for each in s.weighed} <= set(CHARACTERISTICS)


def test_not_telling_is_never_the_best() -> None:
    for segment in CARD.segments.values():
        for each in segment.weighed:
            assert each.missing.points < each.best


def test_the_shipped_card_says_what_it_was_trained_on() -> None:
    told = CARD.training
    assert (told["people"], told["defaults"], told["never_late"]) == (24_000, 5_287, 15_903)
    assert told["cross_validated"]["auc_mean"] >= 0.77
    assert 0.9 <= told["cross_validated"]["calibration_slope"] <= 1.1
    assert 0.9 <= told["cross_validated"]["never_late"]["calibration_slope"] <= 1.1
    assert sum(told["score_counts"]) == 24_000


def test_a_card_reads_back_as_it_was_written() -> None:
    again = scorecard.parse(scorecard.to_json(CARD))
    assert again.fingerprint == CARD.fingerprint
    assert again == CARD


def broken(change: Any) -> Any:
    data = copy.deepcopy(scorecard.to_json(CARD))
    change(data, data["segments"]["never_late"]["characteristics"][0])
    return data


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d, c: d.update(format=9), "format"),
        (lambda d, c: d.pop("scale"), "scale"),
        (lambda d, c: d["scale"].update(pdo=0), "pdo"),
        (lambda d, c: d["scale"].update(pdo=1.5), "whole"),
        (lambda d, c: d["segments"].pop("late"), "late"),
        (lambda d, c: c.update(name="sex"), "no such characteristic"),
        (lambda d, c: c["bins"].pop(), "no end"),
        (lambda d, c: c["bins"].reverse(), "no end"),
        (lambda d, c: c["bins"][1].update(to=c["bins"][0]["to"]), "overlapping"),
        (lambda d, c: c["bins"][0].update(to="NaN"), "end of a bin"),
        (lambda d, c: c["bins"][0].update(points=500), "monotone"),
        (lambda d, c: c["bins"][0].update(points=True), "whole"),
        (lambda d, c: d["segments"]["late"]["characteristics"].append(
            d["segments"]["late"]["characteristics"][0]), "twice"),
    ],
)  # fmt: skip
def test_an_unsound_card_is_refused(change: Any, words: str) -> None:
    with pytest.raises(ScorecardRefused, match=words):
        scorecard.parse(broken(change))


@pytest.mark.parametrize("junk", [None, [], "card", {}, {"format": 1}])
def test_what_is_no_card_is_refused(junk: Any) -> None:
    with pytest.raises(ScorecardRefused):
        scorecard.parse(junk)


def test_known_characteristics_by_hand() -> None:
    of = histories(
        [1000], [[500, 400, 1200, 0, -5, 100]], [[100, 1200, 0, 0, 50]], [[0, 1, 2, 0, 0, 0]]
    )  # paid 100 of 400, 1200 of 1200, 0 of 0, 0 of -5, 50 of 100
    got = {name: float(value[0]) for name, value in values(of, list(CHARACTERISTICS)).items()}
    assert got["paid_share_newest"] == 0.25
    assert got["paid_share_second"] == 1.0
    assert math.isnan(got["paid_share_third"])
    assert got["paid_share"] == (100 + 1200 + 50) / 1700
    assert (got["revolved_cycles"], got["revolving_streak"], got["full_cycles"]) == (2, 1, 1)
    assert (got["months_without_bill"], got["months_without_payment"], got["bills_over_limit"]) == (2, 2, 1)
    assert (got["purchases_newest"], got["purchases_highest"]) == (200, 1200)
    assert (got["late_bills"], got["late_worst"], got["bills_since_late"], got["late_growth"]) == (
        2,
        2,
        1,
        -1,
    )


def test_auc_by_hand_and_its_limits() -> None:
    bad = np.array([True, True, False, False])
    assert measures.auc(np.array([4.0, 3.0, 2.0, 1.0]), bad).auc == 1.0
    assert measures.auc(np.array([4.0, 2.0, 3.0, 1.0]), bad).auc == 0.75
    assert measures.auc(np.array([1.0, 1.0, 1.0, 1.0]), bad).auc == 0.5
    assert measures.ks(np.array([4.0, 2.0, 3.0, 1.0]), bad) == 0.5
    with pytest.raises(measures.OutcomesOneSided):
        measures.auc(np.array([1.0, 2.0]), np.array([True, True]))


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=4, max_size=60))
def test_auc_is_the_share_of_pairs(rows: list[tuple[int, bool]]) -> None:
    risk, bad = np.array([float(r) for r, _ in rows]), np.array([b for _, b in rows])
    if min(bad.sum(), (~bad).sum()) < 2:
        return
    pairs = [(a > b) + (a == b) / 2 for a, b in itertools.product(risk[bad].tolist(), risk[~bad].tolist())]
    told = measures.auc(risk, bad)
    assert math.isclose(told.auc, sum(pairs) / len(pairs), abs_tol=1e-12)
    assert 0 <= told.low <= told.auc <= told.high <= 1


def test_calibration_of_the_truth_is_one() -> None:
    random = np.random.default_rng(3)
    log_odds = random.normal(-1.5, 1.0, 40_000)
    bad = random.random(40_000) < 1 / (1 + np.exp(-log_odds))
    slope = measures.calibration_slope(log_odds, bad)
    assert slope is not None
    assert abs(slope - 1) < 0.05
    assert measures.calibration_slope(np.array([-1.0, 1.0]), np.array([False, True])) is None


def test_the_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """A hundred samples of 400 from a population whose figures are known."""
    truth = np.random.default_rng(5)
    log_odds = truth.normal(-1.0, 1.2, 400_000)
    bad = truth.random(400_000) < 1 / (1 + np.exp(-log_odds))
    risk = np.round(log_odds, 2)
    known, held = measures.ks(risk, bad), {"ks": 0, "slope": 0}
    for sample in np.split(np.arange(40_000), 100):
        low, high = measures.ks_interval(risk[sample], bad[sample])
        held["ks"] += low <= known <= high
        told = measures.calibration(log_odds[sample], bad[sample])
        assert told is not None
        held["slope"] += told[1][0] <= 1 <= told[1][1]
    assert all(85 <= count <= 100 for count in held.values()), held
    assert measures.ks_interval(risk[:400], bad[:400]) == measures.ks_interval(risk[:400], bad[:400])


def test_psi_beside_its_noise() -> None:
    even = np.full(10, 1000)
    same = measures.stability(np.full(10, 20), even)
    assert same.psi == 0
    assert abs(same.noise - 9 * (1 / 200 + 1 / 10_000)) < 1e-12
    moved = measures.stability(np.array([200] + [0] * 9), even)
    assert moved.verdict == "shifted"
    assert measures.stability(np.zeros(10, dtype=np.int64), even).n == 0
