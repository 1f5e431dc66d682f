"""Jobs of autopay: plan a day's debits set-based, tell the borrowers before, order them chunk by chunk."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from refi.db.work import SYSTEM, Database, Work
from refi.payments import autopay_service as autopay
from refi.payments import notice_service as notices
from refi.payments.autopay import TryStatus
from refi.payments.tables import AutopayTry

CHUNK = 200
"""Loans in one job: each has its own transaction."""

CHUNKS = """
    SELECT min(loan_id) AS first, max(loan_id) AS last, count(*) AS loans FROM (
        SELECT loan_id, (row_number() OVER (ORDER BY loan_id) - 1) / $2::int AS chunk FROM (
            SELECT DISTINCT loan_id FROM autopay_tries WHERE status = 'planned' AND planned_for <= $1
        ) AS concerned
    ) AS numbered GROUP BY chunk ORDER BY chunk"""


async def plan_day(work: Work, on: date, size: int = CHUNK) -> dict[str, int]:
    """Plan the debits that begin on ``on``, ask for all that are due, announce those to come; counts."""
    counts = {"planned": await autopay.plan(work, on), "debits": 0, "notices": await notices.plan(work, on)}
    for chunk in await (await work.raw()).fetch(CHUNKS, on, size):
        autopay.ask(work, on, chunk["first"], chunk["last"])
        counts["debits"] += chunk["loans"]
    return counts


async def order_debits(database: Database, on: date, first: str, last: str) -> int:
    """Order the debits planned for up to ``on`` of the loans from ``first`` to ``last``, each once."""
    async with database.work(SYSTEM, reading=True) as work:
        rows = await work.session.scalars(
            select(AutopayTry)
            .where(
                AutopayTry.status == TryStatus.PLANNED,
                AutopayTry.planned_for <= on,
                AutopayTry.loan_id.between(first, last),
            )
            .order_by(AutopayTry.loan_id, AutopayTry.due_on, AutopayTry.attempt)
        )
        found = rows.all()
    for row in found:
        async with database.work(SYSTEM) as work:
            await autopay.order(work, row.loan_id, row.due_on, row.attempt)
    return len(found)
