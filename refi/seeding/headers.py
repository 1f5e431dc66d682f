"""The header of a file of card holders, however a copy of the data set spells it. Pure.

Spellings seen: the columns as `refi.seeding.card_clients` names them; the same in small letters, with blanks,
dots or underscores (``default payment next month``); ``PAY_1`` for ``PAY_0``; the numbered columns of the UCI
repository's own client (``X1`` … ``X23``, ``Y``); and the spreadsheet's export, whose first line has those
numbers and whose second line the names. Cells are separated by commas, semicolons or tabs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MONTHS = 6
ID, LIMIT, AGE = "ID", "LIMIT_BAL", "AGE"
STATUSES = ("PAY_0", *(f"PAY_{k}" for k in range(2, MONTHS + 1)))
BILLS = tuple(f"BILL_AMT{k}" for k in range(1, MONTHS + 1))
PAYMENTS = tuple(f"PAY_AMT{k}" for k in range(1, MONTHS + 1))
DEFAULTED = "default.payment.next.month"
NEEDED = (LIMIT, *STATUSES, *BILLS, *PAYMENTS)
"""Columns that a file must have. ``ID`` may be missing: rows are numbered from 1 then."""

_NUMBERED = (LIMIT, "SEX", "EDUCATION", "MARRIAGE", AGE, *STATUSES, *BILLS, *PAYMENTS)
_SEPARATORS = (",", ";", "\t")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


_KNOWN = {_plain(name): name for name in (ID, AGE, DEFAULTED, *NEEDED)} | {"pay_1": STATUSES[0]}
_SHORT = {"default": DEFAULTED, "defaulted": DEFAULTED, "default_payment": DEFAULTED}
_BY_NUMBER = {f"x{k}": name for k, name in enumerate(_NUMBERED, start=1)} | {"y": DEFAULTED}


def names_of(cells: Sequence[str]) -> list[str]:
    """The columns by our names; others keep their own. A short or numbered name counts only where the file
    has no fuller one."""
    found = [_KNOWN.get(_plain(cell), cell.strip()) for cell in cells]
    numbered = LIMIT not in found
    for place, cell in enumerate(cells):
        name = _SHORT.get(_plain(cell)) or (_BY_NUMBER.get(_plain(cell)) if numbered else None)
        if name is not None and name not in found:
            found[place] = name
    return found


def is_above_the_header(cells: Sequence[str], following: Sequence[str]) -> bool:
    """Whether ``cells`` are the spreadsheet's line of numbers and ``following`` has the names."""
    return bool({_plain(cell) for cell in cells} & set(_BY_NUMBER)) and _plain(LIMIT) in map(
        _plain, following
    )


def separator_of(line: str) -> str:
    """What separates the cells of the header: the mark of which it has most, a comma in doubt."""
    return max(_SEPARATORS, key=line.count)
