"""When PostgreSQL does not answer for now: every way in which that shows, as one named refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from refi.errors import Unavailable


class DatabaseUnavailable(Unavailable):
    """PostgreSQL did not answer; sending the same Idempotency-Key again tells whether an effect committed."""


PASSING_STATES = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "08000", "08003", "08006", "53300"}
"""SQLSTATEs that say "not now": serialization, deadlock, lock timeout, shutdown, lost connection."""


@asynccontextmanager
async def answering() -> AsyncIterator[None]:
    """Turn every way in which PostgreSQL does not answer for now into `DatabaseUnavailable`."""
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated or _is_passing(error):
            raise DatabaseUnavailable("the database did not answer; try again") from error
        raise
    except asyncpg.PostgresError as error:
        if error.sqlstate in PASSING_STATES:
            raise DatabaseUnavailable("the database did not answer; try again") from error
        raise
    except (OSError, asyncpg.InterfaceError, PoolTimeout) as error:
        raise DatabaseUnavailable("the database did not answer; try again") from error


def _is_passing(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    cause = error.orig.__cause__ if error.orig is not None else None
    return state in PASSING_STATES or isinstance(cause, (OSError, asyncpg.InterfaceError))
