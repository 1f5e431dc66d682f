"""The main road over HTTP for clients of the real data set (``REFI_CARDS_CSV``), three months long.

Each is seeded with their six bills, applies to have the newest paid off in three installments, signs when
approved, and repays every installment on its due date. In the end nothing is owed and every book agrees.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest

from refi import clock
from refi.db.work import SYSTEM, Actor
from refi.demo.walker import Walker, eventually
from refi.ledger import service as ledger
from refi.ledger.accounts import Account
from refi.seeding import service as seeding
from tests.proofs import Proof
from tests.slices.news import lever
from tests.slices.road import cash_at_provider, clean, one, rows
from tests.stack import Stack, running_stack

CARDS = os.environ.get("REFI_CARDS_CSV", "")
TERM = 3
AT_ONCE = 12
SEEDED_PER_LOAN = 4
"""How many clients are seeded for one who is to borrow: some owe nothing, are late, or are declined."""

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass
class Borrowed:
    """A client with a loan and what was signed."""

    walker: Walker
    loan: str
    principal: int
    signed: list[dict[str, int]]
    rows: list[dict[str, Any]]


async def all_of(do: Callable[[Given], Awaitable[Made]], given: Iterable[Given]) -> list[Made]:
    """``do`` for each, a dozen at a time, in order."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one_of_them(item: Given) -> Made:
        async with turn:
            return await do(item)

    return list(await asyncio.gather(*(one_of_them(item) for item in given)))


async def clients(stack: Stack, count: int, file: Path | None = None) -> list[Walker]:
    """The first ``count`` card holders of the file (the real one) as signed-in borrowers."""
    await seeding.seed(stack.runtime, borrowers=count, cards=file or Path(CARDS))
    found = await rows(stack.runtime.database, "SELECT id FROM borrowers ORDER BY id")
    now = clock.utc_now()
    return [
        Walker(stack.client, token=stack.runtime.tokens.issue(Actor("borrower", row.id), now), id=row.id)
        for row in found
    ]


async def apply(walker: Walker, seen: Counter[str]) -> dict[str, Any] | None:
    """The offer for the newest bill, or None; ``seen`` counts how it ended."""
    card = (await walker.ask("GET", "/v1/cards"))["data"][0]
    bill = (await walker.ask("GET", f"/v1/cards/{card['id']}/statements"))["data"][0]
    answer = await walker.send("POST", "/v1/applications", {"statement": bill["id"], "term": TERM})
    assert answer.status_code in (201, 422), answer.text
    application = answer.json()
    if answer.status_code == 422:
        seen[f"refused: {application['code']}"] += 1
        return None
    seen[application["status"]] += 1
    for reason in application["decision"]["reasons"][:1] if application["status"] == "declined" else ():
        seen[f"declined first for {reason['code']}"] += 1
    if application["status"] != "approved":
        return None
    offer: dict[str, Any] = application["offers"][0]
    if offer["term"] != TERM:  # these clients take what they asked for
        seen["countered with another term"] += 1
        return None
    return offer


async def sign(walker: Walker, offer: dict[str, Any]) -> Borrowed:
    """Accept, and wait until the issuer has the money."""
    signed = (await walker.ask("GET", f"/v1/offers/{offer['id']}/schedule"))["data"]
    loan = await walker.loan_becomes((await walker.accept(offer))["id"], "active")
    schedule = (await walker.ask("GET", f"/v1/loans/{loan['id']}/schedule"))["data"]
    return Borrowed(walker, loan["id"], loan["principal"], signed, schedule)


async def transferred(stack: Stack, client: Borrowed, amount: int) -> dict[str, Any]:
    """Announce a transfer, let the bank send it, wait until it is booked."""
    walker, body = client.walker, {"amount": amount, "source": {"type": "transfer"}}
    announced = await walker.ask("POST", f"/v1/loans/{client.loan}/payments", body)
    on = (await walker.business_date()).isoformat()
    await lever(stack, "transfers", amount=amount, currency="CNY", on=on, reference=announced["id"])

    async def look() -> dict[str, Any] | None:
        payment: dict[str, Any] = await walker.ask("GET", f"/v1/payments/{announced['id']}")
        return payment if payment["status"] != "pending" else None

    return await eventually("the transfer", look)


async def lend(stack: Stack, wanted: int, seen: Counter[str], random: Random) -> list[Borrowed]:
    """Let clients apply, in an order left to chance, until ``wanted`` have a loan."""
    made: list[Borrowed] = []

    async def road(walker: Walker) -> None:
        if len(made) + len(under_way) < wanted and (offer := await apply(walker, seen)) is not None:
            if len(made) + len(under_way) >= wanted:
                seen["approved, not wanted any more"] += 1
                return
            under_way.add(walker.id)
            made.append(await sign(walker, offer))
            under_way.discard(walker.id)

    under_way: set[str] = set()
    seeded = await clients(stack, SEEDED_PER_LOAN * wanted)
    random.shuffle(seeded)
    await all_of(road, seeded)
    return made


async def repay(stack: Stack, client: Borrowed, number: int, source: str) -> int:
    """Pay an installment on its due date, by a debit or by a transfer that names the loan's payment."""
    amount: int = client.rows[number]["amount"]
    if source == "transfer":
        payment = await transferred(stack, client, amount)
    else:
        payment = await client.walker.pay(client.loan, amount)
    assert payment["status"] == "posted", payment
    assert sum(part["amount"] for part in payment["allocations"]) == amount
    assert {part["installment"] for part in payment["allocations"]} == {number + 1}
    return amount


@pytest.mark.skipif(not CARDS, reason="the real data set is not here: REFI_CARDS_CSV names no file")
async def test_real_clients(proof: Proof, database_url: str, tmp_path: Path) -> None:
    wanted = proof.size(small=12, full=200, of="clients who borrow and repay")
    seen: Counter[str] = Counter()
    random = proof.random()
    async with running_stack(database_url, tmp_path, access_token_minutes=60) as stack:
        lent = await lend(stack, wanted, seen, random)
        assert len(lent) == wanted, seen
        for client in lent:
            assert sum(row["principal"] for row in client.rows) == client.principal
            amounts = [
                [row[part] for part in ("principal", "interest", "fee", "amount")] for row in client.rows
            ]
            assert amounts == [
                [row[p] for p in ("principal", "interest", "fee", "amount")] for row in client.signed
            ]
        paid = 0
        for number in range(TERM):
            (due,) = {client.rows[number]["due_date"] for client in lent}
            await lent[0].walker.advance(date.fromisoformat(due))
            how = [(client, number, random.choice(("bank_debit", "transfer"))) for client in lent]
            paid += sum(await all_of(lambda given: repay(stack, *given), how))
            await clean(stack)
        for client in lent:
            loan = await client.walker.loan(client.loan)
            assert (loan["status"], loan["balances"]["total"]) == ("paid_off", 0)
        await lent[0].walker.advance(date.fromisoformat(due) + timedelta(days=2))
        await clean(stack)
        await the_books(stack, lent, paid)
        proof.record(
            applied=dict(sorted(seen.items())),
            lent=sum(client.principal for client in lent),
            repaid=paid,
            movements=await one(stack.runtime.database, "SELECT count(*) FROM movements"),
            messages=await one(stack.runtime.database, "SELECT count(*) FROM messages"),
            suggestions=await one(stack.runtime.database, "SELECT count(*) FROM suggestions"),
        )


async def the_books(stack: Stack, lent: list[Borrowed], paid: int) -> None:
    """Ours and the provider's: what went out came back, and the difference is interest."""
    principal = sum(client.principal for client in lent)
    async with stack.runtime.database.work(SYSTEM, reading=True) as work:
        balance = await ledger.trial_balance(work)
    assert balance[Account.LOANS_PRINCIPAL] == balance[Account.SUSPENSE] == 0
    assert balance[Account.CASH_AT_PROVIDER] == -balance[Account.INTEREST_INCOME] == paid - principal
    assert sum(balance.values()) == 0
    kinds: Counter[str] = Counter()
    for kind, _, amount in await cash_at_provider(stack):
        kinds[kind] += amount
    assert kinds == {"payout": principal, "debit": kinds["debit"], "transfer": paid - kinds["debit"]}
