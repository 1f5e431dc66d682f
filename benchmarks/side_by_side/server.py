"""``python -m benchmarks.side_by_side.server refi|raw PORT``: one side, run as ``refi serve`` runs.

Both sides are one process with one uvicorn, the same event loop, parser and number of connections. The side
``refi`` is the service itself with two paths more: ``POST /v1/bench/nothing`` is the quote's route without
the quote, and ``POST /bench/posting`` does, outside the service's middleware, what the worker's job does.
"""

from __future__ import annotations

import asyncio
import os
import sys

import uvicorn
from fastapi import APIRouter
from fastapi.responses import Response
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.side_by_side import sampling
from benchmarks.side_by_side.raw import create_raw
from refi import settings
from refi.api.app import create_app
from refi.applications.quote_routes import QuoteIn
from refi.cli.running import quickest_loop
from refi.payments import news_jobs
from refi.processes import collect_rarely
from refi.runtime import Runtime, build
from refi.web import logs, problems
from refi.web.fields import Out
from refi.web.route import PublicRoute

idle = APIRouter(
    prefix="/v1/bench",
    route_class=PublicRoute,
    responses=problems.responses(400, 401, 404, 413, 415, 422, 503),
)


class Nothing(Out):
    """The least answer."""

    received: bool


@idle.post("/nothing")
async def nothing(body: QuoteIn) -> Nothing:
    """A valid quote request came; nothing is done."""
    return Nothing(received=body.balance is not None)


def refi(runtime: Runtime) -> ASGIApp:
    """The service with the two bench paths."""
    app = create_app(runtime)
    app.include_router(idle)

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/bench/posting":
            told = await Request(scope, receive).json()
            await news_jobs.handle_news(runtime.database, told["news"])
            await Response(b"{}", media_type="application/json")(scope, receive, send)
        else:
            await app(scope, receive, send)

    return front


async def serve(side: str, port: int) -> None:
    """Serve until SIGTERM; with REFI_BENCH_SAMPLES, SIGUSR1 starts and SIGUSR2 ends a profile."""
    chosen = settings.current()
    if side == "refi":
        logs.configure(chosen.log_format, chosen.log_level)
        app = refi(build(chosen))
    else:
        url = chosen.database_url.replace("postgresql+asyncpg://", "postgresql://", 1)
        app = create_raw(url, 2 * chosen.pool_size)
    if place := os.environ.get("REFI_BENCH_SAMPLES"):
        sampling.on_signals(place)
    collect_rarely()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=quickest_loop()) as runner:
        runner.run(serve(sys.argv[1], int(sys.argv[2])))
