"""The scorecards that come with the service, read from their files once."""

from __future__ import annotations

import functools
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from refi import policies
from refi.errors import Refused
from refi.policies import Policy
from refi.underwriting import scorecard
from refi.underwriting.scorecard import Scorecard, ScorecardRefused
from refi.underwriting.strategy import Arms, Strategy

SHIPPED = Path(__file__).with_name("scorecards")
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,40}")


class ScorecardFileRefused(Refused):
    """The file holds no scorecard that can be used, or there is no such file."""


def card_in(path: Path) -> Scorecard:
    """The card in the JSON file at ``path``; `ScorecardFileRefused` says what is wrong with it."""
    try:
        return scorecard.parse(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ScorecardFileRefused(f"{path} cannot be read: {error.strerror or error}") from None
    except (ScorecardRefused, ValueError, RecursionError) as error:
        raise ScorecardFileRefused(f"{path.name}: {error}") from None


@functools.cache
def shipped(name: str) -> Scorecard:
    """The shipped card of that name; the same object each time."""
    if not NAME.fullmatch(name):
        raise ScorecardFileRefused(f"{name!r} is not the name of a scorecard")
    card = card_in(SHIPPED / f"{name}.json")
    if card.version != name:
        raise ScorecardFileRefused(f"{name}.json is version {card.version!r}")
    return card


_MADE: dict[int, Strategy] = {}


def strategy_of(policy: Policy) -> Strategy:
    """The strategy of a policy: with the shipped scorecard that it names; the same object for the same
    one."""
    made = _MADE.get(id(policy))
    if made is None or made.policy is not policy:
        named = policy.underwriting.score.card
        made = _MADE[id(policy)] = Strategy(policy, None if named is None else shipped(named))
    return made


def arms_of(policy: Policy) -> Arms:
    """A policy's strategy with the challengers and shadows that it names."""
    found: dict[str, list[tuple[str, Decimal, Strategy]]] = {"challenger": [], "shadow": []}
    for each in policy.underwriting.challengers:
        other = strategy_of(policies.challenger(policy.market.name, each.name))
        found[each.mode].append((each.name, each.share, other))
    return Arms(strategy_of(policy), found["challenger"], found["shadow"])


def text_of(card: Scorecard) -> str:
    """The card as a file: JSON to be read by people, a bin on each line."""
    return _lines(scorecard.to_json(card)) + "\n"


def _lines(value: Any, depth: int = 0) -> str:
    """JSON in which what holds no other object is on one line."""
    inner = "  " * (depth + 1)
    items = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(value, (dict, list)) or not any(isinstance(one, (dict, list)) for one in items):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        body = [inner + _lines(one, depth + 1) for one in value]
        return "[\n" + ",\n".join(body) + "\n" + "  " * depth + "]"
    body = [f"{inner}{json.dumps(key)}: {_lines(one, depth + 1)}" for key, one in value.items()]
    return "{\n" + ",\n".join(body) + "\n" + "  " * depth + "}"
