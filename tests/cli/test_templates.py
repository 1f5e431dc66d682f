"""``refi templates``: what would be sent, by channel and language, and how long it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import refi as package
from refi.notifications.words import TEMPLATES
from tests.cli.test_arithmetic import answer, refi


def test_every_template_is_listed() -> None:
    listed = answer("templates")["data"]
    assert [line["template"] for line in listed] == list(TEMPLATES)
    ladder = next(line for line in listed if line["template"] == "past_due_final")
    assert ladder["channels"] == ["email", "inbox", "push", "sms"]
    assert ladder["locales"] == ["en", "zh-CN"]
    assert refi("templates").stdout.count("\n") == len(TEMPLATES)


def test_a_preview_as_it_would_be_sent() -> None:
    [shown] = answer("templates", "preview", "due_tomorrow", "--locale", "en", "--channel", "sms")["data"]
    assert shown["text"].startswith("Refi for Refi Lending: your payment of CN¥1,066.19 is due tomorrow")
    assert shown["sms"] == {"alphabet": "GSM-7", "units": len(shown["text"]), "segments": 1}
    chinese = answer("templates", "preview", "due_tomorrow", "--locale", "zh-CN", "--channel", "sms")
    assert chinese["data"][0]["sms"]["alphabet"] == "UCS-2"


def test_every_channel_language_and_market() -> None:
    assert len(answer("templates", "preview", "past_due")["data"]) == 8
    [dollars] = answer(
        "templates", "preview", "past_due", "--channel", "sms", "--locale", "en", "--market", "us"
    )["data"]
    assert "$1,066.19" in dollars["text"]
    table = refi("templates", "preview", "past_due", "--channel", "email", "--locale", "en").stdout
    assert "past_due · version 2 · email · en" in table


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_can_be_previewed(name: str) -> None:
    assert len(answer("templates", "preview", name)["data"]) == len(TEMPLATES[name].versions[-1])


def test_an_earlier_wording() -> None:
    [old] = answer(
        "templates", "preview", "due_tomorrow", "--version", "1", "--channel", "sms", "--locale", "en"
    )["data"]
    assert old["text"].startswith("Refi: your payment of")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["preview"], "name the template"),
        (["preview", "due_yesterday"], "there is no template due_yesterday"),
        (["preview", "due_soon", "--version", "9"], "has the versions 1 to 2"),
        (["preview", "due_soon", "--version", "0"], "has the versions 1 to 2"),
        (["preview", "due_soon", "--channel", "fax"], "says nothing by fax"),
        (["preview", "one_time_code", "--channel", "push"], "says nothing by push"),
        (["preview", "due_soon", "--market", "xx"], "no policy for market 'xx'"),
        (["send"], "send"),
    ],
)
def test_wrong_use_is_named(arguments: list[str], said: str) -> None:
    run = refi("templates", *arguments)
    assert run.returncode == 2
    assert said in run.stderr


@pytest.mark.parametrize(
    ("old", "new", "command", "words"),
    [
        ("{{ lender }}", "{{ lender }}{{ nobody }}", "doctor", "wording: due_tomorrow for"),
        ("| day }}", "| nosuch }}", "worker", "No filter named 'nosuch'"),
        ("[[versions]]", "[versions", "templates", "wording/due_tomorrow.toml: Expected"),
        ('gate = "reminder"', "", "serve", "wording/due_tomorrow.toml: 'gate' is missing"),
    ],
)
def test_a_wording_that_cannot_be_used_stops_the_process_with_a_sentence(
    tmp_path: Path, old: str, new: str, command: str, words: str
) -> None:
    """On a copy of the program whose file was spoiled."""
    shutil.copytree(Path(package.__file__).parent, tmp_path / "refi")
    file = tmp_path / "refi" / "notifications" / "wording" / "due_tomorrow.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "refi.cli", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "REFI_DATABASE_URL": "postgresql+asyncpg://x@nowhere/x",
        },
    )
    assert run.returncode == 2, run.stderr
    assert run.stderr.startswith("refi: ")
    assert words in run.stderr
    assert "Traceback" not in run.stderr
