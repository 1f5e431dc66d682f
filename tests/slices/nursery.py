"""Starts programs by fork from a process that has already imported them.

What is killed is a real process with its own sockets and connections; only the seconds of importing are
spared, so that a proof can kill often. Commands come as JSON lines on stdin, process ids go back on stdout:

    {"log": "serve.log", "argv": ["refi.cli", "serve", "--port", "8700"]}  →  4711
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from refi.processes import die_with_parent

IMPORTED = ("refi.cli.operations", "refi.gateways.sandbox.__main__")


class Nursery:
    """The forking process, seen from the test. Its children end with it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )

    def start(self, log: Path, *argv: str) -> int:
        """Run ``python -m …`` with its output in ``log``; its process id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"log": str(log), "argv": argv}) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()


def is_alive(process_id: int) -> bool:
    """Whether there still is such a process."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def fork(log: str, argv: list[str]) -> int:
    """Run the module ``argv[0]`` in a child; never returns there."""
    if (child := os.fork()) != 0:
        return child
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    die_with_parent()
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, instead in ((0, nothing), (1, output), (2, output)):
        os.dup2(instead, number)
    status = 0
    try:
        sys.argv = list(argv)
        runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    """Fork on demand until stdin ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin:
        wanted = json.loads(line)
        sys.stdout.write(f"{fork(wanted['log'], wanted['argv'])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
