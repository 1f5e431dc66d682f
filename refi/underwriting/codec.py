"""Frozen dataclasses to plain JSON values and back, without loss: how decisions and offers are kept.

Whole numbers, truth values, texts and None stand for themselves; dates, instants and decimals become texts;
tuples become lists; a dataclass becomes an object of its fields. Reading needs the type and refuses
(``ValueError``) what does not fit it, so that a damaged record is never half understood.
"""

from __future__ import annotations

import functools
import json
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

Json = dict[str, "Json"] | list["Json"] | str | int | bool | None


def to_json(value: object) -> Json:
    """``value`` as plain JSON; ``TypeError`` for a float or any other type that would lose something."""
    if value is None or isinstance(value, (bool, StrEnum)):
        return value if not isinstance(value, StrEnum) else value.value
    if isinstance(value, (int, str)):
        return value
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, (tuple, list)):
        return [to_json(each) for each in value]
    if isinstance(value, dict):
        return {str(key): to_json(each) for key, each in value.items()}
    if is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"cannot be recorded: {type(value).__name__}")


def text(value: Json) -> str:
    """Plain JSON as a text."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def parsed(written: str) -> Json:
    """The plain JSON of a text; ``ValueError`` when it is none."""
    value: Json = json.loads(written)
    return value


def from_json(kind: Any, data: Json) -> Any:
    """The value of type ``kind`` that `to_json` wrote as ``data``; ``ValueError`` when it does not fit."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _of_union(arguments, data)
    if origin is tuple:
        if not isinstance(data, list):
            raise ValueError(f"not a list: {data!r}")
        return tuple(from_json(arguments[0], each) for each in data)
    if origin is dict:
        if not isinstance(data, dict):
            raise ValueError(f"not an object: {data!r}")
        return {key: from_json(arguments[1], each) for key, each in data.items()}
    if origin is typing.Literal:
        return _one_of(arguments, data)
    target = origin or kind
    if is_dataclass(target):
        return _of_dataclass(typing.cast("type", target), arguments, data)
    return _of_plain(kind, data)


def _of_union(choices: tuple[Any, ...], data: Json) -> Any:
    """``X | None``, or `Json` itself: a value that was plain JSON before it was written."""
    rest = [choice for choice in choices if choice is not types.NoneType]
    if data is None and len(rest) < len(choices):
        return None
    return from_json(rest[0], data) if len(rest) == 1 else data


def _one_of(choices: tuple[Any, ...], data: Json) -> Any:
    if data not in choices:
        raise ValueError(f"unexpected value: {data!r}")
    return data


def _of_plain(kind: Any, data: Json) -> Any:
    if kind is types.NoneType and data is None:
        return None
    if kind in (int, bool, str) and type(data) is kind:
        return data
    if isinstance(data, str) and isinstance(kind, type):
        if issubclass(kind, StrEnum):
            return kind(data)
        if kind is Decimal and data.replace("-", "", 1).replace(".", "", 1).isdigit() and data.isascii():
            return Decimal(data)
        if kind in (date, datetime):
            return kind.fromisoformat(data)
    raise ValueError(f"not {getattr(kind, '__name__', kind)}: {data!r}")


def _of_dataclass(kind: type, arguments: tuple[Any, ...], data: Json) -> Any:
    hints = _hints(kind)
    if not isinstance(data, dict) or not set(hints) - _optional(kind) <= set(data) <= set(hints):
        raise ValueError(f"not a {kind.__name__}: {data!r}")
    bound = dict(zip(getattr(kind, "__parameters__", ()), arguments, strict=False))
    return kind(
        **{name: from_json(_bind(hint, bound), data[name]) for name, hint in hints.items() if name in data}
    )


@functools.cache
def _optional(kind: type) -> frozenset[str]:
    """Fields that a record written before they existed does not have."""
    return frozenset(
        field.name
        for field in fields(kind)
        if field.default is not MISSING or field.default_factory is not MISSING
    )


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _bind(hint: Any, bound: dict[Any, Any]) -> Any:
    """``hint`` with type variables replaced: ``T | None`` of ``Fact[int]`` is ``int | None``."""
    if hint in bound:
        return bound[hint]
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return typing.Union[tuple(_bind(each, bound) for each in typing.get_args(hint))]  # noqa: UP007
    return hint
