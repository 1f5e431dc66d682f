"""Card holders as the UCI data set "default of credit card clients" writes them (CSV). Pure.

Columns: ``LIMIT_BAL``; ``PAY_0, PAY_2 … PAY_6`` (months late, −2 no use, −1 paid in full, 0 revolved
on time), ``BILL_AMT1 … 6`` and ``PAY_AMT1 … 6``, newest first; ``PAY_AMTk`` pays the bill of month k+1.
``default.payment.next.month`` may be absent, ``ID`` too (rows are numbered then), and ``AGE`` unless people
are made up of the rows. Sex, education and marriage are not read. `headers` knows other spellings. A number
may be written ``20000`` or ``20000.0``; whatever else is refused by name, with its line and column.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from refi.errors import Refused
from refi.money import MAX_AMOUNT
from refi.seeding import headers
from refi.seeding.headers import AGE, BILLS, DEFAULTED, ID, LIMIT, NEEDED, PAYMENTS, STATUSES

MINOR_UNITS = 100
STATUS_RANGE = (-2, 9)
AGE_RANGE = (18, 120)
NUMBER = re.compile(r"[+-]?[0-9]{1,16}(\.[0-9]{1,9})?")


class CardsFileRefused(Refused):
    """The file is not card holders' rows as documented. ``facts`` name the line and the column."""


class CardsFileEmpty(CardsFileRefused):
    """There is nothing in the file, or nothing under its header."""


class HeaderRefused(CardsFileRefused):
    """The first line is no header, or names a column twice."""


class ColumnMissing(CardsFileRefused):
    """The header lacks a column."""


class RowRefused(CardsFileRefused):
    """A line has more or fewer cells than the header, or cannot be read as CSV."""


class NotANumber(CardsFileRefused):
    """A cell is empty, NaN, infinite, or not a plain decimal number."""


class FigureRefused(CardsFileRefused):
    """A cell is a number that cannot be: a negative payment, a fraction of a cent, an age below 18."""


class ClientTwice(CardsFileRefused):
    """Two lines have the same ID."""


@dataclass(frozen=True, slots=True)
class Client:
    """One card holder; amounts in minor units (the data set's unit times 100), months newest first."""

    id: int
    limit: int
    age: int | None
    statuses: tuple[int, ...]
    bills: tuple[int, ...]
    payments: tuple[int, ...]
    defaulted: bool | None = None


def age_of(client: Client) -> int:
    """The age, for who makes a person of the row; `ColumnMissing` when the file has none."""
    if client.age is None:
        raise ColumnMissing(f"the header lacks {AGE}", line=1, columns=[AGE])
    return client.age


def read(lines: Iterable[str]) -> Iterator[Client]:
    """Card holders from the lines of the file, one at a time (only the IDs seen are kept).

    A byte order mark is skipped, blank lines and a line above the header are passed over. Raises a
    `CardsFileRefused`.
    """
    rows = _cells(lines)
    line, cells = next(rows, (0, []))
    following = next(rows, None) if cells else None
    if following is not None and headers.is_above_the_header(cells, following[1]):
        (line, cells), following = following, next(rows, None)
    header = _header(line, cells) if cells else []
    seen: set[int] = set()
    for line, cells in itertools.chain([] if following is None else [following], rows):
        if len(cells) != len(header):
            raise RowRefused(f"line {line}: {len(cells)} cells where the header has {len(header)}", line=line)
        client = _client(_Row(line, dict(zip(header, cells, strict=True))), len(seen) + 1)
        if client.id in seen:
            raise ClientTwice(f"line {line}: ID {client.id} was there before", line=line, column="ID")
        seen.add(client.id)
        yield client
    if not seen:
        raise CardsFileEmpty("there is no card holder in the file", line=line)


def _cells(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Numbered rows without the blank ones; what the CSV reader refuses becomes `RowRefused`."""
    left = iter(lines)
    first = next(left, "").removeprefix("\ufeff")
    table = csv.reader(itertools.chain([first], left), strict=True, delimiter=headers.separator_of(first))
    while True:
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            line = table.line_num
            raise RowRefused(f"line {line}: not readable as CSV: {error}", line=line) from None
        if any(cell.strip() for cell in cells):
            yield table.line_num, cells


def _header(line: int, cells: list[str]) -> list[str]:
    names = headers.names_of(cells)
    if not set(names) & {ID, *NEEDED}:
        raise HeaderRefused(f"line {line} is not the header: it names none of the columns", line=line)
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise HeaderRefused(f"the header names a column twice: {', '.join(twice)}", line=line, columns=twice)
    if missing := [name for name in NEEDED if name not in names]:
        raise ColumnMissing(f"the header lacks {', '.join(missing)}", line=line, columns=missing)
    return names


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: Mapping[str, str]

    def number(self, column: str) -> Decimal:
        text = self.cells[column].strip()
        if not NUMBER.fullmatch(text):
            shown = repr(text[:40]) if text else "nothing"
            raise NotANumber(
                f"line {self.line}: {column} is {shown}, not a number", line=self.line, column=column
            )
        return Decimal(text)

    def whole(self, column: str, least: int, most: int) -> int:
        value = self.number(column)
        if value != int(value) or not least <= value <= most:
            self.refuse(column, value, f"not a whole number from {least} to {most}")
        return int(value)

    def amount(self, column: str, *, least: int) -> int:
        """The figure in minor units, at least ``least``."""
        value = self.number(column) * MINOR_UNITS
        if value != int(value):
            self.refuse(column, value / MINOR_UNITS, "finer than the minor unit")
        if not least <= value <= MAX_AMOUNT:
            self.refuse(column, value / MINOR_UNITS, "negative" if value < 0 else "too large")
        return int(value)

    def refuse(self, column: str, value: Decimal, why: str) -> None:
        raise FigureRefused(f"line {self.line}: {column} is {value:f}: {why}", line=self.line, column=column)


def _client(row: _Row, number: int) -> Client:
    return Client(
        id=row.whole(ID, 0, 10**9) if ID in row.cells else number,
        limit=row.amount(LIMIT, least=0),
        age=row.whole(AGE, *AGE_RANGE) if AGE in row.cells else None,
        statuses=tuple(row.whole(name, *STATUS_RANGE) for name in STATUSES),
        bills=tuple(row.amount(name, least=-MAX_AMOUNT) for name in BILLS),
        payments=tuple(row.amount(name, least=0) for name in PAYMENTS),
        defaulted=bool(row.whole(DEFAULTED, 0, 1)) if DEFAULTED in row.cells else None,
    )
