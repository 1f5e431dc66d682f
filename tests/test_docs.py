"""The documentation says what the code says: links, commands, codes, settings, operations, events, rules."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest
import typer

from refi import events, policies
from refi.api.app import ROUTERS, SANDBOX_ROUTERS
from refi.cli import (
    arithmetic,
    decisions,
    demo,
    doctor,
    operations,
    programs,
    reminders,
    replay,
    scoring,
    shared,
    wording,
)
from refi.errors import Refusal
from refi.ledger.entries import RULES
from refi.settings import Settings
from refi.web import messages, problems
from refi.web.route import PublicRoute
from tests.parsed import ROOT, modules_under

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
REFERENCE = DOCS / "reference"
WRITTEN_BY_HAND = {page for page in PAGES if "decisions" not in page.parts}
COMMAND_MODULES = (
    arithmetic, decisions, demo, doctor, operations, programs, reminders, replay, scoring, wording,
)  # fmt: skip
"""Imported for their commands, which register themselves."""
FROM_THE_FRAMEWORK = {*problems.FRAMEWORK.items(), (500, "internal_error"), (422, "validation_failed")}
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def text_of(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table_rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of every table."""
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]


def code_cells(text: str, place: int = 0) -> list[str]:
    """The names in backquotes that a column holds."""
    return [
        name for row in table_rows(text) if len(row) > place for name in re.findall(r"`([^`]+)`", row[place])
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    assert not broken


def test_every_page_can_be_reached_from_the_index() -> None:
    seen: set[Path] = set()
    waiting = [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in seen and page.suffix == ".md" and page.exists():
            seen.add(page)
            inside = [link.partition("#")[0] for link in LINK.findall(prose(page)) if "://" not in link]
            waiting += [(page.parent / link).resolve() for link in inside if link]
    assert {page for page in WRITTEN_BY_HAND if DOCS in page.parents} <= seen


def typed() -> Iterator[tuple[Path, list[str]]]:
    """Every line ``refi …`` inside a block of code, as words."""
    for page in WRITTEN_BY_HAND:
        for block in FENCE.findall(page.read_text(encoding="utf-8")):
            for line in block.splitlines():
                if found := re.match(r"(?:\$ )?(?:\S+=\S+ )*(?:\.venv/bin/)?refi ([^<>|]+)", line.strip()):
                    yield page, shlex.split(found[1], comments=True)


def commands() -> dict[str, typer.core.TyperCommand]:
    """Every command by its words: ``quote``, ``score train``."""
    found = {}
    for name, command in typer.main.get_command(shared.app).commands.items():
        inner = getattr(command, "commands", None)
        found |= {name: command} if inner is None else {f"{name} {key}": one for key, one in inner.items()}
    return found


def test_typed_commands_and_their_options_exist() -> None:
    known = commands()
    wrong = []
    for page, (name, *words) in typed():
        if name not in known and words:
            name, words = f"{name} {words[0]}", words[1:]
        options = {option for p in known[name].params for option in p.opts} if name in known else set()
        if name not in known or not {word for word in words if word.startswith("--")} <= options:
            wrong.append(f"{page.name}: refi {name} {' '.join(words)}")
    assert not wrong


def test_every_command_is_described() -> None:
    assert set(re.findall(r"^### `refi ([\w ]+)`$", text_of("cli.md"), re.MULTILINE)) == set(commands())


def statuses() -> set[tuple[int, str]]:
    """Every (status, code) that the service can answer with."""

    def below(kind: type[Refusal]) -> Iterator[type[Refusal]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    for module in modules_under("refi"):
        if module.name.endswith(("routes", "service", "jobs")):
            __import__(module.name)
    refusals = [kind for kind in below(Refusal) if kind.__module__.startswith("refi.")]
    return {(problems.status_of(kind.__new__(kind)), kind.code) for kind in refusals} | FROM_THE_FRAMEWORK


def test_every_error_code_is_listed_with_its_status() -> None:
    listed = {
        (int(row[1]), row[0].strip("`")) for row in table_rows(text_of("errors.md")) if row[1].isdigit()
    }
    assert {code for _, code in listed} == set(messages.TITLES)
    reserved = {(403, "contact_blocked")}
    assert listed - reserved == statuses()


def settings_read() -> set[str]:
    """Every ``REFI_…`` that the service reads."""
    read = {f"REFI_{name.upper()}" for name in Settings.model_fields}
    for module in sorted((ROOT / "refi").rglob("*.py")):
        read |= set(re.findall(r'environ(?:\.get\(|\[)"(REFI_\w+)"', module.read_text(encoding="utf-8")))
    return read


def test_every_setting_is_described_with_its_default() -> None:
    described = {row[0].strip("`"): row[1].strip("`") for row in table_rows(text_of("settings.md"))}
    described = {name: default for name, default in described.items() if name.startswith("REFI_")}
    assert set(described) == settings_read()
    for name, field in Settings.model_fields.items():
        said = described[f"REFI_{name.upper()}"]
        if said not in ("published", "empty"):
            assert said == str(field.default)


def test_no_page_names_a_setting_that_does_not_exist() -> None:
    named = {
        (page.name, name)
        for page in WRITTEN_BY_HAND
        for name in re.findall(r"\bREFI_[A-Z_]+", page.read_text(encoding="utf-8"))
    }
    assert {name for _, name in named} <= settings_read(), sorted(named)


def test_every_operation_is_listed_with_what_it_needs() -> None:
    served = set()
    for route in (route for router in [*ROUTERS, *SANDBOX_ROUTERS] for route in router.routes):
        assert isinstance(route, PublicRoute)
        for method in route.methods or ():
            needs = [need for need in (route.kind, "key" if route.keyed(method) else None) if need]
            served.add((f"{method} `{route.path}`", ", ".join(needs)))
    rows = table_rows(text_of("api.md").partition("## Operations")[2])
    assert {(row[0], row[1]) for row in rows if re.match("[A-Z]+ `/", row[0])} == served


def test_every_event_is_listed_with_what_it_carries() -> None:
    rows = [row for row in table_rows(text_of("events.md")) if row[0].startswith("`")]
    listed = {row[0].strip("`"): re.findall(r"`(\w+)`", row[3]) for row in rows}
    assert listed == {
        name: [each.name for each in fields(kind) if each.name != "subject"]
        for name, kind in events.TYPES.items()
    }


def test_every_posting_rule_is_listed() -> None:
    rows = [re.findall(r"`(\w+)`", " ".join(row)) for row in table_rows(text_of("books.md")) if len(row) == 4]
    listed = [tuple(row) for row in rows if len(row) == 4]
    assert sorted(listed) == sorted((*key, *accounts) for key, accounts in RULES.items())


def test_every_check_of_the_audit_is_listed() -> None:
    from refi.audit import CHECKS, SQL_CHECKS
    from refi.collections import lawful_service as contacts

    listed = code_cells(text_of("books.md").partition("## What `refi audit` checks")[2])
    assert set(listed) == {*SQL_CHECKS, *CHECKS, *contacts.CHECKS, "provider_cash_book"}


def test_every_step_of_the_close_is_listed_in_order() -> None:
    from refi.close import STEPS

    page = (ROOT / "docs" / "how-to" / "close-the-day.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `((?:close|open)\.\w+)` \|", page, re.MULTILINE)
    assert listed == [name for name, _ in STEPS.rows(date(2026, 11, 22))]


def test_every_proof_is_told_of_and_passed() -> None:
    proofs = DOCS / "proofs"
    told = set(LINK.findall((proofs / "README.md").read_text(encoding="utf-8")))
    reports = sorted(proofs.glob("*.json"))
    assert {report.name for report in reports} == {link for link in told if link.endswith(".json")}
    assert {json.loads(report.read_text(encoding="utf-8"))["result"] for report in reports} == {"passed"}


def test_every_section_of_a_policy_is_explained() -> None:
    explained = re.findall(r"^## `\[(\w+)\]`$", text_of("policies.md"), re.MULTILINE)
    sections = [name for name in policies.Policy.model_fields if name not in ("version", "effective_on")]
    assert explained == sections


def test_figures_of_underwriting_are_those_of_the_file() -> None:
    rules = policies.load("cn").underwriting
    rows = [row for row in table_rows(text_of("policies.md")) if len(row) == 3 and row[0].startswith("`")]
    said = {row[0].strip("`"): row[1] for row in rows if row[0].count("`") == 2}
    assert said["minimum_age"] == str(rules.minimum_age)
    assert said["approve_up_to_share"] == str(rules.approve_up_to_share)
    assert said["decline_above_share"] == str(rules.decline_above_share)
    assert said["exposure_limit"] == f"¥{rules.exposure_limit / 100:,.2f}"
    assert said["refer_above_amount"] == f"¥{rules.refer_above_amount / 100:,.2f}"


def test_the_layers_are_those_of_the_import_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = project["tool"]["importlinter"]["contracts"][0]["layers"]
    shown = text_of("architecture.md").partition("## The order of layers")[2]
    block = re.search(r"```\n(.*?)\n```", shown, re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == [re.sub(r"[()]", "", line) for line in contract]


def test_no_page_names_a_machine() -> None:
    place = re.compile(r"/(?:home|Users|root|work)/\w")
    assert not [page.name for page in PAGES if place.search(page.read_text(encoding="utf-8"))]
