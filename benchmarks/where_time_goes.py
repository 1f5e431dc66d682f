"""Where the processor time of a request goes: a sampling profile of the service under load, by part.

Quote, application, repayment and posting, eight at a time; shares of the samples and microseconds a request
(processor time of the server divided by requests). ``--functions`` adds the innermost functions.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.quote import posts
from benchmarks.side_by_side.bed import Bed, bed
from benchmarks.side_by_side.rows import town
from benchmarks.side_by_side.turns import Side, shoot

COUNT, AT_A_TIME, ROUNDS = 400, 8, 3


@dataclass
class Profile:
    """Samples by part and by innermost function, and the server's processor time a request in µs."""

    parts: Counter[str] = field(default_factory=Counter)
    functions: Counter[str] = field(default_factory=Counter)
    micros: float = 0.0

    def table(self, what: str, counts: Counter[str], rows: int) -> str:
        """The largest counts as shares and microseconds a request."""
        lines = [f"{what}: {self.micros:,.0f} µs of processor time a request"]
        for name, count in counts.most_common(rows):
            share = count / counts.total()
            lines.append(f"  {share:6.1%} {share * self.micros:8,.0f} µs  {name}")
        return "\n".join(lines)


def written(place: Path) -> dict[str, dict[str, int]]:
    """What the server wrote to ``place``, taken away from there."""
    until = time.monotonic() + 30
    while not place.exists() and time.monotonic() < until:
        time.sleep(0.05)
    seen: dict[str, dict[str, int]] = json.loads(place.read_text(encoding="utf-8"))
    place.unlink()
    return seen


async def profiled(ground: Bed, side: Side, place: Path) -> Profile:
    """The profile of ``side`` under load, after a warm-up."""
    await shoot(side, AT_A_TIME, COUNT)
    server = ground.processes.running["refi"]
    found = Profile()
    for _ in range(ROUNDS):
        made = await side.batch(COUNT)
        server.send_signal(signal.SIGUSR1)
        turn = await shoot(replace(side, batch=lambda _, made=made: asyncio.sleep(0, made)), AT_A_TIME, COUNT)
        server.send_signal(signal.SIGUSR2)
        seen = written(place)
        found.parts.update(seen["parts"])
        found.functions.update(seen["functions"])
        found.micros += turn.cpu * 1e3 / ROUNDS
    return found


async def main(*, functions: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory, "samples.json")
        os.environ["REFI_BENCH_SAMPLES"] = str(place)
        with bed() as ground:
            async with town(ground.url) as made:
                port = ground.serve("refi")
                sides = {
                    "an idle POST": ground.side("refi", port, posts("/v1/bench/nothing"), 200),
                    "quote": ground.side("refi", port, posts("/v1/quotes"), 200),
                    "application": ground.side("refi", port, made.applications, 201),
                    "repayment": ground.side("refi", port, made.repayments, 202),
                    "posting": ground.side("refi", port, made.postings, 200),
                }
                for what, side in sides.items():
                    found = await profiled(ground, side, place)
                    print(found.table(what, found.parts, 20), flush=True)
                    if functions:
                        print(found.table("  innermost functions", found.functions, 40), flush=True)


if __name__ == "__main__":
    asyncio.run(main(functions="--functions" in sys.argv))
