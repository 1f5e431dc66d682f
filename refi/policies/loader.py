"""Reads a policy file or refuses it with file, line and reason; one frozen `Policy` per market."""

from __future__ import annotations

import copy
import functools
import json
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import Any

from pydantic import ValidationError

from refi.policies.base import Misplaced, Name, Value
from refi.policies.changing import Changes
from refi.policies.deciding import Underwriting
from refi.policies.lending import Allocation, Card, Ending, Market, Penalty, Price, Product, TermPrice
from refi.policies.paying import Payments
from refi.policies.places import Path, line_of
from refi.policies.reminding import Ladder
from refi.policies.servicing import Collections, Contact, CrossSell, Delinquency, Messages

MOST_MENDINGS = 20
"""Sections hold sections: each round of reading finds what is missing one level further down."""


class PolicyError(Exception):
    """A policy file that cannot be used. The service does not start with it."""

    def __init__(self, name: str, line: int | None, reason: str) -> None:
        where = name if line is None else f"{name}:{line}"
        super().__init__(f"{where}: {reason}")
        self.name = name
        self.line = line
        self.reason = reason


class Policy(Value):
    """All rules and figures of one market at one version."""

    version: Name
    effective_on: date
    market: Market
    product: Product
    price: Price
    card: Card
    penalty: Penalty
    allocation: Allocation
    ending: Ending
    underwriting: Underwriting
    contact: Contact
    messages: Messages
    ladder: Ladder
    crosssell: CrossSell
    delinquency: Delinquency
    collections: Collections
    payments: Payments
    changes: Changes

    @property
    def conventions(self) -> dict[str, str]:
        """What a loan signed today is held to where systems differ, by name; its contract keeps it.

        The names are those of `refi.schedules.conventions`.
        """
        said, ending = self.allocation, self.ending
        return {
            "order": "_".join(said.order),
            "across": said.across,
            "ahead": said.ahead,
            "early_payoff": ending.early_payoff,
            "charge_off": ending.charge_off,
        }

    def of_before(self, kept: Any) -> Policy:
        """A policy that was kept as JSON, with what is required by now and was not known then as in this one.

        ``ValueError`` where that does not make a policy.
        """
        told, todays = copy.deepcopy(kept), self.model_dump(mode="json")
        for _ in range(MOST_MENDINGS):
            try:
                return Policy.model_validate_json(json.dumps(told))
            except ValidationError as error:
                wrong = [each for each in error.errors() if each["type"] in ("missing", "extra_forbidden")]
                if not wrong:
                    raise
                for each in wrong:
                    _mend(told, todays, each["loc"], missing=each["type"] == "missing")
        raise ValueError("policies have changed beyond reading")

    def _prices(self) -> Iterator[tuple[Path, str]]:
        """Gaps and caps of the price list, penalty and micro-loan included."""
        for number, band in enumerate(self.price.bands):
            for term in sorted(set(self.product.terms) - {price.term for price in band.rates}):
                reason = f"gap in price bands: band {band.name} has no price for {term} months"
                yield ("price", "bands", number), reason
        penalized = self.price.apr_range[1] * self.penalty.multiple
        if (1 + penalized / 12) ** 12 - 1 > self.price.all_in_cap:
            reason = "cap below price: penalty multiple times the highest rate passes all_in_cap"
            yield ("penalty", "multiple"), reason
        named = {band.name for band in self.price.bands}
        for number, limit in enumerate(self.underwriting.limits.bands):
            if limit.band not in named:
                yield ("underwriting", "limits", "bands", number), f"there is no price band {limit.band}"
        limited = {limit.band for limit in self.underwriting.limits.bands}
        for without in sorted(named - limited):
            yield (
                ("underwriting", "limits", "bands"),
                f"gap in limits: there is none for price band {without}",
            )
        micro = self.crosssell.micro_loan
        price = TermPrice(term=micro.term, annual_rate=micro.annual_rate, monthly_fee_rate=Decimal(0))
        if price.exceeds(self.price.all_in_cap):
            yield ("crosssell", "micro_loan", "annual_rate"), "cap below price: it costs more than all_in_cap"

    def contradictions(self) -> Iterator[tuple[Path, str]]:
        """What one section says that another one does not allow, each with its place in the file."""
        yield from self._prices()
        for said, names in (("sender", self.messages.sender), ("lender", self.messages.lender)):
            if unnamed := sorted(set(self.market.locales) - set(names)):
                yield ("messages", said), f"there is no name in {unnamed[0]}"
        buckets = {"current", *(band.name for band in self.delinquency.buckets)}
        for number, version in enumerate(self.ladder.versions):
            here: Path = ("ladder", "versions", number)
            for place, stage in enumerate(version.stages):
                window = self.contact.gate(stage.gate)
                if stage.enabled and not window.from_time <= version.send_at < window.until_time:
                    yield (*here, "stages", place), f"{stage.name}: {version.send_at} is a quiet hour"
            for place, rule in enumerate(version.rules):
                for name in sorted(set(rule.when.buckets) - buckets):
                    yield (*here, "rules", place, "when"), f"rule {rule.name}: there is no bucket {name}"


def _mend(told: Any, todays: Any, place: Path, *, missing: bool) -> None:
    """Put today's value at ``place``, or take away what is not known any more."""
    *way, last = place
    for part in way:
        told = told[part]
        todays = todays[part] if isinstance(part, str) else todays[min(part, len(todays) - 1)]
    if missing:
        told[last] = todays[last]
    else:
        del told[last]


def parse(text: str, name: str) -> Policy:
    """Make a policy of the text of a file; ``PolicyError`` names ``name``, the line and the reason."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise PolicyError(name, int(found[1]) if found else None, f"not TOML: {error}") from error
    return _validated(document, text, name)


def _validated(document: Any, text: str, name: str) -> Policy:
    try:
        policy = Policy.model_validate(_frozen(document))
    except ValidationError as error:
        raise _refusal(text, name, *_worst(error)) from error
    for path, reason in policy.contradictions():
        raise _refusal(text, name, path, reason)
    return policy


def _worst(error: ValidationError) -> tuple[Path, str]:
    """Place and reason of what is told of a file: a field that there is not, else the first thing found."""
    found = error.errors()
    for each in found:
        if each["type"] == "extra_forbidden":
            table = each["loc"][:-1]
            lacks = [
                str(one["loc"][-1]) for one in found if one["type"] == "missing" and one["loc"][:-1] == table
            ]
            return each["loc"], "unknown field" + (f" ({', '.join(lacks)} is missing)" if lacks else "")
    first = found[0]
    said = first.get("ctx", {}).get("error")
    place = said.place if isinstance(said, Misplaced) else ()
    return (*first["loc"], *place), first["msg"].removeprefix("Value error, ")


def _refusal(text: str, name: str, path: Path, reason: str) -> PolicyError:
    dotted = ".".join(str(part) for part in path) or "policy"
    return PolicyError(name, line_of(text, path), f"{dotted}: {reason}")


def refusal(market: str, path: Path, reason: str) -> PolicyError:
    """The refusal of a shipped policy for what only its user can know, e.g. that a template has no words."""
    return _refusal(_shipped(market), f"{market}.toml", path, reason)


@functools.cache
def load(market: str) -> Policy:
    """The shipped policy of a market (``cn``, ``us``), validated; the same object each time."""
    name = f"{market}.toml"
    policy = parse(_shipped(market), name)
    if policy.market.name != market:
        raise PolicyError(name, None, f"market.name is {policy.market.name!r}")
    return policy


def _shipped(market: str) -> str:
    name = f"{market}.toml"
    file = resources.files("refi.policies").joinpath(name)
    if not re.fullmatch(r"[a-z]{2}", market) or not file.is_file():
        raise PolicyError(name, None, f"there is no policy for market {market!r}")
    return file.read_text(encoding="utf-8")


@functools.cache
def challenger(market: str, name: str) -> Policy:
    """The policy of a market as the overlay ``strategies/NAME.toml`` changes it, made once."""
    file = resources.files("refi.policies").joinpath("strategies", f"{name}.toml")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name) or not file.is_file():
        raise PolicyError(f"{name}.toml", None, f"there is no strategy {name!r}")
    return overlaid(_shipped(market), file.read_text(encoding="utf-8"), f"{name}.toml")


def overlaid_on(market: str, text: str, name: str) -> Policy:
    """The shipped policy of ``market`` with what an overlay says differently."""
    return overlaid(_shipped(market), text, name)


def overlaid(base: str, text: str, name: str) -> Policy:
    """The policy of the file ``base`` with what the overlay ``text`` says differently.

    The overlay must have a version and a date of its own; tables are merged, lists are replaced.
    """
    try:
        document, changes = (tomllib.loads(each, parse_float=Decimal) for each in (base, text))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise PolicyError(name, int(found[1]) if found else None, f"not TOML: {error}") from error
    for needed in ("version", "effective_on"):
        if needed not in changes:
            raise PolicyError(name, None, f"a strategy needs a {needed} of its own")
    if changes["version"] == document["version"]:
        raise PolicyError(name, line_of(text, ("version",)), "the version is the champion's")
    document.setdefault("underwriting", {}).pop("challengers", None)
    return _validated(_merged(document, changes), text, name)


def _merged(base: Any, changes: Any) -> Any:
    if isinstance(base, dict) and isinstance(changes, dict):
        return {**base, **{key: _merged(base.get(key), value) for key, value in changes.items()}}
    return changes


def _frozen(value: Any) -> Any:
    """Lists become tuples, so that the values made of them cannot change."""
    if isinstance(value, list):
        return tuple(_frozen(each) for each in value)
    if isinstance(value, dict):
        return {key: _frozen(each) for key, each in value.items()}
    return value
