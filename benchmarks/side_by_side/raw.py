"""The other side: the unavoidable statements of each act over asyncpg, and nothing else.

A bare Starlette application without middleware. It trusts its caller: no token is read, no body checked,
nothing decided, no split worked out; the rows it writes are copies (same columns, same size) of those that
the service wrote for the first borrower, with fresh ids. Each act is one transaction that

- writes the Idempotency-Key's row with the answer in one statement,
- locks the row that orders competing acts,
- reads in as few statements as a decision could be made from,
- writes the rows of the act, its event and its job,
- commits.

The pool sends no reset between borrowers of a connection.
"""

from __future__ import annotations

import json
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from pgqueuer.adapters.persistence import qb
from pgqueuer.domain.settings import DBSettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ENQUEUE = qb.QueryQueueBuilder(settings=DBSettings(db_schema="queue")).build_enqueue_query("skip")
BILL = (
    "SELECT s.*, c.*, (SELECT array_agg(purpose) FROM consents n WHERE n.borrower_id = c.borrower_id),"
    " (SELECT sum(o.amount) FROM offers o WHERE o.borrower_id = c.borrower_id AND o.status = 'open'),"
    " (SELECT array_agg(l.id) FROM loans l WHERE l.borrower_id = c.borrower_id)"
    " FROM statements s JOIN cards c ON c.id = s.card_id WHERE s.id = $1"
)
ACCOUNT = (
    "SELECT a.*, (SELECT sum(p.amount) FROM payments p WHERE p.loan_id = $2 AND p.status = 'pending')"
    " FROM bank_accounts a WHERE a.borrower_id = $1 AND a.verified ORDER BY a.id DESC LIMIT 1"
)
POSTED = (
    "UPDATE payments SET status = 'posted', call = 'accepted', provider_id = $2, effective_on = $3"
    " WHERE id = $1"
)


def fresh(prefix: str) -> str:
    """An id as long as the service's."""
    return f"{prefix}_{uuid.uuid4().hex[:26]}"


class Insert:
    """The INSERT of rows like one that exists: every column is sent, those in ``changed`` are new."""

    def __init__(self, table: str, row: asyncpg.Record) -> None:
        self.row = dict(row)
        places = ", ".join(f"${n}" for n in range(1, len(self.row) + 1))
        self.sql = f"INSERT INTO {table} ({', '.join(self.row)}) VALUES ({places})"

    async def run(self, connection: asyncpg.Connection, **changed: Any) -> None:
        await connection.execute(self.sql, *(self.row | changed).values())


class Acts:
    """The statements of each act."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.inserts: dict[str, Insert] = {}

    async def learn(self) -> None:
        """Take the first borrower's rows as patterns."""
        patterns = {
            "applications": "TRUE", "decisions": "TRUE", "offers": "TRUE", "payments": "TRUE",
            "movements": "kind = 'repayment'",
        }  # fmt: skip
        for table, where in patterns.items():
            row = await self.pool.fetchrow(f"SELECT * FROM {table} WHERE {where} ORDER BY id LIMIT 1")
            self.inserts[table] = Insert(table, row)
        for kind in ("ApplicationDecided", "PaymentPosted"):
            row = await self.pool.fetchrow("SELECT * FROM events WHERE type = $1 ORDER BY id LIMIT 1", kind)
            self.inserts[kind] = Insert("events", row)
        for path in ("applications", "payments"):
            row = await self.pool.fetchrow(
                "SELECT * FROM stored_answers WHERE scope LIKE '%' || $1 LIMIT 1", f"/{path}"
            )
            self.inserts[f"answer to {path}"] = Insert("stored_answers", row)

    async def application(self, request: Request) -> Response:
        wanted = json.loads(await request.body())
        borrower, answer = request.headers["x-borrower"], self.inserts["answer to applications"]
        application, decision = fresh("app"), fresh("dec")
        async with self.pool.acquire() as c, c.transaction():
            await answer.run(c, scope=f"borrower:{borrower} POST /v1/applications", key=_key(request))
            await c.fetchrow("SELECT * FROM borrowers WHERE id = $1 FOR UPDATE", borrower)
            bill = await c.fetchrow(BILL, wanted["statement"])
            await self.inserts["decisions"].run(c, id=decision, subject=application, borrower_id=borrower)
            await self.inserts["applications"].run(
                c, id=application, borrower_id=borrower, decision_id=decision,
                statement_id=wanted["statement"], card_id=bill["card_id"],
            )  # fmt: skip
            await self.inserts["offers"].run(
                c,
                id=fresh("off"),
                application_id=application,
                borrower_id=borrower,
                status="open",
                loan_id=None,
            )
            await self.inserts["ApplicationDecided"].run(c, id=fresh("evt"), subject=application)
        return _answer(answer, 201)

    async def repayment(self, request: Request) -> Response:
        wanted = json.loads(await request.body())
        borrower, loan = request.headers["x-borrower"], request.path_params["loan"]
        payment, answer = fresh("pay"), self.inserts["answer to payments"]
        async with self.pool.acquire() as c, c.transaction():
            await answer.run(c, scope=f"borrower:{borrower} POST {request.url.path}", key=_key(request))
            await c.fetchrow("SELECT * FROM loans WHERE id = $1 FOR UPDATE", loan)
            account = await c.fetchrow(ACCOUNT, borrower, loan)
            await c.fetch("SELECT * FROM movements WHERE loan_id = $1 ORDER BY id", loan)
            await self.inserts["payments"].run(
                c, id=payment, loan_id=loan, borrower_id=borrower, bank_account_id=account["id"],
                amount=wanted["amount"], status="pending", call="planned", effective_on=None,
            )  # fmt: skip
            await _enqueue(c, "send_order", payment, f"send:{payment}")
        return _answer(answer, 202)

    async def posting(self, request: Request) -> Response:
        told = json.loads(await request.body())
        now = datetime.now(UTC)
        async with self.pool.acquire() as c, c.transaction():
            news = await c.fetchrow("SELECT * FROM provider_news WHERE id = $1 FOR UPDATE", told["news"])
            payment = await c.fetchrow("SELECT * FROM payments WHERE id = $1 FOR UPDATE", told["payment"])
            loan, on = payment["loan_id"], payment["ordered_on"]
            await c.fetchrow("SELECT * FROM loans WHERE id = $1 FOR UPDATE", loan)
            await c.fetch("SELECT * FROM movements WHERE loan_id = $1 ORDER BY id", loan)
            await self.inserts["movements"].run(
                c, id=fresh("mov"), loan_id=loan, cause=f"{payment['id']}:1", source=payment["id"]
            )
            await c.execute(POSTED, payment["id"], json.loads(news["raw"])["provider_id"], on)
            await c.execute("UPDATE loans SET version = version + 1 WHERE id = $1", loan)
            event = fresh("evt")
            await self.inserts["PaymentPosted"].run(c, id=event, subject=payment["id"])
            await _enqueue(c, "event", event, None)
            await c.execute("UPDATE provider_news SET handled_at = $2 WHERE id = $1", news["id"], now)
        return Response(b"{}", 200, media_type="application/json")


def _key(request: Request) -> str:
    return request.headers["idempotency-key"]


def _answer(stored: Insert, status: int) -> Response:
    return Response(stored.row["body"], status, media_type=stored.row["content_type"])


async def _enqueue(connection: asyncpg.Connection, entrypoint: str, subject: str, dedupe: str | None) -> None:
    payload = json.dumps({"id": subject}).encode()
    await connection.fetch(ENQUEUE, [0], [entrypoint], [payload], [timedelta(0)], [dedupe], ["{}"])


async def _livez(_: Request) -> Response:
    return Response(b"{}")


async def _no_reset(_: asyncpg.Connection) -> None:
    """Nothing is left on a connection that the next borrower could see."""


def create_raw(url: str, size: int) -> Starlette:
    """The raw application on ``url`` with a pool of ``size`` connections."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        async with asyncpg.create_pool(url, min_size=size, max_size=size, reset=_no_reset) as pool:
            acts = Acts(pool)
            await acts.learn()
            for path, act in {
                "/v1/applications": acts.application,
                "/v1/loans/{loan}/payments": acts.repayment,
                "/bench/posting": acts.posting,
            }.items():
                app.router.routes.append(Route(path, act, methods=["POST"]))
            yield

    return Starlette(routes=[Route("/livez", _livez)], lifespan=lifespan)
