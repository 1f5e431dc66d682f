"""Where something stands in the text of a policy file. Pure."""

from __future__ import annotations

import re

Path = tuple[int | str, ...]
"""Where something stands in a policy: names of tables and keys, and positions in lists."""

_HEADER = re.compile(r"^\s*(\[\[?)\s*([\w.\-]+)\s*\]\]?")
_KEY = re.compile(r"^\s*([\w\-]+)\s*=")


def line_of(text: str, path: Path) -> int | None:
    """The line where ``path`` stands, or the nearest table around it; None when nothing of it is written."""
    names = [part for part in path if isinstance(part, str)]
    wanted = [part for part in path if isinstance(part, int)]
    nearest: int | None = None
    depth = 0
    seen: dict[str, int] = {}
    table: list[str] = []
    here = True
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if header := _HEADER.match(line):
            table = header[2].split(".")
            seen[header[2]] = seen.get(header[2], -1) + 1
            repeated = header[1] == "[["
            here = not repeated or not wanted or seen[header[2]] == wanted[0]
            if here and names[: len(table)] == table and len(table) > depth:
                nearest, depth = number, len(table)
        elif (key := _KEY.match(line)) and here and names[: len(table) + 1] == [*table, key[1]]:
            return _element(lines, number, path[path.index(key[1]) + 1 :])
    return nearest


def _element(lines: list[str], number: int, rest: Path) -> int:
    """The line of the element that ``rest`` names first, of a list that begins on line ``number``."""
    if not rest or not isinstance(rest[0], int):
        return number
    left = rest[0]
    for later, line in enumerate(lines[number:], start=number + 1):
        if line.startswith("]"):
            break
        if line.lstrip().startswith("{"):
            if left == 0:
                return later
            left -= 1
    return number
