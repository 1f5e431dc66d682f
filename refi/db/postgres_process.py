"""Which PostgreSQL processes live in a data directory, told by the system and not by the pid file alone.

Every PostgreSQL process works in its data directory, so its current directory identifies it: a number in
``postmaster.pid`` may belong to a stranger after a reboot or to a zombie that nobody reaps.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from refi import clock
from refi.db.postgres_account import Account, EmbeddedPostgresError, switched_to

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running server as its own pid file describes it."""

    pid: int
    port: int
    socket_directory: Path
    tcp_host: str
    ready: bool


def postmaster_of(data: Path, account: Account | None) -> Postmaster | None:
    """The living server of ``data``; None when there is none, or it is too young to have told its address."""
    lines = _pid_file(data)
    if len(lines) < 6 or not processes_in(data, account, [int(lines[0])]):
        return None
    ready = len(lines) > 7 and lines[7].strip() == "ready"
    return Postmaster(int(lines[0]), int(lines[3]), Path(lines[4]), lines[5], ready)


def processes_in(data: Path, account: Account | None, pids: Iterable[int] | None = None) -> list[int]:
    """The live processes (of ``pids``, or of all) that work in ``data``.

    Where the system has no ``/proc`` only the given ``pids`` can be judged, by being alive.
    """
    if not data.exists():
        return []
    if not (_PROC / "self" / "cwd").exists():
        return [pid for pid in pids or () if _is_alive(pid)]
    if pids is None:
        pids = [int(entry.name) for entry in _PROC.glob("[0-9]*")]
    found: list[int] = []
    hidden: list[int] = []
    for pid in pids:
        try:
            if (_PROC / str(pid) / "cwd").samefile(data):
                found.append(pid)
        except PermissionError:
            hidden.append(pid)
        except OSError:  # gone, or a zombie: it has no directory any more
            continue
    return found + _hidden_in(data, account, hidden)


def wait_for_quiet(data: Path, account: Account | None, patience: float) -> Postmaster | None:
    """Wait until the server of ``data`` is either ready (answers it) or entirely gone (answers None).

    A server may be starting or stopping because whoever asked for that was killed; the children of a killed
    server may still be on their way out. Once nothing lives there the stale pid file is removed, since
    PostgreSQL refuses to start while the number in it belongs to anybody. ``patience`` in seconds; after half
    of it, children without a server are told to quit.

    Raises:
        EmbeddedPostgresError: something still lives there after ``patience``.
    """
    begun = clock.monotonic()
    while living := processes_in(data, account, None if _PROC.exists() else _pids(data)):
        server = postmaster_of(data, account)
        if server and server.ready:
            return server
        waited = clock.monotonic() - begun
        if waited > patience:
            raise EmbeddedPostgresError(f"processes {living} still use {data}: stop them first")
        if waited > patience / 2 and not set(living) & set(_pids(data)):
            for pid in living:  # a child busy in a loop does not notice that its server died
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGQUIT)
        time.sleep(0.02)
    (data / "postmaster.pid").unlink(missing_ok=True)
    return None


def _pid_file(data: Path) -> list[str]:
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return lines if lines and lines[0].isdecimal() else []


def _pids(data: Path) -> list[int]:
    return [int(line) for line in _pid_file(data)[:1]]


def _hidden_in(data: Path, account: Account | None, pids: list[int]) -> list[int]:
    """Those of ``pids`` that work in ``data`` and that only the account itself may ask about.

    Root in a container often lacks the right to look at other users' processes.
    """
    if account is None or not pids:
        return []
    places = [str(_PROC / str(pid) / "cwd") for pid in pids]
    answer = subprocess.run(  # noqa: S603 - coreutils on numbers we listed, no shell
        ["/usr/bin/stat", "-L", "-c", "%n %d:%i", *places],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        **switched_to(account),
    )
    here = f"{data.stat().st_dev}:{data.stat().st_ino}"
    rows = (line.rsplit(" ", 1) for line in answer.stdout.splitlines())
    return [int(Path(place).parent.name) for place, identity in rows if identity == here]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
