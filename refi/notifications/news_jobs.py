"""The job that books stored news about messages: once, early news later, contradictions parked by name."""

from __future__ import annotations

import json
from datetime import timedelta

import structlog

from refi.db.work import Actor, Database
from refi.errors import Refusal
from refi.notifications import receipts, receipts_service, twilio_wire
from refi.notifications.receipts import NewsTooEarly, Told
from refi.notifications.tables import MessageNews

PROVIDER = Actor("provider", "messages")
GIVES_UP = timedelta(minutes=10)
FIRST_WAIT = timedelta(seconds=1)
log = structlog.get_logger("refi.notifications")


async def handle_news(database: Database, news_id: str) -> timedelta | None:
    """Book one stored piece of news, or park it with the name of its contradiction. Harmless to repeat.

    Returns how long to wait before trying again when its message is not known yet, else None.
    """
    async with database.work(PROVIDER) as work:
        row = await work.session.get(MessageNews, news_id, with_for_update=True)
        if row is None or row.handled_at is not None:
            return None
        try:
            async with work.attempt():
                told = _read(row, work.vault.open(row.raw_sealed))
                row.message_id = None if told is None else await receipts_service.book(work, told)
        except NewsTooEarly:
            waited = work.wall - row.received_at
            if waited < GIVES_UP:
                return max(FIRST_WAIT, waited / 4)
            row.refusal = "unknown_message: nobody here knows its id"
        except Refusal as refusal:
            row.refusal = f"{refusal.code}: {refusal.detail}"
            log.warning("message_news_parked", id=row.id, refusal=row.refusal)
        row.handled_at = work.wall
    return None


def _read(row: MessageNews, raw: str) -> Told | None:
    """The stored news in the words of its source; None for a mere step on the way."""
    if row.source == "twilio":
        kept = json.loads(raw)
        return twilio_wire.read([(name, value) for name, value in kept["form"]], kept["message"])
    return receipts.read(raw, row.id)
