"""What a credit bureau can tell, as values, and the protocol that an adapter fulfills.

A query is made only under a recorded consent and is itself recorded; that is the caller's part. An adapter
answers a `Report`, the honest `NoFile`, or raises `refi.errors.Unavailable`; it never makes up a good answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Query:
    """Whom to ask about, and the consent that allows it. ``reference`` is our id: the bureau sees it once."""

    reference: str
    national_id: str
    name: str
    consent: str


@dataclass(frozen=True, slots=True)
class Report:
    """A bureau's answer. Amounts in minor units; None where the bureau does not say."""

    as_of: date
    open_delinquencies: int
    collections_or_judgments: int
    inquiries_six_months: int
    oldest_account_months: int | None
    monthly_obligations: int | None


@dataclass(frozen=True, slots=True)
class NoFile:
    """The bureau knows nobody of that name and id."""

    as_of: date


class Bureau(Protocol):
    """A credit bureau."""

    async def report(self, query: Query) -> Report | NoFile:
        """Ask once; ``Unavailable`` when no trustworthy answer came (error, timeout, another person's)."""
