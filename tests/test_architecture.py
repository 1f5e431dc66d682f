"""The architecture holds, and every rule of it can fail (`tests.architecture` has the rules)."""

from __future__ import annotations

import pytest

from tests.architecture import RULES, breaches
from tests.parsed import Module, modules_under

SERVICE = modules_under("refi")
EVERYTHING = [*SERVICE, *modules_under("tests", "benchmarks")]
EVERYWHERE = {"modules_say_what_they_are_for", "names_mean_something"}


@pytest.mark.parametrize("name", RULES)
def test_the_code_keeps_the_rule(name: str) -> None:
    found = breaches(RULES[name], EVERYTHING if name in EVERYWHERE else SERVICE)
    assert not found, "\n".join([str(RULES[name].__doc__), *found])


CARDS = "from refi.cards.tables import Card as C\n"
LONG = "def f():\n" + '    """Say."""\n' + "    x = 1\n" * 51
BREACHES = [
    ("pure_modules_are_pure", "loans.states", "import sqlalchemy"),
    ("pure_modules_are_pure", "loans.states", "from refi.db import work"),
    ("pure_modules_are_pure", "loans.states", "from refi.loans import service"),
    ("pure_modules_are_pure", "loans.states", "from refi.cards.tables import Card"),
    ("pure_modules_are_pure", "loans.states", "from refi import clock"),
    ("pure_modules_are_pure", "loans.states", "from refi.policies import load"),
    ("pure_modules_are_pure", "loans.states", "import refi.policies.loader"),
    ("pure_modules_are_pure", "loans.states", "import random"),
    ("pure_modules_are_pure", "loans.states", "async def f(x):\n    await x"),
    ("pure_modules_are_pure", "loans.states", "def f():\n    return open('x')"),
    ("pure_modules_are_pure", "loans.__init__", "from refi.loans.service import find"),
    ("a_room_is_entered_through_its_shell", "loans.tables", "from refi.loans import service"),
    ("a_room_is_entered_through_its_shell", "loans.service", "from refi.loans.routes import router"),
    ("a_room_is_entered_through_its_shell", "loans.news_service", "from refi.loans.jobs import run"),
    ("a_room_is_entered_through_its_shell", "loans.jobs", "from refi.loans import routes"),
    ("the_shell_has_one_reader", "cards.service", "from refi.loans import routes"),
    ("the_shell_has_one_reader", "api.app", "from refi.loans import jobs"),
    ("the_shell_has_one_reader", "close", "from refi.loans.handlers import on_paid"),
    ("libraries_stay_in_their_place", "loans.service", "from fastapi import Depends"),
    ("libraries_stay_in_their_place", "web.route", "import httpx"),
    ("libraries_stay_in_their_place", "notifications.jobs", "import smtplib"),
    ("libraries_stay_in_their_place", "underwriting.pricing", "import numpy_financial as npf"),
    ("one_reader_of_the_clock", "web.tokens", "import datetime\nx = datetime.datetime.now()"),
    ("one_reader_of_the_clock", "web.tokens", "from datetime import date\nx = date.today()"),
    ("one_reader_of_the_clock", "web.tokens", "import time\nx = time.time()"),
    ("one_reader_of_the_clock", "web.tokens", "from time import time"),
    ("one_reader_of_the_clock", "loans.tables", "from sqlalchemy import func\nx = func.now()"),
    ("one_reader_of_the_clock", "loans.service", "x = 'UPDATE loans SET at = now()'"),
    ("one_reader_of_the_clock", "loans.service", "x = 'SELECT CURRENT_DATE'"),
    ("one_place_commits", "loans.service", "async def f(session):\n    await session.commit()"),
    ("one_place_commits", "loans.service", "def f(engine):\n    return engine.begin()"),
    (
        "rows_are_written_by_their_own_room",
        "loans.service",
        CARDS + "C(id='x')",
    ),
    (
        "rows_are_written_by_their_own_room",
        "loans.jobs",
        CARDS + "update(C)",
    ),
    ("functions_are_short", "loans.states", LONG),
    ("modules_are_short", "loans.states", "x = 1\n" * 301),
    ("modules_say_what_they_are_for", "loans.states", "x = 1"),
    ("names_mean_something", "loans.utils", "x = 1"),
    ("names_mean_something", "loans.states", "class LoanManager: ..."),
]


@pytest.mark.parametrize(("name", "module", "source"), BREACHES)
def test_a_breach_is_found(name: str, module: str, source: str) -> None:
    found = breaches(RULES[name], [Module(f"refi.{module}", f"refi/{module}.py", source)])
    assert found, f"{name} does not see {source!r} in {module}"
    assert found[0].startswith(f"refi/{module}.py:"), found


def test_every_rule_has_a_breach() -> None:
    assert {name for name, _, _ in BREACHES} == set(RULES)


ALLOWED = [
    ("pure_modules_are_pure", "loans.states", "from refi.money import MAX\nfrom refi.schedules import dates"),
    ("pure_modules_are_pure", "loans.states", "import numpy as np\nfrom refi.policies import Policy"),
    (
        "pure_modules_are_pure",
        "payments.processor",
        "class P:\n    async def pay(self): ...",
    ),
    ("pure_modules_are_pure", "loans.service", "import sqlalchemy"),
    ("pure_modules_are_pure", "db.work", "import sqlalchemy"),
    ("a_room_is_entered_through_its_shell", "loans.routes", "from refi.loans import service, tables"),
    ("a_room_is_entered_through_its_shell", "loans.jobs", "from refi.cards import service"),
    ("the_shell_has_one_reader", "api.app", "from refi.loans import routes"),
    ("the_shell_has_one_reader", "scheduler", "from refi.loans import jobs"),
    ("libraries_stay_in_their_place", "loans.routes", "from fastapi import APIRouter"),
    ("libraries_stay_in_their_place", "gateways.sandbox.app", "import fastapi\nimport httpx"),
    ("one_reader_of_the_clock", "clock", "import time\nx = time.time()"),
    ("one_reader_of_the_clock", "loans.service", "def f(work):\n    'Not now().'\n    return work.now"),
    ("one_place_commits", "db.work", "async def f(session):\n    await session.commit()"),
    (
        "rows_are_written_by_their_own_room",
        "loans.service",
        CARDS + "select(C)",
    ),
    ("rows_are_written_by_their_own_room", "cards.service", CARDS + "C()"),
    ("functions_are_short", "loans.states", LONG.removesuffix("    x = 1\n")),
    ("modules_are_short", "loans.states", "x = 1\n" * 300),
    ("names_mean_something", "loans.service", "class LoanNotOpen: ..."),
]


@pytest.mark.parametrize(("name", "module", "source"), ALLOWED)
def test_what_is_allowed_is_not_a_breach(name: str, module: str, source: str) -> None:
    assert breaches(RULES[name], [Module(f"refi.{module}", f"refi/{module}.py", source)]) == []
