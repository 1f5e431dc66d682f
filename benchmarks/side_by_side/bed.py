"""The bed of a yardstick: a private durable PostgreSQL in a temporary directory, and servers on it."""

from __future__ import annotations

import contextlib
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.side_by_side.turns import Batch, Side
from refi.db.embedded import EmbeddedPostgres
from refi.processes import Processes, free_port

STARTS_WITHIN = 60.0


@dataclass(frozen=True)
class Bed:
    """A database, and servers on it; everything stops and is deleted when the block ends."""

    url: str
    server: EmbeddedPostgres
    processes: Processes

    def serve(self, side: str) -> int:
        """Start the server ``side`` (see `benchmarks.side_by_side.server`); its port once it answers."""
        port = free_port()
        self.processes.start(side, "benchmarks.side_by_side.server", side, str(port))
        until = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < until:
            if self.processes.dead():
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=2):
                    return port
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"the server {side} did not start:\n{self.processes.log_tail(side)}")

    def side(self, name: str, port: int, batch: Batch, status: int) -> Side:
        """Requests of ``batch`` to the server ``name``."""
        return Side(port, batch, status, self.processes.running[name].pid)


@contextlib.contextmanager
def bed() -> Iterator[Bed]:
    """A fresh bed: fsync is on, as in production."""
    with tempfile.TemporaryDirectory(prefix="refi-bench-", ignore_cleanup_errors=True) as place:
        directory = Path(place)
        directory.chmod(0o755)  # as root, PostgreSQL runs as another account
        with EmbeddedPostgres.open(directory / "postgres") as server:
            server.create_database("refi")
            environment = {
                "REFI_ENV": "sandbox",
                "REFI_DATABASE_URL": server.url("refi"),
                "REFI_ACCESS_TOKEN_MINUTES": "60",
            }
            with Processes(directory / "logs", environment) as processes:
                if processes.start("migrate", "refi.cli", "migrate").wait():
                    raise RuntimeError(f"cannot migrate:\n{processes.log_tail('migrate')}")
                del processes.running["migrate"]
                yield Bed(server.url("refi"), server, processes)
