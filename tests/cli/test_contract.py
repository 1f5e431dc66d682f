"""``refi contract`` and holidays in ``refi schedule``, run as a person runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_arithmetic import PLAN, answer, refi

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
CASE = {"principal": 1_200_000, "annual_rate": "0.12", "installments": 6, "disbursed_on": "2026-12-10"}


def refused(case: Any) -> list[tuple[str, str]]:
    run = refi("contract", "--json", stdin=case if isinstance(case, str) else json.dumps(case))
    assert (run.returncode, run.stdout) == (2, "")
    return [(each["pointer"], each["code"]) for each in json.loads(run.stderr).get("errors", [])]


def test_the_example_of_the_page(tmp_path: Path) -> None:
    section = PAGE.read_text(encoding="utf-8").split("### `refi contract`")[1].split("\n### ")[0]
    [case] = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    [shown] = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    file = tmp_path / "case.json"
    file.write_text(case, encoding="utf-8")
    assert [line.rstrip() for line in refi("contract", str(file)).stdout.splitlines()] == [
        line.rstrip() for line in shown.splitlines()
    ]
    assert (
        refi("contract", "-", stdin=case).stdout
        == refi("contract", stdin=case).stdout
        == refi("contract", str(file)).stdout
    )


def test_a_case_without_events_is_the_schedule() -> None:
    plan = answer(*PLAN, "--installments", "6")
    found = answer("contract", stdin=json.dumps(CASE))
    same = ("number", "due_date", "principal", "interest", "fee", "amount", "balance_after")
    assert [{key: row[key] for key in same} for row in found["installments"]] == [
        {key: row[key] for key in same} for row in plan["installments"]
    ]
    assert (found["on"], found["payoff"]["total"]) == ("2026-12-10", 1_200_000)


@pytest.mark.parametrize(
    ("case", "faults"),
    [
        ("[]", []),
        ("{", []),
        (
            {},
            [
                (f"/{name}", "missing")
                for name in ("principal", "annual_rate", "installments", "disbursed_on")
            ],
        ),
        (
            {**CASE, "annual_rate": 0.12, "color": 1},
            [("/annual_rate", "not_a_decimal"), ("/color", "unknown")],
        ),
        ({**CASE, "principal": 10**30}, [("/principal", "too_large")]),
        (
            {**CASE, "principal": -1, "installments": 61},
            [("/principal", "not_positive"), ("/installments", "too_large")],
        ),
        ({**CASE, "annual_rate": "NaN"}, [("/annual_rate", "not_a_decimal")]),
        ({**CASE, "annual_rate": "１"}, [("/annual_rate", "not_a_decimal")]),
        ({**CASE, "disbursed_on": "2026-02-30"}, [("/disbursed_on", "not_a_date")]),
        (
            {**CASE, "conventions": {"ahead": "soonest", "x": "y"}},
            [("/conventions/ahead", "unknown"), ("/conventions/x", "unknown")],
        ),
        (
            {**CASE, "conventions": {"chargeback_order": "principal"}},
            [("/conventions/chargeback_order", "unknown")],
        ),
        ({**CASE, "conventions": []}, [("/conventions", "not_an_object")]),
        ({**CASE, "orders": {"due": "fee_first"}}, [("/orders/due", "unknown")]),
        ({**CASE, "orders": {"gift": "by_law"}}, [("/orders/gift", "unknown")]),
        ({**CASE, "events": {}}, [("/events", "not_a_list")]),
        (
            {**CASE, "events": [1, {"type": "gift"}]},
            [("/events/0", "not_an_object"), ("/events/1/type", "unknown")],
        ),
        ({**CASE, "events": [{"type": "payment", "on": "2027-01-10"}]}, [("/events/0/amount", "missing")]),
        (
            {**CASE, "events": [{"type": "payment", "on": "2027-01-10", "amount": 0}]},
            [("/events/0/amount", "out_of_range")],
        ),
        (
            {**CASE, "events": [{"type": "payment", "on": "2026-12-09", "amount": 1}]},
            [("/events/0/on", "too_early")],
        ),
        (
            {**CASE, "events": [{"type": "chargeback", "on": "2027-01-10", "of": "x"}]},
            [("/events/0/of", "unknown")],
        ),
        ({**CASE, "events": [{"type": "charge_off", "on": "2027-01-10"}] * 201}, [("/events", "too_many")]),
        ({**CASE, "on": "2026-12-09"}, [("/on", "too_early")]),
        ({**CASE, "disbursed_on": "1899-12-31"}, [("/disbursed_on", "out_of_range")]),
        (
            {
                **CASE,
                "events": [{"type": "due_date_change", "on": "2027-01-20", "first_due_on": "2300-01-01"}],
            },
            [("/events/0/first_due_on", "out_of_range")],
        ),
        (
            {**CASE, "events": [{"type": "re_amortization", "on": "2027-01-20", "annual_rate": "10.1"}]},
            [("/events/0/annual_rate", "too_large")],
        ),
        ({**CASE, "rolling": "following"}, [("/calendar", "missing")]),
        (
            {**CASE, "rolling": "following", "calendar": {"closed": ["2026-12-25"]}},
            [("/calendar", "missing")],
        ),
        ({**CASE, "rolling": "following", "calendar": {"closed": []}}, [("/calendar/closed", "empty")]),
        (
            {**CASE, "rolling": "following", "calendar": {"closed": ["x"]}},
            [("/calendar/closed", "not_a_date")],
        ),
        ({**CASE, "penalty_multiple": "-1"}, [("/penalty_multiple", "out_of_range")]),
        ({**CASE, "penalty_multiple": "1E+999999"}, [("/penalty_multiple", "out_of_range")]),
        ({**CASE, "penalty_multiple": "1E-999999"}, [("/penalty_multiple", "out_of_range")]),
        ({**CASE, "penalty_year_days": 1}, [("/penalty_year_days", "unknown")]),
        (
            {**CASE, "method": "flat_fee", "conventions": {"interest": "actual_balance"}},
            [("/conventions/interest", "method")],
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(case: Any, faults: list[tuple[str, str]]) -> None:
    assert refused(case) == faults


def test_a_file_that_is_not_there() -> None:
    run = refi("contract", "no such file")
    assert (run.returncode, run.stderr) == (2, "refi: there is no file no such file\n")


def test_due_dates_move_off_weekends_and_holidays(tmp_path: Path) -> None:
    """10 January and 10 April 2027 are at weekends; the first is worked, 10 March is a holiday."""
    days = tmp_path / "holidays.txt"
    days.write_text("# 2027\n2027-03-10 # spring\n+2027-01-10\n", encoding="utf-8")
    plain = answer(*PLAN, "--installments", "4")
    moved = answer(*PLAN, "--installments", "4", "--rolling", "following", "--holidays", str(days))
    assert [row["due_date"] for row in moved["installments"]] == [
        "2027-01-10", "2027-02-10", "2027-03-11", "2027-04-12",
    ]  # fmt: skip
    assert [row["amount"] for row in moved["installments"]] == [
        row["amount"] for row in plain["installments"]
    ]
    case = {**CASE, "installments": 4, "rolling": "following"}
    calendar = {"closed": ["2027-03-10"], "open": ["2027-01-10"]}
    found = answer("contract", stdin=json.dumps({**case, "calendar": calendar}))
    assert [row["due_date"] for row in found["installments"]] == [
        row["due_date"] for row in moved["installments"]
    ]


@pytest.mark.parametrize("text", ["", "# nothing", "2027-13-01", "soon"])
def test_what_is_no_list_of_holidays_is_refused(tmp_path: Path, text: str) -> None:
    days = tmp_path / "holidays.txt"
    days.write_text(text, encoding="utf-8")
    run = refi(*PLAN, "--installments", "4", "--rolling", "following", "--holidays", str(days))
    assert (run.returncode, run.stdout) == (2, "")
    assert "that is not a list of holidays" in run.stderr


def test_a_year_without_holidays_is_refused(tmp_path: Path) -> None:
    days = tmp_path / "holidays.txt"
    days.write_text("2026-12-25", encoding="utf-8")
    run = refi(*PLAN, "--installments", "4", "--rolling", "following", "--holidays", str(days))
    assert (run.returncode, run.stderr) == (2, "refi: no business calendar is loaded for 2027\n")
