"""PostgreSQL's own yardstick on the same server, for context: pgbench's TPC-B-like transaction.

Five statements (three updates by key, one read, one insert) between BEGIN and COMMIT, sent as prepared
statements by a C program over a socket. It says what this machine and its disk can commit at all.
"""

from __future__ import annotations

import re
import subprocess

from refi.db.embedded import EmbeddedPostgres

SCALE = 32
"""Branches: as many as there are clients at most, or they would wait for each other's rows."""
SECONDS = 5


def prepare(server: EmbeddedPostgres) -> None:
    """Make a database with pgbench's tables."""
    server.create_database("tpcb")
    _pgbench(server, "-i", "-q", "-s", str(SCALE))


def transactions_a_second(server: EmbeddedPostgres, clients: int) -> float:
    """What pgbench reaches with that many clients in `SECONDS`."""
    threads = str(min(clients, 4))
    told = _pgbench(server, "-M", "prepared", "-c", str(clients), "-j", threads, "-T", str(SECONDS))
    found = re.search(r"tps = ([0-9.]+)", told)
    if found is None:
        raise RuntimeError(f"pgbench said no rate:\n{told}")
    return float(found[1])


def _pgbench(server: EmbeddedPostgres, *given: str) -> str:
    command = [str(server.binaries / "pgbench"), *given, server.url("tpcb", driver="")]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
