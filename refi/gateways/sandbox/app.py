"""The provider's HTTP surface: the wire contract (``/v1``, ``/messages``) and levers (``/control``)."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from refi import clock
from refi.gateways.sandbox import bureau, contract, control, courier, inbox, orders, receipts
from refi.gateways.sandbox.contract import Key, Order, Problem
from refi.gateways.sandbox.courier import Provider
from refi.gateways.sandbox.deps import Here
from refi.gateways.sandbox.faults import FaultyRoute
from refi.gateways.sandbox.store import Store


async def known_caller(here: Here, authorization: Annotated[str, Header()] = "") -> None:
    """Dependency: 401 unless the bearer credential is ours."""
    given, right = authorization.encode("utf-8", "replace"), f"Bearer {here.api_key}".encode()
    if not hmac.compare_digest(given, right):
        raise Problem(401, "unauthenticated", "send the API key as a bearer credential")


OurKey = Annotated[str, Header(alias="Idempotency-Key", pattern=r"^[A-Za-z0-9_-]{1,100}$")]
router = APIRouter(route_class=FaultyRoute, dependencies=[Depends(known_caller)])


@router.post("/v1/card-proofs")
async def prove_card(here: Here, key: OurKey, body: contract.CardQuestion) -> dict[str, object]:
    """Is this card this person's, and can it receive money?"""
    return await here.store.run(lambda db: orders.prove(db, key, body))


@router.post("/v1/account-proofs")
async def prove_account(here: Here, key: OurKey, body: contract.AccountQuestion) -> dict[str, object]:
    """Is this bank account this person's?"""
    return await here.store.run(lambda db: orders.prove(db, key, body))


@router.post("/v1/payouts", status_code=202)
async def order_payout(here: Here, key: OurKey, body: contract.PayoutOrder) -> dict[str, object]:
    """Send money to a proven card or account."""
    return await _take(here, key, body)


@router.post("/v1/debits", status_code=202)
async def order_debit(here: Here, key: OurKey, body: contract.DebitOrder) -> dict[str, object]:
    """Take money from a proven account."""
    return await _take(here, key, body)


@router.post("/v1/refunds", status_code=202)
async def order_refund(here: Here, key: OurKey, body: contract.RefundOrder) -> dict[str, object]:
    """Send a receipt, or part of it, back to whoever paid. Done when accepted."""
    return await _take(here, key, body)


@router.get("/v1/operations/{key}")
async def find(here: Here, key: Key) -> dict[str, object]:
    """What became of an order."""
    return await here.store.run(lambda db: orders.found(db, key))


@router.get("/v1/cash-book")
async def cash_book(
    here: Here,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> dict[str, object]:
    """Every move of money, numbered without gaps, oldest first."""
    return await here.store.run(lambda db: orders.cash_book(db, after, limit))


@router.post("/messages", status_code=202)
async def receive_message(here: Here, key: OurKey, body: contract.MessageOrder) -> dict[str, object]:
    """The sandbox SMS and push channel: once per key."""
    now = clock.utc_now()

    def take_in(db: sqlite3.Connection) -> dict[str, object]:
        shown, new = inbox.receive(db, key, body, now)
        if new and here.message_webhook_url is not None:
            receipts.taken_in(db, shown, now)
        return shown

    shown = await here.store.run(take_in)
    here.stir()
    return shown


@router.get("/messages")
async def messages(
    here: Here,
    to: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    starting_after: Annotated[str | None, Query(max_length=100)] = None,
) -> dict[str, object]:
    """What was received, newest first."""
    return await here.store.run(lambda db: inbox.newest(db, to, limit, starting_after))


@router.get("/messages/{key}")
async def find_message(here: Here, key: Key) -> dict[str, object]:
    """What became of a message."""
    return await here.store.run(lambda db: inbox.find(db, key))


async def _take(here: Provider, key: str, body: Order) -> dict[str, object]:
    row = await here.store.run(lambda db: orders.take(db, key, body, clock.utc_now(), here.answer_delay))
    here.stir()
    if row["status"] == "refused":
        raise Problem(422, row["reason"], "the order is refused", key=key)
    return orders.shown(row)


def create_provider(
    *,
    data: Path,
    webhook_url: str,
    webhook_secrets: Sequence[str],
    api_key: str,
    answer_delay: float = 0.2,
    retry_first: float = 0.25,
    retry_longest: float = 5.0,
    message_webhook_url: str | None = None,
) -> FastAPI:
    """The provider as an ASGI app over the file ``data`` (one process per file).

    ``answer_delay``: seconds until an order answers by itself. News is retried after ``retry_first``
    seconds, doubling up to ``retry_longest``, until it is heard. Receipts of messages are told at
    ``message_webhook_url``, if there is one. The lifespan runs the courier.
    """
    provider = Provider(
        Store(data), api_key, webhook_url, tuple(webhook_secrets), answer_delay, retry_first, retry_longest,
        message_webhook_url,
    )  # fmt: skip

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        running = app.state.courier = asyncio.create_task(courier.work(provider))
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])
            provider.store.close()
            if not running.cancelled():
                running.result()

    app = FastAPI(title="Sandbox payment provider", lifespan=lifespan)
    app.state.provider = provider
    app.include_router(router)
    app.include_router(control.router, dependencies=[Depends(known_caller)])
    app.include_router(bureau.router_of(FaultyRoute), dependencies=[Depends(known_caller)])
    app.include_router(receipts.router, dependencies=[Depends(known_caller)])
    app.add_api_route("/livez", livez)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    return app


async def livez(request: Request) -> Response:
    """Whether the process answers and its courier is at work."""
    at_work = not request.app.state.courier.done()
    return JSONResponse({"status": "ok" if at_work else "courier stopped"}, 200 if at_work else 503)


def _problem(status: int, code: str, detail: str, **facts: Any) -> Response:
    body = {"type": f"urn:provider:problem:{code}", "status": status, "code": code, "detail": detail, **facts}
    return JSONResponse(body, status, media_type="application/problem+json")


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for this type only
    return _problem(error.status, error.code, error.detail, **error.facts)


async def _on_validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    found = [
        {"pointer": "/" + "/".join(str(part) for part in item["loc"]), "code": item["type"]}
        for item in error.errors()[:20]
    ]
    if any(item["code"] == "json_invalid" for item in found):
        return _problem(400, "malformed_json", "the body is not JSON")
    if any(item["pointer"] == "/header/Idempotency-Key" for item in found):
        return _problem(400, "idempotency_key_missing", "send an Idempotency-Key of letters, digits, _ and -")
    return _problem(422, "validation_failed", "the request does not have the documented shape", errors=found)


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    return _problem(error.status_code, f"http_{error.status_code}", str(error.detail))
