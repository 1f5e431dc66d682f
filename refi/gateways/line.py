"""One careful HTTP line to one company: what may be repeated is repeated, the rest is told as it is.

What may be repeated:

* **Questions (GET)** change nothing: repeated after any failure of transport, 5xx and 429.
* **Orders (POST)** carry our row's id as ``Idempotency-Key``. They are repeated only

  - when no connection came about, so that no byte of the order can have left;
  - on 429 or 503 *with* ``Retry-After``: the company itself says "later, please", and a repeat under the
    same key has one effect even if the first was taken in after all (a 503 may come from a proxy, so it
    leaves doubt: if no better answer follows, the order counts as perhaps done).

  A read timeout, a cut connection, another 5xx: never repeated here. The caller asks what became of the key.

Waits have full jitter, so that many workers do not come back in step.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import httpx

from refi.gateways.calls import Reply, Silence, call


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try. All but ``attempts`` in seconds.

    ``whole`` bounds one attempt from connecting to the last byte, ``longest_wait`` is the longest
    ``Retry-After`` that is waited for here rather than handed to the caller.
    """

    attempts: int = 3
    connect: float = 3.0
    read: float = 10.0
    whole: float = 20.0
    first_wait: float = 0.2
    longest_wait: float = 5.0

    @property
    def worst(self) -> float:
        """The longest that one order or question can take."""
        return self.attempts * self.whole + (self.attempts - 1) * 2 * self.longest_wait


class CutInTheMaking(httpx.AsyncHTTPTransport):
    """httpx's transport; a connection that the other side cuts while it is made is a ``ConnectError``.

    Under uvloop anyio (4.16) asks such a connection for its peer and fails with an ``AttributeError`` that
    httpx does not know. It happens before the first byte of a request, so nothing was sent.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        try:
            return await super().handle_async_request(request)
        except AttributeError as error:
            if error.name != "getpeername":
                raise
            raise httpx.ConnectError("cut while connecting", request=request) from error


PART = 5
"""Connections kept together: httpcore looks at every connection of a pool for each request, which with
fifty of them costs as much again as the request."""


class Spread(httpx.AsyncBaseTransport):
    """Several transports as one: a request goes to the one with the fewest under way."""

    def __init__(self, parts: Sequence[httpx.AsyncBaseTransport]) -> None:
        self._parts = parts
        self._busy = [0] * len(parts)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        chosen = min(range(len(self._parts)), key=self._busy.__getitem__)
        self._busy[chosen] += 1
        try:
            return await self._parts[chosen].handle_async_request(request)
        finally:
            self._busy[chosen] -= 1

    async def aclose(self) -> None:
        """Let go of the connections of all."""
        for part in self._parts:
            await part.aclose()


def open_client(
    base_url: str, patience: Patience | None = None, *, connections: int = 50
) -> httpx.AsyncClient:
    """A client fit for orders: no redirects (they would repeat an order elsewhere), no proxies or
    credentials from the environment, idle connections dropped before the other side drops them.

    ``connections`` at most, at least one, rounded down to whole parts when there is more than one.
    """
    chosen = patience or Patience()
    together = min(PART, connections)
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=httpx.Timeout(chosen.read, connect=chosen.connect),
        transport=Spread(
            [
                CutInTheMaking(
                    limits=httpx.Limits(max_connections=together, keepalive_expiry=2.0), trust_env=False
                )
                for _ in range(connections // together)
            ]
        ),
        follow_redirects=False,
        trust_env=False,
    )


class Line:
    """An authenticated line over ``client``; ``sleep`` and ``chance`` (0 ≤ x < 1) are for tests to fix."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        credential: str,
        patience: Patience | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {credential}", "Accept-Encoding": "identity"}
        self._patience = patience or Patience()
        self._sleep = sleep
        self._chance = chance

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def ask(self, path: str, params: Mapping[str, str | int] | None = None) -> Reply | Silence:
        """GET ``path``, repeated while it fails and patience lasts; the last answer."""
        for attempt in range(1, self._patience.attempts + 1):
            got = await self._once("GET", path, params=params)
            if isinstance(got, Reply) and got.status < 500 and got.status != 429:
                return got
            wait = self._wait(got, attempt)
            if attempt == self._patience.attempts or wait is None:
                return got
            await self._sleep(wait)
        raise AssertionError("patience has at least one attempt")

    async def order(self, path: str, key: str, body: Mapping[str, object]) -> Reply | Silence:
        """POST ``body`` under ``key``, repeated only where that is safe (see the module)."""
        content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        doubt = False
        for attempt in range(1, self._patience.attempts + 1):
            got = await self._once("POST", path, content=content, key=key)
            if isinstance(got, Silence):
                again = not got.sent
                got = replace(got, sent=got.sent or doubt)
            else:
                doubt = doubt or got.status == 503
                got = replace(got, doubt=doubt)
                again = got.status in (429, 503) and got.retry_after is not None
            wait = self._wait(got, attempt)
            if not again or attempt == self._patience.attempts or wait is None:
                return got
            await self._sleep(wait)
        raise AssertionError("patience has at least one attempt")

    def _wait(self, got: Reply | Silence, attempt: int) -> float | None:
        """Seconds before the next attempt, or None when the other side asks for more than patience allows."""
        asked = got.retry_after if isinstance(got, Reply) else None
        spread = min(self._patience.longest_wait, self._patience.first_wait * 2.0 ** (attempt - 1))
        if asked is None:
            return self._chance() * spread
        return None if asked > self._patience.longest_wait else asked + self._chance() * spread

    async def _once(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
        key: str | None = None,
    ) -> Reply | Silence:
        headers = dict(self._headers)
        if key is not None:
            headers |= {"Idempotency-Key": key, "Content-Type": "application/json"}
        return await call(
            self._client, method, path, headers, params=params, content=content, whole=self._patience.whole
        )
