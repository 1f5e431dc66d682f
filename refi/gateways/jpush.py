"""Push by JPush's REST API v3: to one registration id, under a cid of JPush's own making.

JPush pushes once per cid and answers a repeat with the first result, for a day; but a cid must be fetched
from JPush and cannot be made from our id. So within one `send` a call without a clear answer is repeated
under its cid, and between two sends nothing holds: the channel does not deduplicate by our id, and it cannot
be asked by it.

A phone that is off gets what waits for it when it is switched on, perhaps at night: so a push lives only
for `LIFE`.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from refi import clock
from refi.gateways.calls import Reply, Silence, call
from refi.notifications.channels import (
    NO_SUCH_DEVICE,
    Answer,
    ChannelUnavailable,
    NotSent,
    Outgoing,
    Refused,
    Sent,
    Unknown,
)
from refi.payments.wire import Garbled, read_object

LIFE = 3600
"""Seconds for which JPush keeps a push for a device that is not online."""
TRIES = 3
FETCHED = 10
"""cids asked for at once: the most that an ordinary application gets."""
CID_LIFE = 12 * 3600.0
"""Seconds for which a fetched cid is used: half of the day that JPush grants it."""
NOBODY = 1011
"""No device meets the audience: uninstalled, idle for too long, or an iPhone of the other Apple gateway."""
IN_DOUBT = frozenset({1000, 1009, 1030})  # their server failed or timed out inside
OUR_ACCOUNT = frozenset({1001, 1004, 1008, 1012, 1020, 2003, 2004})
"""JPush's error codes that speak of us (method, key, application, black list), not of the device."""
TURNED_AWAY = frozenset({401, 403, 404, 405, 410, 429})


@dataclass(slots=True)
class _Pool:
    cids: list[str] = field(default_factory=list)
    until: float = 0.0


class JPush:
    """The application ``app_key`` over ``client``; ``production`` chooses Apple's production gateway.

    ``sleep`` and ``now`` (monotonic seconds) are for tests to fix.
    """

    name = "push"
    deduplicates = False
    can_ask = False

    def __init__(
        self,
        client: httpx.AsyncClient,
        app_key: str,
        master_secret: str,
        *,
        production: bool = True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._client = client
        credential = base64.b64encode(f"{app_key}:{master_secret}".encode()).decode()
        self._headers = {
            "Authorization": f"Basic {credential}",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
        }
        self._production = production
        self._sleep = sleep
        self._now = now
        self._pool = _Pool()

    def opt_out_url(self, message_id: str) -> str | None:  # noqa: ARG002 - the protocol's shape
        """None: a push is switched off in the application's settings."""
        return None

    async def send(self, message: Outgoing) -> Answer:
        """Push to one device; repeated under the same cid while it is not clear whether it went."""
        cid = await self._cid()
        if isinstance(cid, NotSent):
            return cid
        content = json.dumps(self._body(cid, message), ensure_ascii=False).encode()
        doubt = False
        for attempt in range(1, TRIES + 1):
            got = await call(self._client, "POST", "/v3/push", self._headers, content=content)
            answer = _read(got)
            if isinstance(answer, Sent | Refused) or attempt == TRIES:
                break
            if isinstance(answer, NotSent):
                break
            doubt = True
            await self._sleep(0.5 * attempt)
        return Unknown(answer.cause) if doubt and isinstance(answer, NotSent) else answer

    async def find(self, message_id: str) -> Sent | None:
        """JPush knows its own ids only. Raises `ChannelUnavailable`."""
        raise ChannelUnavailable(f"JPush cannot be asked about {message_id}")

    def _body(self, cid: str, message: Outgoing) -> dict[str, object]:
        title = message.subject or ""
        extras = {"message": message.id}
        return {
            "cid": cid,
            "platform": "all",
            "audience": {"registration_id": [message.to]},
            "notification": {
                "alert": message.text,
                "android": {"alert": message.text, "title": title, "extras": extras},
                "ios": {"alert": {"title": title, "body": message.text}, "extras": extras},
            },
            "options": {"time_to_live": LIFE, "apns_production": self._production},
        }

    async def _cid(self) -> str | NotSent:
        """An unused cid, fetched when the pool is empty or old."""
        if self._now() >= self._pool.until:
            self._pool.cids.clear()
        if self._pool.cids:
            return self._pool.cids.pop()
        params: dict[str, str | int] = {"count": FETCHED, "type": "push"}
        got = await call(self._client, "GET", "/v3/push/cid", self._headers, params=params)
        if isinstance(got, Silence):
            return NotSent(got.cause)
        if got.status != 200:
            return NotSent(f"http_{got.status}", got.retry_after)
        try:
            found = json.loads(got.body)["cidlist"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return NotSent("unreadable_answer")
        if not isinstance(found, list) or not found or not all(isinstance(cid, str) and cid for cid in found):
            return NotSent("unreadable_answer")
        self._pool = _Pool(list(found[1:]), self._now() + CID_LIFE)
        first: str = found[0]
        return first


def _read(got: Reply | Silence) -> Answer:
    """What JPush's answer to a push means."""
    if isinstance(got, Silence):
        return Unknown(got.cause) if got.sent else NotSent(got.cause)
    if got.status in TURNED_AWAY:
        return NotSent(f"http_{got.status}", got.retry_after)
    try:
        if got.status == 200:
            said = json.loads(got.body).get("msg_id")  # a text or a number, by the version of the server
            text = str(said) if isinstance(said, str | int) and not isinstance(said, bool) else ""
            return Sent(text) if 0 < len(text) <= 100 and text.isascii() else Unknown("unreadable_answer")
        if got.status == 400:
            code = read_object(json.dumps(json.loads(got.body)["error"]).encode()).whole("code")
            if code in IN_DOUBT:
                return Unknown(f"jpush_{code}")
            if code in OUR_ACCOUNT:
                return NotSent(f"jpush_{code}")
            return Refused(NO_SUCH_DEVICE if code == NOBODY else f"jpush_{code}")
    except (Garbled, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Unknown("unreadable_answer")
    return Unknown(f"http_{got.status}")
