"""``refi doctor``: is everything there that an installation needs, and what to do where it is not."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import typer
from sqlalchemy import text

from refi import settings
from refi.business_day import CLOSE
from refi.cli.running import with_runtime
from refi.cli.shared import AsJson, app, named_refusals, show
from refi.db import migrate as migrations
from refi.db import runs
from refi.db.work import SYSTEM
from refi.errors import Unavailable
from refi.notifications import parking_service
from refi.payments import suspense_service
from refi.payments.suspense import ALARMING
from refi.runtime import Runtime

CLOSES_WITHIN = timedelta(minutes=5)
"""A close that has not finished after so long has stopped: until it goes on, postings wait."""


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check Python, settings, database, migrations, queue and provider; exit 1 if one is not well."""
    with named_refusals():
        chosen = settings.current()
    found: list[dict[str, Any]] = [
        _line("python", sys.version_info >= (3, 11), sys.version.split()[0], "install Python 3.11 or newer"),
        _line("settings", True, f"{chosen.env.value}, market {chosen.market}", ""),
    ]
    weak = chosen.weaknesses()
    seen = f"{len(weak)} settings fit for the sandbox only"
    found.append(_line("secrets", not (chosen.live and weak), seen, ""))
    found.extend(with_runtime(_look))
    show({"checks": found}, as_json, _table)
    if not all(line["ok"] for line in found):
        raise typer.Exit(1)


async def _look(runtime: Runtime) -> list[dict[str, Any]]:
    async with runtime.database.engine.connect() as connection:
        server = (await connection.execute(text("SHOW server_version"))).scalar_one()
        tables = (await connection.execute(text("SELECT to_regclass('alembic_version')"))).scalar_one()
        version = (
            tables
            and (
                await connection.execute(text("SELECT version_num FROM alembic_version"))
            ).scalar_one_or_none()
        )
        parked = (
            tables
            and (
                await connection.execute(text("SELECT count(*) FROM queue.pgqueuer WHERE status = 'failed'"))
            ).scalar_one()
        )
    at_head = version == migrations.head()
    found = [
        _line("database", True, f"PostgreSQL {server}", ""),
        _line("migrations", at_head, f"at {version}", "run: refi migrate"),
        _line("queue", not parked, f"{parked or 0} jobs parked", "see docs/how-to/parked-work.md"),
    ]
    if at_head:
        found.append(await _business_date(runtime))
        found.append(await _suspense(runtime))
        found.append(await _messages(runtime))
    try:
        await runtime.processor.cash_book(limit=1)
        found.append(_line("payment provider", True, runtime.settings.provider_url, ""))
    except Unavailable as error:
        found.append(_line("payment provider", False, error.detail, "start it, or set REFI_PROVIDER_URL"))
    return found


async def _business_date(runtime: Runtime) -> dict[str, Any]:
    async with runtime.database.work(SYSTEM, reading=True) as work:
        today = work.now.astimezone(runtime.database.zone).date()
        behind = (today - work.on).days
        left = await runs.unfinished(work, CLOSE, older_than=CLOSES_WITHIN)
    stopped = f", the close of {left[0]} has stopped" if left else ""
    return _line(
        "business date",
        behind <= 1 and not left,
        f"{work.on}, {behind} days behind{stopped}",
        "run: refi close --catch-up; see docs/how-to/close-the-day.md",
    )


async def _suspense(runtime: Runtime) -> dict[str, Any]:
    """Other people's money may wait; money that is owed to us and contradictions should not."""
    async with runtime.database.work(SYSTEM, reading=True) as work:
        waiting = await suspense_service.count_waiting(work)
    wrong = sum(waiting[kind] for kind in ALARMING)
    seen = f"{sum(waiting.values())} items wait, {wrong} of them because something went wrong"
    return _line("suspense", not wrong, seen, "see docs/how-to/money-that-fits-nowhere.md")


async def _messages(runtime: Runtime) -> dict[str, Any]:
    async with runtime.database.work(SYSTEM, reading=True) as work:
        count = await parking_service.count(work)
    return _line("messages", not count, f"{count} parked", "see docs/how-to/parked-work.md")


def _line(what: str, ok: bool, saw: str, mend: str) -> dict[str, Any]:
    return {"what": what, "ok": ok, "saw": saw, "mend": "" if ok else mend}


def _table(answer: dict[str, Any]) -> str:
    return "\n".join(
        f"{'ok' if line['ok'] else 'NOT OK':7} {line['what']:17} {line['saw']}"
        + (f"  -> {line['mend']}" if line["mend"] else "")
        for line in answer["checks"]
    )
