"""The database of the data directory: shared by whoever uses it, made only where that was asked for."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from refi import settings
from refi.db.embedded import EmbeddedPostgresError
from refi.db.local import database_url, shared_server, whereabouts

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the account of the server can reach (pytest's own is closed to others)."""
    made = Path(tempfile.mkdtemp(prefix="refi-local-"))
    made.chmod(0o755)
    yield made
    if (made / "postgres").exists():
        with shared_server(made):
            pass
    shutil.rmtree(made)


def test_whoever_leaves_the_server_last_stops_it(place: Path) -> None:
    with ExitStack() as starter, ExitStack() as joined:
        server = starter.enter_context(shared_server(place))
        joined.enter_context(shared_server(place))
        with shared_server(place):
            pass
        assert server.running()
        starter.close()
        assert server.running()
        joined.close()
        assert not server.running()
    script = (
        "import os, pathlib, sys\n"
        "from refi.db.local import shared_server\n"
        "with shared_server(pathlib.Path(sys.argv[1])):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(place)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert server.running()
    with shared_server(place):
        assert server.sql("SELECT 1") == "1"
    assert not server.running()


def test_a_database_is_made_only_when_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = settings.read(database_url="", data_dir=".refi")
    with (
        pytest.raises(
            EmbeddedPostgresError, match=r"^there is no database in \./\.refi; set REFI_DATA_DIR or"
        ),
        database_url(chosen),
    ):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "in ./.refi"),
        ("postgresql://bob:secret@db.internal:6543/refi", "db.internal:6543/refi"),
        ("postgresql://bob:secret@db.internal/refi", "db.internal/refi"),
        ("postgresql+asyncpg://postgres@/refi?host=/tmp/a&port=5432", "/tmp/a:5432/refi"),
    ],
)
def test_a_database_is_told_without_its_password(url: str, told: str) -> None:
    assert whereabouts(settings.read(database_url=url, data_dir=".refi")) == told
