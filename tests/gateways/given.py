"""A line whose other end is scripted, and companies that really listen on a socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import respx
import uvicorn

from refi.gateways.line import Line, Patience, open_client
from refi.ids import MessageId
from refi.notifications.channels import Outgoing

BASE = "https://provider.test"
API_KEY = "key-of-the-tests"
SECRET = "whsec_dGVzdC1zZWNyZXQtb2YtdGhlLXNhbmRib3g="
OTHER_SECRET = "whsec_YW5vdGhlci1zZWNyZXQtb2YtdGhlLXRlc3Rz"


def outgoing(
    message_id: str = "msg_1",
    to: str = "+8613800000000",
    template: str = "reminder",
    text: str = "明天到期",
    subject: str | None = None,
    opt_out_url: str | None = None,
) -> Outgoing:
    """A message as a channel is handed it."""
    return Outgoing(MessageId(message_id), to, template, text, subject, opt_out_url)


@dataclass
class Scripted:
    """A line to ``router``; ``waits`` collects how long the line would have slept."""

    router: respx.MockRouter
    line: Line
    waits: list[float]


@contextlib.asynccontextmanager
async def scripted(patience: Patience | None = None, chance: float = 0.5) -> AsyncIterator[Scripted]:
    router = respx.MockRouter(base_url=BASE, assert_all_called=False)
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    transport = httpx.MockTransport(router.async_handler)
    async with httpx.AsyncClient(base_url=BASE, transport=transport) as client:
        yield Scripted(router, Line(client, API_KEY, patience, sleep=sleep, chance=lambda: chance), waits)


@contextlib.asynccontextmanager
async def listening(app: Any, port: int = 0) -> AsyncIterator[str]:
    """Serve ``app`` on ``port`` (0: a free one) from this event loop, over a real socket; its base URL.

    Without uvicorn's main loop and graceful end, whose waits would cost every test 0.3 s.
    """
    config = uvicorn.Config(
        app, port=port, log_level="critical", access_log=False, ws="none", timeout_graceful_shutdown=1
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    assert server.started
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0.005)
        await server.lifespan.shutdown()


@dataclass
class Ear:
    """An ASGI app that hears webhooks and answers the next of ``answers``, then 204."""

    answers: list[int] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return  # the sender died in the middle of it
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.heard.append(({name.decode(): value.decode() for name, value in scope["headers"]}, body))
        status = self.answers.pop(0) if self.answers else 204
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.heard]


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that other threads or processes bring about."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.01)


@dataclass
class Process:
    """The sandbox provider as a process of its own, on the file ``data``."""

    data: Path
    webhook_url: str
    arguments: list[str] = field(default_factory=list)
    running: subprocess.Popen[str] | None = None
    url: str = ""

    def start(self) -> None:
        command = [
            sys.executable, "-m", "refi.gateways.sandbox", "--port", "0", "--data", str(self.data),
            "--webhook-url", self.webhook_url, "--retry-first", "0.05", "--retry-longest", "0.2",
            *self.arguments,
        ]  # fmt: skip
        secrets = {"PROVIDER_WEBHOOK_SECRET": SECRET, "PROVIDER_API_KEY": API_KEY}
        self.running = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | secrets
        )
        assert self.running.stdout is not None
        assert select.select([self.running.stdout], [], [], 30)[0], "the provider did not get ready"
        word, self.url = self.running.stdout.readline().split()
        assert word == "ready"

    def end(self, number: signal.Signals) -> int:
        assert self.running is not None
        assert self.running.stdout is not None
        self.running.send_signal(number)
        code = self.running.wait(10)
        self.running.stdout.close()
        self.running = None
        return code


@contextlib.contextmanager
def process(data: Path, webhook_url: str, *arguments: str) -> Iterator[Process]:
    made = Process(data, webhook_url, list(arguments))
    made.start()
    try:
        yield made
    finally:
        if made.running is not None:
            made.end(signal.SIGKILL)


@contextlib.asynccontextmanager
async def line_to(url: str, patience: Patience | None = None) -> AsyncIterator[Line]:
    async with open_client(url, patience) as client:
        yield Line(client, API_KEY, patience)


def control(url: str) -> httpx.AsyncClient:
    """A client for the levers and the raw contract."""
    return httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {API_KEY}"}, trust_env=False, timeout=10
    )
