"""Health and metrics: is the process alive, is what it needs there, what does it count."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from refi.db.migrate import head
from refi.db.work import ANYONE, Database
from refi.errors import Unavailable
from refi.web import problems
from refi.web.fields import Out
from refi.web.route import PublicRoute

router = APIRouter(tags=["health"], route_class=PublicRoute)


class Alive(Out):
    """The process answers."""

    status: str


class Ready(Out):
    """What the service needs, each ``ok``."""

    status: str
    database: str
    migrations: str
    queue: str


class NotReady(Unavailable):
    """Something the service needs is not there."""


@router.get("/livez")
async def livez() -> Alive:
    """Whether the process answers."""
    return Alive(status="ok")


@router.get("/readyz", responses=problems.responses(503))
async def readyz(request: Request) -> Ready:
    """Whether database, migrations and queue are there."""
    database: Database = request.app.state.database
    async with database.work(ANYONE, reading=True) as work:
        version = await work.session.scalar(text("SELECT version_num FROM alembic_version"))
        if version != head():
            raise NotReady(f"migrations are at {version}, not at {head()}: run refi migrate")
        await work.session.execute(text("SELECT 1 FROM queue.pgqueuer LIMIT 1"))
    return Ready(status="ok", database="ok", migrations="ok", queue="ok")


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics() -> Response:
    """Prometheus metrics of this process."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
