"""The ground of the proofs: sizes, seeds and reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import proofs
from tests.proofs import Proof


def test_the_size_depends_on_how_it_is_run() -> None:
    small, full = Proof("p", 1, full=False), Proof("p", 1, full=True)
    assert (small.size(2, 2_000), full.size(2, 2_000)) == (2, 2_000)
    assert full.report("passed")["size"] == {"size": 2_000}


def test_the_same_seed_gives_the_same_chances() -> None:
    one, same, other = Proof("p", 1, full=False), Proof("p", 1, full=False), Proof("p", 2, full=False)
    assert one.random().random() == same.random().random()
    assert one.random().random() != other.random().random()


@pytest.mark.parametrize(
    "asked", ["one_effect_per_key", "one-effect-per-key", "test_one_effect_per_key", "all"]
)
def test_a_proof_is_found_by_its_name(asked: str) -> None:
    name = proofs.name_of("test_one_effect_per_key[fixed-seed-20261122]")
    assert proofs.same(asked, name)
    assert not proofs.same("one_effect", name)


def test_a_report_tells_what_happened(tmp_path: Path) -> None:
    proof = Proof("p", 7, full=True)
    proof.size(1, 100, of="rounds")
    proof.fired("kill -9", 3)
    proof.fired("kill -9")
    proof.record(effects=5)
    runs = [proof.report("passed"), Proof("p", 8, full=True).report("failed")]
    report = json.loads(proofs.write("p", runs, tmp_path).read_text())
    assert report["result"] == "failed"
    assert report["runs"][0] | {"seconds": 0} == {
        "seed": 7,
        "size": {"rounds": 100},
        "faults": {"kill -9": 4},
        "facts": {"effects": 5},
        "seconds": 0,
        "result": "passed",
    }
    assert {"commit", "python", "version"} <= set(report)


def test_both_seeds_reach_a_proof(proof: Proof, request: pytest.FixtureRequest) -> None:
    assert proof.name == "both_seeds_reach_a_proof"
    assert str(proof.seed) in request.node.name
