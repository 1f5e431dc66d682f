"""Posting: booking a stored webhook against the same unavoidable statements over raw asyncpg.

Ours is what the worker's job does when the provider tells that a debit was posted: lock news, payment and
loan, replay the contract, allocate, book the movement, announce. The baseline is described in
`benchmarks.side_by_side.raw`: three locks, one read, movement, three updates, event, job, commit, without
any arithmetic. On both sides a bare HTTP path asks for it, so the same little HTTP is in both. fsync is on.
Aim: a ratio of at least 0.5. pgbench's TPC-B-like transaction on the same server is shown for context.
"""

from __future__ import annotations

import asyncio

from benchmarks.side_by_side.against_raw import measure

if __name__ == "__main__":
    asyncio.run(measure("posting", "postings", 200, beside_pgbench=True))
