"""The job that books the payment provider's stored news: once, early ones later, contradictions by name."""

from __future__ import annotations

from datetime import timedelta

import structlog

from refi.db.work import Actor, Database, Work
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
    try:
        async with database.work(PROVIDER) as work:
            row = await _unhandled(work, news_id)
            if row is not None:
                await news_service.book_news(work, read_event(row.raw.encode(), row.id))
                row.handled_at = work.wall
        return None
    except Unavailable:
        raise
    except (NewsTooEarly, Refusal) as no:  # nothing of it was kept
        refused = no
    async with database.work(PROVIDER) as work:
        row = await _unhandled(work, news_id)
        if row is None:
            return None
        if isinstance(refused, Refusal):
            said = f"{refused.code}: {refused.detail}"
        else:
            waited = work.wall - row.received_at
            if waited < GIVES_UP:
                return max(FIRST_WAIT, waited / 4)
            said = "too_early: what it follows never came"
        await _park(work, row, said)
    return None


async def _unhandled(work: Work, news_id: str) -> ProviderNews | None:
    row = await work.rows.lock(ProviderNews, news_id)
    return row if row is not None and row.handled_at is None else None


async def _park(work: Work, row: ProviderNews, said: str) -> None:
    """Keep the news for a person, with the name of its contradiction."""
    row.handled_at, row.refusal = work.wall, said
    log.warning("news_parked", id=row.id, refusal=said)
    news = read_event(row.raw.encode(), row.id)  # as it was read at the door
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
        said=f"{news.type.value}: {said}",
    )
