"""What an event is: a frozen fact about one subject."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """A fact in the past tense about one subject (a TypeID)."""

    subject: str
