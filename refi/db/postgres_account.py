"""Who runs a private PostgreSQL and where its files may live.

PostgreSQL refuses to run as root, so root hands it to an account that exists already, ``postgres`` or
``nobody``: no account is made and no directory that is not ours changes its mode. Anybody else runs it as
themselves.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT_PLACE = Path("/var/lib/refi")  # what root keeps for the account, where the account can reach it


class EmbeddedPostgresError(RuntimeError):
    """The private PostgreSQL cannot be found, made, started or stopped; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """A system account by number: who runs PostgreSQL and owns its files."""

    uid: int
    gid: int

    def can_reach(self, path: Path) -> bool:
        """Whether the account may pass through every directory down to ``path`` (mode bits only)."""
        return all(self._may(place, stat.S_IXUSR) for place in [path, *path.parents])

    def _may(self, path: Path, owner_bit: int) -> bool:
        try:
            found = path.stat()
        except PermissionError:
            return False
        shift = 0 if found.st_uid == self.uid else 3 if found.st_gid == self.gid else 6
        return bool(found.st_mode & (owner_bit >> shift))


def switched_to(account: Account | None) -> dict[str, Any]:
    """The arguments of `subprocess.run` that run a program as ``account``."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def run_as(account: Account | None, command: Sequence[str | Path], place: Path) -> str:
    """Run a program of PostgreSQL in ``place`` as ``account`` and answer what it printed.

    The output goes through a file: a pipe would be inherited by a server that it starts and never end.

    Raises:
        EmbeddedPostgresError: it cannot be run or failed; with its output.
    """
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    name = Path(command[0]).name
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=place,
                check=False,
                **switched_to(account),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedPostgresError(f"{name} cannot be run: {error}") from error
        output.seek(0)
        text = output.read().decode(errors="replace")
    if done.returncode:
        raise EmbeddedPostgresError(f"{name} failed: {text.strip()}")
    return text


def choose_account(cluster: Path) -> Account | None:
    """The account to switch to, or None to stay who we are.

    Only root switches: to the owner of the existing ``cluster``, else to ``postgres``, else to ``nobody``.

    Raises:
        EmbeddedPostgresError: ``cluster`` belongs to somebody else, or root finds no account.
    """
    owner = cluster.stat() if cluster.exists() else None
    if os.geteuid() != 0:
        if owner and owner.st_uid != os.geteuid():
            raise EmbeddedPostgresError(
                f"{cluster} belongs to user {owner.st_uid} and this is user {os.geteuid()}: "
                "run as that user or choose another data directory"
            )
        return None
    if owner and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root and there is neither a user 'postgres' nor 'nobody': "
        "run as an ordinary user or set REFI_DATABASE_URL"
    )


def prepare_cluster(home: Path, account: Account | None) -> Path:
    """The directory for the data, owned by the account and reachable by it.

    Where the account cannot reach ``home`` (it lies under ``/root``), the data live in `ROOT_PLACE` and
    ``home/cluster`` is a link to them.
    """
    cluster = home / "cluster"
    if not cluster.exists():
        if account is None or account.can_reach(home):
            cluster.mkdir()
        else:
            ROOT_PLACE.mkdir(mode=0o755, parents=True, exist_ok=True)
            cluster.unlink(missing_ok=True)
            cluster.symlink_to(tempfile.mkdtemp(prefix="postgres-", dir=ROOT_PLACE))
    if account:
        os.chown(cluster, account.uid, account.gid)
    cluster.chmod(0o700)
    return cluster.resolve()


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the lock of ``home``; the system frees it when a process dies."""
    try:
        lock = (home / "lock").open("a", encoding="utf-8")
    except OSError as error:
        raise EmbeddedPostgresError(f"{home} cannot be written: {error.strerror}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
