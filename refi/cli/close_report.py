"""``refi close``: the report of each day as a table, one line a step."""

from __future__ import annotations

from typing import Any

from refi.cli.shared import yuan


def close_table(answer: dict[str, Any]) -> str:
    """What each step of each day counted, and the sums of money."""
    days = answer["closed"]
    if not days:
        return "nothing to close"
    told = "would be closed (nothing was written)" if answer["dry_run"] else "closed"
    ends = f"amounts in {answer['currency']}"
    lines = [line for day in days for line in [f"{day['date']} {told}", *_lines(day["steps"])]]
    return "\n".join([*lines, ends])


def _lines(steps: dict[str, dict[str, Any]]) -> list[str]:
    width = max(len(name) for name in steps) if steps else 0
    return [f"  {name:{width}}  {_told(report)}".rstrip() for name, report in steps.items()]


def _told(report: dict[str, Any]) -> str:
    counts = [f"{_words(what)} {_value(found)}" for what, found in report.items() if what != "money"]
    money = [f"{_words(what)} {yuan(amount)}" for what, amount in report.get("money", {}).items()]
    return ", ".join(counts) + (f"  |  {', '.join(money)}" if money else "")


def _value(found: object) -> str:
    """A count, or what was found by name."""
    if isinstance(found, list):
        return " ".join(str(each) for each in found) or "none"
    return f"{found:,}" if isinstance(found, int) else str(found)


def _words(name: str) -> str:
    return name.replace("_", " ")
