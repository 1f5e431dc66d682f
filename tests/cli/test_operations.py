"""The commands of an operator, as processes on a real database: answers, sentences, exit codes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from refi.cli.close_report import close_table

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


def refi(url: str, *arguments: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "refi.cli", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200", "REFI_DATABASE_URL": url, "REFI_LOG_LEVEL": "ERROR", **more},
    )


def test_from_nothing_to_clean_books(blank_database_url: str) -> None:
    before = refi(blank_database_url, "audit")
    assert (before.returncode, before.stdout) == (1, "")
    named = make_url(blank_database_url)
    assert f"/{named.database} has no tables of this version: run refi migrate" in before.stderr

    for _ in range(2):
        migrated = refi(blank_database_url, "migrate")
        assert migrated.returncode == 0, migrated.stderr
        assert "business date" in migrated.stdout

    seeded = refi(blank_database_url, "seed", "--borrowers", "5", "--json")
    assert json.loads(seeded.stdout)["added"] == 5, seeded.stderr

    audited = refi(blank_database_url, "audit", "--json")
    assert audited.returncode == 0, audited.stderr
    assert json.loads(audited.stdout)["findings"] == []
    assert "provider_cash_book" in json.loads(audited.stdout)["skipped"]

    other = refi(blank_database_url, "audit", REFI_MARKET="us")
    assert other.returncode == 1
    assert "belongs to market cn" in other.stderr


def test_hiring(cloned_database_url: str) -> None:
    assert refi(cloned_database_url, "migrate").returncode == 0
    hired = refi(cloned_database_url, "hire", "anna", "--role", "reviewer", stdin="a long enough one\n")
    assert hired.returncode == 0, hired.stderr
    assert hired.stdout.startswith("staff_")
    again = refi(cloned_database_url, "hire", "anna", "--role", "reviewer", stdin="a long enough one\n")
    assert (again.returncode, "hired before" in again.stderr) == (1, True)
    for arguments, password in (
        (["bob", "--role", "reviewer"], "short"),
        (["Bob Ross", "--role", "reviewer"], "a long enough one"),
        (["bob", "--role", "king"], "a long enough one"),
        (["bob"], "a long enough one"),
    ):
        assert refi(cloned_database_url, "hire", *arguments, stdin=f"{password}\n").returncode == 2


def test_closing(cloned_database_url: str) -> None:
    """A rehearsal writes nothing and says what the close says; a closed day is refused by name."""
    assert refi(cloned_database_url, "migrate").returncode == 0
    rehearsed = json.loads(refi(cloned_database_url, "close", "--dry-run", "--json").stdout)
    closed = refi(cloned_database_url, "close", "--json")
    assert closed.stderr == ""  # no progress bar where there is no terminal
    assert closed.stdout.strip() == json.dumps({**rehearsed, "dry_run": False})  # in the same order too
    [day] = rehearsed["closed"]
    table = close_table(rehearsed)  # every step's report has its line
    assert all(f"  {step} " in table for step in day["steps"])
    again = refi(cloned_database_url, "close", "--date", day["date"])
    assert again.returncode == 1
    opened = date.fromisoformat(day["date"])
    tomorrow = opened + timedelta(days=1)
    assert again.stderr.splitlines() == [
        f"refi: {opened} is closed, {tomorrow} is open", "  --date: closed",
    ]  # fmt: skip
    for asked, code, words in (
        ("2020-01-01", "before_the_books", f"2020-01-01 is before the books were opened on {opened}"),
        (f"{tomorrow + timedelta(days=1)}", "in_the_future", f"{tomorrow} is the last date that can be"),
        ("9999-12-31", "in_the_future", f"9999-12-31 has not begun: {tomorrow} is open"),
    ):
        refused = refi(cloned_database_url, "close", "--date", asked, "--json")
        told = json.loads(refused.stderr)
        assert (refused.returncode, told["errors"]) == (1, [{"pointer": "/date", "code": code}])
        assert words in told["detail"]
    both = refi(cloned_database_url, "close", "--catch-up", "--date", f"{tomorrow}")
    assert (both.returncode, "leave out --date" in both.stderr) == (2, True)


def test_the_report_of_a_close_is_a_table() -> None:
    steps = {"close.cut_off": {"receipts": 1, "money": {"received": 408_027}}, "open.due": {"met": 0}}
    steps["close.warning"] = {"alerts": ["approvals_moved", "score_shifted"]}
    answer = {"closed": [{"date": "2027-01-22", "steps": steps}], "dry_run": False, "currency": "CNY"}
    assert close_table(answer).splitlines() == [
        "2027-01-22 closed",
        "  close.cut_off  receipts 1  |  received 4,080.27",
        "  open.due       met 0",
        "  close.warning  alerts approvals_moved score_shifted",
        "amounts in CNY",
    ]
    assert close_table({**answer, "closed": []}) == "nothing to close"
    assert close_table({**answer, "dry_run": True}).startswith("2027-01-22 would be closed")


@pytest.mark.parametrize("command", ["audit --json", "close --dry-run", "serve"])
def test_without_a_database_none_is_made(command: str, tmp_path: Path) -> None:
    """Only `migrate` and `demo` make one: an empty one would be of no use to the others."""
    run = refi("", *command.split(), REFI_DATA_DIR=str(tmp_path / "data"))
    assert (run.returncode, run.stdout) == (1, "")
    assert f"there is no database in {tmp_path}/data; set REFI_DATA_DIR or" in run.stderr
    assert not list(tmp_path.iterdir())


def test_a_descriptor_that_is_no_socket_is_a_sentence() -> None:
    run = refi(NOWHERE, "serve", "--fd", "1000")
    assert (run.returncode, run.stderr) == (2, "refi: descriptor 1000 is no socket: Bad file descriptor\n")


def test_a_port_that_is_taken_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = refi(NOWHERE, "serve", "--port", str(port))
    said = f"refi: cannot listen on 127.0.0.1, port {port}: Address already in use\n"
    assert (run.returncode, run.stderr) == (1, said)


@pytest.mark.parametrize("command", ["audit", "doctor", "migrate", "close"])
def test_a_database_that_does_not_answer_is_a_sentence(command: str) -> None:
    run = refi(NOWHERE, command)
    assert run.returncode == 1
    assert "did not answer" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("REFI_ENV", "live", "REFI_TOKEN_SECRET"),
        ("REFI_ENV", "moon", "REFI_ENV"),
        ("REFI_DATA_KEYS", "short", "REFI_DATA_KEYS"),
        ("REFI_MARKET", "xx", "xx"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(variable: str, value: str, named: str) -> None:
    run = refi(NOWHERE, "audit", **{variable: value})
    assert run.returncode == 2
    assert named in run.stderr
    assert "Traceback" not in run.stderr
