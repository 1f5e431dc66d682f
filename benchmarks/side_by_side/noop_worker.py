"""A worker of the same queue whose jobs do nothing: what the queue itself can carry."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta

import asyncpg
from pgqueuer.models import Job

from refi import settings
from refi.db import queue
from refi.worker import BATCH, LOOKS_EVERY


async def main() -> None:
    """Take ``noop`` jobs until SIGTERM, as `refi.worker` takes its own."""
    url = settings.current().database_url.replace("postgresql+asyncpg://", "postgresql://", 1)
    async with asyncpg.create_pool(url, min_size=2, max_size=4) as pool:
        worker = queue.worker(pool)

        @worker.entrypoint("noop", on_failure="hold")
        async def run(_: Job) -> None:
            return

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.shutdown.set)
        await worker.run(
            dequeue_timeout=LOOKS_EVERY, batch_size=BATCH, heartbeat_timeout=timedelta(seconds=30),
            max_concurrent_tasks=2 * BATCH,
        )  # fmt: skip


if __name__ == "__main__":
    asyncio.run(main())
