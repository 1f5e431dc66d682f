"""`refi demo` as a visitor runs it: what it shows works, and a second one leaves the first alone."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from refi.cli.demo import STAFF
from refi.demo.installation import NotStarted, installation
from refi.processes import free_port, port_near

REFI = [sys.executable, "-m", "refi.cli"]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the account of PostgreSQL can reach (pytest's own is closed to others)."""
    made = Path(tempfile.mkdtemp(prefix="refi-demo-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@contextmanager
def demo(place: Path, port: int) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A running demo and what it said until it was ready."""
    command = [*REFI, "demo", "--port", str(port), "--data", str(place), "--borrowers", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            said: list[str] = []
            for line in process.stdout:
                said.append(line.rstrip("\n"))
                if line.startswith("ready "):
                    break
            yield process, said
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def test_what_the_demo_shows_works_and_a_second_one_leaves_it_alone(place: Path) -> None:
    port = port_near(free_port())
    with demo(place, port) as (process, said):
        assert said[-1] == f"ready http://127.0.0.1:{port}", "\n".join(said)
        shown = "\n".join(said).partition("refi audit:")[2]
        numbered = {name.removesuffix("-1") for name in re.findall(r"\b[\w-]+-1\b", shown)}
        assert {f"{name}-{n}" for name in numbered for n in (1, 2)} >= set(STAFF)
        assert "lives 15 minutes" in shown

        [replay] = re.findall(r"REFI_DATA_DIR=(\S+) \.venv/bin/refi replay (loan_\w+)", shown)
        told = re.search(rf"borrower  \+86\d{{11}}   the story's, with {replay[1]}", shown)
        assert told, shown
        environment = {**os.environ, "REFI_DATA_DIR": shlex.split(replay[0])[0], "REFI_DATABASE_URL": ""}
        replayed = subprocess.run(
            [*REFI, "replay", replay[1]], capture_output=True, text=True, check=False, env=environment
        )
        assert replayed.returncode == 0, replayed.stderr
        assert "nothing differs" in replayed.stdout

        second = subprocess.run(
            [*REFI, "demo", "--port", str(port), "--data", str(place)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (second.returncode, second.stdout) == (1, "")
        assert second.stderr == f"refi: a demo already runs on {place} (process {process.pid})\n"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            assert answer.status == 200
        assert process.poll() is None
    assert process.returncode == 0
    assert not (place / "postgres" / "cluster" / "data" / "postmaster.pid").exists()


def test_a_directory_with_a_demo_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with (tmp_path / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("123")
        lock.flush()
        with (
            pytest.raises(NotStarted, match=rf"^a demo already runs on {tmp_path} \(process 123\)$"),
            installation(tmp_path, free_port()),
        ):
            pass
    assert [each.name for each in tmp_path.iterdir()] == ["demo.lock"]


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NotStarted) as refused, installation(tmp_path, port):
            pass
    found = re.fullmatch(rf"port {port} is taken; try --port (\d+)", str(refused.value))
    assert found
    assert free_port(int(found[1])) == int(found[1])
    assert [each.name for each in tmp_path.iterdir()] == ["demo.lock"]


def test_near_the_last_port_any_free_one_is_proposed() -> None:
    assert 1024 <= port_near(65_530) <= 65_535
