"""A strategy: policy, scorecard, prices and limits under one version, and who is decided by which. Pure.

Its fingerprint covers everything that decides, so that a decision made again years later is made by the very
same rules even if somebody changed a file without changing its version.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from refi import experiments
from refi.policies import Policy
from refi.underwriting import scorecard
from refi.underwriting.scorecard import Scorecard

CHAMPION = "champion"
SHARES = 10_000


class StrategyUnreadable(ValueError):
    """A stored strategy that cannot be read back."""


@dataclass(frozen=True)
class Strategy:
    """What decides: the rules, prices and limits of a policy, and the scorecard that it names."""

    policy: Policy
    card: Scorecard | None = None
    kept_as: str | None = None
    """The fingerprint that it was kept under, where it was read back."""

    @property
    def version(self) -> str:
        """The version that decisions name."""
        return self.policy.version

    @functools.cached_property
    def body(self) -> dict[str, Any]:
        """Everything that decides, as plain JSON."""
        return {
            "policy": self.policy.model_dump(mode="json"),
            "scorecard": None if self.card is None else scorecard.to_json(self.card),
        }

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of `body` in canonical JSON, as it was when it was kept."""
        if self.kept_as is not None:
            return self.kept_as
        return _digest(self.body)


def _digest(body: Any) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def read(body: dict[str, Any], kept_as: str, today: Policy) -> Strategy:
    """The strategy of a stored `Strategy.body`; `StrategyUnreadable` for one that is not what was kept.

    What every policy must say by now and did not say when it was kept is as in the policy of ``today``, what
    none says any more is left out: a decision is made again years later by everything that decided then.
    """
    if _digest(body) != kept_as:
        raise StrategyUnreadable(f"not the strategy that was kept as {kept_as}")
    try:
        policy = today.of_before(body["policy"])
        card = body["scorecard"]
        return Strategy(policy, None if card is None else scorecard.parse(card), kept_as)
    except (KeyError, TypeError, ValueError) as error:
        raise StrategyUnreadable(f"not a strategy: {error}") from error


@dataclass(frozen=True, slots=True)
class Arms:
    """A champion with its challengers and shadows, each a name, a share of borrowers and a strategy."""

    champion: Strategy
    challengers: Sequence[tuple[str, Decimal, Strategy]] = ()
    shadows: Sequence[tuple[str, Decimal, Strategy]] = ()

    def assigned(self, borrower_id: str, on: date) -> tuple[str, Strategy]:
        """Which arm decides for a borrower on that day: always the same while the arms are the same.

        A challenger that is not in force yet leaves its share to the champion.
        """
        place, upto = experiments.bucket(f"strategy:{self.champion.version}", borrower_id, SHARES), 0
        for name, share, strategy in self.challengers:
            upto += int(share * SHARES)
            if place < upto:
                return (name, strategy) if strategy.policy.effective_on <= on else (CHAMPION, self.champion)
        return CHAMPION, self.champion

    def watching(self, borrower_id: str) -> list[tuple[str, Strategy]]:
        """The shadows that decide beside, for this borrower; they may be of a day still to come."""
        return [
            (name, strategy)
            for name, share, strategy in self.shadows
            if experiments.bucket(f"shadow:{name}", borrower_id, SHARES) < int(share * SHARES)
        ]
