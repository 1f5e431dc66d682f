"""The commands that run until they are stopped: service, worker, scheduler."""

from __future__ import annotations

import socket
from typing import Annotated

import typer
import uvicorn

from refi.api.app import create_app
from refi.cli.running import with_runtime
from refi.cli.shared import app, fail
from refi.runtime import Runtime
from refi.scheduler import run_scheduler
from refi.worker import run_worker


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8700,
    host: str = "127.0.0.1",
    fd: Annotated[
        int | None, typer.Option(min=3, help="A socket that listens already, instead of port and host.")
    ] = None,
) -> None:
    """The HTTP service."""
    listening = _listening(host, port) if fd is None else _given(fd)

    async def act(runtime: Runtime) -> None:
        config = uvicorn.Config(create_app(runtime), host=host, port=port, log_config=None, access_log=False)
        await uvicorn.Server(config).serve([listening])

    with_runtime(act)


def _listening(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        fail(f"cannot listen on {host}, port {port}: {error.strerror}")
    return listening


def _given(fd: int) -> socket.socket:
    try:
        return socket.socket(fileno=fd)
    except OSError as error:
        fail(f"descriptor {fd} is no socket: {error.strerror}", 2)


@app.command()
def worker() -> None:
    """Take jobs from the queue until stopped."""
    with_runtime(run_worker)


@app.command()
def scheduler() -> None:
    """Wake the timetable's jobs until stopped; any number may run."""
    with_runtime(run_scheduler)
