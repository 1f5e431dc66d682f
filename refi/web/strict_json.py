"""JSON as RFC 8259 has it and nothing looser: what the sender meant is never guessed.

Python's own reader takes UTF-16, a byte order mark, ``NaN``, ``Infinity`` and a key twice (the last one
wins). With money in the body each of them is a way to let two readers of one request see two amounts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from fastapi import Request
from starlette.exceptions import HTTPException

MOST_KEYS = 1000
"""Of one object: naming each of 60,000 unknown fields in an answer took most of a second."""


class NotJson(ValueError):
    """The bytes are not JSON, or say something twice; the message is for the sender."""


def read(raw: bytes) -> Any:
    """The value that ``raw`` is the JSON of; `NotJson` with the reason otherwise."""
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except NotJson:
        raise
    except UnicodeDecodeError:
        raise NotJson("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except ValueError:
        raise NotJson("a number has too many digits") from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_KEYS:
        raise NotJson(f"an object has more than {MOST_KEYS} keys")
    made = dict(pairs)
    if len(made) != len(pairs):
        raise NotJson("a key appears twice in one object")
    return made


def _refuse(constant: str) -> NoReturn:
    raise NotJson(f"{constant} is not a JSON number")


class StrictRequest(Request):
    """A request whose ``json()`` is read strictly; 400 ``malformed_json`` when it cannot be."""

    async def json(self) -> Any:
        """The body's value."""
        try:
            return read(await self.body())
        except NotJson as error:
            raise HTTPException(400, f"the body is not JSON: {error}") from None
