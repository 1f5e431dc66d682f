"""A closer that dies by kill -9 anywhere, and days that nobody closed: the end is that of a quiet life."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, time
from os import kill
from pathlib import Path
from random import Random
from signal import SIGKILL

import asyncpg
import pytest

from refi import close
from refi.business_day import CLOSE, DAY
from refi.close import STEPS
from refi.demo.walker import eventually
from tests.books import ON
from tests.closing import digest, left_behind
from tests.loans.test_jobs import Book, a_book
from tests.postgres import RunServer
from tests.proofs import Proof
from tests.servicing import Desk, a_desk
from tests.slices.nursery import Nursery, is_alive

GATE = 7_302_900
"""The advisory lock at which a closer stops, so that it can be killed there and nowhere else."""
PATIENCE = 60.0
POINTS = [(step, when) for step, _ in [(CLOSE, ON), *STEPS.rows(ON)] for when in ("begins", "ends")]
"""Inside each step's transaction: before anything of it is done, and when only the commit is missing."""


@dataclass
class Gate:
    """Where the next closer stops: the database holds it at one row of one step."""

    connection: asyncpg.Connection

    async def shut(self, step: str, on: date, when: str) -> None:
        """Let whoever comes to that point wait."""
        event = "INSERT" if when == "begins" else "UPDATE"
        await self.connection.execute(
            f"CREATE TRIGGER gate BEFORE {event} ON job_runs FOR EACH ROW"
            f" WHEN (NEW.job = '{step}' AND NEW.business_date = '{on}') EXECUTE FUNCTION wait_at_gate()"
        )
        await self.connection.execute("SELECT pg_advisory_lock($1)", GATE)

    async def somebody_waits(self) -> bool | None:
        """Whether a closer has come there."""
        return await self.connection.fetchval(
            "SELECT true FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted LIMIT 1",
            GATE,
        )

    async def open(self) -> None:
        """Let everybody pass; the session of a closer that was killed ends when it finds nobody there."""
        await self.connection.execute("SELECT pg_advisory_unlock($1)", GATE)
        await self.connection.execute("DROP TRIGGER gate ON job_runs")


@asynccontextmanager
async def a_gate(url: str) -> AsyncIterator[Gate]:
    """The gate of one database."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute(
        "CREATE OR REPLACE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NEW; END $$"
    )
    try:
        yield Gate(connection)
    finally:
        await connection.close()


async def die_at(gate: Gate, nursery: Nursery, log: Path, on: date, point: tuple[str, str]) -> None:
    """A closer of ``on`` that is killed at that point."""
    step, when = point
    at = dict([(CLOSE, on), *STEPS.rows(on)])[step]
    await gate.shut(step, at, when)
    process = nursery.start(log, "refi.cli", "close", "--date", on.isoformat())
    await eventually(f"the closer at {step}", gate.somebody_waits, within=PATIENCE)
    kill(process, SIGKILL)

    async def look() -> bool | None:
        return None if is_alive(process) else True

    await eventually("its end", look, within=PATIENCE)
    await gate.open()


async def a_life(desk: Desk, seed: int, loans: int) -> Book:
    """The same book for the same seed."""
    return await a_book(desk, Random(seed), loans)


async def test_closers_killed_in_every_step(
    proof: Proof, run_server: RunServer, cloned_database_url: str, tmp_path: Path
) -> None:
    """Day by day a closer dies somewhere, or two in a row; then two at once finish the day."""
    loans = proof.size(small=8, full=60, of="loans")
    deaths = proof.size(small=8, full=len(POINTS) * 3, of="deaths")
    random = proof.random()
    points = [*random.sample(POINTS, len(POINTS)), *random.choices(POINTS, k=deaths)][:deaths]
    quiet = run_server.clone()
    async with a_desk(run_server.url(quiet), tmp_path) as desk:
        book = await a_life(desk, proof.seed, loans)
        for passed in range(deaths):
            await book.live_a_day(ON + passed * DAY)
            await close.close_command(desk.runtime, ON + passed * DAY)
        expected = await left_behind(desk.runtime.database)
    run_server.drop(quiet)
    with Nursery({"REFI_DATABASE_URL": cloned_database_url}) as nursery:
        async with a_desk(cloned_database_url, tmp_path) as desk, a_gate(cloned_database_url) as gate:
            book = await a_life(desk, proof.seed, loans)
            for passed, point in enumerate(points):
                on = ON + passed * DAY
                await book.live_a_day(on)
                await die_at(gate, nursery, tmp_path / "closer.log", on, point)
                proof.fired(f"kill -9 when {point[0]} {point[1]}")
                to = on + DAY
                done = await asyncio.gather(
                    *(close.close_until(desk.runtime.database, STEPS, to) for _ in range(2)),
                    return_exceptions=True,
                )
                assert [each for each in done if isinstance(each, BaseException)] == []
            found = await left_behind(desk.runtime.database)
    for what in expected:
        assert found[what] == expected[what], what
    proof.record(digest=digest(found), days=deaths, receipts=book.received)
    assert digest(found) == digest(expected)


@pytest.mark.parametrize("missed", [1, 3, 30])
async def test_days_that_nobody_closed_are_caught_up_in_order(
    run_server: RunServer, cloned_database_url: str, tmp_path: Path, missed: int
) -> None:
    """An outage of ``missed`` days ends as if each had been closed five minutes after midnight."""
    left = []
    punctual = run_server.clone()
    for url, late in ((run_server.url(punctual), False), (cloned_database_url, True)):
        async with a_desk(url, tmp_path) as desk:
            book = await a_life(desk, missed, 6)
            await book.live_a_day(ON)
            for passed in range(1, missed + 1):
                await desk.clock_at(ON + passed * DAY, time(0, 5))
                await desk.service.turn_to(ON if late else ON + (passed - 1) * DAY)
                if not late:
                    await close.close_command(desk.runtime, None)
            if late:
                await close.close_command(desk.runtime, None, catch_up=True)
            left.append(await left_behind(desk.runtime.database))
    run_server.drop(punctual)
    assert left[0] == left[1]
    assert left[0]["clock"] == [f'{{"business_date": "{ON + missed * DAY}", "closing": false}}']


def test_every_point_is_one_of_the_page() -> None:
    names = {step.name for step in itertools.chain(STEPS.closing, STEPS.opening)}
    assert {step for step, _ in POINTS} == {*names, "close", "close.turn"}
