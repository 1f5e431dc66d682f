"""Plain JSON values read into dates, rates and names, with a pointer to everything that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from refi.errors import Fault
from refi.schedules.dates import FIRST_YEAR, LAST_YEAR, written
from refi.schedules.periods import Period, UnknownPeriod, named

Name = TypeVar("Name", bound=StrEnum)
MISSING = object()
"""The default of a field that must be given."""
LONGEST = 64


class Wrong(Exception):
    """A value that is not what its field holds; the code of the fault."""


class Field(NamedTuple):
    """A field of an object: its name, how it is read, and what it is when it is not given."""

    name: str
    read: Callable[[Any], Any]
    default: Any = MISSING


class Reader:
    """A JSON object that is read field by field; faults of all objects of a case go to one list."""

    def __init__(self, value: Mapping[str, Any], faults: list[Fault], at: str = "") -> None:
        self.value = value
        self.faults = faults
        self.at = at

    def read(self, fields: Collection[Field]) -> dict[str, Any]:
        """The values of the fields by name; those at fault have their default."""
        found = {}
        for field in fields:
            given = self.value.get(field.name)
            if given is None:
                if field.default is MISSING:
                    self.wrong(field.name, "missing")
                found[field.name] = field.default
                continue
            try:
                found[field.name] = field.read(given)
            except Wrong as wrong:
                self.wrong(field.name, str(wrong))
                found[field.name] = field.default
        return found

    def only(self, names: Collection[str]) -> None:
        """Everything else is a fault."""
        for name in sorted(set(self.value) - set(names)):
            self.wrong(name, "unknown")

    def wrong(self, name: str, code: str) -> None:
        """Note a fault of one field."""
        self.faults.append(Fault(f"{self.at}/{name}", code))

    def items(self, name: str, most: int) -> Iterator[Reader]:
        """A list of objects, each with its own reader; none if it is not given."""
        given = self.value.get(name)
        if given is None:
            return
        if not isinstance(given, list) or len(given) > most:
            self.wrong(name, "too_many" if isinstance(given, list) else "not_a_list")
            return
        for k, item in enumerate(given):
            if isinstance(item, dict):
                yield Reader(item, self.faults, f"{self.at}/{name}/{k}")
            else:
                self.wrong(f"{name}/{k}", "not_an_object")


def a_date(value: Any) -> date:
    """``YYYY-MM-DD``, of the years that schedules are made for."""
    try:
        if isinstance(value, str):
            found = written(value)
            if FIRST_YEAR <= found.year <= LAST_YEAR:
                return found
            raise Wrong("out_of_range")
    except ValueError:
        pass
    raise Wrong("not_a_date")


def a_rate(value: Any) -> Decimal:
    """Decimal text; also a whole number, never a float."""
    try:
        if isinstance(value, str) and len(value) <= LONGEST and value.isascii() and "_" not in value:
            found = Decimal(value)
            if found.is_finite():
                return found
        if type(value) is int:
            return Decimal(value)
    except InvalidOperation:
        pass
    raise Wrong("not_a_decimal")


def a_whole_number(value: Any) -> int:
    """A JSON integer; whether it fits is for its user to say."""
    if type(value) is not int:
        raise Wrong("not_an_integer")
    return value


def a_period(value: Any) -> Period:
    """The name of a period (`refi.schedules.periods.named`)."""
    try:
        if isinstance(value, str):
            return named(value)
    except UnknownPeriod:
        pass
    raise Wrong("unknown")


def a_truth(value: Any) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise Wrong("not_a_boolean")
    return value


def some_text(value: Any) -> str:
    """Text of 1 to 64 characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST:
        raise Wrong("not_text")
    return value


def an_object(value: Any) -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise Wrong("not_an_object")
    return value


def one_of(kind: type[Name]) -> Callable[[Any], Name]:
    """A name of that kind."""

    def read(value: Any) -> Name:
        if not isinstance(value, str) or value not in tuple(kind):
            raise Wrong("unknown")
        return kind(value)

    return read


def dates(value: Any) -> tuple[date, ...]:
    """A list of dates."""
    if not isinstance(value, list):
        raise Wrong("not_a_list")
    return tuple(a_date(each) for each in value)
