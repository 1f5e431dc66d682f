"""A sampling profile of a server under load: which part of the program the processor works for.

Every few milliseconds of processor time the interrupted stack is looked at; its innermost frame that belongs
to a named part gets the sample. Time spent waiting (for PostgreSQL, the disk, a lock) is no processor time
and is not in it. No tracing, so that nothing is slowed unevenly.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY = 0.002

PARTS = {
    "/refi/schedules/": "refi: arithmetic of schedules and savings",
    "/refi/policies/": "refi: policies",
    "/refi/web/": "refi: web",
    "/refi/api/": "refi: middleware",
    "/refi/db/": "refi: Work, keys, queue",
    "/refi/ids.py": "ids (typeid)",
    "/typeid/": "ids (typeid)",
    "/uuid_utils/": "ids (typeid)",
    "/refi/": "refi: rooms (services, routes)",
    "/sqlalchemy/orm/": "SQLAlchemy ORM",
    "/sqlalchemy/dialects/": "SQLAlchemy dialect and driver calls",
    "/sqlalchemy/pool/": "SQLAlchemy pool and engine",
    "/sqlalchemy/engine/": "SQLAlchemy pool and engine",
    "/sqlalchemy/": "SQLAlchemy core",
    "/asyncpg/": "asyncpg",
    "/pgqueuer/": "PGQueuer",
    "/fastapi/": "FastAPI, Starlette, pydantic",
    "/starlette/": "FastAPI, Starlette, pydantic",
    "/pydantic/": "FastAPI, Starlette, pydantic",
    "/anyio/": "FastAPI, Starlette, pydantic",
    "/uvicorn/": "uvicorn and the event loop",
    "/asyncio/": "uvicorn and the event loop",
    "/structlog/": "log line",
    "/logging/": "log line",
    "/prometheus_client/": "metrics",
    "/jwt/": "access token",
    "/benchmarks/": "the bench's own",
}

counted: Counter[str] = Counter()
lines: Counter[str] = Counter()


def part_of(frame: FrameType | None) -> str:
    """The part that the innermost known frame belongs to; the event loop's own C code has no frame."""
    while frame is not None:
        path = frame.f_code.co_filename
        for piece, part in PARTS.items():
            if piece in path:
                return part
        frame = frame.f_back
    return "uvicorn and the event loop"


def _sample(_: int, frame: FrameType | None) -> None:
    counted[part_of(frame)] += 1
    if frame is not None:
        lines[f"{frame.f_code.co_filename}:{frame.f_code.co_qualname}"] += 1


def on_signals(place: str) -> None:
    """SIGUSR1 begins, SIGUSR2 ends and writes the counts to ``place``."""

    def begin(_: int, __: FrameType | None) -> None:
        counted.clear()
        lines.clear()
        signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)

    def end(_: int, __: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        written = Path(f"{place}.part")
        written.write_text(json.dumps({"parts": counted, "functions": lines}), encoding="utf-8")
        written.rename(place)

    signal.signal(signal.SIGPROF, _sample)
    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, end)
