"""Strict reading of JSON that another company sent: the right fields in the right shapes, or `Garbled`.

A provider's answer decides whether money moved, so nothing is coerced and nothing is guessed: no floats,
no NaN, no booleans for integers, no repeated keys, no text that a database could not store. Unknown extra
fields are allowed, because providers add them.
"""

from __future__ import annotations

import json
import re
from datetime import date
from typing import NoReturn

from refi.money import MAX_AMOUNT

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Garbled(ValueError):
    """What arrived is not what the contract promises. Names the field at fault, never its value."""


class Fields:
    """One JSON object, read field by field. Every reader raises `Garbled` where the field does not fit."""

    def __init__(self, values: dict[str, object]) -> None:
        self._values = values

    def text(self, name: str, limit: int = 200) -> str:
        """A non-empty string of at most ``limit`` characters, without control characters."""
        value = self._values.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= limit or _UNSTORABLE.search(value):
            raise Garbled(f"{name} is not a plain text of 1 to {limit} characters")
        return value

    def maybe_text(self, name: str, limit: int = 200) -> str | None:
        """Like `text`, or None where the field is null or absent."""
        return None if self._values.get(name) is None else self.text(name, limit)

    def whole(self, name: str, least: int = 0, most: int = MAX_AMOUNT) -> int:
        """An integer from ``least`` to ``most``."""
        value = self._values.get(name)
        if type(value) is not int or not least <= value <= most:
            raise Garbled(f"{name} is not a whole number from {least} to {most}")
        return value

    def amount(self, name: str = "amount") -> int:
        """A positive amount in minor units."""
        return self.whole(name, least=1)

    def currency(self, name: str = "currency") -> str:
        """A three-letter ISO 4217 code."""
        value = self.text(name)
        if not _CURRENCY.fullmatch(value):
            raise Garbled(f"{name} is not a currency code")
        return value

    def flag(self, name: str) -> bool:
        """A JSON true or false."""
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise Garbled(f"{name} is not true or false")
        return value

    def day(self, name: str) -> date:
        """A calendar date written ``YYYY-MM-DD``."""
        value = self.text(name)
        if not _DATE.fullmatch(value):
            raise Garbled(f"{name} is not a date")
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise Garbled(f"{name} is not a date") from error

    def maybe_day(self, name: str) -> date | None:
        """Like `day`, or None where the field is null or absent."""
        return None if self._values.get(name) is None else self.day(name)

    def list(self, name: str, most: int = 1000) -> list[Fields]:
        """A list of at most ``most`` JSON objects."""
        value = self._values.get(name)
        if not isinstance(value, list) or len(value) > most:
            raise Garbled(f"{name} is not a list of at most {most}")
        return [_object(item) for item in value]


def read_object(raw: bytes) -> Fields:
    """Parse ``raw`` as one UTF-8 JSON object; raises `Garbled`."""
    try:
        value = json.loads(raw.decode(), parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except (ValueError, RecursionError) as error:
        raise Garbled("not one JSON object") from error
    return _object(value)


def _object(value: object) -> Fields:
    if not isinstance(value, dict):
        raise Garbled("not a JSON object")
    return Fields(value)


def _no_constant(name: str) -> NoReturn:
    raise Garbled(f"{name} is not JSON")


def _no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise Garbled("a key is repeated")
    return values
