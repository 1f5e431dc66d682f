"""Receipts of pushes that nobody tells: the provider is asked a few times, and what it says is kept as news.

Asked soon, a quarter of an hour later, when the push's life is over, and once more a day later, since the
receipts of phone makers come late. What the provider says goes the way of a webhook: stored raw under an id
of its own, then booked once, with its contradictions parked.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import text

from refi.db.work import SYSTEM, Database, Work
from refi.ids import MessageId
from refi.notifications import news_service
from refi.notifications.channels import Pushed, Reported, Reports, ReportsUnavailable

ASKED_AT = (timedelta(minutes=2), timedelta(minutes=15), timedelta(minutes=70), timedelta(days=1))
"""Ages at which a push is asked about, if its receipt has not been heard."""
KEPT = timedelta(days=28)
"""For so long JPush answers about a push."""
AT_ONCE = 100
LONGEST_REST = timedelta(hours=1)

DUE = " UNION ALL ".join(
    "SELECT id, provider_id, to_sealed, sent_at FROM messages"  # noqa: S608 - our own numbers
    " WHERE status = 'sent' AND channel = 'push'"
    f" AND receipts_asked = {asked} AND to_sealed IS NOT NULL"
    f" AND sent_at BETWEEN CAST(:now AS timestamptz) - interval '{KEPT.total_seconds():.0f} seconds'"
    f" AND CAST(:now AS timestamptz) - interval '{age.total_seconds():.0f} seconds'"
    for asked, age in enumerate(ASKED_AT)
)
ASKED = text("""
    UPDATE messages m SET receipts_asked = greatest(m.receipts_asked, a.times)
    FROM unnest(CAST(:ids AS text[]), CAST(:times AS smallint[])) AS a (id, times)
    WHERE m.id = a.id AND m.status = 'sent'
""")

log = structlog.get_logger("refi.notifications")


async def look(database: Database, reports: Reports | None) -> int:
    """Ask for receipts to be asked for, if any are due; how many jobs were asked for. For the timetable."""
    if reports is None:
        return 0
    async with database.work(SYSTEM) as work:
        if not await _due(work, most=1):
            return 0
        work.enqueue("ask_receipts", {}, dedupe_key="ask_receipts")
    return 1


async def ask(database: Database, reports: Reports | None) -> timedelta | None:
    """Ask about every push that is due, a hundred at a time. Harmless to repeat.

    Returns how long to rest when the provider wants rest; any other failure to answer is raised.
    """
    while reports is not None:
        async with database.work(SYSTEM, reading=True) as work:
            pushes = await _due(work, most=AT_ONCE)
        if not pushes:
            break
        try:
            found = await reports.fates(pushes)
        except ReportsUnavailable as error:
            wanted = error.facts.get("retry_after")
            if not isinstance(wanted, int | float):
                raise
            return min(timedelta(seconds=wanted), LONGEST_REST)
        async with database.work(SYSTEM) as work:
            await _keep(work, pushes, found)
        log.info("receipts_asked", pushes=len(pushes), heard=len(found))
    return None


async def _due(work: Work, most: int) -> list[Pushed]:
    """The pushes whose receipt is to be asked for now, oldest first."""
    query = text(f"SELECT * FROM ({DUE}) AS due ORDER BY sent_at LIMIT :most")  # noqa: S608 - our own text
    rows = await work.session.execute(query, {"now": work.now, "most": most})
    return [
        Pushed(
            MessageId(row.id), str(row.provider_id), work.vault.open(row.to_sealed), row.sent_at,
            work.now - row.sent_at,
        )
        for row in rows
    ]  # fmt: skip


async def _keep(work: Work, pushes: list[Pushed], found: list[Reported]) -> None:
    """Store what was heard, and count the asking: in one transaction, so that nothing heard is lost."""
    provider_ids = {push.id: push.provider_id for push in pushes}
    for one in found:
        news_id = f"jpush:{provider_ids[one.id]}:{one.fate}"
        await news_service.store(work, news_id, "asked", json.dumps(_news(news_id, provider_ids, one)))
    times = [sum(push.age >= age for age in ASKED_AT) for push in pushes]
    await work.session.execute(ASKED, {"ids": [push.id for push in pushes], "times": times})


def _news(news_id: str, provider_ids: dict[MessageId, str], one: Reported) -> dict[str, Any]:
    """The answer in the words of our own webhook, and beside them the provider's."""
    return {
        "id": news_id,
        "type": f"message.{one.fate}",
        "key": one.id,
        "provider_id": provider_ids[one.id],
        "reason": one.reason,
        "said": dict(one.said),
    }
