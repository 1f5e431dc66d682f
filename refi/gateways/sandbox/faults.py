"""Failures on demand: the next calls of an operation answer an error, hang, or succeed without telling."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from refi.gateways.sandbox.contract import FaultOrder
from refi.gateways.sandbox.store import Store

OPERATIONS = {
    "/v1/card-proofs": "card_proofs",
    "/v1/account-proofs": "account_proofs",
    "/v1/payouts": "payouts",
    "/v1/debits": "debits",
    "/v1/refunds": "refunds",
    "/v1/operations/{key}": "operations",
    "/v1/cash-book": "cash_book",
    "/messages": "messages",
    "/messages/{key}": "messages",
    "/bureau/v1/reports": "bureau_reports",
    "/bureau/v1/identity-checks": "identity_checks",
}


GARBLED = Response(b"<html>all is well</html>", 200, media_type="text/html")


class CutOff(Response):
    """An answer that begins and never ends: the server cuts the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's shape
        """Promise a body and send none of it."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


class FaultyRoute(APIRoute):
    """A route that goes wrong when told to."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the ordinary handler."""
        ordinary = super().get_route_handler()
        operation = OPERATIONS[self.path]

        async def handler(request: Request) -> Response:
            store: Store = request.app.state.provider.store
            fault = await store.run(lambda db: next_fault(db, operation))
            if fault is None:
                return await ordinary(request)
            if fault.mode == "error":
                body = {
                    "code": "sandbox_fault",
                    "status": fault.status,
                    "detail": "ordered by /control/faults",
                }
                wait = None if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
                return JSONResponse(body, fault.status, wait, media_type="application/problem+json")
            if fault.mode == "timeout":
                await asyncio.sleep(fault.seconds)
                return CutOff()
            await ordinary(request)
            return GARBLED if fault.mode == "garbled" else CutOff()

        return handler


def order(db: sqlite3.Connection, fault: FaultOrder) -> None:
    """Let the next calls go wrong, after whatever was ordered before."""
    db.execute(
        "INSERT INTO faults (operation, mode, calls, status, seconds, retry_after) VALUES (?, ?, ?, ?, ?, ?)",
        (fault.operation, fault.mode, fault.calls, fault.status, fault.seconds, fault.retry_after),
    )


def pending(db: sqlite3.Connection) -> list[dict[str, object]]:
    """The faults still to come, in order."""
    rows = db.execute("SELECT * FROM faults WHERE calls > 0 ORDER BY number")
    return [{name: row[name] for name in ("operation", "mode", "calls", "status", "seconds")} for row in rows]


def clear(db: sqlite3.Connection) -> None:
    """Let everything go right again."""
    db.execute("DELETE FROM faults")


def next_fault(db: sqlite3.Connection, operation: str) -> FaultOrder | None:
    """Use up one fault for a call of ``operation``, None when it shall go right."""
    row = db.execute(
        "SELECT * FROM faults WHERE calls > 0 AND operation IN (?, 'any') ORDER BY number LIMIT 1",
        (operation,),
    ).fetchone()
    if row is None:
        return None
    db.execute("UPDATE faults SET calls = calls - 1 WHERE number = ?", (row["number"],))
    return FaultOrder(
        operation=row["operation"],
        mode=row["mode"],
        status=row["status"],
        seconds=row["seconds"],
        retry_after=row["retry_after"],
    )
