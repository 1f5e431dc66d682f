"""When the work that an act of the sandbox set off is done: ours, and what the provider still has to say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from refi import clock
from refi.db import queue
from refi.db.work import SYSTEM, Database
from refi.errors import Unavailable
from refi.runtime import Runtime

LOOK_EVERY = 0.02
ACT_WITHIN = 5.0
"""Seconds that the work of one lever is waited for."""


async def settle(runtime: Runtime, within: float) -> bool:
    """Wait until no job is due or running and the provider has nothing to do or to tell.

    False when ``within`` seconds were not enough. What waits for a lever, or is kept back, is not waited for.
    """

    async def under_way() -> bool:
        return await _jobs_wait(runtime.database) or await _provider_works(runtime)

    return await _quiet(under_way, within)


async def jobs_done(database: Database, within: float) -> bool:
    """Wait until no job is due or running; False when ``within`` seconds were not enough."""
    return await _quiet(lambda: _jobs_wait(database), within)


async def _quiet(under_way: Callable[[], Awaitable[bool]], within: float) -> bool:
    until = clock.monotonic() + within
    while clock.monotonic() < until:
        # Two looks: between the halves of one, a job may have ended with an order, or an order with a job.
        if not await under_way() and not await under_way():
            return True
        await asyncio.sleep(LOOK_EVERY)
    return False


async def _jobs_wait(database: Database) -> bool:
    async with database.work(SYSTEM, reading=True) as work:
        return await queue.unfinished(await work.raw()) > 0


async def _provider_works(runtime: Runtime) -> bool:
    """Whether the provider will act by itself; a provider that is away has nothing to wait for."""
    try:
        found = await runtime.sandbox.ask("/control/under-way", {})
    except Unavailable:
        return False
    return bool(found["orders"] or found["news"])
