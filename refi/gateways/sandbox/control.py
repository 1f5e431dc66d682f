"""``/control``: the levers of the sandbox, that no real provider has."""

from __future__ import annotations

import sqlite3
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response

from refi import clock
from refi.gateways.sandbox import contract, faults, moves, orders
from refi.gateways.sandbox.contract import Instruction, Key, Problem
from refi.gateways.sandbox.deps import Here
from refi.gateways.sandbox.magic import Step

router = APIRouter(prefix="/control")

SOON_HEARD = 3
"""After so many attempts to tell it, news is not expected to be heard soon."""


@router.post("/payouts/{key}/{act}")
async def answer_payout(
    here: Here,
    key: Key,
    act: Literal["deliver", "fail", "lose", "return"],
    body: Instruction | None = None,
) -> dict[str, object]:
    """Deliver, fail, deliver without telling (lose), or return a payout."""
    return await _answer(here, "payout", key, Step(act, body.reason if body else None), body)


@router.post("/debits/{key}/{act}")
async def answer_debit(
    here: Here,
    key: Key,
    act: Literal["post", "fail", "lose", "return"],
    body: Instruction | None = None,
) -> dict[str, object]:
    """Post, fail, post without telling (lose), or return a debit."""
    return await _answer(here, "debit", key, Step(act, body.reason if body else None), body)


@router.post("/transfers", status_code=201)
async def receive_transfer(
    here: Here,
    body: contract.InboundTransfer,
    idempotency_key: Annotated[str | None, Header(pattern=r"^[A-Za-z0-9_-]{1,90}$")] = None,
) -> dict[str, object]:
    """Money arrives unasked. Without an Idempotency-Key every call is a transfer of its own."""
    key = f"transfer-{idempotency_key}" if idempotency_key else moves.fresh_id("transfer")
    row = await here.store.run(lambda db: moves.receive(db, key, body, clock.utc_now()))
    here.stir()
    return orders.shown(row)


@router.post("/proofs")
async def prove_many(here: Here, body: contract.BulkQuestion) -> dict[str, object]:
    """Up to a thousand proofs in one transaction, each once per key (for seeding)."""

    def prove(db: sqlite3.Connection) -> list[dict[str, object]]:
        answers = []
        for item in body.data:
            question = item.card or item.account
            if question is None:
                raise Problem(422, "validation_failed", "a question names a card or an account", key=item.key)
            answers.append(orders.prove(db, item.key, question))
        return answers

    return {"data": await here.store.run(prove)}


@router.post("/faults", status_code=201)
async def order_fault(here: Here, body: contract.FaultOrder) -> dict[str, object]:
    """Let the next calls of an operation go wrong."""
    await here.store.run(lambda db: faults.order(db, body))
    return {"data": await here.store.run(faults.pending)}


@router.get("/faults")
async def pending_faults(here: Here) -> dict[str, object]:
    """The faults still to come."""
    return {"data": await here.store.run(faults.pending)}


@router.delete("/faults", status_code=204)
async def clear_faults(here: Here) -> Response:
    """Let everything go right again."""
    await here.store.run(faults.clear)
    return Response(status_code=204)


@router.post("/hold")
async def hold(here: Here, body: contract.Hold) -> dict[str, object]:
    """While on, orders are answered only when told; when off, those that waited go on by themselves."""
    await here.store.run(
        lambda db: db.execute("INSERT OR REPLACE INTO switches VALUES ('hold', ?)", (int(body.on),))
    )
    here.stir()
    return {"on": body.on}


@router.get("/news")
async def news(
    here: Here,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> dict[str, object]:
    """Every piece of news and whether it was heard, oldest first."""

    def page(db: sqlite3.Connection) -> dict[str, object]:
        rows = db.execute(
            "SELECT number, id, type, provider_id, body, state, attempts, last_answer FROM news"
            " WHERE number > ? ORDER BY number LIMIT ?",
            (after, limit + 1),
        ).fetchall()
        return {"data": [dict(row) for row in rows[:limit]], "has_more": len(rows) > limit}

    return await here.store.run(page)


@router.get("/under-way")
async def under_way(here: Here) -> dict[str, int]:
    """How many orders go on by themselves, and how much news is on its way: zero of both is quiet.

    News that was not heard three times is not counted: nobody may be listening.
    """

    def count(db: sqlite3.Connection) -> dict[str, int]:
        planned = 0 if moves.held(db) else _number(db, "orders WHERE next_at IS NOT NULL")
        return {
            "orders": planned,
            "news": _number(db, f"news WHERE state = 'pending' AND attempts <= {SOON_HEARD}"),
        }

    return await here.store.run(count)


@router.post("/news/{event_id}/tell")
async def tell_again(here: Here, event_id: Key) -> dict[str, object]:
    """Tell one piece of news again, heard or not."""

    def again(db: sqlite3.Connection) -> int:
        return db.execute("UPDATE news SET state = 'pending', next_at = 0 WHERE id = ?", (event_id,)).rowcount

    if not await here.store.run(again):
        raise Problem(404, "event_not_found", "no such event")
    here.stir()
    return {"id": event_id}


def _number(db: sqlite3.Connection, rows: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {rows}").fetchone()[0])  # noqa: S608 - our own constants


async def _answer(
    here: Here, operation: str, key: str, step: Step, body: Instruction | None
) -> dict[str, object]:
    row = await here.store.run(
        lambda db: moves.act(db, operation, key, step, clock.utc_now(), on=body.on if body else None)
    )
    here.stir()
    return orders.shown(row)
