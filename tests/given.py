"""Builders for tests over HTTP: a running service on a database of the test, borrowers, cards, bills, staff.

Every builder commits for real and says its defaults here. Sign-in is skipped: tokens are issued directly.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from refi import clock, runtime, settings
from refi.api.app import create_app
from refi.borrowers import service as borrowers
from refi.borrowers.proof import AccountProof
from refi.borrowers.tables import Purpose
from refi.cards import service as cards
from refi.cards.proof import CardProof
from refi.cards.statements import Bill
from refi.db.work import SYSTEM, Actor, Database
from refi.ids import BorrowerId, CardId
from refi.staff import service as staff
from refi.staff.roles import Role
from tests.books import ON, opened

LIVE_MESSAGES = {
    "public_url": "https://refi.test", "sms_channel": "twilio", "push_channel": "off", "email_channel": "off",
    "twilio_account_sid": "AC1", "twilio_auth_tokens": "token-of-the-tests", "twilio_sender": "+14155550100",
}  # fmt: skip
"""Settings of message channels that live takes; nothing is sent by making them."""
_numbers = itertools.count(1)


def national_id(number: int, born: str = "19900307") -> str:
    """A well-formed Chinese national id; ``number`` (below 1000) makes it another person's."""
    digits = f"110101{born}{number % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11]


@dataclass
class Person:
    """A borrower with a card and its newest bill."""

    id: BorrowerId
    token: str
    card: str = ""
    statement: str = ""
    account: str = ""

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class Service:
    """The service in this process, on the database of the test."""

    app: FastAPI
    http: httpx.AsyncClient
    database: Database
    keys: Any = field(default_factory=lambda: itertools.count(1))

    async def post(
        self, path: str, body: Any = None, *, who: Any = None, key: str | None = None, **headers: str
    ) -> httpx.Response:
        """POST as ``who`` (anything with ``auth``) with a fresh Idempotency-Key unless one is given."""
        sent = {"Idempotency-Key": key or f"key-{next(self.keys)}", **(who.auth if who else {})}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        return await self.http.post(path, json={} if body is None else body, headers=sent)

    async def get(self, path: str, *, who: Any = None, **headers: str) -> httpx.Response:
        """GET as ``who``."""
        sent = {**(who.auth if who else {}), **{n.replace("_", "-"): v for n, v in headers.items()}}
        return await self.http.get(path, headers=sent)

    def token(self, actor: Actor) -> str:
        """An access token for ``actor``."""
        issued: str = self.app.state.tokens.issue(actor, clock.utc_now())
        return issued

    async def turn_to(self, on: date) -> None:
        """Make ``on`` the business date, without closing anything."""
        async with self.database.engine.begin() as connection:
            await connection.execute(text("UPDATE business_clock SET business_date = :on"), {"on": on})

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """What the database holds."""
        async with self.database.engine.begin() as connection:
            return list(await connection.execute(text(query), values))


@asynccontextmanager
async def running(database_url: str, *, on: date = ON, **changed: Any) -> AsyncIterator[Service]:
    """The service on ``database_url``, its books opened at ``on``."""
    made = runtime.build(settings.read(**{"database_url": database_url, "pool_size": 5, **changed}))
    await opened(made.database.engine, on)
    app = create_app(made)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://refi.test") as http:
            yield Service(app, http, made.database)
    finally:
        await made.close()


async def a_borrower(
    service: Service,
    *,
    monthly_income: int | None = 850_000,
    consents: tuple[Purpose, ...] = (Purpose.BUREAU_QUERY, Purpose.STATEMENT_READ),
    born: str = "19900307",
    identified: bool = True,
) -> Person:
    """A borrower of age with an income of 8,500.00 who agreed to what an application needs."""
    number = next(_numbers)
    async with service.database.work(SYSTEM) as work:
        row = await borrowers.register(work, f"+86138{number:08d}")
        borrower_id = BorrowerId(row.id)
        if identified:
            await borrowers.update_profile(
                work, borrower_id, name="张三", national_id=national_id(number, born)
            )
        if monthly_income is not None:
            await borrowers.update_profile(work, borrower_id, monthly_income=monthly_income)
        for purpose in consents:
            await borrowers.record_consent(work, borrower_id, purpose, "2026-11", granted=True)
    return Person(borrower_id, service.token(Actor("borrower", borrower_id)))


async def a_card(
    service: Service,
    person: Person,
    *,
    payable: bool = True,
    reason: str | None = None,
    apr: Decimal | None = None,
) -> str:
    """A card of that borrower, confirmed by the provider; it becomes ``person.card``."""
    number = next(_numbers)
    async with service.database.work(SYSTEM) as work:
        proof = CardProof(f"tok_{number}", f"{number % 10_000:04d}", payable, reason=reason)
        person.card = (await cards.link(work, person.id, "CMB", proof, apr=apr)).id
    return person.card


async def a_bill(service: Service, person: Person, **changed: Any) -> str:
    """A bill of 12,000.00 dated ten days ago and due in ten; it becomes ``person.statement``."""
    figures: dict[str, Any] = {
        "statement_date": date(2026, 11, 12),
        "due_date": date(2026, 12, 2),
        "statement_balance": 1_200_000,
        "minimum_payment": 120_000,
        **changed,
    }
    aprs = figures.pop("aprs", [])
    async with service.database.work(SYSTEM) as work:
        card = await cards.own_card(work, person.id, CardId(person.card))
        row, _ = await cards.import_statement(work, card, Bill(**figures), aprs)
        person.statement = row.id
    return person.statement


async def an_account(service: Service, person: Person, *, verified: bool = True) -> str:
    """A bank account of that borrower; it becomes ``person.account``."""
    number = next(_numbers)
    async with service.database.work(SYSTEM) as work:
        proof = AccountProof(f"bank_{number}", f"{number % 10_000:04d}", verified)
        person.account = (await borrowers.add_bank_account(work, person.id, "ICBC", proof)).id
    return person.account


async def a_card_holder(service: Service, **changed: Any) -> Person:
    """A borrower with a payable card and a bill: everything that an application needs."""
    person = await a_borrower(service, **changed)
    await a_card(service, person)
    await a_bill(service, person)
    return person


@dataclass
class Member:
    """A member of staff."""

    id: str
    username: str
    password: str
    token: str

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def a_member(service: Service, *roles: Role, totp_secret: str | None = None) -> Member:
    """A member of staff with these roles, signed in."""
    username, password = f"member.{next(_numbers)}", "correct horse battery staple"
    async with service.database.work(SYSTEM) as work:
        row = await staff.hire(work, username, password, roles, totp_secret=totp_secret)
    return Member(row.id, username, password, service.token(staff.actor_of(row)))
