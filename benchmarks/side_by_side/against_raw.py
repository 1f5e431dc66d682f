"""One act of the service against its raw statements, at 1, 8 and 32 requests at a time."""

from __future__ import annotations

from benchmarks.side_by_side import tpc_b
from benchmarks.side_by_side.bed import bed
from benchmarks.side_by_side.rows import town
from benchmarks.side_by_side.turns import compare

COUNTS = {1: 80, 8: 240, 32: 320}


async def measure(what: str, batch: str, status: int, *, beside_pgbench: bool = False) -> None:
    """Print the ratio of the act ``what``, whose requests the town's method ``batch`` makes.

    ``beside_pgbench`` adds what pgbench's TPC-B-like transaction reaches on the same server.
    """
    with bed() as ground:
        if beside_pgbench:
            tpc_b.prepare(ground.server)
        async with town(ground.url) as made:
            requests = getattr(made, batch)
            ours = ground.side("refi", ground.serve("refi"), requests, status)
            theirs = ground.side("raw", ground.serve("raw"), requests, status)
            for concurrency, count in COUNTS.items():
                ratio = await compare(ours, theirs, concurrency, count)
                print(ratio.line(f"{what}, {concurrency} at a time"), flush=True)
                if beside_pgbench:
                    rate = tpc_b.transactions_a_second(ground.server, concurrency)
                    ours_of_it = ratio.ours.hit.per_second / rate
                    print(f"  beside it pgbench, TPC-B-like: {rate:,.0f}/s; ours is {ours_of_it:.2f} of that")
