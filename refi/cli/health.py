"""What ``refi doctor`` looks at, each check a line: what, whether it is well, what was seen, what to do."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from refi import clock
from refi.business_day import CLOSE
from refi.db import migrate as migrations
from refi.db import queue, runs
from refi.db.work import SYSTEM, Work
from refi.errors import Unavailable
from refi.gateways.guarded import Guarded
from refi.notifications import health_service, parking_service
from refi.notifications.channels import Channel
from refi.notifications.health_service import Answers
from refi.payments import suspense_service
from refi.payments.suspense import ALARMING
from refi.runtime import Runtime
from refi.scheduler import JOBS
from refi.settings import NEEDED
from refi.underwriting import alert_service

CLOSES_WITHIN = timedelta(minutes=5)
"""A close that has not finished after so long has stopped: until it goes on, postings wait."""
TAKEN_WITHIN = timedelta(minutes=1)
"""A job that has been due for longer is taken by nobody: there is no worker, or too few."""
WAKES_WITHIN = timedelta(minutes=2)
"""A line of the scheduler's page that has not run for longer: nobody keeps time."""
CLOCKS_AGREE_WITHIN = timedelta(seconds=5)
SENT_WITHIN = timedelta(minutes=15)
"""A message that has been due for longer, and has not lapsed, is late."""
PARKED = "see docs/how-to/parked-work.md"


def line(what: str, ok: bool, saw: str, mend: str) -> dict[str, Any]:
    """One check; ``mend`` is what to do, shown only where it is not well."""
    return {"what": what, "ok": ok, "saw": saw, "mend": "" if ok else mend}


def policy(runtime: Runtime) -> dict[str, Any]:
    """The rules in force. A policy that does not load, or lacks words, stops every command before this."""
    rules = runtime.database.policy
    ladder = rules.ladder.on(clock.local_date(clock.utc_now(), runtime.database.zone))
    return line("policy", True, f"{rules.version} in force, ladder {ladder.name}", "")


async def database(runtime: Runtime) -> tuple[list[dict[str, Any]], bool]:
    """Server and schema; and whether the schema is this program's."""
    async with runtime.database.engine.connect() as connection:
        server = (await connection.execute(text("SHOW server_version"))).scalar_one()
        tables = (await connection.execute(text("SELECT to_regclass('alembic_version')"))).scalar_one()
        found = text("SELECT version_num FROM alembic_version")
        version = (await connection.execute(found)).scalar_one_or_none() if tables else None
    head = migrations.head()
    at_head = version == head
    seen = f"at {version}" if at_head else f"at {version or 'none'}, this program is at {head}"
    return [
        line("database", True, f"PostgreSQL {server}", ""),
        line("migrations", at_head, seen, "run: refi migrate"),
    ], at_head


async def day_and_clockwork(runtime: Runtime) -> list[dict[str, Any]]:
    """The clocks, the business date, who keeps time, and the queue."""
    async with runtime.database.work(SYSTEM, reading=True) as work:
        raw = await work.raw()
        clocks = _clock(abs(clock.utc_now() - await queue.its_time(raw)))
        depth = await queue.depth(raw)
        return [clocks, await _business_date(work, runtime), await _scheduler(work), _queue(depth)]


def _clock(apart: timedelta) -> dict[str, Any]:
    seen = f"{apart.total_seconds():.1f} s from the database's"
    return line("clock", apart <= CLOCKS_AGREE_WITHIN, seen, "set this machine's clock by NTP")


async def _business_date(work: Work, runtime: Runtime) -> dict[str, Any]:
    today = work.now.astimezone(runtime.database.zone).date()
    behind = (today - work.on).days
    left = await runs.unfinished(work, CLOSE, older_than=CLOSES_WITHIN)
    stopped = f", the close of {left[0]} has stopped" if left else ""
    ahead = f"{-behind} days ahead of" if behind < 0 else f"{behind} days behind"
    compared = f"{ahead} the calendar ({today})" if behind else "as the calendar"
    return line(
        "business date",
        behind <= 1 and not left,
        f"{work.on}, {compared}{stopped}",
        "run: refi close --catch-up; see docs/how-to/close-the-day.md",
    )


async def _scheduler(work: Work) -> dict[str, Any]:
    fired = await runs.firings(work)
    missing = [job.name for job in JOBS if job.name not in fired]
    if missing:
        return line("scheduler", False, f"{', '.join(missing)} never ran", "run: refi scheduler")
    oldest, newest = min(fired.values()), max(fired.values())
    if newest > work.wall + CLOCKS_AGREE_WITHIN:
        seen = f"last ran {ago(newest - work.wall)} in the future"
        return line("scheduler", False, seen, "the clocks of its machines differ: set them by NTP")
    seen = f"last ran {ago(work.wall - newest)} ago"
    if late := [name for name, at in fired.items() if work.wall - at > WAKES_WITHIN]:
        seen += f", {', '.join(sorted(late))} {ago(work.wall - oldest)} ago"
    return line("scheduler", not late, seen, "run: refi scheduler")


def _queue(depth: queue.Depth) -> dict[str, Any]:
    waits = f", the oldest for {ago(depth.oldest)}" if depth.due else ""
    seen = f"{depth.due} jobs due{waits}; {depth.working} in work, {depth.later} later, {depth.parked} parked"
    slow = depth.oldest > TAKEN_WITHIN
    return line(
        "queue", not (depth.parked or slow), seen, PARKED if depth.parked else "run: refi worker, or more"
    )


async def channels(runtime: Runtime) -> list[dict[str, Any]]:
    """Each way to reach a borrower: who carries it, what it declares, and how it answered in the last day."""
    async with runtime.database.work(SYSTEM, reading=True) as work:
        told = await health_service.answers(work)
    chosen = {**runtime.settings.message_channels, "inbox": "refi"}
    return [
        _channel(runtime, name, provider, runtime.channels.get(name), told.get(name, Answers()))
        for name, provider in chosen.items()
    ]


def _channel(
    runtime: Runtime, name: str, provider: str, channel: Channel | None, last_day: Answers
) -> dict[str, Any]:
    asked = provider == "jpush" and runtime.channels.reports is not None
    told = {"jpush": "asked" if asked else "none", "smtp": "none", "off": "none", "refi": "at once"}
    circuit = "none" if not isinstance(channel, Guarded) else "closed"
    return {
        "channel": name,
        "provider": provider,
        "configured": channel is not None,
        "credentials": [f"REFI_{each.upper()}" for each in NEEDED.get(provider, ())],
        "deduplicates": channel is not None and channel.deduplicates,
        "can_be_asked": channel is not None and channel.can_ask,
        "receipts": told.get(provider, "webhook"),
        "circuit": "open" if last_day.behind_open_circuit else circuit,
        "last_24_hours": {
            name: stamp(value) if isinstance(value, datetime) else value
            for name, value in asdict(last_day).items()
        },
    }


def channel_line(told: dict[str, Any]) -> dict[str, Any]:
    """A channel as a line of the table."""
    what = f"channel {told['channel']}"
    if not told["configured"]:
        return line(what, True, f"{told['provider']}: the next channel of a rule takes its place", "")
    doubt = "is asked about" if told["can_be_asked"] else "goes again" if told["deduplicates"] else "is final"
    day = told["last_24_hours"]
    seen = [
        told["provider"],
        *(["credentials given"] if told["credentials"] else []),
        f"doubt {doubt}",
        f"receipts: {told['receipts']}",
        *([] if told["circuit"] == "none" else [f"circuit {told['circuit']}"]),
        f"24 h: {day['sent']} sent, {day['refused']} refused, {day['unknown']} unknown",
    ]
    waiting = day["behind_open_circuit"]
    mend = f"{waiting} messages wait until the provider answers again"
    return line(what, told["circuit"] != "open", ", ".join(seen), mend)


async def waiting_for_people(runtime: Runtime) -> list[dict[str, Any]]:
    """Messages and money that somebody has to look at.

    Other people's money may wait; money that is owed to us and contradictions should not.
    """
    async with runtime.database.work(SYSTEM, reading=True) as work:
        parked = await parking_service.count(work)
        late, since = await health_service.overdue(work, work.now - SENT_WITHIN)
        waiting = await suspense_service.count_waiting(work)
        now = work.now
    wrong = sum(waiting[kind] for kind in ALARMING)
    overdue = f"{late} late" + (f", the oldest by {ago(now - since)}" if since is not None else "")
    return [
        line(
            "messages",
            not (parked or late),
            f"{parked} parked, {overdue}",
            PARKED if parked else "look at queue and channels",
        ),
        line(
            "suspense",
            not wrong,
            f"{sum(waiting.values())} items wait, {wrong} of them because something went wrong",
            "see docs/how-to/money-that-fits-nowhere.md",
        ),
    ]


async def early_warning(runtime: Runtime) -> dict[str, Any]:
    """Alerts that nobody has looked at; and whether anybody is told of new ones."""
    async with runtime.database.work(SYSTEM, reading=True) as work:
        standing = await alert_service.alerts(work, "standing", limit=100)
    unseen = sum(row.acknowledged_at is None for row in standing)
    told = len(runtime.settings.operators) or "nobody"
    seen = f"{len(standing)} stand, {unseen} of them seen by nobody; {told} told of new ones"
    return line("early warning", not unseen, seen, "refi decisions monitor; acknowledge at /staff/v1/alerts")


async def provider(runtime: Runtime) -> dict[str, Any]:
    """The payment provider, by a line of its cash book."""
    try:
        await runtime.processor.cash_book(limit=1)
    except Unavailable as error:
        return line("payment provider", False, error.detail, "start it, or set REFI_PROVIDER_URL")
    return line("payment provider", True, runtime.settings.provider_url, "")


def bureau(runtime: Runtime) -> dict[str, Any]:
    """Where people's credit is asked about; asking costs a query, so nobody is asked here."""
    url = runtime.settings.bureau_url
    return line("bureau", True, url or "none: nobody is asked (REFI_BUREAU_URL)", "")


def ago(span: timedelta) -> str:
    """A span of time in its two largest units that matter to a person: ``3 s``, ``2 min``, ``5 h 10 min``."""
    seconds = int(span.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if minutes < 60:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{days} days"


def stamp(instant: datetime) -> str:
    """An instant as the API shows it."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
