"""kill -9 at random points of the road: nothing acknowledged is lost or happens twice, and all converges."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

import httpx
import pytest

from refi import audit, settings
from refi.close import CLOSE
from refi.db.work import SYSTEM
from refi.demo.walker import eventually
from refi.runtime import Runtime, build
from tests.books import opened
from tests.given import national_id
from tests.proofs import Proof
from tests.slices.nursery import Nursery
from tests.slices.road import ACCOUNT, CARD, cash_book, converged, one, rows
from tests.slices.town import PATIENCE, QUICK, Diary, Stubborn, Town
from tests.stack import free_ports

VICTIMS = {"serve": 5, "worker-1": 3, "worker-2": 3, "provider": 2, "scheduler": 1}
"""Who is killed, and how often in comparison."""
EVERY = 0.7
"""Seconds between two kills, on average."""
WALKERS = 5

TWICE = """
    SELECT type || ' ' || subject FROM events
    WHERE type IN ('OfferAccepted', 'LoanActivated', 'LoanPaidOff', 'PaymentPosted', 'ApplicationDecided')
    GROUP BY type, subject HAVING count(*) > 1"""
TABLES = {
    "app": "applications", "bacc": "bank_accounts", "card": "cards", "cns": "consents", "dev": "devices",
    "loan": "loans", "pay": "payments", "stmt": "statements",
}  # fmt: skip


@dataclass
class World:
    """One run of the proof."""

    town: Town
    runtime: Runtime
    client: httpx.AsyncClient
    provider: httpx.AsyncClient
    random: Random
    diary: Diary = field(default_factory=Diary)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    over: asyncio.Event = field(default_factory=asyncio.Event)
    repaid: list[str] = field(default_factory=list)
    days: int = 0


@asynccontextmanager
async def world(database_url: str, place: Path, random: Random) -> AsyncIterator[World]:
    """Everything running on a database of its own."""
    port, provider_port = free_ports(2)
    provider_url = f"http://127.0.0.1:{provider_port}"
    chosen = settings.read(database_url=database_url, provider_url=provider_url)
    runtime = build(chosen)
    await opened(runtime.database.engine)
    environment = {"REFI_DATABASE_URL": database_url, "REFI_PROVIDER_URL": provider_url, **QUICK}
    key = chosen.provider_key.get_secret_value()
    with Nursery(environment) as nursery:
        town = Town(nursery, place, chosen, port)
        await asyncio.gather(*(town.start(role) for role in VICTIMS))
        limits = httpx.Limits(max_keepalive_connections=0)  # a connection that a kill cut is not used again
        async with (
            httpx.AsyncClient(base_url=town.url, timeout=30, limits=limits) as client,
            httpx.AsyncClient(
                base_url=provider_url, timeout=10, headers={"Authorization": f"Bearer {key}"}
            ) as provider,
        ):
            yield World(town, runtime, client, provider, random)
    await runtime.close()


async def sabotage(here: World, kills: int, proof: Proof) -> None:
    """Kill a program that is at work, start it again, and so on."""
    restarts: set[asyncio.Task[None]] = set()
    for _ in range(kills):
        await asyncio.sleep(here.random.uniform(0.1, 2 * EVERY - 0.1))
        await eventually("somebody to kill", here.town.someone, within=PATIENCE)
        roles = sorted(here.town.ready)
        role = here.random.choices(roles, [VICTIMS[each] for each in roles])[0]
        await here.town.kill(role)
        proof.fired(f"kill -9 {role.partition('-')[0]}")
        restarts.add(asyncio.create_task(here.town.start(role)))
    await asyncio.gather(*restarts)


async def keep_time(here: World) -> None:
    """Let business days end now and then, the way the scheduler asks for it."""
    database = here.runtime.database
    while not here.over.is_set():
        await asyncio.sleep(4)
        async with database.work(SYSTEM) as work:
            on = work.on
            work.enqueue(CLOSE, {"on": on.isoformat()}, dedupe_key=f"close:{on}")

        async def look(on: object = on) -> bool | None:
            async with database.work(SYSTEM, reading=True) as work:
                return work.on != on or None

        await eventually(f"the end of {on}", look, within=PATIENCE)
        here.days += 1


async def walk(here: World) -> None:
    """One borrower after the other goes down the whole road, until the sabotage is over."""
    while not here.over.is_set():
        walker = Stubborn(here.client, provider=here.provider, diary=here.diary)
        number = next(here.numbers)
        await walker.sign_in(f"+86138001{number:05d}")
        await walker.introduce("张伟", national_id(number), 2_000_000)
        await walker.link("CMB", CARD, 3_000_000, "ICBC", ACCOUNT)
        today = await walker.business_date()
        await walker.import_bill(1_200_000, today - timedelta(days=41), paid=100_000)
        bill = await walker.import_bill(1_200_000, today - timedelta(days=10), paid=150_000)
        application = await walker.apply(bill["id"], here.random.choice((3, 6, 12)))
        assert application["status"] == "approved", application
        loan_id = (await walker.accept(application["offers"][0]))["id"]
        await becomes(walker, f"/v1/loans/{loan_id}", "active")
        if here.random.random() < 0.7:
            await repay(here, walker, loan_id, here.random.randint(1, 900_000), "due")
        while (await walker.loan(loan_id))["status"] == "active":
            await repay(here, walker, loan_id, None, "payoff")
        await becomes(walker, f"/v1/loans/{loan_id}", "paid_off")
        here.repaid.append(loan_id)


async def becomes(walker: Stubborn, path: str, *statuses: str) -> None:
    """Wait until the thing at ``path`` has one of ``statuses``."""

    async def look() -> bool | None:
        return (await walker.ask("GET", path))["status"] in statuses or None

    await eventually(f"{path} {'/'.join(statuses)}", look, within=PATIENCE)


async def repay(here: World, walker: Stubborn, loan_id: str, amount: int | None, mode: str) -> None:
    """Repay by debit or by an announced transfer; without ``amount`` what settles the loan today."""
    if amount is None:
        amount = (await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote"))["total"]
    source = here.random.choice(("bank_debit", "transfer"))
    body = {"amount": amount, "source": {"type": source}, "mode": mode}
    answer = await walker.send("POST", f"/v1/loans/{loan_id}/payments", body)
    if answer.status_code == 422:  # the day ended between quote and debit: another total settles now
        assert answer.json()["code"] in ("amount_exceeds_payoff", "amount_below_minimum"), answer.text
        here.diary.seen["the day ended"] += 1
        return
    payment = answer.json()
    if source == "transfer":
        await transfer(here, walker, payment["id"], amount)
    await becomes(walker, f"/v1/payments/{payment['id']}", "posted")


async def transfer(here: World, walker: Stubborn, reference: str, amount: int) -> None:
    """The borrower's bank sends the money: once, however often it is told to."""
    on = (await walker.business_date()).isoformat()
    body = {"amount": amount, "currency": "CNY", "on": on, "reference": reference}

    async def look() -> bool | None:
        try:
            sent = await here.provider.post(
                "/control/transfers", json=body, headers={"Idempotency-Key": reference}
            )
        except httpx.TransportError:
            return None
        assert sent.status_code == 201, sent.text
        return True

    await eventually("the transfer", look, within=PATIENCE)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # httpx drops sockets that a kill cut short
async def test_crashes(proof: Proof, cloned_database_url: str, tmp_path: Path) -> None:
    kills = proof.size(small=10, full=200, of="kills")
    async with world(cloned_database_url, tmp_path, proof.random()) as here:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(keep_time(here))
                for _ in range(WALKERS):
                    tasks.create_task(walk(here))
                await sabotage(here, kills, proof)
                here.over.set()
            await converged(here.runtime, within=PATIENCE)
            await nothing_is_lost(here)
            await nothing_happened_twice(here)
            report = await audit.run(here.runtime.database, here.runtime.processor)
            assert (report.findings, report.skipped) == ((), {})
        finally:
            print(*here.town.complaints(), sep="\n")
        assert here.town.complaints() == []
        await tell(here, proof)
    gc.collect()  # while their warnings are ignored
    killed = (f"kill -9 {name}" for name in ("serve", "worker", "provider", "scheduler"))
    assert sum(proof.faults[name] for name in killed) == kills


async def nothing_is_lost(here: World) -> None:
    """Every acknowledged request is answered with the same words again, and its object is there."""
    acknowledged = here.diary.acknowledged
    for ack in acknowledged:
        again = await ack.walker.answered("POST", ack.path, ack.sent, key=ack.key)
        assert again.headers.get("idempotent-replayed") == "true", (ack.path, again.text)
        assert (again.status_code, again.content) == (ack.answer.status_code, ack.answer.content)
    made: dict[str, dict[str, object]] = {}
    for ack in acknowledged:
        answer = ack.answer.json()
        if isinstance(answer.get("id"), str):
            made.setdefault(answer["id"].partition("_")[0], {})[answer["id"]] = answer.get("amount")
    for prefix, amounts in made.items():
        amount = "amount" if prefix == "pay" else "NULL"
        query = f"SELECT id, {amount} AS amount FROM {TABLES[prefix]} WHERE id = ANY(:ids)"
        there = {row.id: row.amount for row in await rows(here.runtime.database, query, ids=list(amounts))}
        assert set(there) == set(amounts), prefix
        assert prefix != "pay" or there == amounts


async def nothing_happened_twice(here: World) -> None:
    """One payout a loan, one line of the provider's cash book a cause, every fact announced once."""
    database, lines = here.runtime.database, await cash_book(here.runtime.processor)
    causes = Counter((line.kind, line.reference or line.key) for line in lines)
    assert [cause for cause, times in causes.items() if times > 1] == []
    signed = [ack.answer.json()["id"] for ack in here.diary.acknowledged if ack.path.endswith("/accept")]
    assert len(set(signed)) == await one(database, "SELECT count(*) FROM loans") == len(here.repaid)
    assert await one(database, "SELECT count(*) FROM loans WHERE status = 'paid_off'") == len(here.repaid)
    assert Counter(line.kind.value for line in lines)["payout"] == len(here.repaid)
    assert await rows(database, TWICE) == []
    paid = {ack.answer.json()["id"] for ack in here.diary.acknowledged if ack.path.endswith("/payments")}
    assert {row.id for row in await rows(database, "SELECT id FROM payments WHERE status = 'posted'")} == paid


async def tell(here: World, proof: Proof) -> None:
    """What the run went through."""
    database = here.runtime.database
    for table in ("payouts", "payments"):
        query = f"SELECT coalesce(sum(attempts - 1), 0)::bigint FROM {table} WHERE attempts > 1"
        proof.fired(f"{table}: ordered again under the same key", await one(database, query))
    for what, times in sorted(here.diary.seen.items()):
        proof.fired(f"client saw: {what}", times)
    proof.record(
        borrowers=len(here.repaid),
        acknowledged=len(here.diary.acknowledged),
        movements=await one(database, "SELECT count(*) FROM movements"),
        days_closed=here.days,
    )
