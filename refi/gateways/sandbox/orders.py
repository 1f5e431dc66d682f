"""Proofs and orders as the provider takes them in: once per key, refused where a rule says no.

Same key and same body: the same order again, as it stands now, and no second effect. Same key and another
body: 409 ``idempotency_key_reused``. A refusal by rule is kept under its key, so that it can be found.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from refi.gateways.sandbox import magic, moves
from refi.gateways.sandbox.contract import (
    AccountQuestion,
    CardQuestion,
    DebitOrder,
    Order,
    PayoutOrder,
    Problem,
    RefundOrder,
)
from refi.gateways.sandbox.magic import Kind, Step

PREFIX = {"payout": "po", "debit": "db", "refund": "rf"}


def prove(db: sqlite3.Connection, key: str, question: CardQuestion | AccountQuestion) -> dict[str, object]:
    """Answer whether a number is good, and make the token that stands for it."""
    kind: Kind = "card" if isinstance(question, CardQuestion) else "account"
    digest = question.digest(kind)
    row = db.execute("SELECT * FROM proofs WHERE key = ?", (key,)).fetchone()
    if row is None:
        last4 = question.number[-4:]
        brand = magic.brand_of(question.number) if kind == "card" else None
        db.execute(
            "INSERT INTO proofs (token, key, body_hash, kind, last4, brand, fault)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (moves.fresh_id("tok"), key, digest, kind, last4, brand, magic.fault_of(kind, last4)),
        )
        row = db.execute("SELECT * FROM proofs WHERE key = ?", (key,)).fetchone()
    elif row["body_hash"] != digest:
        raise Problem(409, "idempotency_key_reused", "another question stands under this key", key=key)
    good = row["fault"] is None
    answer: dict[str, object] = {
        "key": key, "token": row["token"], "last4": row["last4"], "reason": row["fault"],
    }  # fmt: skip
    return answer | ({"payable": good, "brand": row["brand"]} if kind == "card" else {"verified": good})


def take(db: sqlite3.Connection, key: str, order: Order, now: datetime, delay: float) -> sqlite3.Row:
    """Take an order in (or find it again); raises `Problem` 409 and, once its row is kept, nothing else.

    A refused order is a row with the status ``refused``: the caller answers 422 with its reason.
    """
    operation = _operation(order)
    digest = order.digest(operation)
    row: sqlite3.Row | None = db.execute("SELECT * FROM orders WHERE key = ?", (key,)).fetchone()
    if row is not None:
        if row["body_hash"] != digest:
            raise Problem(409, "idempotency_key_reused", "another order stands under this key", key=key)
        return row
    refusal = _refund_refusal(db, order) if isinstance(order, RefundOrder) else _token_refusal(db, order)
    steps = [] if refusal else _steps(db, order)
    status = "refused" if refusal else ("refunded" if operation == "refund" else "accepted")
    day = order.on.isoformat()
    db.execute(
        "INSERT INTO orders (key, provider_id, body_hash, operation, status, amount, currency, asked_on,"
        " effective_on, reason, of, plan, next_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key, moves.fresh_id(PREFIX[operation]), digest, operation, status, order.amount, order.currency,
            day, day if status == "refunded" else None, refusal,
            order.of if isinstance(order, RefundOrder) else None,
            moves.plan_text(steps), now.timestamp() + delay if steps else None,
        ),
    )  # fmt: skip
    made = moves.find(db, key)
    if status == "refunded":
        moves.enter_cash(db, made, "refund", day, now)
    return made


def shown(row: sqlite3.Row) -> dict[str, object]:
    """An order as the wire shows it."""
    return {
        "id": row["provider_id"],
        "key": None if row["operation"] == "transfer" else row["key"],
        "operation": row["operation"],
        "status": row["status"],
        "amount": row["amount"],
        "currency": row["currency"],
        "on": row["asked_on"],
        "effective_on": row["effective_on"],
        "reason": row["reason"],
        "reference": row["reference"],
    }


def found(db: sqlite3.Connection, key: str) -> dict[str, object]:
    """What became of an order: as it stands, and the business date on which its money first moved."""
    row = moves.find(db, key)
    first = db.execute(
        "SELECT effective_on FROM cash_book WHERE provider_id = ? ORDER BY number LIMIT 1",
        (row["provider_id"],),
    ).fetchone()
    return shown(row) | {"moved_on": first["effective_on"] if first else None}


def cash_book(db: sqlite3.Connection, after: int, limit: int) -> dict[str, object]:
    """A page of the cash book, oldest first."""
    rows = db.execute(
        "SELECT * FROM cash_book WHERE number > ? ORDER BY number LIMIT ?", (after, limit + 1)
    ).fetchall()
    return {"data": [dict(row) for row in rows[:limit]], "has_more": len(rows) > limit}


def _operation(order: Order) -> str:
    if isinstance(order, PayoutOrder):
        return "payout"
    return "debit" if isinstance(order, DebitOrder) else "refund"


def _target(order: Order) -> tuple[Kind, str]:
    """The kind and the token of the number that a payout or a debit is about."""
    if isinstance(order, PayoutOrder):
        return order.destination.type, order.destination.token
    if isinstance(order, DebitOrder):
        return "account", order.account_token
    raise TypeError("a refund names a receipt, not a token")


def _proof(db: sqlite3.Connection, order: Order) -> sqlite3.Row | None:
    kind, token = _target(order)
    if (last4 := magic.ending_of(kind, token)) is not None:
        db.execute(
            "INSERT OR IGNORE INTO proofs (token, key, body_hash, kind, last4, fault)"
            " VALUES (?, ?, 'test token', ?, ?, ?)",
            (token, token, kind, last4, magic.fault_of(kind, last4)),
        )
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM proofs WHERE token = ? AND kind = ?", (token, kind)
    ).fetchone()
    return row


def _token_refusal(db: sqlite3.Connection, order: Order) -> str | None:
    """Why a payout or debit is refused at once, or None."""
    proof = _proof(db, order)
    if proof is None:
        return "token_unknown"
    if proof["fault"]:
        return "card_not_payable" if proof["kind"] == "card" else "account_not_verified"
    return magic.REFUSED_AT_ONCE[_target(order)[0]] if proof["last4"] == "0010" else None


def _refund_refusal(db: sqlite3.Connection, order: RefundOrder) -> str | None:
    """Why a refund is refused, or None: only money that is here goes back, and only once."""
    receipt = db.execute(
        "SELECT * FROM orders WHERE provider_id = ? AND operation IN ('debit', 'transfer')", (order.of,)
    ).fetchone()
    if receipt is None:
        return "receipt_unknown"
    if receipt["status"] not in ("posted", "received"):
        return "receipt_not_here"
    if receipt["currency"] != order.currency:
        return "currency_differs"
    back = db.execute(
        "SELECT coalesce(sum(amount), 0) FROM orders WHERE of = ? AND status = 'refunded'", (order.of,)
    ).fetchone()[0]
    return "amount_exceeds_receipt" if back + order.amount > receipt["amount"] else None


def _steps(db: sqlite3.Connection, order: Order) -> list[Step]:
    """What will happen by itself to an order that was not refused."""
    if isinstance(order, RefundOrder):
        return []
    proof = _proof(db, order)
    if proof is None:
        raise LookupError("an order without a proof is refused before it gets a plan")
    return magic.plan(
        "payout" if isinstance(order, PayoutOrder) else "debit", _target(order)[0], proof["last4"]
    )
