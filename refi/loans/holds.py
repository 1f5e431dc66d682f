"""Holds: what stops contact about a loan, or about all loans of a borrower, and until when. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from enum import StrEnum
from typing import Protocol

from refi.errors import Conflict, Refused


class HoldKind(StrEnum):
    """Why contact stands still; the names are those of the policy's ``stopped_by``."""

    DISPUTE = "dispute"
    HARDSHIP = "hardship"
    DECEASED = "deceased"
    LEGAL = "legal"
    COMPLAINT = "complaint"
    ASKED_TO_STOP = "asked_to_stop"


OF_ONE_LOAN = frozenset({HoldKind.DISPUTE})
"""A dispute is about one debt; everything else is about the person, whatever loan it was said of."""


class HoldOver(Conflict):
    """The hold was lifted before."""


class HoldDateRefused(Refused):
    """A hold ends today or later."""


class Standing(Protocol):
    """The columns of a hold that say whether it stands."""

    @property
    def kind(self) -> HoldKind:
        """Why contact stands still."""

    @property
    def loan_id(self) -> str | None:
        """The loan it is about; none for all."""

    @property
    def from_on(self) -> date:
        """Its first day."""

    @property
    def until_on(self) -> date | None:
        """Its last day; none without an end."""

    @property
    def lifted_on(self) -> date | None:
        """The day on which it was ended."""


def stands(hold: Standing, on: date) -> bool:
    """Whether it stops contact on ``on``: its last day counts, the day on which it is lifted does not."""
    ended = hold.lifted_on is not None or (hold.until_on is not None and hold.until_on < on)
    return hold.from_on <= on and not ended


def stops(
    holds: Iterable[Standing], on: date, loan_ids: Collection[str] | None = None
) -> dict[str, date | None]:
    """What stands still on ``on``, by name, with its last day (None: until it is lifted).

    With ``loan_ids``, holds of other loans are left out; without, all of the borrower's count.
    """
    found: dict[str, date | None] = {}
    for hold in holds:
        concerned = loan_ids is None or hold.loan_id is None or hold.loan_id in loan_ids
        if not concerned or not stands(hold, on):
            continue
        name, last = hold.kind.value, hold.until_on
        known = found.get(name, last)
        found[name] = None if known is None or last is None else max(known, last)
    return found


def alone_until(on: date, days_alone: int, wanted: date | None) -> date:
    """The last day to which one person may hold without a second: ``wanted`` if it is not later."""
    limit = on + timedelta(days=days_alone)
    return limit if wanted is None else min(wanted, limit)
