"""Field types of request and answer bodies: strict, bounded, and storable.

A request model refuses unknown fields and coerces nothing: ``12.0``, ``"12"``, ``true``, ``１２`` and NaN are
not amounts. Text that PostgreSQL cannot hold (NUL, lone surrogates) is refused here, at the edge.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from refi import ids
from refi.errors import NotFound
from refi.money import MAX_AMOUNT, rate_text

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RATE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,10})?")


def storable(text: str) -> str:
    """``text`` if the database can hold it (``ValueError`` otherwise)."""
    if "\x00" in text:
        raise ValueError("must not contain NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    return text


def _ascii_date(value: object) -> object:
    if isinstance(value, str):
        if not _DATE.fullmatch(value):
            raise ValueError("must be a date, YYYY-MM-DD")
        parsed = date.fromisoformat(value)
        if not 1900 <= parsed.year <= 2200:
            raise ValueError("must be between 1900 and 2200")
        return parsed
    return value


def _ascii_rate(value: object) -> object:
    if isinstance(value, str):
        if not _RATE.fullmatch(value):
            raise ValueError("must be a decimal string such as 0.120000")
        return Decimal(value)
    if isinstance(value, Decimal):
        return value
    raise ValueError("must be a decimal string such as 0.120000")


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Amount = Annotated[
    int,
    Field(strict=True, ge=1, le=MAX_AMOUNT, description="minor units, above zero", examples=[1_200_000]),
]
Currency = Annotated[str, Field(strict=True, pattern=r"^[A-Z]{3}$", description="ISO 4217", examples=["CNY"])]
AmountOrZero = Annotated[
    int, Field(strict=True, ge=0, le=MAX_AMOUNT, description="minor units", examples=[120_000])
]
BusinessDate = Annotated[
    date,
    BeforeValidator(_ascii_date),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-11-22"]}),
]
Rate = Annotated[
    Decimal,
    BeforeValidator(_ascii_rate),
    Field(ge=0, le=10),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9](\.[0-9]{1,10})?$", "examples": ["0.182500"]}),
]
RateOut = Annotated[
    Decimal,
    PlainSerializer(rate_text, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["0.120000"]}),
]
Instant = Annotated[
    datetime,
    PlainSerializer(_instant, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Text = Annotated[
    str,
    Field(strict=True, min_length=1, max_length=200, description="a line of text"),
    AfterValidator(storable),
]
LongText = Annotated[
    str, Field(strict=True, min_length=1, max_length=4000, description="free text"), AfterValidator(storable)
]


class Body(BaseModel):
    """A request body: strict, and no field that the contract does not name."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Out(BaseModel):
    """An answer body, built from plain attributes."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """A list answer: the items, and whether there are more after the last of them."""

    data: list[Item]
    has_more: bool


def known_id(text: str, prefix: str) -> str:
    """``text`` when it can be an id of this kind; otherwise there is no such thing (404)."""
    if not ids.is_id(text, prefix):
        raise NotFound(f"no such {ids.PREFIXES[prefix]}")
    return text
