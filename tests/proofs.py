"""Proofs: tests that run small with every ``make test`` and at full size in ``make prove NAME``.

A proof is a test that takes the fixture ``proof``. Its name is the test's without ``test_``:

    async def test_one_effect_per_key(proof: Proof, database_url: str) -> None:
        rounds = proof.size(small=20, full=2_000, of="rounds")
        random = proof.random()          # the only source of chance; a failure is repeated by its seed
        for _ in range(rounds):
            ...
            proof.fired("connection cut around COMMIT")
        proof.record(effects=effects, keys=keys)
        assert effects == keys

It runs twice: with one fixed seed and with one random seed that is part of the test's id. To repeat a
failure: ``REFI_PROOF_SEED=<seed> make test``. ``make prove one_effect_per_key`` writes
``docs/proofs/one_effect_per_key.json``; plain ``make prove`` runs every proof, and a name that there is not
lists those that there are.
"""

from __future__ import annotations

import json
import platform
import random
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import refi

T = TypeVar("T")
ROOT = Path(__file__).parent.parent
FIXED_SEED = 20261122
EVERY = "all"


@dataclass
class Proof:
    """What one run of a proof used and found."""

    name: str
    seed: int
    full: bool
    sizes: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    begun: float = field(default_factory=time.perf_counter)

    def size(self, small: T, full: T, *, of: str = "size") -> T:
        """How much to do: ``small`` in ``make test`` (30 s at most), ``full`` in ``make prove``."""
        self.sizes[of] = chosen = full if self.full else small
        return chosen

    def random(self) -> random.Random:
        """A generator that starts from the seed."""
        return random.Random(self.seed)

    def fired(self, fault: str, times: int = 1) -> None:
        """Count a fault that really happened, not one that was merely planned."""
        self.faults[fault] += times

    def record(self, **facts: Any) -> None:
        """Keep figures for the report; values that JSON can hold."""
        self.facts.update(facts)

    def report(self, result: str) -> dict[str, Any]:
        """This run as the report tells it."""
        return {
            "seed": self.seed,
            "size": self.sizes,
            "faults": dict(self.faults),
            "facts": self.facts,
            "seconds": round(time.perf_counter() - self.begun, 1),
            "result": result,
        }


def name_of(test: str) -> str:
    """The proof's name, from the name of its test function."""
    return test.partition("[")[0].removeprefix("test_")


def same(asked: str, name: str) -> bool:
    """Whether ``asked`` (hyphens or underscores) means the proof ``name``."""
    return asked == EVERY or asked.replace("-", "_").removeprefix("test_") == name


def commit() -> str:
    """The commit that is proved; ``-dirty`` when files other than the reports differ from it."""
    head = _git("rev-parse", "--quiet", "--verify", "HEAD")
    changed = _git("status", "--porcelain", "--", ".", ":!docs/proofs")
    return f"{head or 'none'}{'-dirty' if changed else ''}"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def write(name: str, runs: list[dict[str, Any]], place: Path = ROOT / "docs" / "proofs") -> Path:
    """Write the report of one proof."""
    place.mkdir(parents=True, exist_ok=True)
    report = {
        "proof": name,
        "result": "passed" if all(run["result"] == "passed" for run in runs) else "failed",
        "commit": commit(),
        "version": refi.__version__,
        "python": platform.python_version(),
        "runs": runs,
    }
    path = place / f"{name}.json"
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
