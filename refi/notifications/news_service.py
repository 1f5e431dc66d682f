"""News about messages as it came, kept before anything is made of it: told to us, or asked for."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert

from refi.db.work import Work
from refi.notifications.tables import MessageNews


async def store(work: Work, news_id: str, source: str, raw: str) -> None:
    """Keep the news sealed and ask for it to be handled; what came before under its id changes nothing."""
    values = {
        "id": news_id,
        "source": source,
        "raw_sealed": work.vault.seal(raw),
        "received_at": work.wall,
    }
    made = await work.session.execute(
        insert(MessageNews).values(values).on_conflict_do_nothing().returning(MessageNews.id)
    )
    if made.scalar() is not None:
        work.enqueue("message_news", {"id": news_id}, dedupe_key=f"message_news:{news_id}")
