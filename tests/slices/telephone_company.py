"""An SMS company as the real one is: every accepted call is an SMS, whoever asks twice sends twice.

It speaks Twilio's Messages API (2010-04-01) and keeps its own log of what it accepted. Faults are ordered
one by one; those after which the caller cannot know whether an SMS went out are counted apart.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import parse_qs, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from refi import clock

PATH = "/2010-04-01/Accounts/{sid}/Messages.json"


class Fault(StrEnum):
    """What may go wrong with one call."""

    THROTTLED = "throttled"
    FAILED = "failed"
    HUNG = "hung"
    SILENT = "accepted without telling"
    GARBLED = "accepted, answer garbled"


@dataclass(frozen=True, slots=True)
class Sms:
    """One SMS that went out. ``key`` is the sender's own id for it."""

    wall: datetime
    to: str
    text: str
    key: str


class _Cut(Response):
    """An answer that begins and never ends: the server cuts the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})


@dataclass
class TelephoneCompany:
    """The company: ``log`` of what went out, ``faults`` to come, ``fired`` those that came."""

    log: list[Sms] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    fired: Counter[str] = field(default_factory=Counter)

    def app(self) -> Starlette:
        """Its HTTP surface."""
        return Starlette(routes=[Route(PATH, self._create, methods=["POST"])])

    async def _create(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        fault = self.faults.popleft() if self.faults else None
        if fault is not None:
            self.fired[f"sms {fault}"] += 1
        if fault is Fault.THROTTLED:
            return JSONResponse({"code": 20429, "status": 429}, 429, headers={"Retry-After": "1"})
        if fault is Fault.FAILED:
            return PlainTextResponse("Internal Server Error", 500)
        if fault is Fault.HUNG:
            await asyncio.sleep(1)
            return _Cut()
        key = parse_qs(urlsplit(form["StatusCallback"]).query)["message"][0]
        self.log.append(Sms(clock.utc_now(), form["To"], form["Body"], key))
        if fault is Fault.SILENT:
            return _Cut()
        if fault is Fault.GARBLED:
            return PlainTextResponse("{", 201)
        made = {"sid": f"SM{len(self.log):032x}", "status": "queued", "error_code": None}
        return JSONResponse(made, 201)
