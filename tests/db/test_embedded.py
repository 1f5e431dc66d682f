"""The private PostgreSQL: it starts anywhere, survives being killed, and nobody else gets in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from refi.db.embedded import EmbeddedPostgres, EmbeddedPostgresError, Profile
from refi.db.postgres_account import ROOT_PLACE, Account, choose_account, run_as
from refi.db.postgres_binaries import copy_of_wheel, find_binaries
from tests.proofs import Proof

ROOT = Path(__file__).parents[2]
IS_ROOT = os.geteuid() == 0


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the account of the server can reach (pytest's own is closed to others)."""
    made = Path(tempfile.mkdtemp(prefix="refi-embedded-"))
    made.chmod(0o755)
    yield made
    for cluster in made.rglob("cluster"):
        if cluster.exists():
            EmbeddedPostgres.open(cluster.parent).stop()
    shutil.rmtree(made)


@pytest.fixture
def server(place: Path) -> EmbeddedPostgres:
    made = EmbeddedPostgres.open(place / "pg")
    made.start(Profile.FAST)
    return made


async def test_a_path_with_a_space_serves_a_connection(place: Path) -> None:
    with EmbeddedPostgres.open(place / "my data" / "pg") as server:
        assert server.create_database("refi") is True
        assert server.create_database("refi") is False
        engine = create_async_engine(server.url())
        async with engine.connect() as connection:
            answer = (await connection.execute(text("SELECT current_database()"))).scalar_one()
        await engine.dispose()
        assert answer == "refi"
        assert server.sql("SHOW fsync") == "on"
        assert server.sql("SHOW listen_addresses") == ""
    assert not server.running()
    with pytest.raises(EmbeddedPostgresError, match="not running"):
        server.url()


@pytest.mark.parametrize("odd", ["d" * 150, "a,b", "借款", "it's", "a:b@c?d#e%20f"])
async def test_a_path_that_a_socket_cannot_take_serves_a_connection(place: Path, odd: str) -> None:
    server = EmbeddedPostgres.open(place / odd)
    server.start(Profile.FAST)
    connection = await asyncpg.connect(server.url("postgres", driver=""))
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()
    engine = create_async_engine(server.url("postgres"))
    async with engine.connect() as other:
        assert (await other.execute(text("SELECT 2"))).scalar_one() == 2
    await engine.dispose()
    server.stop()


def test_nobody_else_reaches_the_data_or_the_socket(server: EmbeddedPostgres) -> None:
    assert server.cluster.stat().st_mode & 0o077 == 0
    assert server.data.stat().st_mode & 0o077 == 0


def test_a_killed_server_loses_no_commit_and_starts_at_once(place: Path, proof: Proof) -> None:
    chance = proof.random()
    server = EmbeddedPostgres.open(place / "pg")
    server.start(Profile.DURABLE)
    server.sql("CREATE TABLE kept (n bigint PRIMARY KEY)")
    acknowledged = 0
    for _ in range(proof.size(small=2, full=100, of="kills")):
        for _ in range(chance.randint(1, 5)):
            server.sql(f"INSERT INTO kept SELECT generate_series({acknowledged} + 1, {acknowledged} + 1000)")
            acknowledged += 1000
        killed = server.pid()
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        proof.fired("kill -9 of the server")
        server.start(Profile.DURABLE)
        assert server.pid() != killed
        assert server.sql("SELECT count(*) FROM kept") == str(acknowledged)
    proof.record(rows=acknowledged)
    server.stop()


def test_the_death_of_the_starter_leaves_a_server_that_is_reused(place: Path) -> None:
    script = (
        "import os, pathlib, sys\n"
        "from refi.db.embedded import EmbeddedPostgres\n"
        "server = EmbeddedPostgres.open(pathlib.Path(sys.argv[1]))\n"
        "server.start()\n"
        "server.sql('CREATE TABLE kept AS SELECT 7 AS n')\n"
        "print(server.pid(), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", script, str(place / "pg")]
    died = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    server = EmbeddedPostgres.open(place / "pg")
    server.start()
    assert server.pid() == int(died.stdout)
    assert server.sql("SELECT n FROM kept") == "7"
    server.stop()
    assert not server.running()


def test_a_pid_file_that_names_a_stranger_does_not_prevent_a_start(server: EmbeddedPostgres) -> None:
    pid_file = server.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    if server.account:
        os.chown(pid_file, server.account.uid, server.account.gid)
    assert not server.running()
    server.start(Profile.FAST)
    assert server.sql("SELECT 1") == "1"


def test_starters_at_the_same_time_share_one_server(place: Path) -> None:
    def start(_: int) -> int | None:
        server = EmbeddedPostgres.open(place / "pg")
        server.start(Profile.FAST)
        return server.pid()

    with ThreadPoolExecutor(6) as pool:
        pids = set(pool.map(start, range(6)))
    assert len(pids) == 1
    assert pids != {None}


def test_a_killed_initdb_leaves_nothing_in_the_way(place: Path) -> None:
    server = EmbeddedPostgres.open(place / "pg")
    half = server.cluster / "data.making"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")
    server.start(Profile.FAST)
    assert server.sql("SELECT 1") == "1"
    assert not half.exists()


def test_a_running_server_is_not_taken_for_another_profile(server: EmbeddedPostgres) -> None:
    with pytest.raises(EmbeddedPostgresError, match="runs fast on a socket"):
        server.start(Profile.DURABLE)
    with pytest.raises(EmbeddedPostgresError, match="runs fast on a socket"):
        EmbeddedPostgres.open(server.home, tcp=True).start(Profile.FAST)
    server.stop()
    server.start(Profile.DURABLE)
    assert server.sql("SHOW synchronous_commit") == "on"


async def test_tcp_asks_for_the_password(place: Path) -> None:
    server = EmbeddedPostgres.open(place / "pg", tcp=True)
    server.start(Profile.FAST)
    url = server.url("postgres", driver="")
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT inet_server_port()") == server.port
    await connection.close()
    password = url.split(":")[2].split("@")[0]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url.replace(password, "guess"))
    server.stop()


def test_a_template_is_copied_and_a_database_dropped(server: EmbeddedPostgres) -> None:
    server.create_database('odd "name"')
    server.sql("CREATE TABLE t AS SELECT 1 AS n", database='odd "name"')
    server.create_database("copy", template='odd "name"')
    assert server.sql("SELECT n FROM t", database="copy") == "1"
    server.drop_database("copy")
    server.drop_database("copy")
    with pytest.raises(EmbeddedPostgresError, match='database "copy" does not exist'):
        server.sql("SELECT 1", database="copy")


def test_a_server_that_cannot_start_says_why(server: EmbeddedPostgres) -> None:
    server.stop()
    with (server.data / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedPostgresError, match="no_such_setting"):
        server.start(Profile.FAST)


def test_missing_programs_are_told_with_the_way_out(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFI_PG_BIN", str(place))
    with pytest.raises(EmbeddedPostgresError, match="Set REFI_DATABASE_URL"):
        EmbeddedPostgres.open(place / "pg")


def test_a_directory_that_cannot_be_made_is_told() -> None:
    with pytest.raises(EmbeddedPostgresError, match="cannot be made"):
        EmbeddedPostgres.open(Path("/dev/null/pg"))


@pytest.mark.skipif(not IS_ROOT, reason="only root can pretend to be somebody else")
def test_another_users_directory_is_refused() -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(EmbeddedPostgresError, match="belongs to user 0"):
            choose_account(Path("/"))
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not IS_ROOT, reason="only root hands the server to another account")
def test_root_keeps_the_data_where_the_account_can_reach_them(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres.open(closed / "pg")
    try:
        server.start(Profile.FAST)
        assert server.cluster.parent == ROOT_PLACE
        assert closed.stat().st_mode & 0o777 == 0o700
        again = EmbeddedPostgres.open(closed / "pg")
        assert again.cluster == server.cluster
        assert again.sql("SELECT 1") == "1"
    finally:
        server.stop()
        shutil.rmtree(server.cluster)


def test_a_copy_of_the_programs_is_made_once_and_runs_for_everybody(place: Path) -> None:
    account = choose_account(place / "cluster")
    programs = find_binaries(None)
    copy = copy_of_wheel(programs, place)
    made = (copy / "postgres").stat()
    assert copy_of_wheel(programs, place) == copy
    assert (copy / "postgres").stat().st_mtime_ns == made.st_mtime_ns
    assert Account(4_000_001, 4_000_001).can_reach(copy / "psql")
    for program in ("postgres", "psql"):  # psql needs the libraries beside it
        assert run_as(account, [copy / program, "--version"], place).startswith(f"{program} (PostgreSQL) 18")


@pytest.mark.skipif(not (IS_ROOT and shutil.which("setpriv")), reason="drops a right that only root has")
def test_root_without_the_right_to_look_at_processes_finds_its_server(server: EmbeddedPostgres) -> None:
    script = (
        "import pathlib, sys\n"
        "from refi.db.embedded import EmbeddedPostgres, Profile\n"
        "server = EmbeddedPostgres.open(pathlib.Path(sys.argv[1]))\n"
        "server.start(Profile.FAST)\n"
        "print(server.pid(), flush=True)\n"
        "pathlib.Path(f'/proc/{server.pid()}/cwd').stat()\n"
    )
    command = [
        "setpriv",
        "--bounding-set=-sys_ptrace",
        "--inh-caps=-sys_ptrace",
        sys.executable,
        "-c",
        script,
    ]
    done = subprocess.run([*command, str(server.home)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [str(server.pid())], done.stderr
    assert "PermissionError" in done.stderr  # the right was really missing


def test_reaching_a_directory_needs_every_ancestor(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    owner = Account(inner.stat().st_uid, inner.stat().st_gid)
    stranger = Account(4_000_001, 4_000_001)
    assert owner.can_reach(inner)
    assert not stranger.can_reach(inner)  # pytest's own directory is closed to others
    (tmp_path / "a").chmod(0o077)
    assert not owner.can_reach(inner)
    (tmp_path / "a").chmod(0o700)
