"""The database a command works on: ``REFI_DATABASE_URL``, or else the embedded one in the data directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from refi.db.embedded import EmbeddedPostgres
from refi.settings import Settings

DATABASE = "refi"


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The address of the database; an embedded server that was not running is stopped again afterwards."""
    if settings.database_url:
        yield settings.database_url
        return
    server = EmbeddedPostgres.open(settings.data_dir / "postgres")
    was_running = server.running()
    server.start()
    try:
        server.create_database(DATABASE)
        yield server.url(DATABASE)
    finally:
        if not was_running:
            server.stop()
