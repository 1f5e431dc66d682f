"""Every package is declared, locked and justified."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from tests.parsed import modules_under

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REASONS = (ROOT / "docs" / "decisions" / "0001-stack-and-dependencies.md").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    return {canonical(re.split(r"[\s\[<>=!~;]", requirement)[0]) for requirement in requirements}


RUNTIME = names(PROJECT["project"]["dependencies"])
DEVELOPMENT = names(PROJECT["dependency-groups"]["dev"])
YARDSTICKS = {"scikit-learn"}
"""Only measured against, and too large to install for all; the benchmark says when it is missing."""


def undeclared(places: list[str], declared: set[str]) -> set[str]:
    """Third-party packages that modules under ``places`` import without ``declared`` naming them."""
    owners = metadata.packages_distributions()
    imported = {found.name.split(".")[0] for module in modules_under(*places) for found in module.imports}
    foreign = imported - set(sys.stdlib_module_names) - {"refi", "tests", "benchmarks"}
    missing = {name for name in foreign if not {canonical(o) for o in owners.get(name, [])} & declared}
    return missing - {"starlette"}  # FastAPI's own ground: it comes in the version that FastAPI asks for


def test_the_service_imports_what_is_declared() -> None:
    assert undeclared(["refi"], RUNTIME) == set()


def test_tests_and_benchmarks_import_what_is_declared() -> None:
    assert undeclared(["tests"], RUNTIME | DEVELOPMENT) == set()
    assert undeclared(["benchmarks"], RUNTIME | DEVELOPMENT | YARDSTICKS) <= {"sklearn"}


def test_an_undeclared_import_is_noticed() -> None:
    assert "sqlalchemy" in undeclared(["refi"], RUNTIME - {"sqlalchemy"})


def test_every_dependency_has_its_sentence() -> None:
    justified = set(re.findall(r"^\| ([a-z0-9-]+) \| [A-Z`].*\. \|$", REASONS, re.MULTILINE))
    assert justified == RUNTIME | DEVELOPMENT


def test_the_lock_holds_them_all_with_hashes_and_without_addresses() -> None:
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)(?=(?: ;.*)? \\$)", LOCK, re.MULTILINE))
    assert set(locked) >= RUNTIME | DEVELOPMENT
    assert not re.search(r"https?://|index-url|find-links", LOCK)
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    assert all("--hash=sha256:" in block for block in blocks)
