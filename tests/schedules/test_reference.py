"""The reference page tells the truth: its sessions give what it says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from refi import schedules

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "schedules.md"


def test_the_sessions_of_the_page() -> None:
    sessions = "\n".join(re.findall(r"```pycon\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
    page = doctest.DocTestParser().get_doctest(sessions, {}, PAGE.name, str(PAGE), 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    runner.run(page, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)
    assert len(page.examples) > 40


def test_the_page_names_every_public_function() -> None:
    text = PAGE.read_text(encoding="utf-8")
    functions = [name for name in schedules.__all__ if callable(getattr(schedules, name)) and name.islower()]
    assert [name for name in functions if f"`{name}" not in text and f".{name}(" not in text] == []
