"""Repayment: the service against the same unavoidable statements over raw asyncpg.

Ours is ``POST /v1/loans/{id}/payments``, a debit of the borrower's account for a loan of their own. The
baseline is described in `benchmarks.side_by_side.raw`: key, lock, two reads, payment, job, commit, without
token, validation, payoff or refusals. fsync is on. Aim: a ratio of at least 0.4.
"""

from __future__ import annotations

import asyncio

from benchmarks.side_by_side.against_raw import measure

if __name__ == "__main__":
    asyncio.run(measure("repayment", "repayments", 202))
