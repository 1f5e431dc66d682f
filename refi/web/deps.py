"""Dependencies that routes share: paging, and the versions that staff decisions carry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Query
from pydantic import BeforeValidator

from refi.errors import Refusal

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Paging:
    """``?limit=20&starting_after=ID``."""

    limit: int
    starting_after: str | None

    def cut(self, rows: Sequence[Row]) -> tuple[Sequence[Row], bool]:
        """The page and whether more follow, from ``limit + 1`` fetched rows."""
        return rows[: self.limit], len(rows) > self.limit


def _digits(text: object) -> object:
    """Query text is a number only when it is plain ASCII digits: not ``1_0``, ``10.0``, ``+5``, ``１０``."""
    if isinstance(text, str) and not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise ValueError("must be a whole number in ASCII digits")
    return text


Limit = Annotated[
    int, BeforeValidator(_digits), Query(ge=1, le=100, description="how many to answer with at most")
]


async def paging(
    limit: Limit = 20,
    starting_after: Annotated[
        str | None,
        Query(max_length=60, pattern=r"^[a-z0-9_]+$", description="the id of the last item already seen"),
    ] = None,
) -> Paging:
    """Dependency: the page that the caller asks for."""
    return Paging(limit, starting_after)


CurrentPage = Annotated[Paging, Depends(paging)]


class StaleVersion(Refusal):
    """Somebody changed it since the caller looked (412); ``current`` is the version now."""

    code = "stale_version"


class VersionMissing(Refusal):
    """A decision must say which version it is about: send If-Match (428)."""

    code = "version_missing"


def etag(version: int) -> str:
    """The ETag of a version."""
    return f'"v{version}"'


async def seen_version(
    if_match: Annotated[
        str | None,
        Header(alias="If-Match", max_length=40, description="the ETag that was seen; 428 without it"),
    ] = None,
) -> str:
    """Dependency: the ETag the caller saw; `VersionMissing` without one."""
    if not if_match:
        raise VersionMissing("send If-Match with the ETag that you saw")
    return if_match


SeenVersion = Annotated[str, Depends(seen_version)]


MaybeSeen = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=40,
        description="the ETag that was seen; 428 without it, unless previewed",
    ),
]


def check_version(seen: str, version: int) -> None:
    """`StaleVersion` unless ``seen`` is the ETag of ``version``."""
    if seen.removeprefix("W/") != etag(version):
        raise StaleVersion("it has changed since you looked", current=etag(version))
