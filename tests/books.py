"""The books of a test: opened on a day of their own, with the clock at ten of that morning.

No test may depend on the day and the hour at which it is run: a suite that begins before midnight and ends
after it, or a checkout that somebody tests in five years, would have a scheduler close days in mid-test.
"""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from refi import clock
from refi.db.migrate import open_books

ON = date(2026, 11, 22)
SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING = time(10)


async def opened(engine: AsyncEngine, on: date = ON, *, market: str = "cn") -> None:
    """Open fresh books on ``on``; business time is ten in the morning of that day in China.

    Books that are open already stay as they are.
    """
    async with engine.begin() as connection:
        fresh = (await connection.execute(text("SELECT count(*) FROM business_clock"))).scalar_one() == 0
    await open_books(engine, market, on)
    if fresh:
        await set_clock(engine, on)


async def set_clock(engine: AsyncEngine, on: date, at: time = MORNING, zone: ZoneInfo = SHANGHAI) -> None:
    """Let the business date be ``on`` and business time ``at`` of that day, without closing anything."""
    await set_time(engine, on, datetime.combine(on, at, zone))


async def set_time(engine: AsyncEngine, on: date, now: datetime) -> None:
    """Let the business date be ``on`` and business time ``now``, whichever day that is."""
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE business_clock SET business_date = :on, shift = :shift"),
            {"on": on, "shift": now - clock.utc_now()},
        )
