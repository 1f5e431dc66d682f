"""The database a command works on: ``REFI_DATABASE_URL``, or else the embedded one in the data directory."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from refi.db.embedded import EmbeddedPostgres, EmbeddedPostgresError
from refi.settings import Settings

DATABASE = "refi"


@contextmanager
def shared_server(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """The embedded server of ``data_dir``, started if it is down; whoever leaves it last stops it.

    All who use it hold one lock together, which the system takes from a process that dies: nobody stops a
    server that somebody else still uses, whoever started it.

    Raises:
        EmbeddedPostgresError: it cannot be made, started or stopped.
    """
    server = EmbeddedPostgres.open(data_dir / "postgres")
    with (server.home / "users").open("a", encoding="utf-8") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits while the last one before us stops it
        server.start()
        try:
            server.create_database(DATABASE)
            yield server
        finally:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # somebody else still uses it
            else:
                server.stop()


@contextmanager
def database_url(settings: Settings, *, make: bool = False) -> Iterator[str]:
    """The address of the database; an embedded server runs for as long as the block lasts.

    Raises:
        EmbeddedPostgresError: there is no embedded one and we are not to ``make`` it; or its server fails.
    """
    if settings.database_url:
        yield settings.database_url
        return
    if not make and not _is_made(settings.data_dir / "postgres"):
        where = _typed(settings.data_dir)
        way_out = "set REFI_DATA_DIR or REFI_DATABASE_URL, or run refi migrate"
        raise EmbeddedPostgresError(f"there is no database in {where}; {way_out}")
    with shared_server(settings.data_dir) as server:
        yield server.url(DATABASE)


def whereabouts(settings: Settings) -> str:
    """Which database that is, for people: ``in ./.refi``, ``db.internal:5432/refi``; never a password."""
    if not settings.database_url:
        return f"in {_typed(settings.data_dir)}"
    url = make_url(settings.database_url)
    host, port = url.host or url.query.get("host", ""), url.port or url.query.get("port", "")
    return f"{host}{port and f':{port}'}/{url.database or ''}"


def _is_made(home: Path) -> bool:
    try:
        return (home / "cluster" / "data").exists()
    except PermissionError:
        return True  # somebody else's: opening it says whose


def _typed(directory: Path) -> str:
    """The directory as somebody would type it."""
    return str(directory) if directory.is_absolute() else f"./{directory}"
