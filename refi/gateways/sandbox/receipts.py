"""What the sandbox tells about messages: receipts, bounces, and what people write back.

With a webhook for messages every one of them is delivered by itself, except at the addresses below; without
one nothing is told.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from fastapi import APIRouter

from refi import clock
from refi.gateways.sandbox.contract import Body, Key, LongText, Problem, Text
from refi.gateways.sandbox.courier import Provider
from refi.gateways.sandbox.deps import Here
from refi.gateways.sandbox.moves import fresh_id, stamp

BOUNCES = frozenset({"+19990000001", "bounce@example.com"})
"""Addresses that take every message in and then tell that it could not be delivered."""
SILENT = frozenset({"+19990000002", "silent@example.com"})
"""Addresses that take every message in and of which nothing is ever told."""
HELD = "hold_receipts"

router = APIRouter(prefix="/control")


class Reason(Body):
    """Why a message could not be delivered."""

    reason: Text | None = None


class Written(Body):
    """What somebody writes to us by SMS."""

    sender: Text
    text: LongText


class Hold(Body):
    """While ``on``, receipts are told only when ``/control`` says so."""

    on: bool


def taken_in(db: sqlite3.Connection, message: dict[str, object], now: datetime) -> None:
    """A message was taken in for the first time: its receipt follows by itself."""
    to = message["to"]
    held = db.execute("SELECT value FROM switches WHERE name = ?", (HELD,)).fetchone()
    if to in SILENT or (held is not None and held["value"]):
        return
    tell(db, "bounced" if to in BOUNCES else "delivered", now, key=str(message["key"]))


def tell(
    db: sqlite3.Connection,
    kind: str,
    now: datetime,
    *,
    key: str | None = None,
    reason: str | None = None,
    sender: str | None = None,
    text: str | None = None,
) -> str:
    """Have a piece of news told; its id. `Problem` 404 for a message that never came."""
    row = None
    if key is not None:
        row = db.execute("SELECT id FROM messages WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise Problem(404, "message_not_found", "no message under this key", key=key)
    event_id = fresh_id("evt")
    provider_id = str(row["id"]) if row is not None else fresh_id("sms")
    body = {
        "id": event_id,
        "type": f"message.{kind}",
        "key": key,
        "provider_id": provider_id,
        "reason": reason,
        "from": sender,
        "text": text,
        "created_at": stamp(now),
    }
    db.execute(
        "INSERT INTO news (id, type, provider_id, body, state, next_at) VALUES (?, ?, ?, ?, 'pending', ?)",
        (event_id, body["type"], provider_id, json.dumps(body, ensure_ascii=False), now.timestamp()),
    )
    return event_id


@router.post("/messages/{key}/{act}")
async def receipt(
    here: Here, key: Key, act: Literal["deliver", "bounce", "undeliver"], body: Reason | None = None
) -> dict[str, object]:
    """Tell that a message was delivered, bounced or not delivered; each call is an event of its own."""
    kind = {"deliver": "delivered", "bounce": "bounced", "undeliver": "undelivered"}[act]
    reason = body.reason if body is not None else None
    now = clock.utc_now()
    event_id = await _told(here, lambda db: tell(db, kind, now, key=key, reason=reason))
    return {"id": event_id}


@router.post("/inbound", status_code=201)
async def inbound(here: Here, body: Written) -> dict[str, object]:
    """Somebody writes to us by SMS."""
    now = clock.utc_now()
    event_id = await _told(here, lambda db: tell(db, "received", now, sender=body.sender, text=body.text))
    return {"id": event_id}


@router.post("/hold-receipts")
async def hold(here: Here, body: Hold) -> dict[str, object]:
    """While on, receipts are told only when asked for: late, or never."""
    await here.store.run(
        lambda db: db.execute("INSERT OR REPLACE INTO switches VALUES (?, ?)", (HELD, int(body.on)))
    )
    return {"on": body.on}


async def _told(here: Provider, act: Callable[[sqlite3.Connection], str]) -> str:
    if here.message_webhook_url is None:
        raise Problem(409, "nobody_listens", "the provider was started without a webhook for messages")
    event_id = await here.store.run(act)
    here.stir()
    return event_id
