"""Worked examples published by others, where their files are at hand (figures of some are in other tests)."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from refi.money import Rounding
from refi.schedules.amortization import Method, Terms, schedule
from refi.schedules.apr import answer
from refi.schedules.day_count import DayCount

DATA = Path(__file__).parents[3] / "shared" / "data"


def cases(name: str) -> list[dict[str, Any]]:
    path = DATA / name
    if not path.exists():
        pytest.skip(
            f"{name} is not at hand: the published examples are kept beside the project, in shared/data"
        )
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_published_schedules() -> None:
    for case in cases("schedule_cases.json"):
        terms = Terms(
            case["principal"],
            Decimal(case["annual_rate"]),
            case["installments"],
            Method(case["method"]),
            day_count=DayCount(case["day_count"]),
            rounding=Rounding(case["rounding"]),
        )
        plan = schedule(
            terms, date.fromisoformat(case["disbursed_on"]), date.fromisoformat(case["first_due_on"])
        )
        found = [
            {"due_date": row.due_date.isoformat(), "principal": row.principal, "interest": row.interest}
            for row in plan.installments
        ]
        assert found == case["expected"], case["id"]


def test_published_rates() -> None:
    for case in cases("apr_cases.json"):
        found = Decimal(answer(case)[case["field"]]) * 100
        assert round(found, case["places"]) == round(Decimal(str(case["answer_percent"])), case["places"]), (
            case["id"]
        )
