"""The provider's own initiative: orders answer themselves, and news is told until it is heard.

All of it is in the file: an attempt is counted before it is made, so a kill at any point costs at worst a
second delivery of the same event id, never a lost one. News is told concurrently and so in any order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial

import httpx
from standardwebhooks import Webhook

from refi import clock
from refi.gateways.sandbox import moves
from refi.gateways.sandbox.store import Store

log = logging.getLogger("refi.sandbox")
AT_ONCE = 16
"""How many pieces of news are told at the same time."""
ATTEMPT = 10.0
"""Seconds that one attempt to tell may take."""
IDLE = 5.0
"""Seconds to sleep when nothing is due and nobody stirs."""


@dataclass(slots=True)
class Provider:
    """Everything the sandbox provider is made of. Delays in seconds.

    News is signed with every one of ``webhook_secrets``, so that a secret can be rotated. What is told of
    messages goes to ``message_webhook_url``, or nowhere.
    """

    store: Store
    api_key: str
    webhook_url: str
    webhook_secrets: Sequence[str]
    answer_delay: float
    retry_first: float
    retry_longest: float
    message_webhook_url: str | None = None
    stirred: asyncio.Event = field(default_factory=asyncio.Event)

    def stir(self) -> None:
        """Something changed: look at once what is due."""
        self.stirred.set()


@dataclass(frozen=True, slots=True)
class News:
    """One event on its way."""

    id: str
    type: str
    body: str
    attempts: int


async def work(provider: Provider) -> None:
    """Answer orders and tell news, until cancelled."""
    await provider.store.run(_forget_claims)
    under_way: set[str] = set()
    async with (
        httpx.AsyncClient(timeout=ATTEMPT, trust_env=False, follow_redirects=False) as client,
        asyncio.TaskGroup() as tasks,
    ):
        while True:
            provider.stirred.clear()
            now = clock.utc_now()
            next_answer = await provider.store.run(partial(moves.go_on, now=now, delay=provider.answer_delay))
            due, next_news = await provider.store.run(
                partial(_claim, now=now.timestamp(), most=AT_ONCE - len(under_way))
            )
            for news in due:
                under_way.add(news.id)
                tasks.create_task(_tell(provider, client, news, under_way))
            await _rest(provider, [at for at in (next_answer, next_news) if at is not None])


async def _rest(provider: Provider, times: list[float]) -> None:
    """Sleep until the earliest of ``times``, or until somebody stirs.

    Not with ``wait_for``: before Python 3.12 it swallows a cancel that races the stir.
    """
    pause = min([IDLE, *(at - clock.utc_now().timestamp() for at in times)])
    if pause > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await provider.stirred.wait()


def _forget_claims(db: sqlite3.Connection) -> None:
    """At the start nothing is under way: what an earlier process had claimed is due at once."""
    db.execute("UPDATE news SET next_at = 0 WHERE state = 'pending'")


def _claim(db: sqlite3.Connection, now: float, most: int) -> tuple[list[News], float | None]:
    """Up to ``most`` news that are due, put off until their attempt must be over; when the next is due."""
    if most <= 0:
        return [], None
    rows = db.execute(
        "SELECT * FROM news WHERE state = 'pending' AND next_at <= ? ORDER BY next_at, number LIMIT ?",
        (now, most),
    ).fetchall()
    for row in rows:
        db.execute(
            "UPDATE news SET attempts = attempts + 1, next_at = ? WHERE id = ?",
            (now + 2 * ATTEMPT, row["id"]),
        )
    upcoming: float | None = db.execute("SELECT min(next_at) FROM news WHERE state = 'pending'").fetchone()[0]
    return [News(row["id"], row["type"], row["body"], row["attempts"] + 1) for row in rows], upcoming


async def _tell(provider: Provider, client: httpx.AsyncClient, news: News, under_way: set[str]) -> None:
    """One attempt: heard means a 2xx; anything else is tried again when its time comes."""
    answer = await _post(provider, client, news)
    heard = len(answer) == 3 and answer.startswith("2")
    if not heard:
        log.info("webhook %s not heard: %s (attempt %d)", news.id, answer, news.attempts)
    wait = min(provider.retry_longest, provider.retry_first * 2.0 ** min(news.attempts - 1, 30))
    again_at = clock.utc_now().timestamp() + wait * (0.5 + random.random() / 2)  # noqa: S311 - jitter is no secret
    await provider.store.run(partial(_record, news=news, answer=answer, heard=heard, again_at=again_at))
    under_way.discard(news.id)
    provider.stir()


def _record(db: sqlite3.Connection, news: News, answer: str, heard: bool, again_at: float) -> None:
    if heard:
        db.execute("UPDATE news SET last_answer = ?, state = 'told' WHERE id = ?", (answer, news.id))
    else:
        db.execute("UPDATE news SET last_answer = ?, next_at = ? WHERE id = ?", (answer, again_at, news.id))


async def _post(provider: Provider, client: httpx.AsyncClient, news: News) -> str:
    """POST the news; the status, or the name of what went wrong."""
    about_messages = news.type.startswith("message.")
    url = provider.message_webhook_url if about_messages else provider.webhook_url
    if url is None:
        return "nobody_listens"
    now = clock.utc_now().astimezone(UTC)
    signatures = [Webhook(secret).sign(news.id, now, news.body) for secret in provider.webhook_secrets]
    headers = {
        "webhook-id": news.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
        "content-type": "application/json",
    }
    try:
        async with asyncio.timeout(ATTEMPT):
            answer = await client.post(url, content=news.body.encode(), headers=headers)
    except (httpx.HTTPError, TimeoutError) as error:
        return type(error).__name__
    return str(answer.status_code)
