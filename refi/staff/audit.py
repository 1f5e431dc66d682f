"""The chain that makes the record of staff acts tamper-evident: each hash covers the one before. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

GENESIS = "0" * 64
"""What the first entry of the chain follows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One act as it is hashed: instants and dates as ISO text, ``details`` plain JSON without floats."""

    number: int
    at: str
    on: str
    actor: str
    act: str
    subject: str
    details: dict[str, Any]
    previous: str


def digest(entry: Entry) -> str:
    """SHA-256 (hex) over the canonical JSON of an entry, the hash before it included."""
    canonical = json.dumps(
        asdict(entry), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def broken_links(chain: Iterable[tuple[Entry, str]]) -> list[int]:
    """Numbers of the entries that do not follow from the ones before: changed, left out or slipped in.

    ``chain`` is every entry with its stored hash, in order from the first.
    """
    broken = []
    previous = GENESIS
    for expected, (entry, stored) in enumerate(chain, start=1):
        if entry.number != expected or entry.previous != previous or digest(entry) != stored:
            broken.append(entry.number)
        previous = stored
    return broken
