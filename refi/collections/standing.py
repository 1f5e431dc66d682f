"""What stops contact about each of several loans, and which of them may still be spoken of. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

Stops = Mapping[str, date | None]
"""What stands still, by name, with its last day; None for no end in sight."""


def spoken_of(by_loan: Mapping[str, Stops]) -> tuple[list[str], dict[str, date | None]]:
    """The loans that a message may be about, and what stops it.

    Loans that something stops are left out of a message that has others to tell of; when all are stopped, all
    stay, with everything that stops any of them.
    """
    free = [loan_id for loan_id, stops in by_loan.items() if not stops]
    if free or not by_loan:
        return free, {}
    together: dict[str, date | None] = {}
    for stops in by_loan.values():
        for name, last in stops.items():
            known = together.get(name, last)
            together[name] = None if known is None or last is None else max(known, last)
    return list(by_loan), together
