"""Fresh borrowers, loans and payments in any number: one is made by the service itself, the others copied.

A yardstick sends every request to rows of its own, so that neither side waits for a lock that the other way
of writing would not take, and no row grows old during a run.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import asyncpg

from benchmarks.side_by_side.load import Call
from refi import clock
from refi.db.work import SYSTEM, Actor
from refi.ids import LoanId, new
from refi.loans import service as loans
from refi.loans.account import terms_of
from refi.loans.tables import Product
from refi.payments import news_service
from refi.payments.provider_events import EventType, ProviderEvent
from refi.schedules.amortization import schedule
from tests import given
from tests.given import Person, Service

REPAYMENT = 200_000
"""2,000.00 of a loan of 12,000.00 over six months: the first installment falls short of it."""

Row = dict[str, Any]
TEMPLATES = {
    "borrowers": "id = $1",
    "consents": "borrower_id = $1",
    "cards": "borrower_id = $1",
    "statements": "card_id = (SELECT id FROM cards WHERE borrower_id = $1)",
    "bank_accounts": "borrower_id = $1",
    "agreements": "borrower_id = $1",
    "loans": "borrower_id = $1",
    "installments": "loan_id = (SELECT id FROM loans WHERE borrower_id = $1)",
    "movements": "kind = 'disbursement' AND loan_id = (SELECT id FROM loans WHERE borrower_id = $1)",
}


@dataclass
class Town:
    """Makes people who may apply, repay, or whose repayment is told by the provider."""

    service: Service
    connection: asyncpg.Connection
    on: date
    templates: dict[str, list[Row]]

    async def copy(self, table: str, rows: Sequence[Row]) -> None:
        """Write ``rows`` with COPY."""
        await self.connection.copy_records_to_table(
            table, columns=list(rows[0]), records=[tuple(row.values()) for row in rows]
        )

    def like(self, table: str, **changed: Any) -> Row:
        """The template's row of ``table`` with some columns changed."""
        return self.templates[table][0] | changed

    async def people(self, count: int) -> list[Person]:
        """Borrowers of age with income, consents, a payable card, a bill and a verified bank account."""
        borrowers = [new("bor") for _ in range(count)]
        cards, bills, accounts = ([new(p) for _ in borrowers] for p in ("card", "stmt", "bacc"))
        await self.copy(
            "borrowers", [self.like("borrowers", id=b, phone_index=secrets.token_hex(32)) for b in borrowers]
        )
        await self.copy(
            "consents",
            [
                row | {"id": new("cns"), "borrower_id": b}
                for b in borrowers
                for row in self.templates["consents"]
            ],
        )
        pairs = list(zip(borrowers, cards, bills, accounts, strict=True))
        await self.copy("cards", [self.like("cards", id=c, borrower_id=b) for b, c, _, _ in pairs])
        await self.copy("statements", [self.like("statements", id=s, card_id=c) for _, c, s, _ in pairs])
        await self.copy(
            "bank_accounts", [self.like("bank_accounts", id=a, borrower_id=b) for b, _, _, a in pairs]
        )
        return [Person(b, self.service.token(Actor("borrower", b)), c, s, a) for b, c, s, a in pairs]  # type: ignore[arg-type]

    async def lent(self, people: Sequence[Person]) -> list[str]:
        """An active loan of 12,000.00 over six months for each."""
        agreements, made = ([new(p) for _ in people] for p in ("agr", "loan"))
        trios = list(zip(people, agreements, made, strict=True))
        await self.copy(
            "agreements",
            [self.like("agreements", id=a, borrower_id=p.id, offer_id=new("off")) for p, a, _ in trios],
        )
        await self.copy(
            "loans", [self.like("loans", id=each, borrower_id=p.id, agreement_id=a) for p, a, each in trios]
        )
        await self.copy(
            "installments",
            [row | {"loan_id": each} for each in made for row in self.templates["installments"]],
        )
        await self.copy(
            "movements",
            [self.like("movements", id=new("mov"), loan_id=each, cause=f"{each}:delivered") for each in made],
        )
        return made

    async def applications(self, count: int) -> list[Call]:
        """Requests of new borrowers to have their bill paid off."""
        return [
            _call("/v1/applications", {"statement": person.statement, "term": 6}, person)
            for person in await self.people(count)
        ]

    async def repayments(self, count: int) -> list[Call]:
        """Requests to debit new borrowers' accounts for their loans."""
        people = await self.people(count)
        body = {"amount": REPAYMENT, "source": {"type": "bank_debit"}}
        return [
            _call(f"/v1/loans/{loan}/payments", body, person)
            for person, loan in zip(people, await self.lent(people), strict=True)
        ]

    async def postings(self, count: int) -> list[Call]:
        """The job's work for stored webhooks that tell of posted debits, each of another loan."""
        people = await self.people(count)
        made = await self.lent(people)
        payments, news = ([new(p) for _ in people] for p in ("pay", "evt"))
        await self.copy(
            "payments",
            [
                self.like("payments", id=p, loan_id=each, borrower_id=who.id, bank_account_id=who.account)
                for p, each, who in zip(payments, made, people, strict=True)
            ],
        )
        await self.copy(
            "provider_news",
            [
                {"id": n, "raw": self._raw_news(n, p), "received_at": clock.utc_now()}
                for n, p in zip(news, payments, strict=True)
            ],
        )
        return [Call("/bench/posting", json.dumps({"news": n, "payment": p}), {})
                for n, p in zip(news, payments, strict=True)]  # fmt: skip

    def _raw_news(self, news: str, payment: str) -> str:
        return json.dumps(
            {
                "id": news, "type": "debit.posted", "provider_id": f"deb_{payment}", "amount": REPAYMENT,
                "currency": "CNY", "effective_on": self.on.isoformat(), "key": payment,
            }
        )  # fmt: skip


def _call(path: str, body: Any, person: Person) -> Call:
    """A POST of that person; ``x-borrower`` spares the raw side the reading of a token."""
    headers = {**person.auth, "idempotency-key": secrets.token_hex(16), "x-borrower": person.id}
    return Call(path, json.dumps(body), headers)


@asynccontextmanager
async def town(url: str) -> AsyncIterator[Town]:
    """A town on the migrated database at ``url``: one person lived it all, the others are copies."""
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg://", "postgresql://", 1))
    on = await connection.fetchval("SELECT business_date FROM business_clock")
    async with given.running(url, on=on) as service:
        first, payment = await _the_first(service, on)
        found = Town(service, connection, on, {})
        for table, where in TEMPLATES.items():
            rows = await connection.fetch(f"SELECT * FROM {table} WHERE {where}", first.id)
            found.templates[table] = [dict(row) for row in rows]
        found.templates["payments"] = [payment]
        yield found
    await connection.close()


async def _the_first(service: Service, on: date) -> tuple[Person, Row]:
    """Someone who applied, was paid out and repaid through the service; and the payment while pending."""
    person = await given.a_borrower(service)
    await given.a_card(service, person)
    dates = {"statement_date": on - timedelta(days=10), "due_date": on + timedelta(days=10)}
    await given.a_bill(service, person, **dates)
    await given.an_account(service, person)
    applied = await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=person)
    if applied.status_code != 201 or applied.json()["status"] != "approved":
        raise RuntimeError(f"not approved: {applied.text}")
    loan = await _pay_out(service, person, on)
    body = {"amount": REPAYMENT, "source": {"type": "bank_debit"}}
    paid = await service.post(f"/v1/loans/{loan}/payments", body, who=person)
    if paid.status_code != 202:
        raise RuntimeError(f"not taken: {paid.text}")
    await service.rows("UPDATE payments SET call = 'accepted' RETURNING id")
    pending = dict((await service.rows("SELECT * FROM payments"))[0]._mapping)
    async with service.database.work(SYSTEM) as work:
        told = ProviderEvent(
            "evt_first", EventType.DEBIT_POSTED, "deb_first", REPAYMENT, "CNY", on, pending["id"]
        )
        await news_service.book_news(work, told)
    return person, pending


async def _pay_out(service: Service, person: Person, on: date) -> LoanId:
    policy = service.database.policy
    rate = policy.price.representative_rate
    terms = terms_of(policy.product, principal=1_200_000, term=6, annual_rate=rate, monthly_fee_rate=rate * 0)
    async with service.database.work(SYSTEM) as work:
        signed = loans.Signed(new("off"), "0" * 64, {})
        loan = await loans.open_loan(work, person.id, Product.CARD_REFINANCE, schedule(terms, on), signed)
        await loans.activate(work, LoanId(loan.id), credited_on=on, cause=new("pout"))
    return LoanId(loan.id)
