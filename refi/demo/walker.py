"""A borrower as an HTTP client: the public API, step by step. The demo and the tests walk with it."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar

import httpx

WAITS_FOR = 30.0
LOOKS_EVERY = 0.05

Json = dict[str, Any]
Found = TypeVar("Found")


class Unexpected(Exception):
    """The service answered something else than this step of the road expects."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(
            f"{answer.request.method} {answer.request.url} → {answer.status_code} {answer.text[:600]}"
        )
        self.answer = answer


class NeverHappened(Exception):
    """Something asynchronous did not happen in time."""


@dataclass
class Walker:
    """One borrower's way through the API over ``client``, whose base URL is the service's."""

    client: httpx.AsyncClient
    phone: str = ""
    token: str = ""
    refresh_token: str = ""
    id: str = ""
    seen: dict[str, Any] = field(default_factory=dict)

    async def send(
        self, method: str, path: str, body: Json | None = None, *, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """One request with the borrower's token and, for a POST, a fresh Idempotency-Key."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if method == "POST":
            headers["Idempotency-Key"] = key or str(uuid.uuid4())
        return await self.client.request(method, path, json=body, headers=headers, **more)

    async def ask(
        self, method: str, path: str, body: Json | None = None, *, key: str | None = None, **more: Any
    ) -> Any:
        """The JSON of a successful answer; `Unexpected` otherwise.

        While the business day is being closed, the service asks to be asked again, and with the same key
        nothing happens twice.
        """
        loop, key = asyncio.get_running_loop(), key or str(uuid.uuid4())
        until = loop.time() + WAITS_FOR
        while is_closing(answer := await self.send(method, path, body, key=key, **more)):
            if loop.time() > until:
                break
            await asyncio.sleep(int(answer.headers["Retry-After"]))
        if answer.status_code >= 400:
            raise Unexpected(answer)
        return answer.json()

    async def code(self) -> str:
        """The newest one-time code in the sandbox inbox of the borrower's phone."""

        async def look() -> str | None:
            inbox = await self.ask("GET", "/sandbox/v1/messages", params={"to": self.phone})
            for message in inbox["data"]:
                if found := re.search(r"(?<![0-9])[0-9]{6}(?![0-9])", message["text"]):
                    return found.group()
            return None

        return await eventually("a one-time code", look)

    async def sign_in(self, phone: str) -> None:
        """Ask for a code, read it in the inbox, trade it for tokens."""
        self.phone = phone
        await self.ask("POST", "/v1/auth/otp", {"phone": phone})
        made = await self.ask("POST", "/v1/auth/token", {"phone": phone, "code": await self.code()})
        self.token, self.refresh_token, self.id = (
            made["access_token"],
            made["refresh_token"],
            made["borrower"],
        )

    async def introduce(self, name: str, national_id: str, monthly_income: int) -> None:
        """Complete the profile and consent, each purpose apart."""
        profile = {"name": name, "national_id": national_id, "monthly_income": monthly_income}
        await self.ask("PATCH", "/v1/me", profile)
        for purpose in ("bureau_query", "statement_read", "contact", "marketing"):
            await self.ask("POST", "/v1/consents", {"purpose": purpose, "text_version": "2026-11"})
        await self.ask("POST", "/v1/devices", {"platform": "android", "token": f"device-{self.id}"})

    async def link(self, issuer: str, card: str, limit: int, bank: str, account: str) -> None:
        """Link the card to pay off and the account to debit."""
        self.seen["card"] = await self.ask(
            "POST", "/v1/cards", {"issuer": issuer, "number": card, "credit_limit": limit, "apr": "0.1825"}
        )
        self.seen["account"] = await self.ask("POST", "/v1/bank-accounts", {"bank": bank, "number": account})

    async def import_bill(self, balance: int, on: date, paid: int | None = None) -> Json:
        """Import one bill of ``balance`` dated ``on``; ``paid`` since the bill before."""
        bill = {
            "statement_date": on.isoformat(),
            "due_date": (on + timedelta(days=20)).isoformat(),
            "statement_balance": balance,
            "minimum_payment": max(balance // 10, 1) if balance > 0 else 0,
            **({} if paid is None else {"payments_since_last": paid}),
        }
        statement: Json = await self.ask("POST", f"/v1/cards/{self.seen['card']['id']}/statements", bill)
        return statement

    async def quote(self, statement: str) -> Json:
        """The comparison for a bill."""
        quote: Json = await self.ask("POST", "/v1/quotes", {"statement": statement})
        return quote

    async def apply(self, statement: str, term: int, amount: int | None = None) -> Json:
        """Apply to have the bill paid off; answers the decided application."""
        body = {"statement": statement, "term": term, **({} if amount is None else {"amount": amount})}
        application: Json = await self.ask("POST", "/v1/applications", body)
        return application

    async def accept(self, offer: Json) -> Json:
        """Sign the offer."""
        signed: Json = await self.ask(
            "POST", f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}
        )
        return signed

    async def loan(self, loan_id: str) -> Json:
        """The account now."""
        account: Json = await self.ask("GET", f"/v1/loans/{loan_id}")
        return account

    async def loan_becomes(self, loan_id: str, *statuses: str) -> Json:
        """Wait until the loan has one of ``statuses``."""

        async def look() -> Json | None:
            account = await self.loan(loan_id)
            return account if account["status"] in statuses else None

        return await eventually(f"{loan_id} {'/'.join(statuses)}", look)

    async def pay(self, loan_id: str, amount: int, mode: str = "due", key: str | None = None) -> Json:
        """Start a debit and wait for its end."""
        body = {"amount": amount, "source": {"type": "bank_debit"}, "mode": mode}
        started = await self.ask("POST", f"/v1/loans/{loan_id}/payments", body, key=key)

        async def look() -> Json | None:
            payment: Json = await self.ask("GET", f"/v1/payments/{started['id']}")
            return payment if payment["status"] != "pending" else None

        return await eventually(f"payment {started['id']}", look)

    async def business_date(self) -> date:
        """The open business date."""
        return date.fromisoformat((await self.ask("GET", "/sandbox/v1/business-date"))["business_date"])

    async def advance(self, to: date) -> list[str]:
        """Close every day before ``to``."""
        answer = await self.ask(
            "POST", "/sandbox/v1/business-date/advance", {"to": to.isoformat()}, timeout=600
        )
        closed: list[str] = answer["closed"]
        return closed


def is_closing(answer: httpx.Response) -> bool:
    """Whether ``answer`` only says that the business day is being closed."""
    return answer.status_code == 503 and answer.json()["code"] == "business_day_closing"


async def eventually(
    what: str, look: Callable[[], Awaitable[Found | None]], within: float = WAITS_FOR
) -> Found:
    """What ``look`` finds, asked again until it finds something; `NeverHappened` after ``within`` seconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while loop.time() < until:
        if (found := await look()) is not None:
            return found
        await asyncio.sleep(LOOKS_EVERY)
    raise NeverHappened(what)
