"""The PostgreSQL of a test run: one server for all workers, one migrated template, one clone per worker."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from refi.db.embedded import EmbeddedPostgres, Profile
from refi.db.migrate import upgrade

T = TypeVar("T")
PREFIX = "refi-tests-"
KEPT = {"public.alembic_version"}


def in_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine from a place that is not async, without touching pytest's event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def make_run_dir(place: Path) -> Path:
    """A directory for this run; those of runs that were killed are stopped and removed first."""
    for left in place.glob(f"{PREFIX}*"):
        _sweep(left)
    run_dir = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    run_dir.chmod(0o755)  # the account that runs PostgreSQL passes through
    return run_dir


@contextlib.contextmanager
def owned(run_dir: Path) -> Iterator[None]:
    """Mark the run as alive for as long as the block lasts; the system drops the mark when we are killed."""
    with (run_dir / "owner").open("w", encoding="utf-8") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        yield


def _sweep(left: Path) -> None:
    with contextlib.suppress(OSError):  # somebody else's, or just being removed
        mark = (left / "owner").open("r+", encoding="utf-8")
        with mark:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            RunServer(left, None).close()


@dataclass(frozen=True, slots=True)
class RunServer:
    """The server of one run: the embedded one in ``run_dir``, or the one at ``external``.

    ``external`` (``REFI_TEST_DATABASE_URL``) names an account that may create databases and is superuser.
    """

    run_dir: Path
    external: str | None

    @property
    def _prefix(self) -> str:
        return re.sub(r"\W", "_", self.run_dir.name)

    def _embedded(self) -> EmbeddedPostgres:
        return _embedded_in(self.run_dir)

    def url(self, database: str, *, driver: str = "+asyncpg") -> str:
        """The address of a database of this run."""
        if self.external is None:
            return self._embedded().url(database, driver=driver)
        parts = urlsplit(self.external)
        return urlunsplit((f"postgresql{driver}", parts.netloc, f"/{database}", parts.query, ""))

    def template(self) -> str:
        """The migrated database that clones are made of; made by whichever worker comes first."""
        name = f"{self._prefix}_template"
        done = self.run_dir / "template.ready"
        with (self.run_dir / "template.lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                if self.external is None:
                    self._embedded().start(Profile.FAST)
                self._admin(f'CREATE DATABASE "{name}"')
                in_thread(upgrade(self.url(name)))
                done.touch()
        return name

    def clone(self, *, blank: bool = False) -> str:
        """A new database, migrated unless ``blank``; answers its name."""
        template = self.template()
        name = f"{self._prefix}_{secrets.token_hex(4)}"
        copied = "" if blank else f' TEMPLATE "{template}" STRATEGY file_copy'
        self._admin(f'CREATE DATABASE "{name}"{copied}')
        return name

    def drop(self, name: str) -> None:
        """Drop a database, cutting its sessions."""
        self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def close(self) -> None:
        """Stop the server, or drop what this run made on the external one, and remove the directory."""
        if self.external is not None:
            if (self.run_dir / "template.ready").exists():
                self.drop(self.template())
        elif (self.run_dir / "pg" / "cluster").exists():
            server = self._embedded()
            server.stop()
            shutil.rmtree(server.cluster, ignore_errors=True)
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def _admin(self, statement: str) -> None:
        in_thread(_execute(self.url("postgres", driver=""), statement))


@lru_cache
def _embedded_in(run_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres.open(run_dir / "pg")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class Wiper:
    """Brings a worker's database back to what the migrations left, in one transaction of about 3 ms.

    Triggers that refuse DELETE on append-only tables, and foreign keys, are set aside for that transaction.
    """

    url: str
    statements: str

    @classmethod
    async def learn(cls, url: str) -> Wiper:
        """Look at a fresh database: which tables there are and which rows the migrations put in."""
        connection = await asyncpg.connect(url)
        try:
            tables = await connection.fetch(
                "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
            )
            parts = [
                "BEGIN",
                "SET LOCAL lock_timeout = '20s'",
                "SET LOCAL session_replication_role = replica",
            ]
            for table in (row["name"] for row in tables if row["name"] not in KEPT):
                parts.append(f"DELETE FROM {table}")
                rows = await connection.fetchval(f"SELECT json_agg(t) FROM {table} t")
                if rows:
                    text = json.dumps(json.loads(rows)).replace("'", "''")
                    source = f"json_populate_recordset(NULL::{table}, '{text}')"
                    parts.append(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM {source}")
            return cls(url, "; ".join([*parts, "COMMIT"]))
        finally:
            await connection.close()

    async def wipe(self, connection: asyncpg.Connection) -> None:
        """Wipe; fails after 20 seconds when a test left a transaction open."""
        await connection.execute(self.statements)


def external_url() -> str | None:
    """The server that the environment offers, if any."""
    return os.environ.get("REFI_TEST_DATABASE_URL") or None
