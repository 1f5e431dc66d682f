#!/usr/bin/env python3
"""Prepare ``.venv`` from ``requirements.lock`` with nothing but Python: ``python3 bootstrap.py``.

A second run finds the stamp of the first and does nothing, so everything else may call this first, also
without a network. The environment is made without pip (a system Python often lacks ``ensurepip``), filled
by uv with the hashes of the lock checked, and gets a ``refi`` command that works wherever the directory
lies. It is brought up to date when the lock changes, and made anew when Python (3.11 to 3.12) or the
directory changes or when making it was interrupted.

This file alone must be readable by an old Python, which it answers with a sentence.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Iterator, List

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "refi.stamp"
ASIDE = ROOT / ".venv.old"
BASE = str(getattr(sys, "_base_executable", sys.executable))  # not .venv's own, which may be removed

# The interpreter is found beside the script: a "#!" line takes neither spaces nor long paths.
COMMAND = """#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
import sys

from refi.cli import app

sys.exit(app())
"""


def main() -> None:
    """Prepare the environment unless it is ready."""
    need_new_python()
    if is_ready():
        return
    with alone():
        if is_ready():
            return
        begun = time.monotonic()
        say("preparing .venv (once; needs the network)")
        with restored_on_failure():
            if not is_usable():
                run([BASE, "-m", "venv", "--without-pip", str(VENV)])
            STAMP.unlink(missing_ok=True)
            fill()
            install_command()
            STAMP.write_text(stamp(), encoding="utf-8")
        say(f"ready in {time.monotonic() - begun:.1f} s")


def need_new_python() -> None:
    """Continue with a newer Python if this one is too old and there is one, else say what to do."""
    if sys.version_info >= OLDEST:
        return
    for minor in range(20, OLDEST[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])
    found = ".".join(str(part) for part in sys.version_info[:2])
    sys.exit(f"refi needs Python 3.11 or newer and found {found}: install python3.11 and try again")


def maker() -> str:
    """What a virtual environment does not survive a change of: the version of Python and the directory."""
    return f"{sys.version_info[0]}.{sys.version_info[1]} {ROOT}"


def stamp() -> str:
    """What the environment was made from: `maker`, and a digest of the lock and of this file."""
    made_from = hashlib.sha256(LOCK.read_bytes() + Path(__file__).read_bytes())
    return f"{maker()}\n{made_from.hexdigest()}\n"


def is_ready() -> bool:
    """Whether the environment was made here, by this Python, from this lock."""
    return STAMP.exists() and os.access(PYTHON, os.X_OK) and STAMP.read_text(encoding="utf-8") == stamp()


def is_usable() -> bool:
    """Whether what is there may be brought up to date instead of being made anew."""
    if not (STAMP.exists() and os.access(PYTHON, os.X_OK)):
        return False
    if STAMP.read_text(encoding="utf-8").split("\n")[0] != maker():
        return False
    ask = "import sys; print(sys.version_info[:2], sys.prefix)"
    answer = subprocess.run([str(PYTHON), "-c", ask], capture_output=True, text=True, check=False)
    return answer.stdout.strip() == f"{sys.version_info[:2]} {VENV}"


@contextlib.contextmanager
def restored_on_failure() -> Iterator[None]:
    """Move an environment that must be made anew aside, and back if that fails: the old one may still do."""
    if VENV.exists() and not is_usable():
        shutil.rmtree(ASIDE, ignore_errors=True)
        VENV.rename(ASIDE)
    try:
        yield
    except BaseException:
        if ASIDE.exists():
            shutil.rmtree(VENV, ignore_errors=True)
            ASIDE.rename(VENV)
        raise
    shutil.rmtree(ASIDE, ignore_errors=True)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait for another process that prepares this; the system frees the lock of a killed one."""
    try:
        import fcntl
    except ImportError:
        sys.exit("refi runs on Linux and macOS; on Windows, use WSL")
    try:
        lock = (ROOT / ".venv.lock").open("a", encoding="utf-8")
    except PermissionError:
        sys.exit(
            f"refi: {ROOT} is another user's and its .venv cannot be used by you: make a copy of your own"
        )
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process prepares .venv; waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fill() -> None:
    """Install exactly what the lock names, every file checked against its hash."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(VENV / "bin")) or fetch_uv()
    sync = [uv, "pip", "sync", "--quiet", "--python", str(PYTHON), "--require-hashes", str(LOCK)]
    if subprocess.run(sync, capture_output=True, check=False).returncode:
        # Again, trusting the system's certificates: a proxy may sign with one that uv does not know.
        os.environ.update(UV_SYSTEM_CERTS="true", UV_NATIVE_TLS="true")
        run(sync)


def fetch_uv() -> str:
    """Install uv, and only uv, into the environment with the system's pip, checked against the lock."""
    pip = subprocess.run([BASE, "-m", "pip", "--version"], capture_output=True, check=False)
    if pip.returncode:
        bundled = subprocess.run([str(PYTHON), "-m", "ensurepip"], capture_output=True, check=False)
        if bundled.returncode:
            sys.exit(
                "refi: this Python has no pip and there is no uv. Install one of them and try again, "
                "for example: apt-get install python3-pip"
            )
    installer = [str(PYTHON), "-m", "pip"]
    if pip.returncode == 0:
        installer = [BASE, "-m", "pip", "--python", str(PYTHON)]
    pinned = re.search(r"^uv==(?:.*\\\n)*.*\n", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    if pinned is None:
        sys.exit("refi: requirements.lock does not name uv; make lock writes it anew")
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as only_uv:
        only_uv.write(pinned.group())
        only_uv.flush()
        checked = ["install", "--quiet", "--require-hashes", "--no-deps", "-r", only_uv.name]
        run([*installer, *checked])
    return str(VENV / "bin" / "uv")


def install_command() -> None:
    """Put the working tree on the environment's path and ``refi`` among its commands."""
    packages = next((VENV / "lib").glob("python3*/site-packages"))
    (packages / "refi.pth").write_text(os.path.relpath(ROOT, packages) + "\n", encoding="utf-8")
    command = VENV / "bin" / "refi"
    command.write_text(COMMAND, encoding="utf-8")
    command.chmod(0o755)


def run(command: List[str]) -> None:
    """Run a step; when it fails, its own words are on the screen and this adds which step it was."""
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit(f"refi: preparing .venv failed at: {' '.join(command)}")


def say(text: str) -> None:
    """Tell what happens; on stderr, since the output belongs to whoever called."""
    print("refi: " + text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
