"""Health and metrics: is the process alive, is what it needs there, what does it count."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from sqlalchemy import text

from refi.db.migrate import head
from refi.db.work import ANYONE, Database
from refi.errors import Unavailable
from refi.underwriting import alert_service
from refi.web import problems
from refi.web.fields import Out
from refi.web.route import PublicRoute

MOST_ALERTS = 500
ALERTS = Gauge("refi_underwriting_alerts", "Alerts of the early warning that stand.")
ALERT = Gauge("refi_underwriting_alert", "An alert that stands.", ["name", "acknowledged"])

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
async def metrics(request: Request) -> Response:
    """Prometheus metrics of this process, and the alerts that stand, whoever raised them."""
    database: Database = request.app.state.database
    try:
        async with database.work(ANYONE, reading=True) as work:
            standing = await alert_service.alerts(work, "standing", limit=MOST_ALERTS)
    except Unavailable:
        standing = []  # without the database the process is measured all the same
    ALERTS.set(len(standing))
    ALERT.clear()
    for row in standing:
        ALERT.labels(row.name, "no" if row.acknowledged_at is None else "yes").set(1)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
