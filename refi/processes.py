"""Child processes of ``refi demo`` and of the crash tests: started together, stopped together.

A child stops when its parent dies, even by kill -9 (Linux), so nothing is left listening.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

PR_SET_PDEATHSIG = 1
STOPS_WITHIN = 10.0
COLLECTED = (50_000, 20, 20)
"""Objects made since the last look for cycles, and looks at the young between looks at the older."""


def collect_rarely() -> None:
    """Have Python look for cycles of garbage seldom, and never among what was made while starting.

    For a process that is refi's own, once it is wired: with Python's thresholds a chunk of a thousand rows
    makes it look through all modules and classes again and again (two fifths of the processor time of
    planning reminders, docs/reference/benchmarks.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED)


def free_port(wanted: int = 0) -> int:
    """A port of the loopback interface that nobody listens on now: ``wanted`` if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        port: int = probe.getsockname()[1]
    return port


def port_near(taken: int) -> int:
    """A port to propose instead of a taken one: it and the next one are free now."""
    for port in range(taken + 10, 65_534, 10):
        if free_port(port) == port and free_port(port + 1) == port + 1:
            return port
    return free_port()


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent ends; elsewhere the parent alone stops its children."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Processes:
    """Python programs run as children; leaving the block stops them all, last started first."""

    log_dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str, inherits: Sequence[int] = ()) -> subprocess.Popen[bytes]:
        """Run ``python -m …`` under ``name``; its output goes to ``<log_dir>/<name>.log``.

        It ``inherits`` these file descriptors, under the same numbers, and no other.
        """
        self.log_dir.mkdir(parents=True, exist_ok=True)
        with self._log(name).open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, "-m", *arguments],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
                start_new_session=True,
                pass_fds=inherits,
            )
        self.running[name] = child
        return child

    def dead(self) -> list[str]:
        """The children that ended by themselves."""
        return [name for name, child in self.running.items() if child.poll() is not None]

    def log_tail(self, name: str, lines: int = 20) -> str:
        """The last lines that a child wrote."""
        text = self._log(name).read_text(errors="replace") if self._log(name).exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def kill(self, name: str) -> None:
        """End a child without warning, as a power cut would."""
        child = self.running.pop(name)
        child.kill()
        child.wait()

    def stop(self, names: Sequence[str] | None = None) -> None:
        """Ask children to stop, then insist."""
        for name in names if names is not None else list(reversed(self.running)):
            child = self.running.pop(name)
            child.terminate()
            try:
                child.wait(STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _log(self, name: str) -> Path:
        return self.log_dir / f"{name}.log"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
