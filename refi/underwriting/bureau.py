"""What a credit bureau and an identity check can tell, as values, and the protocols that an adapter fulfills.

A query is made only under a recorded consent and is itself recorded; that is the caller's part. An adapter
answers a `Report` or the honest `NoFile` (an identity check: an `Identity`), or raises
`refi.errors.Unavailable`; it never makes up a good answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from refi.errors import Unavailable


class BureauUnavailable(Unavailable):
    """No trustworthy answer came; ``facts`` say why. A person looks."""


@dataclass(frozen=True, slots=True)
class Query:
    """Whom to ask about, and the consent that allows it. ``reference`` is our id: the bureau counts it
    once."""

    reference: str
    national_id: str
    name: str
    consent: str
    on: date


@dataclass(frozen=True, slots=True)
class Report:
    """A bureau's answer. Amounts in minor units; None where the bureau does not say."""

    as_of: date
    open_delinquencies: int
    collections_or_judgments: int
    inquiries_six_months: int
    oldest_account_months: int | None
    monthly_obligations: int | None
    verified_monthly_income: int | None = None
    """As an employer, a tax office or a social insurance told the bureau."""


@dataclass(frozen=True, slots=True)
class NoFile:
    """The bureau knows nobody of that name and id."""

    as_of: date


@dataclass(frozen=True, slots=True)
class Identity:
    """Whether name and national id belong together."""

    as_of: date
    matches: bool


class Bureau(Protocol):
    """A credit bureau, and the register that knows who is who."""

    async def report(self, query: Query) -> Report | NoFile:
        """Ask once; ``Unavailable`` when no trustworthy answer came (error, timeout, another person's)."""

    async def identity(self, query: Query) -> Identity:
        """Ask once whether name and id belong together; ``Unavailable`` likewise."""
