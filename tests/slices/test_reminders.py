"""A season of reminders under crashes and outages, judged by the provider's own log."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from random import Random

import httpx
import pytest

from refi import audit, settings
from refi.close import DAY
from refi.demo.walker import eventually
from refi.runtime import Runtime, build
from tests.books import ON, opened
from tests.gateways.given import listening
from tests.proofs import Proof
from tests.slices import season
from tests.slices.nursery import Nursery
from tests.slices.reminder_verdicts import Debtor, Judge
from tests.slices.season import Habit, Season
from tests.slices.telephone_company import Fault, TelephoneCompany
from tests.slices.town import PATIENCE, QUICK, Town
from tests.stack import free_ports

WORKERS = tuple(f"worker-{number}" for number in range(1, 5))
SCHEDULERS = tuple(f"scheduler-{number}" for number in range(1, 4))
VICTIMS = {**dict.fromkeys(WORKERS, 4), **dict.fromkeys(SCHEDULERS, 2), "provider": 2, "serve": 1}
"""Who is killed, and how often in comparison."""
TURNS = (time(0, 5), time(7, 40), time(10, 5), time(15), time(21, 40), time(22, 10))
"""When business time stands still for a while each day, in the market's zone."""
CATCHES_UP_AT = TURNS.index(time(21, 40))
"""The turn at whose end every message is beyond doubt: a day here is shorter than a claim's ten seconds."""
MONTH = 28
SECONDS_A_BORROWER = 0.2
"""How much longer a larger town is waited for."""
BY_TWILIO = {
    "REFI_SMS_CHANNEL": "twilio",
    "REFI_TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000000",
    "REFI_TWILIO_AUTH_TOKENS": "not-a-secret",
    "REFI_TWILIO_SENDER": "+8610690000",
    "REFI_CIRCUIT_SECONDS": "1",
}
"""SMS go through a company that neither deduplicates nor can be asked; push through one that does both."""
FAULTS = (
    {"mode": "error", "status": 500}, {"mode": "error", "status": 503}, {"mode": "error", "status": 429},
    {"mode": "timeout", "seconds": 1}, {"mode": "silent"},
)  # fmt: skip


@dataclass
class World:
    """One run of the proof."""

    town: Town
    runtime: Runtime
    provider: httpx.AsyncClient
    season: Season
    company: TelephoneCompany
    random: Random
    proof: Proof
    patience: float
    """Seconds to wait for what must come: the payments of a large town's month take more than a minute."""

    @property
    def log(self) -> Path:
        """The provider's own file."""
        return self.town.place / "provider.db"


@asynccontextmanager
async def world(database_url: str, place: Path, proof: Proof, borrowers: int) -> AsyncIterator[World]:
    """Four workers, three schedulers, the service and the provider, each a process."""
    port, provider_port = free_ports(2)
    provider_url = f"http://127.0.0.1:{provider_port}"
    chosen = settings.read(database_url=database_url, provider_url=provider_url)
    runtime = build(chosen)
    await opened(runtime.database.engine)
    company = TelephoneCompany()
    environment = {"REFI_DATABASE_URL": database_url, "REFI_PROVIDER_URL": provider_url, **QUICK, **BY_TWILIO}
    key = chosen.provider_key.get_secret_value()
    headers, limits = {"Authorization": f"Bearer {key}"}, httpx.Limits(max_keepalive_connections=0)
    async with (
        listening(company.app()) as sms_url,
        httpx.AsyncClient(base_url=provider_url, timeout=10, headers=headers, limits=limits) as provider,
    ):
        with Nursery({**environment, "REFI_TWILIO_URL": sms_url}) as nursery:
            town = Town(nursery, place, chosen, port)
            days = Season(runtime.database, runtime.database.zone)
            patience = PATIENCE + borrowers * SECONDS_A_BORROWER
            yield World(town, runtime, provider, days, company, proof.random(), proof, patience)
    await runtime.close()


async def open_for_business(here: World, on: date, at: time) -> None:
    """Let business time reach ``at`` on ``on``, and wait until the schedulers have closed the days before."""
    await here.season.move(on, at)

    async def opened() -> bool | None:
        return await here.season.business_date() == on or None

    await eventually(f"business date {on}", opened, within=here.patience)


async def lend(here: World, borrowers: int, dates: int) -> list[Debtor]:
    """Borrowers sign on ``dates`` days spread over the four weeks before the season."""
    made: list[Debtor] = []
    for each in range(dates):
        await open_for_business(here, ON + timedelta(days=each * MONTH // dates), time(10))
        share = (borrowers - len(made)) // (dates - each)
        made += await season.lend(here.season, here.provider, share, here.random)
        await season.settled(here.season.database, here.log, within=here.patience)
    return made


async def live(
    here: World, first: date, days: int, outages: dict[int, int], kills: int, debtors: list[Debtor]
) -> None:
    """Let ``days`` business days pass; ``outages``: first day → how many days nobody works or wakes."""
    habits = season.habits(debtors, len(TURNS), here.random)
    down = {first + each: first + length for first, length in outages.items() for each in range(length)}
    up = [day for day in range(days) if day not in down]
    murders = [(here.random.choice(up), here.random.randrange(len(TURNS))) for _ in range(kills)]
    sent: list[Habit] = []
    for day in range(days):
        on = first + day * DAY
        if day in down:
            await _dark(here, on, habits.get(on, []), sent, begins=day in outages, ends=down[day] == day + 1)
            continue
        for turn, at in enumerate(TURNS):
            mine = [habit for habit in habits.get(on, []) if habit.turn == turn]
            await _turn(
                here,
                on,
                at,
                debtors,
                mine,
                sent,
                murders.count((day, turn)),
                beyond_doubt=turn == CATCHES_UP_AT,
            )


async def _turn(
    here: World,
    on: date,
    at: time,
    debtors: list[Debtor],
    habits: list[Habit],
    sent: list[Habit],
    kills: int,
    *,
    beyond_doubt: bool,
) -> None:
    await open_for_business(here, on, at)
    if here.random.random() < 0.3:
        fault = {**here.random.choice(FAULTS), "operation": "messages", "calls": here.random.randint(1, 4)}
        (await here.provider.post("/control/faults", json=fault)).raise_for_status()
        here.proof.fired(f"provider {fault['mode']} {fault.get('status', '')}".strip())
        here.company.faults.extend(here.random.choices(list(Fault), k=2))
    await _dispute(here, debtors)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(season.wake(here.season.database))
        tasks.create_task(_pay(here, habits, sent, on))
        for _ in range(kills):
            tasks.create_task(_kill(here))
    await _settle(here, sent, beyond_doubt=beyond_doubt)


async def _dispute(here: World, debtors: list[Debtor]) -> None:
    """Now and then somebody disputes the debt, or a dispute is settled."""
    for debtor in here.random.sample(debtors, k=max(1, len(debtors) // 100)):
        if debtor.loan_id in here.season.holds:
            await season.let_go(here.season, debtor)
        elif here.random.random() < 0.3:
            await season.stop(here.season, debtor)


async def _settle(here: World, sent: list[Habit], *, beyond_doubt: bool) -> None:
    """Wait until nothing is left to do in this moment; what was paid is known to be posted by its end."""
    await season.wake(here.season.database)
    done = await season.settled(
        here.season.database, here.log, within=here.patience, beyond_doubt=beyond_doubt
    )
    if done:
        here.season.close_moment()
    for habit in sent:
        for due_on in habit.meets():
            habit.debtor.paid.setdefault(due_on, here.season.number)
    sent.clear()


async def _pay(here: World, habits: list[Habit], sent: list[Habit], on: date) -> None:
    """Pay what is owed by the books.

    Whose money is still to be posted pays nothing: it would be paid twice, and met an installment ahead.
    """
    under_way = {habit.debtor.loan_id for habit in sent}
    habits = [habit for habit in habits if habit.debtor.loan_id not in under_way]
    for habit, amount in await season.owed(here.season.database, habits, on):
        await season.pay(here.provider, habit, amount, on)
        sent.append(habit)


async def _kill(here: World) -> None:
    await asyncio.sleep(here.random.uniform(0.0, 0.4))
    role = here.random.choices(list(VICTIMS), list(VICTIMS.values()))[0]
    if role in here.town.ready:
        await here.town.kill(role)
        here.proof.fired(f"kill -9 {role.partition('-')[0]}")
        await here.town.start(role)


async def _dark(
    here: World, on: date, habits: list[Habit], sent: list[Habit], *, begins: bool, ends: bool
) -> None:
    """A day on which the workers and schedulers are down; borrowers pay all the same."""
    if begins:
        await asyncio.gather(*(here.town.kill(role) for role in (*WORKERS, *SCHEDULERS)))
    await here.season.move(on, time(12))
    await _pay(here, habits, sent, on)
    here.proof.fired("day without workers and schedulers")
    if ends:  # in the middle of the day: what the days before asked for must not be sent now
        await asyncio.gather(*(here.town.start(role) for role in (*WORKERS, *SCHEDULERS)))
        await open_for_business(here, on, time(12, 30))
        await _settle(here, sent, beyond_doubt=True)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # httpx drops sockets that a kill cut short
async def test_every_reminder_once(proof: Proof, cloned_database_url: str, tmp_path: Path) -> None:
    borrowers = proof.size(small=30, full=10_000, of="borrowers")
    dates = proof.size(small=2, full=28, of="days of lending")
    days = proof.size(small=4, full=120, of="business days")
    kills = proof.size(small=2, full=150, of="kills")
    outages = proof.size(small={1: 2}, full={20: 1, 40: 3, 70: 30}, of="outages")
    async with world(cloned_database_url, tmp_path, proof, borrowers) as here:
        try:
            await asyncio.gather(*(here.town.start(role) for role in VICTIMS))
            debtors = await lend(here, borrowers, dates)
            await live(here, ON + MONTH * DAY, days, outages, kills, debtors)
            await season.settled(here.season.database, here.log, within=here.patience, beyond_doubt=True)
            judge = Judge(here.runtime.database.policy, here.season.moments, debtors)
            wrong, counts = judge.verdict(
                season.accepted(here.log, here.company), await season.never_known(here.runtime.database)
            )
            print(*wrong, sep="\n")
            for debtor in (debtor for debtor in debtors if debtor.phone in " ".join(wrong)):
                print(debtor, *await season.story(here.runtime.database, debtor), sep="\n")
            assert wrong == []
            for fault, times in here.company.fired.items():
                proof.fired(fault, times)
            report = await audit.run(here.runtime.database, here.runtime.processor)
            assert (report.findings, report.skipped) == ((), {})
            proof.record(**counts, ended=await season.ended(here.season.database))
        finally:
            print(*here.town.complaints(), sep="\n")
        assert here.town.complaints() == []
    gc.collect()  # while their warnings are ignored
    assert counts["reminders accepted"] > 0
