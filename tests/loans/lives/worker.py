"""A process that lives lanes: it is told which, and tells what became of every event. It may be killed.

What it needs to go on after a kill is in the database: an event that had committed answers under its key, and
what the bank had written down is told again. Every event's chances follow from the seed, the lane and the
event's number alone, so that whoever does it does the same.

    python -m tests.loans.lives.worker SOCKET DATABASE_URL SEED SLOT

Lines of JSON over the socket. In: ``{"do": "live" | "race" | "settle", "by": "a", "lanes": [[lane, first
event, fresh]], "until": {lane: event}}``. Out: ``{"b": key}`` before an event, ``{"d": key, "did": …}`` after
it, ``{"at": [lane, next event]}``, ``{"wrong": …}``, ``{"end": true}``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import uvloop

from refi import runtime, settings
from refi.db import idempotency
from refi.db.work import SYSTEM, BusinessDayClosing, Database, Key
from refi.errors import Refusal, Unavailable
from refi.payments.states import NewsTooEarly
from refi.staff import service as staff
from refi.staff.tables import StaffMember
from tests.loans.lives import doing
from tests.loans.lives.bank import Bank
from tests.loans.lives.choosing import Choice, choose
from tests.loans.lives.doing import DO, KINDS, Doing, Lane, People
from tests.loans.lives.looking import Look, look, wrong

SCOPE = "lives"
AT_ONCE = 3
"""Lanes that one process lives at the same time."""
PATIENCE = 2_000
"""Tries of one event; each waits a little. Nothing that is to be tried again stays so for longer."""
REFUSED = "refused: "
HEARD = frozenset({"MoneySetAside"})
"""The events of loans and payments that are answered here; suggestions of other loans are not."""


class Wrong(Exception):
    """Something that the history of a loan does not explain."""


@dataclass
class Liver:
    """One process with what it works with."""

    seed: int
    database: Database
    bank: Bank
    people: People
    lanes: dict[int, Lane]
    tell: Callable[[dict[str, Any]], None]

    async def look(self, lane: Lane) -> Look | None:
        """The loan of a lane as it is stored."""

        async def ask() -> Look | None:
            async with self.bank.pool.acquire() as connection:
                return await look(connection, lane.number, lane.borrower, KINDS)

        return await self.bank.again(ask)

    async def seen(self, lane: Lane, *, still: bool = True) -> Look | None:
        """The loan of a lane with everything about it explained; raises `Wrong`."""
        found = await self.look(lane)
        if found is not None and (faults := wrong(found, still=still)):
            raise Wrong(f"lane {lane.number}, {found.stored.id}: {faults}")
        return found

    async def event(
        self, lane: Lane, key: str, seen: Look | None, *, fresh: bool, renewed: bool = True
    ) -> str:
        """One event under its key, whatever was done of it before; its answer."""
        self.tell({"b": key})
        random = Random(f"{self.seed}:{key}")
        told: dict[str, Any] = {"d": key}
        if fresh and (did := await self._again(lambda: self._stored(key))) is not None:
            self.tell(told | {"again": True})
            return str(did)
        news = await self.bank.told(key) if fresh else None
        if news is not None:
            choice, told["retold"] = Choice("news"), True
        else:
            choice = choose(random, seen, renewed=renewed)
            if choice.bank is not None:
                news = await self.bank.tell(key, lane.number, choice.bank)
        it = Doing(lane, key, seen, choice.said, news)
        did, again = await self._again(lambda: self._do(choice, it))
        self.tell(told | {"again": again})
        return str(did)

    async def _stored(self, key: str) -> str | None:
        async with self.database.work(SYSTEM, reading=True) as work:
            found = await idempotency.stored(work, Key(SCOPE, key), key.encode())
        return None if found is None else found.body.decode()

    async def _do(self, choice: Choice, it: Doing) -> tuple[str, bool]:
        """The transaction: its answer, and whether that was given before. A refusal is an answer too."""
        actor, key = doing.actor_of(choice, self.people, it.lane), Key(SCOPE, it.key)
        body = it.key.encode()
        try:
            async with self.database.work(actor, key=key) as work:
                if (before := idempotency.claimed(work, body)) is not None:
                    return before.body.decode(), True
                did = await DO[choice.name](work, it)
                await idempotency.store(work, key, body, idempotency.Answer(200, "text/plain", did.encode()))
        except (Unavailable, idempotency.KeyInFlight):
            raise
        except (Refusal, NewsTooEarly) as refusal:
            if it.news is not None:
                raise Wrong(f"{it.key}: the bank's news were refused: {it.news} {refusal!r}") from refusal
            did = f"{REFUSED}{type(refusal).__name__}"
            await self._note(key, did)
        return did, False

    async def _note(self, key: Key, did: str) -> None:
        """Remember that it was refused: once errands have changed the loan it would be chosen otherwise."""
        async with self.database.work(SYSTEM, key=key) as work:
            if idempotency.claimed(work, key.text.encode()) is None:
                answer = idempotency.Answer(200, "text/plain", did.encode())
                await idempotency.store(work, key, key.text.encode(), answer)

    async def _again(self, do: Callable[[], Awaitable[Any]]) -> Any:
        """Do it until there is an answer: the key makes it one effect."""
        for _ in range(PATIENCE):
            try:
                return await do()
            except BusinessDayClosing:
                self.tell({"seen": "the day was closing"})
            except idempotency.KeyInFlight:
                self.tell({"seen": "the key was still held by the one who was killed"})
            except Unavailable as error:
                self.tell({"seen": f"not now: {_cause(error)}"})
            await asyncio.sleep(0.03)
        raise Wrong("there is no end to the waiting")

    async def tidy(self, lane: Lane, seen: Look | None) -> Look | None:
        """Do for the lane's loan what workers do: send orders, ask about them, order autopay's debits."""
        debited = False
        for _ in range(12):
            if seen is None:
                return None
            now = seen
            if seen.tries and not debited:
                debited = True
                await self._again(lambda now=now: doing.order_debits(self.database, now))
            elif errands := seen.errands():
                for order_id in errands:
                    await self._again(
                        lambda now=now, order_id=order_id: doing.send(self.database, self.bank, order_id, now)
                    )
            elif seen.loose():
                await self._again(lambda now=now: doing.set_aside(self.database, now))
            else:
                return seen
            seen = await self.seen(lane)
        raise Wrong(f"lane {lane.number}: there is no end to the errands: {seen}")

    async def live(self, lane: Lane, first: int, count: int, *, fresh: bool) -> None:
        """Some events of a lane that nobody else lives, one after the other."""
        seen = await self.seen(lane)
        for number in range(first, first + count):
            key = f"{lane.number}:{number}"
            did = await self.event(lane, key, seen, fresh=fresh)
            fresh = False
            if not did.startswith(REFUSED):  # what a refusal might have left is seen after the next event
                seen = await self.seen(lane)
                if Random(f"{self.seed}:{key}:after").random() < 0.4:
                    seen = await self.tidy(lane, seen)
            self.tell({"at": [lane.number, number + 1]})

    async def race(self, lane: Lane, by: str, first: int, count: int, *, fresh: bool) -> None:
        """Events of a lane at the same time, while other processes do the same to it."""
        seen = await self.seen(lane, still=False)
        if seen is None:
            return
        keys = [f"{lane.number}{by}:{number}" for number in range(first, first + count)]
        async with asyncio.TaskGroup() as together:
            for key in keys:
                together.create_task(self.event(lane, key, seen, fresh=fresh, renewed=False))
        await self.seen(lane, still=False)
        self.tell({"at": [lane.number, first + count]})

    async def settle(self, lane: Lane) -> None:
        """Nobody races any more: do what is left to do, look at all of it, and begin anew what has ended."""
        await self.tidy(lane, await self.seen(lane))


def _cause(error: BaseException) -> str:
    cause = error.__cause__
    inner = getattr(cause, "orig", cause)
    return str(getattr(inner, "sqlstate", None) or type(inner).__name__)


async def order(liver: Liver, said: dict[str, Any]) -> None:
    """Do one order of the town to the end."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, first: int, fresh: bool) -> None:
        async with turns:
            try:
                await turn(liver.lanes[number], first, fresh)
            except Exception:  # noqa: BLE001 - told, and the whole proof fails with it
                liver.tell({"wrong": f"lane {number} from {first}\n{traceback.format_exc()[-5000:]}"})

    async def turn(lane: Lane, first: int, fresh: bool) -> None:
        number = lane.number
        until = said["until"][str(number)]
        if said["do"] == "live":
            await liver.live(lane, first, until - first, fresh=fresh)
        elif said["do"] == "race":
            await liver.race(lane, said["by"], first, until - first, fresh=fresh)
        else:
            await liver.settle(lane)
            liver.tell({"at": [number, first + 1]})

    async with asyncio.TaskGroup() as together:
        for number, first, fresh in said["lanes"]:
            together.create_task(one(number, first, fresh))


async def work(path: str, url: str, seed: int, slot: int) -> None:
    """Live until the town hangs up."""
    made = runtime.build(settings.read(database_url=url, pool_size=2 * AT_ONCE))
    database = replace(made.database, subscribed=HEARD)
    bank = await Bank.open(url, AT_ONCE)
    rows = await bank.pool.fetch("SELECT lane, borrower, account, card, card_token FROM bank.lanes")
    lanes = {row["lane"]: Lane(*row.values()) for row in rows}
    async with database.work(SYSTEM, reading=True) as at:
        leads = [await at.session.get_one(StaffMember, lead) for lead in await _leads(at)]
    people = People(*(staff.actor_of(row) for row in leads))
    reader, writer = await asyncio.open_unix_connection(path, limit=2**24)

    waiting: list[dict[str, Any]] = []

    def tell(what: dict[str, Any]) -> None:
        waiting.append(what)
        if not {"b", "end", "wrong", "ready"}.isdisjoint(what):  # what is over can wait for what begins
            writer.write(b"".join(json.dumps(each).encode() + b"\n" for each in waiting))
            waiting.clear()

    liver = Liver(seed, database, bank, people, lanes, tell)
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    tell({"ready": slot})
    while line := await reader.readline():
        await order(liver, json.loads(line))
        tell({"end": True})
        await writer.drain()


async def _leads(at: Any) -> list[str]:
    rows = await (await at.raw()).fetch("SELECT id FROM staff_members ORDER BY id")
    return [row["id"] for row in rows]


if __name__ == "__main__":
    uvloop.run(work(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
