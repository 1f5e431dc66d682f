"""The message inbox: what the sandbox's SMS and push channels received, one row per our id."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from refi import ids
from refi.gateways.sandbox.contract import MessageOrder, Problem
from refi.gateways.sandbox.moves import stamp

UNREACHABLE = "+19990000000"
"""A number that refuses every message (422 ``unreachable``)."""


def receive(
    db: sqlite3.Connection, key: str, message: MessageOrder, now: datetime
) -> tuple[dict[str, object], bool]:
    """Take a message in once per key; how it stands, and whether it is new.

    `Problem` 409 for another body, 422 for an unreachable address.
    """
    if message.to == UNREACHABLE:
        raise Problem(422, "unreachable", "nobody can be reached there", key=key)
    digest = message.digest("message")
    row = db.execute("SELECT * FROM messages WHERE key = ?", (key,)).fetchone()
    if row is not None and row["body_hash"] != digest:
        raise Problem(409, "idempotency_key_reused", "another message stands under this key", key=key)
    if row is None:
        db.execute(
            "INSERT INTO messages"
            " (id, key, body_hash, channel, recipient, template, subject, text, sent_at, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                ids.new("msg"), key, digest, message.channel, message.to, message.template, message.subject,
                message.text, stamp(now), message.at,
            ),
        )  # fmt: skip
    return find(db, key), row is None


def find(db: sqlite3.Connection, key: str) -> dict[str, object]:
    """The message under ``key``; `Problem` 404 where none arrived."""
    row = db.execute("SELECT * FROM messages WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise Problem(404, "message_not_found", "no message under this key", key=key)
    return _shown(row)


def newest(
    db: sqlite3.Connection, to: str | None, limit: int, starting_after: str | None
) -> dict[str, object]:
    """A page of messages to ``to`` (or to anybody), newest first."""
    rows = db.execute(
        "SELECT * FROM messages WHERE (:to IS NULL OR recipient = :to) AND (:after IS NULL OR number <"
        " (SELECT number FROM messages WHERE id = :after)) ORDER BY number DESC LIMIT :most",
        {"to": to, "after": starting_after, "most": limit + 1},
    ).fetchall()
    return {"data": [_shown(row) for row in rows[:limit]], "has_more": len(rows) > limit}


def _shown(row: sqlite3.Row) -> dict[str, object]:
    return {
        "id": row["id"],
        "key": row["key"],
        "channel": row["channel"],
        "to": row["recipient"],
        "template": row["template"],
        "subject": row["subject"],
        "text": row["text"],
        "sent_at": row["sent_at"],
        "at": row["at"],
        "status": "sent",
    }
