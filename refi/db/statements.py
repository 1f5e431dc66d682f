"""Several writes as one statement: one round trip, parsed and planned once for each combination of shapes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import asyncpg

_PLACE = re.compile(r"\$(\d+)")


class Statement(NamedTuple):
    """An INSERT, UPDATE or DELETE with its arguments for $1, $2, …"""

    text: str
    given: Sequence[Any]


def insertion(table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> list[Statement]:
    """The statement that inserts a few rows (PostgreSQL takes 32,767 values), if there are any."""
    if not rows:
        return []
    return [Statement(_inserting(table, columns, len(rows)), [value for row in rows for value in row])]


@lru_cache(maxsize=1024)
def _inserting(table: str, columns: tuple[str, ...], count: int) -> str:
    width = len(columns)
    rows = (", ".join(f"${k * width + n + 1}" for n in range(width)) for k in range(count))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({'), ('.join(rows)})"  # noqa: S608 - our names


async def run_together(connection: asyncpg.Connection, statements: Sequence[Statement]) -> None:
    """Run writes that do not need each other: all see the rows as they were, none may write another's."""
    if not statements:
        return
    shapes = tuple((each.text, len(each.given)) for each in statements)
    await connection.execute(_joined(shapes), *(value for each in statements for value in each.given))


@lru_cache(maxsize=1024)
def _joined(shapes: tuple[tuple[str, int], ...]) -> str:
    texts, before = [], 0
    for text, count in shapes:
        texts.append(_PLACE.sub(lambda place, before=before: f"${int(place[1]) + before}", text))  # type: ignore[misc]
        before += count
    first = ", ".join(f"w{n} AS ({text})" for n, text in enumerate(texts[:-1]))
    return f"WITH {first} {texts[-1]}" if first else texts[-1]
