"""The files that seeding reads: a CSV of card holders, and the shipped aggregate figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from refi.seeding import aggregates, segments
from refi.seeding.card_clients import CardsFileRefused, Client, read

FIGURES = Path(__file__).with_name("card_holders.json")


class CardsFileMissing(CardsFileRefused):
    """There is no such file, or it may not be read."""


class NotText(CardsFileRefused):
    """The file is not UTF-8 text."""


def clients_in(path: Path) -> Iterator[Client]:
    """The card holders of the CSV at ``path``, one at a time; a `CardsFileRefused` names what is wrong."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            yield from read(lines)
    except UnicodeDecodeError as error:
        raise NotText(f"{path.name} is not UTF-8 text: {error.reason}") from None
    except OSError as error:
        raise CardsFileMissing(f"{path} cannot be read: {error.strerror or error}") from None


def segments_lines(path: Path) -> Iterator[segments.Line]:
    """The habit of each card holder in the CSV at ``path``, one line of figures each."""
    yield from segments.segments(clients_in(path))


def shipped_figures() -> aggregates.Figures:
    """The aggregate figures that come with the service."""
    figures: aggregates.Figures = json.loads(FIGURES.read_text(encoding="utf-8"))["segments"]
    return figures


def figures_text(path: Path) -> str:
    """What ``card_holders.json`` holds when it is derived from the CSV at ``path``."""
    found: dict[str, Any] = {
        "about": "Counts and rounded quantiles of card holders (refi.seeding.aggregates); no row is in here.",
        "source": "UCI, default of credit card clients (I-Cheng Yeh and Che-hui Lien, 2009), CC BY 4.0",
        "segments": aggregates.derive(clients_in(path)),
    }
    return _by_line(found) + "\n"


def _by_line(value: Any, depth: int = 0) -> str:
    """JSON with a line for every member of an object, and lists on one line."""
    if not isinstance(value, dict):
        return json.dumps(value)
    inner = "  " * (depth + 1)
    members = [f"{inner}{json.dumps(key)}: {_by_line(item, depth + 1)}" for key, item in value.items()]
    return "{\n" + ",\n".join(members) + "\n" + "  " * depth + "}"
