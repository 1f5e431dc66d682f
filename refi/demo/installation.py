"""A whole installation on loopback: embedded database, sandbox provider, service, worker, scheduler."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from refi import settings
from refi.db.local import DATABASE, shared_server
from refi.processes import Processes, free_port, port_near

STARTS_WITHIN = 60.0


class NotStarted(Exception):
    """The installation did not start, or a part of it ended; the message says why."""


@dataclass(frozen=True)
class Installation:
    """Where everything runs."""

    url: str
    settings: settings.Settings
    processes: Processes


@contextmanager
def installation(data_dir: Path, port: int) -> Iterator[Installation]:
    """Start everything; stop everything that was started when the block ends.

    Raises:
        NotStarted: another demo runs on ``data_dir`` or the port is taken, and nothing was started; or a part
            ended.
    """
    with _alone(data_dir), _listening(port) as door, shared_server(data_dir) as server:
        provider_port = free_port(port + 1)
        chosen = settings.read(
            env=settings.Env.SANDBOX,
            database_url=server.url(DATABASE),
            data_dir=data_dir,
            provider_url=f"http://127.0.0.1:{provider_port}",
            public_url=f"http://127.0.0.1:{port}",
        )
        environment = {
            "REFI_ENV": "sandbox",
            "REFI_DATABASE_URL": chosen.database_url,
            "REFI_DATA_DIR": str(data_dir),
            "REFI_PROVIDER_URL": chosen.provider_url,
            "REFI_PUBLIC_URL": chosen.public_url,
            "REFI_BUREAU_URL": chosen.bureau_url or chosen.provider_url,
            "REFI_BUREAU_KEY": (
                chosen.bureau_key if chosen.bureau_url else chosen.provider_key
            ).get_secret_value(),
            "PROVIDER_API_KEY": chosen.provider_key.get_secret_value(),
            "PROVIDER_WEBHOOK_SECRET": " ".join(s.get_secret_value() for s in chosen.webhook_secrets),
        }
        with Processes(data_dir / "logs", environment) as processes:
            _start(processes, data_dir, port, provider_port, door)
            made = Installation(f"http://127.0.0.1:{port}", chosen, processes)
            wait_until_ready(made)
            yield made


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """Hold the directory's lock, which names us; the system frees it when we die."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = (data_dir / "demo.lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise NotStarted(f"{data_dir} cannot be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read().strip() or "unknown"
            raise NotStarted(f"a demo already runs on {data_dir} (process {pid})") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """The socket that the service is given: whoever answers at the port from now on is ours."""
    try:
        door = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise NotStarted(f"port {port} is taken; try --port {port_near(port)}") from None
        raise NotStarted(f"port {port} cannot be had: {error.strerror}") from error
    with door:
        yield door


def _start(processes: Processes, data_dir: Path, port: int, provider_port: int, door: socket.socket) -> None:
    provider = ["--port", str(provider_port), "--data", str(data_dir / "provider.db")]
    hook = ["--webhook-url", f"http://127.0.0.1:{port}/hooks/v1/payments"]
    hook += ["--message-webhook-url", f"http://127.0.0.1:{port}/hooks/v1/messages"]
    processes.start("provider", "refi.gateways.sandbox", *provider, *hook)
    processes.start("migrate", "refi.cli", "migrate").wait()
    if processes.running["migrate"].returncode != 0:
        raise NotStarted(f"the database could not be migrated:\n{processes.log_tail('migrate')}")
    del processes.running["migrate"]
    processes.start("serve", "refi.cli", "serve", "--fd", str(door.fileno()), inherits=[door.fileno()])
    processes.start("worker", "refi.cli", "worker")
    processes.start("scheduler", "refi.cli", "scheduler")


def wait_until_ready(made: Installation) -> None:
    """Return when the service answers ``/readyz``; `NotStarted` when a part ended or time is up."""
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        if dead := made.processes.dead():
            raise NotStarted(f"{dead[0]} ended:\n{made.processes.log_tail(dead[0])}")
        try:
            with urllib.request.urlopen(f"{made.url}/readyz", timeout=2) as answer:  # noqa: S310 - loopback
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise NotStarted(f"the service does not answer:\n{made.processes.log_tail('serve')}")
