"""Random lives at large: processes that live lanes and are killed, days that close, audits on the way."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import event as hooks

from refi import audit, runtime, settings
from refi.borrowers import service as borrowers
from refi.borrowers.proof import AccountProof
from refi.business_day import close_until
from refi.cards import service as cards
from refi.cards.proof import CardProof
from refi.close import STEPS
from refi.db.work import SYSTEM, Database
from refi.ids import BorrowerId
from refi.staff import service as staff
from refi.staff.roles import Role
from tests.books import opened
from tests.loans.lives.bank import Bank
from tests.loans.lives.worker import HEARD
from tests.proofs import Proof
from tests.slices.nursery import Nursery

PACES = (0, 1, 1, 3, 5, 8, 13, 31)
"""Days that pass between two rounds."""
EMPTY_QUEUE = "TRUNCATE queue.pgqueuer"
"""What the queue asks for is found by the lanes in the rows themselves, as the sweep would find it."""
TIDIED_EVERY = 10
"""Rounds between two vacuums: servers of tests have no autovacuum, and a book of this size would have it."""
STARTS_WITHIN = 60.0


@dataclass
class Slot:
    """One worker: its process, the order it is at, and how far it has told."""

    number: int
    process: int = 0
    kills: int = 0
    writer: asyncio.StreamWriter | None = None
    order: dict[str, Any] | None = None
    at: dict[int, int] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    cut_off: set[str] = field(default_factory=set)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Lives:
    """Slots of workers over lanes of loans; see `run`."""

    nursery: Nursery
    place: Path
    url: str
    seed: int
    database: Database
    bank: Bank
    proof: Proof
    slots: list[Slot]
    alone: list[int]
    shared: list[int]
    kill_every: int = 0
    """On average so many messages from the workers pass between two kills; 0: nobody is killed."""
    events: int = 0
    raced: int = 0
    rounds: int = 0
    days: int = 0
    wrong: list[str] = field(default_factory=list)
    positions: Counter[str] = field(default_factory=Counter)
    until_kill: int = 0
    over: bool = False
    listening: set[Any] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Days pass by the seed alone; when somebody is killed also follows from who is how fast."""
        self.paces, self.kills = Random(f"{self.seed}:days"), Random(f"{self.seed}:kills")

    def start(self, slot: Slot) -> None:
        """Start the worker of a slot."""
        slot.ready.clear()
        log = self.place / f"worker-{slot.number}.log"
        said = (str(self.place / "town"), self.url, str(self.seed), str(slot.number))
        slot.process = self.nursery.start(log, "tests.loans.lives.worker", *said)

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What one process tells until it ends; then another takes its place."""
        slot: Slot | None = None
        self.listening.add(asyncio.current_task())
        while line := await reader.readline():
            if not line.endswith(b"\n"):
                break
            said = json.loads(line)
            if "ready" in said:
                slot = self.slots[said["ready"]]
                slot.writer = writer
                slot.ready.set()
                if slot.order is not None:
                    self._send(slot, fresh=True)
            elif slot is not None:
                self._heard(slot, said)
        writer.close()
        if slot is not None and not self.over:
            slot.writer, slot.cut_off, slot.open = None, {*slot.cut_off, *slot.open}, set()
            self.start(slot)

    def _heard(self, slot: Slot, said: dict[str, Any]) -> None:
        if "b" in said:
            slot.open.add(said["b"])
            self._perhaps_kill(slot)
        elif "d" in said:
            self._done(slot, said)
            self._perhaps_kill(slot)
        elif "at" in said:
            lane, position = said["at"]
            slot.at[lane] = position
        elif "seen" in said:
            self.proof.fired(said["seen"])
        elif "wrong" in said:
            self.wrong.append(said["wrong"])
        elif "end" in said:
            slot.order = None
            slot.idle.set()

    def _done(self, slot: Slot, said: dict[str, Any]) -> None:
        key = said["d"]
        slot.open.discard(key)
        if key in slot.cut_off:
            slot.cut_off.discard(key)
            if said.get("again"):
                self.proof.fired("killed after the commit: the key answered")
            elif said.get("retold"):
                self.proof.fired("killed between the bank's book and ours: the news were told again")
            else:
                self.proof.fired("killed before the commit: done by the next process")

    def _perhaps_kill(self, slot: Slot) -> None:
        self.until_kill -= 1
        alive = slot.process > 0 and slot.writer is not None
        if self.kill_every and self.until_kill <= 0 and alive:
            self.until_kill = self.kills.randint(1, 2 * self.kill_every)
            os.kill(slot.process, signal.SIGKILL)
            slot.kills += 1
            slot.writer = None
            self.proof.fired("kill -9")

    def _send(self, slot: Slot, *, fresh: bool) -> None:
        assert slot.order is not None
        until = slot.order["until"]
        lanes = [[lane, at, fresh] for lane, at in slot.at.items() if at < until[str(lane)]]
        assert slot.writer is not None
        slot.writer.write(json.dumps({**slot.order, "lanes": lanes}).encode() + b"\n")

    async def phase(self, do: str, work: dict[int, dict[int, tuple[int, int]]]) -> None:
        """Have every slot do its lanes: ``{slot: {lane: (first event, event after the last)}}``."""
        for slot in self.slots:
            lanes = work.get(slot.number, {})
            slot.order = {
                "do": do,
                "by": chr(ord("a") + slot.number),
                "until": {str(lane): until for lane, (_, until) in lanes.items()},
            }
            slot.at = {lane: first for lane, (first, _) in lanes.items()}
            slot.idle.clear()
            if slot.writer is not None:
                self._send(slot, fresh=False)
        for slot in self.slots:
            await slot.idle.wait()

    async def live(self, count: int) -> None:
        """Each lane of its own lives ``count`` events, each shared one a single event, nobody else near."""
        work: dict[int, dict[int, tuple[int, int]]] = {}
        for lane in [*self.alone, *self.shared]:
            first = self.positions[f"{lane}"]
            until = first + (count if lane < len(self.alone) else 1)
            work.setdefault(lane % len(self.slots), {})[lane] = (first, until)
            self.positions[f"{lane}"] = until
            self.events += until - first
        await self.phase("live", work)

    async def race(self, count: int) -> None:
        """Every worker does ``count`` events at once on every shared lane, all workers at the same time."""
        work: dict[int, dict[int, tuple[int, int]]] = {}
        for slot in self.slots:
            for lane in self.shared:
                first = self.positions[f"{lane} of {slot.number}"]
                work.setdefault(slot.number, {})[lane] = (first, first + count)
                self.positions[f"{lane} of {slot.number}"] = first + count
                self.raced += count
        await self.phase("race", work)

    async def settle(self, lanes: Iterable[int]) -> None:
        """Do what workers of the queue would do for these lanes, and look at every one of them."""
        work: dict[int, dict[int, tuple[int, int]]] = {}
        for lane in lanes:
            work.setdefault(lane % len(self.slots), {})[lane] = (0, 1)
        await self.phase("settle", work)
        async with self.bank.pool.acquire() as connection:
            await connection.execute(EMPTY_QUEUE)

    async def pass_days(self, days: int) -> None:
        """Close so many business days with the code that production runs."""
        if days:
            open_on = await self.database.today()
            await close_until(self.database, STEPS, open_on + timedelta(days=days), jump=True)
            self.days += days

    async def round(self, events: int, racing: int) -> None:
        """One round: every lane for itself, then races while days close, then what is left to do."""
        await self.live(events)
        async with asyncio.TaskGroup() as together:
            together.create_task(self.race(racing))
            together.create_task(self.pass_days(self.paces.choice(PACES)))
        await self.settle(self.shared)
        assert not self.wrong, "\n".join(self.wrong)
        if self.rounds % TIDIED_EVERY == 0:
            async with self.bank.pool.acquire() as connection:
                await connection.execute("VACUUM ANALYZE", timeout=600)

    def rounds_of(self, events: int, *, each: int, racing: int) -> int:
        """How many rounds make at least so many events."""
        racers = len(self.slots) * racing
        return -(-events // (len(self.alone) * each + len(self.shared) * (1 + racers)))

    async def run(
        self, rounds: int, *, each: int, racing: int, audits: int, within: timedelta | None = None
    ) -> None:
        """So many rounds, or as many as fit ``within`` a time; ``audits`` on the way, and one after."""
        begun, audited, part = time.perf_counter(), 0, 0.0
        while part < 1:
            await self.round(each, racing)
            self.rounds += 1
            seconds = time.perf_counter() - begun
            part = max(self.rounds / rounds, seconds / within.total_seconds() if within else 0)
            if int(part * (audits + 1)) > audited:
                audited += 1
                await self.audited()
            done = self.events + self.raced
            print(
                f"{done} events, {done / seconds:.0f}/s, {self.days} days, {dict(self.proof.faults)}",
                flush=True,
            )

    async def audited(self) -> None:
        """The whole book, by ``refi audit``, with the bank's cash book."""
        await self.settle([*self.alone, *self.shared])
        assert not self.wrong, "\n".join(self.wrong)
        report = await audit.run(self.database, self.bank)
        assert report.clean, report.findings[:20]
        assert not report.skipped, report.skipped


async def people(database: Database, bank: Bank, lanes: int, shared: int) -> None:
    """Borrowers with a card and an account, one for each lane, and two leads."""
    async with database.work(SYSTEM) as work:
        for name in ("lead", "other"):
            await staff.hire(work, name, "correct horse battery staple", [Role.COLLECTIONS_LEAD])
    rows = []
    for lane in range(lanes + shared):
        async with database.work(SYSTEM) as work:
            borrower = BorrowerId((await borrowers.register(work, f"+86139{lane:08d}")).id)
            card = await cards.link(work, borrower, "CMB", CardProof(f"card_{lane}", "0000", payable=True))
            proof = AccountProof(f"bank_{lane}", "0000", verified=True)
            account = await borrowers.add_bank_account(work, borrower, "ICBC", proof)
            rows.append((lane, borrower, account.id, card.id, f"card_{lane}", lane >= lanes))
    await bank.pool.copy_records_to_table("lanes", schema_name="bank", records=rows)


def _patient(connection: Any, _: object) -> None:
    """An audit of a large book beside all this may take its time."""
    connection.cursor().execute("SET SESSION statement_timeout = '30min'")


@asynccontextmanager
async def a_town(
    url: str, place: Path, proof: Proof, *, workers: int, lanes: int, shared: int, kill_every: int
) -> AsyncIterator[Lives]:
    """Workers at the ready on an empty database at ``url``."""
    made = runtime.build(settings.read(database_url=url, pool_size=5))
    database, bank = replace(made.database, subscribed=HEARD), await Bank.open(url)
    hooks.listen(database.engine.sync_engine, "connect", _patient)
    await opened(database.engine)
    await bank.found()
    await people(database, bank, lanes, shared)
    environment = {"REFI_DATABASE_URL": url}
    with Nursery(environment) as nursery:
        here = Lives(
            nursery, place, url, proof.seed, database, bank, proof, [Slot(n) for n in range(workers)],
            list(range(lanes)), list(range(lanes, lanes + shared)), kill_every, until_kill=kill_every,
        )  # fmt: skip
        server = await asyncio.start_unix_server(here.hear, place / "town", limit=2**24)
        for slot in here.slots:
            here.start(slot)
        async with asyncio.timeout(STARTS_WITHIN):
            for slot in here.slots:
                await slot.ready.wait()
        try:
            yield here
        finally:
            here.over, here.kill_every = True, 0
            for slot in here.slots:
                if slot.writer is not None:  # otherwise it is gone, and its number may be another's
                    os.kill(slot.process, signal.SIGKILL)
            server.close()
            await asyncio.gather(*here.listening)
            await bank.pool.close()
            await made.close()
