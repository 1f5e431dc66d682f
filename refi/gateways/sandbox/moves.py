"""How an order ends: the moves of payouts and debits, each with its cash-book line and its news.

An act that the order has already seen through is answered without a second effect, any other move out of
turn with 409 ``invalid_transition`` and the acts that are allowed.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from datetime import date, datetime

from refi import ids
from refi.gateways.sandbox.contract import InboundTransfer, Problem
from refi.gateways.sandbox.magic import Step

ENDS: dict[str, dict[str, dict[str, str]]] = {
    "payout": {
        "accepted": {"deliver": "delivered", "fail": "failed", "lose": "delivered"},
        "delivered": {"return": "returned"},
    },
    "debit": {
        "accepted": {"post": "posted", "fail": "failed", "lose": "posted"},
        "posted": {"return": "returned"},
    },
}
DONE_BY = {"deliver": "delivered", "post": "posted", "fail": "failed", "return": "returned"}
CASH = {
    ("payout", "delivered"): "payout",
    ("payout", "returned"): "payout_return",
    ("debit", "posted"): "debit",
    ("debit", "returned"): "debit_return",
}
DEFAULT_REASONS = {"fail": "declined_by_bank", "return": "returned_by_bank"}


def act(
    db: sqlite3.Connection,
    operation: str,
    key: str,
    step: Step,
    now: datetime,
    *,
    on: date | None = None,
    next_at: float | None = None,
) -> sqlite3.Row:
    """Do ``step`` to the order; the row afterwards.

    ``on`` is the business date it happens on (default: the latest date the order knows). ``next_at`` is
    when the order's plan goes on; None ends the plan.
    """
    row = find(db, key, operation)
    if _already(db, row, step, now):
        return row
    allowed = ENDS[operation].get(row["status"], {})
    if step.act not in allowed:
        raise Problem(
            409, "invalid_transition", f"the {operation} is {row['status']}", allowed=sorted(allowed)
        )
    status = allowed[step.act]
    day = (on or _latest(row)).isoformat()
    reason = step.reason or DEFAULT_REASONS.get(step.act)
    moved = day if (operation, status) in CASH else row["effective_on"]
    db.execute(
        "UPDATE orders SET status = ?, effective_on = ?, reason = ?, next_at = ? WHERE key = ?",
        (status, moved, reason, next_at, key),
    )
    row = find(db, key, operation)
    if (operation, status) in CASH:
        enter_cash(db, row, CASH[operation, status], day, now)
    announce(db, row, f"{operation}.{status}", day, now, told=step.act != "lose")
    return row


def find(db: sqlite3.Connection, key: str, operation: str | None = None) -> sqlite3.Row:
    """The order under ``key``; 404 `Problem` where there is none of that kind."""
    row: sqlite3.Row | None = db.execute("SELECT * FROM orders WHERE key = ?", (key,)).fetchone()
    if row is None or row["operation"] == "transfer" or (operation and row["operation"] != operation):
        raise Problem(404, "operation_not_found", "no order under this key", key=key)
    return row


def receive(db: sqlite3.Connection, key: str, transfer: InboundTransfer, now: datetime) -> sqlite3.Row:
    """Money arrives unasked; once per ``key`` (ours, not the payee's: no order stands behind it)."""
    digest = transfer.digest("transfer")
    row: sqlite3.Row | None = db.execute("SELECT * FROM orders WHERE key = ?", (key,)).fetchone()
    if row is not None:
        if row["body_hash"] != digest:
            raise Problem(409, "idempotency_key_reused", "another transfer stands under this key")
        return row
    day = transfer.on.isoformat()
    db.execute(
        "INSERT INTO orders (key, provider_id, body_hash, operation, status, amount, currency, asked_on,"
        " effective_on, reference, plan) VALUES (?, ?, ?, 'transfer', 'received', ?, ?, ?, ?, ?, '[]')",
        (key, fresh_id("tr"), digest, transfer.amount, transfer.currency, day, day, transfer.reference),
    )
    made: sqlite3.Row = db.execute("SELECT * FROM orders WHERE key = ?", (key,)).fetchone()
    enter_cash(db, made, "transfer", day, now)
    announce(db, made, "transfer.received", day, now)
    return made


def enter_cash(db: sqlite3.Connection, row: sqlite3.Row, kind: str, day: str, now: datetime) -> None:
    """One line of the cash book."""
    db.execute(
        "INSERT INTO cash_book (kind, key, provider_id, amount, currency, effective_on, reference, booked_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            kind, _our_key(row), row["provider_id"], row["amount"], row["currency"], day, row["reference"],
            stamp(now),
        ),
    )  # fmt: skip


def announce(
    db: sqlite3.Connection, row: sqlite3.Row, kind: str, day: str, now: datetime, *, told: bool = True
) -> None:
    """Write the news down, to be told by webhook (or kept back)."""
    event_id = ids.new("evt")
    body = {
        "id": event_id,
        "type": kind,
        "key": _our_key(row),
        "provider_id": row["provider_id"],
        "amount": row["amount"],
        "currency": row["currency"],
        "effective_on": day,
        "reason": row["reason"],
        "reference": row["reference"],
        "created_at": stamp(now),
    }
    db.execute(
        "INSERT INTO news (id, type, provider_id, body, state, next_at) VALUES (?, ?, ?, ?, ?, ?)",
        (
            event_id,
            kind,
            row["provider_id"],
            json.dumps(body, ensure_ascii=False),
            "pending" if told else "kept_back",
            now.timestamp(),
        ),
    )


def go_on(db: sqlite3.Connection, now: datetime, delay: float) -> float | None:
    """Do every planned step that is due, unless on hold; the time of the next one, None without any."""
    if held(db):
        return None
    due = db.execute(
        "SELECT * FROM orders WHERE next_at <= ? ORDER BY next_at LIMIT 100", (now.timestamp(),)
    ).fetchall()
    for row in due:
        step, *rest = (Step(**item) for item in json.loads(row["plan"]))
        later = now.timestamp() + delay if rest else None
        db.execute("UPDATE orders SET plan = ? WHERE key = ?", (plan_text(rest), row["key"]))
        act(db, row["operation"], row["key"], step, now, next_at=later)
    upcoming: float | None = db.execute(
        "SELECT min(next_at) FROM orders WHERE next_at IS NOT NULL"
    ).fetchone()[0]
    return upcoming


def held(db: sqlite3.Connection) -> bool:
    """Whether orders wait for ``/control``."""
    row = db.execute("SELECT value FROM switches WHERE name = 'hold'").fetchone()
    return bool(row and row["value"])


def plan_text(steps: list[Step]) -> str:
    """A plan as it is stored."""
    return json.dumps([asdict(step) for step in steps])


def fresh_id(prefix: str) -> str:
    """An id of the provider's own kinds (``po_ db_ rf_ tr_ tok_``), sortable by time."""
    return prefix + ids.new("evt").removeprefix("evt")


def stamp(now: datetime) -> str:
    """An instant as the wire writes it."""
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _already(db: sqlite3.Connection, row: sqlite3.Row, step: Step, now: datetime) -> bool:
    """Whether ``step`` is behind the order. What was kept back is told when the same end is asked for."""
    if step.act == "lose":
        return _keep_back(db, row)
    if row["status"] != DONE_BY[step.act]:
        return False
    db.execute(
        "UPDATE news SET state = 'pending', next_at = ? WHERE provider_id = ? AND state = 'kept_back'",
        (now.timestamp(), row["provider_id"]),
    )
    return True


def _keep_back(db: sqlite3.Connection, row: sqlite3.Row) -> bool:
    """Keep back news that nobody was told yet; False when there is none to keep back."""
    kept = db.execute(
        "UPDATE news SET state = 'kept_back' WHERE provider_id = ? AND state <> 'told' AND attempts = 0",
        (row["provider_id"],),
    )
    return kept.rowcount > 0


def _latest(row: sqlite3.Row) -> date:
    return date.fromisoformat(max(row["asked_on"], row["effective_on"] or row["asked_on"]))


def _our_key(row: sqlite3.Row) -> str | None:
    """The payee's row id; a transfer has none."""
    return None if row["operation"] == "transfer" else str(row["key"])
