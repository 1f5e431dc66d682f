"""``refi score``: figures as JSON, and a plain no for files that tell nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_arithmetic import refi
from tests.seeding import given


def written(path: Path, text: str) -> str:
    file = path / "cards.csv"
    file.write_text(text, encoding="utf-8")
    return str(file)


def rows(count: int, bad: int) -> list[dict[str, str]]:
    return [given.row(k, default="1" if k <= bad else "0") for k in range(1, count + 1)]


def test_evaluate_answers_what_the_contract_says(tmp_path: Path) -> None:
    some = rows(12, 3)
    some[0]["PAY_0"] = "3"
    run = refi("score", "evaluate", "--cards", written(tmp_path, given.csv_of(*some)), "--json")
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert {"n", "auc", "auc_ci", "ks", "calibration_slope", "never_late"} <= set(told)
    assert told["n"] == 12
    assert told["never_late"]["n"] == 11
    for name in ("auc", "gini", "ks", "calibration_slope"):
        for figures in (told, told["never_late"]):
            if figures[name] is not None:
                assert figures[f"{name}_ci"][0] <= figures[name] <= figures[f"{name}_ci"][1]
    assert all(each["observed_ci"][0] <= each["observed"] <= each["observed_ci"][1] for each in told["bins"])


def without(column: str) -> list[str]:
    return [name for name in given.HEADER if name != column]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (given.csv_of(*rows(9, 0)), "outcome"),
        (given.csv_of(*rows(9, 9)), "outcome"),
        (given.csv_of(*rows(1, 1)), "outcome"),
        (given.csv_of(), "no card holder"),
        ("", "no card holder"),
        (given.csv_of(*rows(4, 2), header=without("default.payment.next.month")), "lacks"),
        (given.csv_of(*rows(4, 2), header=without("BILL_AMT3")), "lacks BILL_AMT3"),
        (given.csv_of(*rows(3, 2), given.row(9, BILL_AMT1="NaN")), "BILL_AMT1"),
        (given.csv_of(*rows(3, 2), given.row(9, default="maybe")), "default"),
        ("not,a,card\n1,2,3\n", "header"),
    ],
)  # fmt: skip
def test_what_tells_nothing_is_refused(tmp_path: Path, text: str, words: str) -> None:
    for command in ("evaluate", "train"):
        run = refi("score", command, "--cards", written(tmp_path, text))
        assert run.returncode == 2, run.stdout
        assert words in run.stderr
        assert "Traceback" not in run.stderr


def test_score_says_a_line_for_each(tmp_path: Path) -> None:
    run = refi("score", "score", "--cards", written(tmp_path, given.csv_of(*rows(3, 0))), "--json")
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [line["id"] for line in lines] == [1, 2, 3]
    assert all(0 <= line["score"] <= 1000 for line in lines)


def test_a_broken_scorecard_is_refused(tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    card.write_text("{}")
    run = refi(
        "score", "evaluate", "--cards", written(tmp_path, given.csv_of(*rows(9, 4))), "--scorecard", str(card)
    )
    assert (run.returncode, "not a scorecard" in run.stderr) == (2, True)


def test_the_same_rows_in_another_shape_tell_the_same(tmp_path: Path) -> None:
    """Other orders of rows and columns, one more column, BOM, CRLF, no attribute of the person, the
    repository's own name for the outcome."""
    some = rows(40, 9)
    some[3]["PAY_0"] = "2"
    usual = refi("score", "evaluate", "--cards", written(tmp_path, given.csv_of(*some)), "--json")
    names = [n for n in reversed(given.HEADER) if n not in ("AGE", "SEX", "EDUCATION", "MARRIAGE")]
    text = given.csv_of(*reversed(some), header=[*names, "note"])
    text = text.replace("default.payment.next.month", "default payment next month").replace("\n", "\r\n")
    other = refi("score", "evaluate", "--cards", written(tmp_path, "\ufeff" + text), "--json")
    assert other.returncode == 0, other.stderr
    assert other.stdout == usual.stdout
    assert refi("segments", "--cards", str(tmp_path / "cards.csv"), "--json").returncode == 0
    assert refi("score", "score", "--cards", str(tmp_path / "cards.csv"), "--json").returncode == 0


def test_fifty_of_them_and_only_the_late_tell_what_they_can(tmp_path: Path) -> None:
    fifty = rows(50, 11)
    for row in fifty:
        row["PAY_2"] = "1"
    told = refi("score", "evaluate", "--cards", written(tmp_path, given.csv_of(*fifty)))
    assert told.returncode == 0, told.stderr
    assert "never late  0 people, 0 defaults: too few" in told.stdout
    assert "rows that it did not see: AUC 0.77" in told.stdout
    trained = refi("score", "train", "--cards", str(tmp_path / "cards.csv"))
    assert (trained.returncode, "500 people" in trained.stderr) == (2, True)
