"""Quote: what does the comparison cost beside the answering of a validated POST that does no work?

Ours is ``POST /v1/quotes`` with free numbers (balance and card rate, another balance each time; the three
terms of the policy). The baseline is ``POST /v1/bench/nothing`` of the same process: the same middleware
(request id, size limit, metrics, log line), route class, body model and its validation, and an answer of one
field. It opens no database connection, computes nothing, and its answer is a hundredth as long. Aim: a ratio
of at least 0.6.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence

from benchmarks.side_by_side.bed import bed
from benchmarks.side_by_side.load import Call
from benchmarks.side_by_side.turns import Batch, compare

COUNTS = {1: 400, 8: 800, 32: 800}
balances = itertools.count(1_000_000, 7)


def posts(path: str) -> Batch:
    """Requests to ``path``, no two alike."""

    async def made(count: int) -> Sequence[Call]:
        return [
            Call(path, json.dumps({"balance": next(balances), "card_apr": "0.1825"}), {})
            for _ in range(count)
        ]

    return made


async def main() -> None:
    with bed() as ground:
        port = ground.serve("refi")
        ours = ground.side("refi", port, posts("/v1/quotes"), 200)
        theirs = ground.side("refi", port, posts("/v1/bench/nothing"), 200)
        for concurrency, count in COUNTS.items():
            made = await compare(ours, theirs, concurrency, count)
            print(made.line(f"quote, {concurrency} at a time"), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
