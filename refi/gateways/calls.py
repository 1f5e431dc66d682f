"""One HTTP call, once: an answer with a status, or silence and whether anything may have arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

MOST_BYTES = 1 << 20
"""An answer longer than this is not read to its end; it is no answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with a status. ``doubt``: an earlier attempt of this order may have been taken in."""

    status: int
    body: bytes
    retry_after: float | None = None
    doubt: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer. ``sent`` tells whether anything of the request may have arrived."""

    cause: str
    sent: bool


async def call(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    headers: Mapping[str, str],
    *,
    params: Mapping[str, str | int] | None = None,
    content: bytes | None = None,
    whole: float = 20.0,
) -> Reply | Silence:
    """Call once, from connecting to the last byte within ``whole`` seconds. Never raises for an outage."""
    try:
        async with asyncio.timeout(whole):
            request = client.stream(method, path, params=params, content=content, headers=dict(headers))
            async with request as response:
                return Reply(response.status_code, await _read(response), _retry_after(response))
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        return Silence(type(error).__name__, sent=False)
    except (httpx.HTTPError, TimeoutError) as error:
        return Silence(type(error).__name__, sent=True)


async def _read(response: httpx.Response) -> bytes:
    """The body, or nothing when it is longer than `MOST_BYTES` (which no reader takes for an answer)."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            return b""
    return bytes(body)


def _retry_after(response: httpx.Response) -> float | None:
    """Retry-After in seconds; a date counts from the answer's own Date. None when absent or unreadable.

    JPush says ``X-Rate-Limit-Reset`` instead: seconds until its window of calls begins anew.
    """
    text = response.headers.get("retry-after", "").strip()
    if not text and response.status_code == 429:
        text = response.headers.get("x-rate-limit-reset", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
        since = parsedate_to_datetime(response.headers.get("date", ""))
        return float(max(0.0, (until - since).total_seconds()))
    except (ValueError, TypeError):
        return None
