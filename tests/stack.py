"""The whole service on real sockets inside one test: provider, HTTP service and worker."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from refi import settings
from refi.api.app import create_app
from refi.demo.walker import Walker
from refi.gateways.sandbox.app import create_provider
from refi.runtime import Runtime, build
from refi.scheduler import run_scheduler
from refi.worker import run_worker
from tests.books import ON, opened

TWILIO_TOKEN = "token-of-the-tests"


@dataclass
class Stack:
    """Everything that runs, and clients of it."""

    url: str
    provider_url: str
    runtime: Runtime
    client: httpx.AsyncClient

    def walker(self) -> Walker:
        """A new borrower's way in."""
        return Walker(self.client)


@contextlib.asynccontextmanager
async def serving(app: FastAPI, port: int) -> AsyncIterator[str]:
    """``app`` behind a real socket."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(asyncio.CancelledError))
        task = asyncio.create_task(server._serve())
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError("the server ended before it started")
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await task


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@contextlib.asynccontextmanager
async def running_stack(
    database_url: str,
    directory: Path,
    on: date = ON,
    *,
    provider_secrets: Sequence[str] | None = None,
    scheduler: bool = False,
    receipts: bool = False,
    answer_delay: float = 0.01,
    **changed: object,
) -> AsyncIterator[Stack]:
    """Provider, service, worker and, if wanted, scheduler, stopped in the end.

    With ``receipts`` the provider tells what became of messages; ``answer_delay`` seconds after an order it
    answers by itself. ``provider_secrets`` sign its webhooks
    (default: the service's own); ``changed`` are settings.
    """
    port, provider_port = free_ports(2)
    chosen = settings.read(
        **{
            "database_url": database_url,
            "provider_url": f"http://127.0.0.1:{provider_port}",
            "public_url": f"http://127.0.0.1:{port}",
            "twilio_auth_tokens": TWILIO_TOKEN,
            **changed,
        }
    )
    provider = create_provider(
        data=directory / "provider.db",
        webhook_url=f"http://127.0.0.1:{port}/hooks/v1/payments",
        webhook_secrets=provider_secrets or [s.get_secret_value() for s in chosen.webhook_secrets],
        api_key=chosen.provider_key.get_secret_value(),
        answer_delay=answer_delay,
        retry_first=0.05,
        message_webhook_url=f"http://127.0.0.1:{port}/hooks/v1/messages" if receipts else None,
    )
    runtime, working = build(chosen), build(chosen)
    await opened(runtime.database.engine, on, market=chosen.market)
    stop = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        provider_url = await stack.enter_async_context(serving(provider, provider_port))
        url = await stack.enter_async_context(serving(create_app(runtime), port))
        background = [asyncio.create_task(run_worker(working, stop, signals=False))]
        if scheduler:
            background.append(asyncio.create_task(run_scheduler(working, stop, signals=False)))
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=url, timeout=60, limits=httpx.Limits(max_connections=200, keepalive_expiry=2)
            )
        )
        try:
            yield Stack(url, provider_url, runtime, client)
        finally:
            stop.set()
            await asyncio.gather(*background)
            await working.close()
