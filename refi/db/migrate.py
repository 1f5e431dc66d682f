"""Bring a database to the newest schema; serialized, so that any number of processes may start at once."""

from __future__ import annotations

import asyncio
import importlib
from datetime import date
from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine

from refi.db.base import Base

MIGRATIONS = Path(__file__).parent / "migrations"
ONE_MIGRATOR = 7_302_000
"""Advisory lock that a migration holds, so that processes which start together take turns."""


def metadata() -> MetaData:
    """Every table of the service: each ``refi/*/tables.py`` is imported."""
    package = Path(__file__).parent.parent
    for file in sorted(package.glob("*/tables.py")):
        importlib.import_module(f"refi.{file.parent.name}.tables")
    return Base.metadata


def config(url: str) -> Config:
    """Alembic's configuration for the database at ``url``, without reading ``alembic.ini``."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.attributes["url"] = url
    return made


@lru_cache(maxsize=1)
def head() -> str:
    """The newest revision that this code knows."""
    revision = ScriptDirectory.from_config(config("")).get_current_head()
    if revision is None:
        raise RuntimeError("there are no migrations")
    return revision


async def upgrade(url: str, revision: str = "head") -> None:
    """Upgrade the database at ``url``."""
    await asyncio.to_thread(command.upgrade, config(url), revision)


async def open_books(engine: AsyncEngine, market: str, on: date) -> date:
    """Set the first business date of a fresh database to ``on``; returns the open one."""
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO business_clock (singleton, market, business_date, shift, closing)"
                " VALUES (1, :market, :on, '0', false) ON CONFLICT DO NOTHING"
            ),
            {"market": market, "on": on},
        )
        opened: date = (
            await connection.execute(text("SELECT business_date FROM business_clock"))
        ).scalar_one()
    return opened
