"""The pure commands, run as a person runs them: real processes, JSON out, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[3] / "shared" / "data"
PLAN = ["schedule", "--principal", "1200000", "--annual-rate", "0.12", "--disbursed-on", "2026-12-10"]


def refi(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "refi.cli", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


def answer(*arguments: str, stdin: str = "") -> Any:
    run = refi(*arguments, "--json", stdin=stdin)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return json.loads(run.stdout)


def test_the_golden_schedule() -> None:
    plan = answer(*PLAN, "--installments", "6")
    rows = [(r["due_date"], r["principal"], r["interest"], r["amount"]) for r in plan["installments"]]
    assert rows == [
        ("2027-01-10", 195_058, 12_000, 207_058),
        ("2027-02-10", 197_009, 10_049, 207_058),
        ("2027-03-10", 198_979, 8_079, 207_058),
        ("2027-04-10", 200_968, 6_090, 207_058),
        ("2027-05-10", 202_978, 4_080, 207_058),
        ("2027-06-10", 205_008, 2_050, 207_058),
    ]
    assert (plan["total_interest"], plan["total_of_payments"]) == (42_348, 1_242_348)
    assert plan["installments"][-1]["balance_after"] == 0


def test_the_golden_quote() -> None:
    quote = answer(
        "quote", "--balance", "1200000", "--card-apr", "0.1825", "--apr", "0.12", "--terms", "3,6,12"
    )
    figures = [(p["term"], p["total_interest"], p["saving_same_payment"]) for p in quote["plans"]]
    assert figures == [(3, 24_080, 12_991), (6, 42_348, 23_549), (12, 79_423, 46_925)]
    assert quote["baselines"][1]["months"] == 47
    assert quote["baselines"][1]["total_interest"] == 207_269
    assert quote["indicative"] is True
    assert not any(each["shown"] for plan in quote["plans"] for each in plan["rates_by_band"])


def test_a_quote_names_what_every_band_pays() -> None:
    quote = answer("quote", "--balance", "1200000", "--card-apr", "0.1825", "--terms", "3,12")
    three, twelve = ([(e["band"], e["annual_rate"]) for e in p["rates_by_band"]] for p in quote["plans"])
    assert three == [("A", "0.114000"), ("B", "0.120000"), ("C", "0.135000"), ("D", "0.144000")]
    assert twelve[3] == ("D", "0.138000")
    assert [e["band"] for e in quote["plans"][0]["rates_by_band"] if e["shown"]] == ["B"]
    assert "10.8 % to 14.4 % a year" in quote["assumptions"][0]["text"]
    table = refi("quote", "--balance", "1200000", "--terms", "3,12").stdout
    assert "A 11.4 10.8 %, B 12 12 %, C 13.5 12.9 %, D 14.4 13.8 %" in table


def test_a_plan_that_costs_more_says_so() -> None:
    quote = answer("quote", "--balance", "1200000", "--card-apr", "0.01", "--terms", "3")
    assert quote["plans"][0]["worthwhile"] is False
    assert quote["plans"][0]["saving_same_payment"] < 0
    assert "not advised" in refi("quote", "--balance", "1200000", "--card-apr", "0.01", "--terms", "3").stdout


def test_the_published_annual_rate() -> None:
    """100,000 less a fee of 1,000, 12 × 8,833.3: 12.80 % simple, 13.58 % compound (PBOC 2021 no. 3)."""
    payments = [{"on": f"2026-{month:02d}-15", "amount": 883_330} for month in range(2, 13)]
    flows = {
        "advances": [{"on": "2026-01-15", "amount": 9_900_000}],
        "payments": [*payments, {"on": "2027-01-15", "amount": 883_330}],
        "regime": "cn_irr",
    }
    rates = answer("apr", stdin=json.dumps(flows))
    assert round(float(rates["apr"]) * 100, 2) == 12.80
    assert round(float(rates["effective_annual_rate"]) * 100, 2) == 13.58


@pytest.mark.parametrize("name", ["apr_cases.json", "schedule_cases.json"])
def test_published_examples(name: str) -> None:
    if not (SHARED / name).exists():
        pytest.skip(f"{name} is not beside this checkout")
    for case in json.loads((SHARED / name).read_text()):
        if name == "apr_cases.json":
            question = {
                key: case[key] for key in ("advances", "payments", "regime", "unit_period") if key in case
            }
            found = float(answer("apr", stdin=json.dumps(question))[case["field"]]) * 100
            assert abs(found - case["answer_percent"]) <= 0.5 * 10 ** -case["places"], case["id"]
        else:
            options = ("principal", "annual_rate", "installments", "disbursed_on", "first_due_on", "method",
                       "day_count", "rounding")  # fmt: skip
            given = [part for key in options for part in (f"--{key.replace('_', '-')}", str(case[key]))]
            rows = answer("schedule", *given)["installments"]
            assert [{key: row[key] for key in case["expected"][0]} for row in rows] == case["expected"]


@pytest.mark.parametrize(
    "arguments",
    [
        [*PLAN, "--installments", "0"],
        [*PLAN, "--installments", "61"],
        ["schedule", "--principal", "0", *PLAN[3:], "--installments", "6"],
        ["schedule", "--principal", "-1", *PLAN[3:], "--installments", "6"],
        ["schedule", "--principal", str(10**30), *PLAN[3:], "--installments", "6"],
        ["schedule", "--principal", "NaN", *PLAN[3:], "--installments", "6"],
        [*PLAN[:3], "--annual-rate", "NaN", *PLAN[5:], "--installments", "6"],
        [*PLAN[:3], "--annual-rate", "０.１", *PLAN[5:], "--installments", "6"],
        [*PLAN[:3], "--annual-rate", "1_0", *PLAN[5:], "--installments", "6"],
        [*PLAN[:5], "--disbursed-on", "2026-02-30", "--installments", "6"],
        [*PLAN[:5], "--disbursed-on", "2026-W50-4", "--installments", "6"],
        [*PLAN, "--installments", "6", "--first-due-on", "2026-12-01"],
        [*PLAN, "--installments", "6", "--method", "flat_fee", "--monthly-fee-rate", "0.02", "--cap", "0.24"],
        [*PLAN, "--installments", "6", "--cap", "0.12"],
        [*PLAN, "--installments", "6", "--cap", "-1"],
        [*PLAN, "--installments", "6", "--cap", str(10**30)],
        ["quote", "--balance", "1200000", "--apr", "-0.1"],
        ["quote", "--balance", "1200000", "--on", "2299-01-01"],
        ["quote", "--balance", "1200000", "--apr", "0.25"],
        ["quote", "--balance", "-5"],
        *(["quote", "--balance", text] for text in ("12000.00", "1_200_000", "+5", " 5", "５", "1e6", "")),
        ["schedule", "--principal", "12000.00", *PLAN[3:], "--installments", "6"],
        [*PLAN, "--installments", "3.0"],
        [*PLAN, "--installments", "1_2"],
        ["quote", "--balance", "1200000", "--terms", "3.0"],
        ["quote", "--balance", "1200000", "--terms", "1_2"],
        ["quote", "--balance", "1200000", "--terms", "5"],
        ["quote", "--balance", "1200000", "--terms", "three"],
        ["quote", "--balance", "1200000", "--market", "xx"],
        ["segments", "--cards", "/no/such/file.csv"],
        ["no-such-command"],
    ],
)
def test_wrong_use_ends_with_2_and_a_sentence(arguments: list[str]) -> None:
    run = refi(*arguments)
    assert run.returncode == 2, run.stdout + run.stderr
    assert run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("stdin", ["", "[]", "{", "{}", '{"advances": 5}', "[" * 100_000])
def test_flows_that_cannot_be_read(stdin: str) -> None:
    run = refi("apr", stdin=stdin)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr


def told(*arguments: str) -> list[str]:
    """The lines of a refusal."""
    run = refi(*arguments)
    assert (run.returncode, run.stdout) == (2, "")
    return run.stderr.splitlines()


def test_money_is_told_in_minor_units() -> None:
    for command in ("quote", "schedule"):
        assert "minor units (fen): 1200000 is 12,000.00" in refi(command, "--help").stdout
    run = refi("quote", "--balance", "12000.00")
    assert "'--balance': '12000.00' is not a whole number of minor units" in run.stderr
    run = refi(*PLAN, "--installments", "3.0")
    assert "'--installments': '3.0' is not a whole number" in run.stderr


def test_a_refused_option_is_named_as_it_is_typed() -> None:
    quote, percent = ["quote", "--balance", "1200000"], "  a rate is a fraction: 0.1825 is 18.25 %"
    assert told("quote", "--balance", "-5")[1:] == ["  --balance: out_of_range"]
    assert "from 1 to 1000000000000000 minor units" in told("quote", "--balance", "-5")[0]
    assert told(*quote, "--card-apr", "18.25") == [
        "refi: the card's annual rate is from 0 to 10", "  --card-apr: out_of_range", percent,
    ]  # fmt: skip
    capped = "which with compounding is the cap of 24 % a year, all costs included"
    assert told(*quote, "--apr", "0.5") == [
        f"refi: the annual rate 0.5 is above 0.217050989802, {capped}",
        "  --apr: above_cap",
        percent,
    ]
    assert told(*quote, "--terms", "5") == [
        "refi: the terms offered are 3, 6, 12 months", "  --terms: not_offered",
    ]  # fmt: skip
    assert told(*PLAN[:3], "--annual-rate", "12", *PLAN[5:], "--installments", "6")[1:] == [
        "  --annual-rate: too_large", percent,
    ]  # fmt: skip


def test_a_due_date_that_is_past_is_refused() -> None:
    asked = ["quote", "--balance", "1200000", "--on", "2026-11-22", "--due-date"]
    assert told(*asked, "2026-11-21") == [
        "refi: the due date 2026-11-21 is before 2026-11-22", "  --due-date: in_the_past",
    ]  # fmt: skip
    run = refi("quote", "--balance", "1200000", "--due-date", "2020-02-01", "--json")
    assert json.loads(run.stderr)["errors"] == [{"pointer": "/due_date", "code": "in_the_past"}]
    assert answer(*asked, "2026-11-22")["plans"][0]["first_due_date"] == "2026-12-22"


def test_a_refusal_under_json_is_json() -> None:
    run = refi(*PLAN[:1], "--principal", "0", *PLAN[3:], "--installments", "61", "--json")
    assert (run.returncode, run.stdout) == (2, "")
    assert json.loads(run.stderr) == {
        "refusal": "InvalidTerms",
        "code": "validation_failed",
        "errors": [
            {"pointer": "/principal", "code": "not_positive"},
            {"pointer": "/installments", "code": "too_large"},
        ],
        "detail": "the terms of the plan are not valid",
    }
    flows = {
        "advances": [{"on": "2026-01-01", "amount": 100}],
        "payments": [{"on": "2026-02-01", "amount": 99}],
    }
    run = refi("apr", "--json", stdin=json.dumps(flows))
    assert (run.returncode, run.stdout) == (2, "")
    assert json.loads(run.stderr)["refusal"] == "NoRate"
    assert json.loads(refi("apr", "--json", stdin="{").stderr)["code"] == "malformed_json"


@pytest.mark.parametrize(
    ("typed", "pointer", "code"),
    [
        (["schedule", "--principal", "NaN", *PLAN[3:], "--installments", "6"], "/principal", "not_valid"),
        (["schedule", "--annual-rate", "0.12"], "/principal", "missing"),
        ([*PLAN, "--installments", "6", "--method", "lump"], "/method", "not_valid"),
        ([*PLAN, "--installments", "6", "--term", "6"], "/term", "unknown"),
        ([*PLAN, "--installments", "6", "--cap", "-1"], "/cap", "out_of_range"),
        ([*PLAN[:5], "--installments", "6", "--disbursed-on", "2299-12-01"], "/disbursed_on", "out_of_range"),
        (["quote", "--balance", "１２３"], "/balance", "not_valid"),
        (["quote", "--balance", "100", "--apr", "-0.1"], "/apr", "negative"),
        (["quote", "--balance", "100", "--on", "2299-01-01"], "/on", "out_of_range"),
        (["replay", "loan"], "/loan", "not_valid"),
    ],
)
def test_wrong_use_under_json_is_json(typed: list[str], pointer: str, code: str) -> None:
    run = refi(*typed, "--json")
    assert (run.returncode, run.stdout) == (2, "")
    said = json.loads(run.stderr)
    assert (said["code"], said["errors"]) == ("validation_failed", [{"pointer": pointer, "code": code}])
    assert said["detail"]
    assert "Value error" not in said["detail"]


def test_a_rate_close_to_nothing_is_written_out() -> None:
    flows = {
        "advances": [{"on": "2026-01-01", "amount": 10**7}],
        "payments": [{"on": "2027-01-01", "amount": 10**7 + 1}],
    }
    assert answer("apr", stdin=json.dumps(flows))["apr"] == "0.000000100000"
