"""Run a command on an installation: everything wired to its database."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from refi import settings
from refi.cli.shared import fail, named_refusals
from refi.db.embedded import EmbeddedPostgresError
from refi.db.local import database_url, whereabouts
from refi.db.vault import VaultRefused
from refi.processes import collect_rarely
from refi.runtime import Runtime, build
from refi.web import logs

Answer = TypeVar("Answer")
NOT_MIGRATED = {"42P01", "42703", "3F000"}
"""SQLSTATEs: no such table, column, schema."""


def quickest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the event loop: uvloop where it runs, else None for asyncio's own.

    uvicorn would choose uvloop by itself only if it started the loop.
    """
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def with_runtime(
    act: Callable[[Runtime], Awaitable[Answer]], *, make: bool = False, options: bool = False
) -> Answer:
    """Run ``act`` with everything wired to the command's database (``make`` it if it is embedded).

    ``options``: pointers of a refusal name options, as for `named_refusals`.
    """

    async def run(chosen: settings.Settings) -> Answer:
        runtime = build(chosen)
        collect_rarely()
        try:
            return await act(runtime)
        finally:
            await runtime.close()

    with named_refusals(options=options):
        chosen = settings.current()
        logs.configure(chosen.log_format, chosen.log_level)
        try:
            with (
                database_url(chosen, make=make) as url,
                asyncio.Runner(loop_factory=quickest_loop()) as runner,
            ):
                return runner.run(run(chosen.model_copy(update={"database_url": url})))
        except EmbeddedPostgresError as error:
            fail(str(error))
        except VaultRefused as error:
            fail(str(error), 2)
        except (SQLAlchemyError, asyncpg.PostgresError, OSError) as error:
            fail(sentence(error, whereabouts(chosen)))


def sentence(error: Exception, database: str) -> str:
    """What a person can do about the ``database`` named so, which does not answer as it should."""
    cause = getattr(error, "orig", None) or error
    if getattr(cause, "sqlstate", None) in NOT_MIGRATED:
        return f"the database {database} has no tables of this version: run refi migrate"
    first = (str(cause).strip() or type(cause).__name__).splitlines()[0]
    return f"the database {database} did not answer: {first.rpartition('>: ')[2]}"
