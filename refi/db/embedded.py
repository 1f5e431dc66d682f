"""A private PostgreSQL for a demo or a test run: made, started, reused, recovered and stopped from here.

One directory holds everything: ``lock`` (two starters take turns) and ``cluster`` with the data, the log
and the socket. Clients connect through the socket, which only the owner reaches; nothing listens on the
network unless asked for. The server survives the death of its starter, so nothing acknowledged is lost:
the next start finds it running and reuses it, or lets PostgreSQL recover from its log.

    with EmbeddedPostgres.open(Path(".refi/postgres")) as server:
        server.create_database("refi")
        engine = create_async_engine(server.url("refi"))
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from refi import clock
from refi.db.postgres_account import (
    Account,
    EmbeddedPostgresError,
    choose_account,
    locked,
    prepare_cluster,
    run_as,
)
from refi.db.postgres_binaries import find_binaries
from refi.db.postgres_process import Postmaster, postmaster_of, wait_for_quiet

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "Profile"]

SUPERUSER = "postgres"
_LONGEST_SOCKET_DIRECTORY = 85  # bytes; the kernel allows 107 for the directory and ".s.PGSQL.nnnnn.lock"
_PATIENCE = 60.0  # seconds that starting, stopping or waiting for orphans may take


class Profile(StrEnum):
    """What the server promises."""

    DURABLE = "durable"  # an acknowledged commit survives a power cut
    FAST = "fast"  # survives the death of any process, not of the machine: for tests


_COMMON = {"jit": "off", "timezone": "UTC", "log_timezone": "UTC", "max_connections": "300"}
_SETTINGS = {
    Profile.DURABLE: {**_COMMON, "shared_buffers": "256MB", "max_wal_size": "2GB"},
    Profile.FAST: {
        **_COMMON,
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "shared_buffers": "256MB",
        "max_wal_size": "4GB",
        "wal_level": "minimal",
        "max_wal_senders": "0",
    },
}


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A private server in ``home``; `open` makes one. As a context manager it runs durable."""

    home: Path
    cluster: Path
    binaries: Path
    account: Account | None
    port: int
    tcp: bool

    @classmethod
    def open(cls, data_dir: Path, *, port: int | None = None, tcp: bool = False) -> Self:
        """Prepare the server that lives in ``data_dir`` (made when missing); nothing is started yet.

        Args:
            data_dir: its directory, any path.
            port: 5432 by default: without ``tcp`` it only names the socket. With ``tcp``, a free one.
            tcp: also listen on 127.0.0.1, with a password that is kept beside the data.

        Raises:
            EmbeddedPostgresError: no programs, no account to run them, or somebody else's directory.
        """
        home = data_dir.absolute()
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedPostgresError(f"{home} cannot be made: {error.strerror}") from error
        account = choose_account(home / "cluster")
        with locked(home):
            cluster = prepare_cluster(home, account)
        made_by = cluster / "data" / "PG_VERSION"
        major = int(made_by.read_text()) if made_by.exists() else None
        chosen_port = port or (_free_port() if tcp else 5432)
        return cls(home, cluster, find_binaries(account, major), account, chosen_port, tcp)

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.cluster / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.cluster / "postgres.log"

    def start(self, profile: Profile = Profile.DURABLE) -> None:
        """Start the server, or reuse the one that still runs here. Returns when it takes connections.

        Raises:
            EmbeddedPostgresError: it runs with another profile, or does not start; with the end of its log.
        """
        with locked(self.home):
            if running := self._answering():
                found = (self.cluster / "profile").read_text()
                if found != profile or self.tcp > bool(running.tcp_host):
                    where = running.tcp_host or "a socket"
                    raise EmbeddedPostgresError(f"{self.home} runs {found} on {where}: stop it first")
                return
            for left in self.cluster.glob(".s.PGSQL.*"):  # of a killed server; its number may live on
                left.unlink()
            if not self.data.exists():
                self._make_cluster(profile)
            self._configure(profile)
            self._run("pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", f"{_PATIENCE:.0f}", "start")
            if self.tcp:
                self._set_password()

    def stop(self) -> None:
        """Stop the server: sessions are cut, everything committed is on disk. Nothing to do when it is down.

        Raises:
            EmbeddedPostgresError: it does not stop.
        """
        with locked(self.home):
            running = postmaster_of(self.data, self.account)
            if running is None:
                return
            self._run("pg_ctl", "-D", self.data, "-w", "-t", f"{_PATIENCE:.0f}", "-m", "fast", "stop")
            if running.socket_directory != self.cluster:
                shutil.rmtree(running.socket_directory, ignore_errors=True)

    def running(self) -> bool:
        """Whether the server is up."""
        return self.pid() is not None

    def pid(self) -> int | None:
        """The server's process (to kill in a fault test); None when it is down."""
        running = postmaster_of(self.data, self.account)
        return running.pid if running else None

    def url(self, database: str = "refi", *, driver: str = "+asyncpg") -> str:
        """The address of ``database``; ``driver=""`` gives the plain form that asyncpg and psql take.

        Raises:
            EmbeddedPostgresError: the server is down (its socket and port are known once it runs).
        """
        running = self._postmaster()
        name = quote(database, safe="")
        if self.tcp:
            password = (self.cluster / "password").read_text()
            return f"postgresql{driver}://{SUPERUSER}:{password}@{running.tcp_host}:{running.port}/{name}"
        place = quote(str(running.socket_directory), safe="/")
        return f"postgresql{driver}://{SUPERUSER}@/{name}?host={place}&port={running.port}"

    def create_database(self, name: str, *, template: str | None = None) -> bool:
        """Make the database unless it is there; answers whether it was made.

        ``template`` is copied file by file (25 ms for a migrated schema); nobody may be connected to it.
        """
        if self.sql(f"SELECT 1 FROM pg_database WHERE datname = {_literal(name)}"):  # noqa: S608 - quoted
            return False
        copied = f" TEMPLATE {_identifier(template)} STRATEGY file_copy" if template else ""
        self.sql(f"CREATE DATABASE {_identifier(name)}{copied}")
        return True

    def drop_database(self, name: str) -> None:
        """Drop the database if it is there, cutting its sessions."""
        self.sql(f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE)")

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """Run one administrative statement with psql; answers unaligned rows, fields separated by ``|``."""
        running = self._postmaster()
        place = ("-h", running.socket_directory, "-p", str(running.port), "-U", SUPERUSER, "-d", database)
        return self._run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *place, "-c", statement).strip()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _make_cluster(self, profile: Profile) -> None:
        """Run initdb beside the final place and rename: a killed one leaves nothing that looks finished."""
        making = self.cluster / "data.making"
        shutil.rmtree(making, ignore_errors=True)
        version = re.search(r"\d+", self._run("postgres", "--version"))
        builtin = version is not None and int(version[0]) >= 17  # the same sort order on every machine
        locale = ["--locale=C.UTF-8"]
        if builtin:
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        quick = ["--no-sync"] if profile is Profile.FAST else []
        trust = ["--auth-local=trust", "--auth-host=scram-sha-256"]
        shared = ["-E", "UTF8", "-U", SUPERUSER, "--no-instructions"]
        self._run("initdb", "-D", making, *shared, *trust, *locale, *quick)
        with (making / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write("\ninclude_if_exists = 'refi.conf'\n")
        making.rename(self.data)

    def _configure(self, profile: Profile) -> None:
        settings = {
            **_SETTINGS[profile],
            "port": str(self.port),
            "listen_addresses": "127.0.0.1" if self.tcp else "",
            "unix_socket_directories": str(self._socket_directory()),
            "unix_socket_permissions": "0700",
        }
        lines = [f"{name} = {_literal(value)}\n" for name, value in settings.items()]
        (self.data / "refi.conf").write_text("".join(lines), encoding="utf-8")
        (self.cluster / "profile").write_text(profile, encoding="utf-8")

    def _socket_directory(self) -> Path:
        """Beside the data, or a short private one where that path is too long or too odd for a socket."""
        plain = re.fullmatch(r"[\w/ .+-]+", str(self.cluster), re.ASCII)
        if plain and len(os.fsencode(self.cluster)) <= _LONGEST_SOCKET_DIRECTORY:
            return self.cluster
        short = Path(tempfile.mkdtemp(prefix="refi-", dir="/tmp"))
        if self.account:
            os.chown(short, self.account.uid, self.account.gid)
        return short

    def _set_password(self) -> None:
        password = secrets.token_urlsafe(24)
        kept = self.cluster / "password"
        kept.touch(mode=0o600)
        kept.write_text(password, encoding="ascii")
        self.sql(f"ALTER ROLE {SUPERUSER} PASSWORD {_literal(password)}")

    def _answering(self) -> Postmaster | None:
        """The server that runs here and takes connections; None when all is quiet. Waits for either."""
        deadline = clock.monotonic() + _PATIENCE
        while running := wait_for_quiet(self.data, self.account, _PATIENCE):
            try:
                self.sql("SELECT 1")
            except EmbeddedPostgresError:  # it has just been killed and is not gone yet
                if clock.monotonic() > deadline:
                    raise
            else:
                return running
        return None

    def _postmaster(self) -> Postmaster:
        """The running server.

        Raises:
            EmbeddedPostgresError: it is down.
        """
        running = postmaster_of(self.data, self.account)
        if running is None:
            raise EmbeddedPostgresError(f"the PostgreSQL in {self.home} is not running")
        return running

    def _run(self, program: str, *arguments: str | Path) -> str:
        try:
            return run_as(self.account, [self.binaries / program, *arguments], self.cluster)
        except EmbeddedPostgresError as error:
            raise EmbeddedPostgresError(f"{error}{self._log_tail()}") from error

    def _log_tail(self) -> str:
        if not self.log.exists():
            return ""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:]
        return "\nend of the server's log:\n" + "\n".join(lines)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
