"""Application: the service against the same unavoidable statements over raw asyncpg.

Ours is ``POST /v1/applications`` of a new borrower, decided at once and approved with an offer. The baseline
is described in `benchmarks.side_by_side.raw`: key, lock, one read, decision, application, offer, event,
commit, without token, validation, facts, policy, price, schedule or agreement. fsync is on. Aim: a ratio of
at least 0.4.
"""

from __future__ import annotations

import asyncio

from benchmarks.side_by_side.against_raw import measure

if __name__ == "__main__":
    asyncio.run(measure("application", "applications", 201))
