"""What every test may ask for.

Databases (real PostgreSQL, real commits; nothing starts unless a test asks):

``database_url``         this worker's migrated database, wiped just before the test
``cloned_database_url``  a migrated database of the test's own, dropped afterwards: for faults and programs
``blank_database_url``   the same without any table: for tests of the migrations

One embedded server with the fast profile serves all xdist workers of a run; ``REFI_TEST_DATABASE_URL``
(a superuser of some server) takes its place. After a test fails, its rows stay until the next one begins.

Proofs: the fixture ``proof`` gives size, seed and a record; see `tests.proofs`.

Async tests and fixtures share one event loop for the session, so an engine may be kept between tests.
Helpers are imported from the root: ``from tests.proofs import Proof``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import hypothesis
import pytest
import structlog

from tests import proofs
from tests.postgres import RunServer, Wiper, external_url, in_thread, make_run_dir, owned
from tests.proofs import Proof

# How long an example takes on a busy machine says nothing about the property.
hypothesis.settings.register_profile("refi", deadline=None)
hypothesis.settings.load_profile("refi")

SEED_VARIABLE = "REFI_PROOF_SEED"
RUN_DIR_VARIABLE = "REFI_TEST_RUN_DIR"
RUNS = pytest.StashKey[dict[str, list[dict[str, Any]]]]()
OUTCOME = pytest.StashKey[str]()
CLEANUP = pytest.StashKey[contextlib.ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("refi")
    group.addoption(
        "--prove", metavar="NAME", help="run this proof (or all, or list) at full size and report"
    )
    group.addoption("--write-schema", action="store_true", help="rewrite docs/reference/schema.txt")


def pytest_configure(config: pytest.Config) -> None:
    """The first process (not an xdist worker) makes the run's directory and seed; workers inherit them."""
    config.stash[RUNS] = {}
    config.stash[CLEANUP] = contextlib.ExitStack()
    _keep_bytecode()
    _log_plainly()
    if hasattr(config, "workerinput"):
        return
    os.environ.setdefault(SEED_VARIABLE, str(secrets.randbelow(2**31)))
    run_dir = make_run_dir(Path(tempfile.gettempdir()))
    os.environ[RUN_DIR_VARIABLE] = str(run_dir)
    config.stash[CLEANUP].callback(RunServer(run_dir, external_url()).close)
    config.stash[CLEANUP].enter_context(owned(run_dir))


def _log_plainly() -> None:
    """Errors in the log without the values around them: drawing those takes structlog half a minute each."""
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], console])


def _keep_bytecode() -> None:
    """Let the programs that tests start find what an earlier one compiled: most of their time is that.

    Even where the environment forbids bytecode beside the sources; it stands apart from them.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    beside = Path(__file__).parents[1] / ".venv" / "bytecode"
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(beside))


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[CLEANUP].close()


def pytest_report_header() -> str:
    return f"proofs: seeds {proofs.FIXED_SEED} and {os.environ[SEED_VARIABLE]} (repeat with {SEED_VARIABLE})"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "proof" in metafunc.fixturenames:
        seeds = {"fixed": proofs.FIXED_SEED, "random": int(os.environ[SEED_VARIABLE])}
        labels = [f"{kind}-seed-{seed}" for kind, seed in seeds.items()]
        metafunc.parametrize("proof", list(seeds.values()), indirect=True, ids=labels)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = config.getoption("--prove")
    if asked is None:
        return
    found = [item for item in items if "proof" in getattr(item, "fixturenames", ())]
    names = sorted({proofs.name_of(item.name) for item in found})
    chosen = [item for item in found if proofs.same(asked, proofs.name_of(item.name))]
    if not chosen:
        raise pytest.UsageError(f"no proof is called {asked}; there are: {', '.join(names) or 'none'}")
    left_out = [item for item in items if item not in chosen]
    config.hook.pytest_deselected(items=left_out)
    items[:] = chosen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[OUTCOME] = report.outcome
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--prove") is not None:
        for name, runs in session.config.stash[RUNS].items():
            proofs.write(name, runs)


@pytest.fixture
def proof(request: pytest.FixtureRequest) -> Iterator[Proof]:
    """Size, seed and record of a proof; the test runs once with the fixed seed and once with a random one."""
    name = proofs.name_of(request.node.name)
    made = Proof(name, request.param, full=request.config.getoption("--prove") is not None)
    yield made
    outcome = request.node.stash.get(OUTCOME, "failed")
    if made.sizes:  # nothing was sized, nothing was proved
        request.config.stash[RUNS].setdefault(name, []).append(made.report(outcome))


@pytest.fixture(scope="session")
def run_server() -> RunServer:
    """The PostgreSQL of this run, shared by all workers."""
    return RunServer(Path(os.environ[RUN_DIR_VARIABLE]), external_url())


@pytest.fixture(scope="session")
def worker_database(run_server: RunServer) -> Iterator[Wiper]:
    """This worker's own database and how to wipe it."""
    name = run_server.clone()
    yield in_thread(Wiper.learn(run_server.url(name, driver="")))
    run_server.drop(name)


@pytest.fixture(scope="session")
async def wiping(worker_database: Wiper) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(worker_database.url)
    yield connection
    await connection.close()


@pytest.fixture
async def database_url(worker_database: Wiper, wiping: asyncpg.Connection) -> str:
    """This worker's database, holding what the migrations put in and nothing else."""
    await worker_database.wipe(wiping)
    return worker_database.url.replace("postgresql://", "postgresql+asyncpg://", 1)


@pytest.fixture
def cloned_database_url(run_server: RunServer) -> Iterator[str]:
    """A migrated database for this test alone."""
    name = run_server.clone()
    yield run_server.url(name)
    run_server.drop(name)


@pytest.fixture
def blank_database_url(run_server: RunServer) -> Iterator[str]:
    """A database without tables for this test alone."""
    name = run_server.clone(blank=True)
    yield run_server.url(name)
    run_server.drop(name)
