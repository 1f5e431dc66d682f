"""The job that books the payment provider's stored news: once, early ones later, contradictions by name."""

from __future__ import annotations

from datetime import timedelta

import structlog

from refi.db.work import Actor, Database
from refi.errors import Refusal, Unavailable
from refi.payments import news_service, suspense_service
from refi.payments.provider_events import read_event
from refi.payments.states import NewsTooEarly
from refi.payments.suspense import SuspenseKind
from refi.payments.tables import ProviderNews

PROVIDER = Actor("provider", "payments")
GIVES_UP = timedelta(days=3)
FIRST_WAIT = timedelta(seconds=1)
log = structlog.get_logger("refi.payments")


async def handle_news(database: Database, news_id: str) -> timedelta | None:
    """Book one stored webhook, or park it with the name of its contradiction.

    Returns how long to wait before trying again when what it follows is not booked yet, else None.
    """
    async with database.work(PROVIDER) as work:
        row = await work.session.get(ProviderNews, news_id, with_for_update=True)
        if row is None or row.handled_at is not None:
            return None
        news = read_event(row.raw.encode(), row.id)  # as it was read at the door
        try:
            async with work.attempt():
                await news_service.book_news(work, news)
        except NewsTooEarly:
            waited = work.wall - row.received_at
            if waited < GIVES_UP:
                return max(FIRST_WAIT, waited / 4)
            row.refusal = "too_early: what it follows never came"
        except Unavailable:
            raise
        except Refusal as refusal:
            row.refusal = f"{refusal.code}: {refusal.detail}"
            log.warning("news_parked", id=row.id, refusal=row.refusal)
        row.handled_at = work.wall
        if row.refusal is not None:
            await suspense_service.open_item(
                work,
                f"news:{row.id}",
                SuspenseKind.NEWS_REFUSED,
                amount=news.amount,
                currency=news.currency,
                effective_on=news.effective_on,
                provider_id=news.provider_id,
                reference=news.reference,
                news_id=row.id,
                said=f"{news.type.value}: {row.refusal}",
            )
    return None
