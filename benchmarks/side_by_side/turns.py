"""Two sides in turns, and what comes of it: a ratio with its spread, never an absolute time alone."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.side_by_side.load import Call, Hit, Shot, fire

ROUNDS = 5
"""Odd, so that the median is a round that happened."""

Batch = Callable[[int], Awaitable[Sequence[Call]]]


@dataclass(frozen=True)
class Side:
    """One side: its server's port and process, its fresh requests, and the status that is right."""

    port: int
    batch: Batch
    status: int
    process: int


@dataclass(frozen=True)
class Turn:
    """One side's turn: what the generator saw, and the server's processor time for each request, in ms."""

    hit: Hit
    cpu: float


@dataclass(frozen=True)
class Ratio:
    """Ours over theirs in requests a second: the median round, and the lowest and highest one.

    ``cpu`` is theirs over ours in processor time of the server process for each request (its median): what
    the ratio would be if nothing but the server's own work counted. Busy neighbors move it little.
    """

    median: float
    lowest: float
    highest: float
    cpu: float
    ours: Turn
    theirs: Turn

    def line(self, what: str) -> str:
        """One row of a table."""
        return (
            f"{what:26s} ratio {self.median:.2f} ({self.lowest:.2f} to {self.highest:.2f}), of processor time"
            f" {self.cpu:.2f};  ours {_turn(self.ours)};  theirs {_turn(self.theirs)}"
        )


def _turn(turn: Turn) -> str:
    hit = turn.hit
    return f"{hit.per_second:,.0f}/s p50 {hit.p50:.2f} p95 {hit.p95:.2f} ms cpu {turn.cpu:.2f} ms"


async def shoot(side: Side, concurrency: int, count: int) -> Turn:
    """One side once."""
    calls = await side.batch(count)
    before = processor_seconds(side.process)
    hit = fire(Shot(side.port, concurrency, side.status, calls))
    return Turn(hit, (processor_seconds(side.process) - before) / count * 1e3)


def processor_seconds(process: int) -> float:
    """Processor time that a process has used so far (Linux; elsewhere not a number)."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return math.nan
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def compare(ours: Side, theirs: Side, concurrency: int, count: int, rounds: int = ROUNDS) -> Ratio:
    """Both sides in turns, ``count`` requests each, who begins changes from round to round.

    One round before them warms both up and is thrown away.
    """
    pairs: list[tuple[Turn, Turn]] = []
    for number in range(rounds + 1):
        turns: dict[Side, Turn] = {}
        for side in (ours, theirs) if number % 2 else (theirs, ours):
            turns[side] = await shoot(side, concurrency, count)
        if number:
            pairs.append((turns[ours], turns[theirs]))
    pairs.sort(key=lambda pair: pair[0].hit.per_second / pair[1].hit.per_second)
    ratios = [our.hit.per_second / their.hit.per_second for our, their in pairs]
    cpu = statistics.median(their.cpu / our.cpu for our, their in pairs)
    return Ratio(statistics.median(ratios), ratios[0], ratios[-1], cpu, *pairs[len(pairs) // 2])
