"""What a close leaves behind, as one digest: the same for the same life, whatever crashed on the way."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from sqlalchemy import text

from refi.db.work import SYSTEM, Database

LEFT = {
    "clock": "SELECT business_date, closing FROM business_clock",
    "runs": "SELECT job, business_date, finished_at IS NOT NULL AS finished, report FROM job_runs",
    "events": "SELECT type, body, actor, business_date FROM events",
    "queue": "SELECT entrypoint, convert_from(payload, 'utf8') AS payload FROM queue.pgqueuer",
    "loans": "SELECT id, status, unmet_on, changed_on, closed_on, version FROM loans",
    "installments": "SELECT loan_id, number, due_on, unpaid, unpaid_principal FROM installments",
    "snapshots": "SELECT * FROM loan_snapshots",
    "movements": "SELECT loan_id, kind, amount, effective_on, business_date FROM movements",
    "messages": "SELECT borrower_id, kind, stage, channel, planned_on, status, reason FROM messages",
    "subjects": "SELECT loan_id, number, due_on, stage, channel FROM message_subjects",
    "applications": "SELECT borrower_id, status FROM applications",
    "offers": "SELECT borrower_id, status FROM offers",
    "suggestions": "SELECT borrower_id, status FROM suggestions",
}
NAMED = (
    "SELECT id FROM borrowers ORDER BY id",
    "SELECT id FROM loans ORDER BY id",
    "SELECT id FROM applications ORDER BY id",
    "SELECT id FROM offers ORDER BY id",
)
"""Whose ids appear in what is left; in another database the same thing has the same place in its order."""
AN_ID = re.compile(r"[a-z]+_[0-9a-z]{26}")


async def left_behind(database: Database) -> dict[str, list[str]]:
    """Every row of what a close may write, without instants, its ids named by their place, sorted."""
    async with database.work(SYSTEM, reading=True) as work:
        names: dict[str, str] = {}
        for query in NAMED:
            for place, row in enumerate(await work.session.execute(text(query)), start=1):
                names[row.id] = f"{row.id.partition('_')[0]}#{place:06d}"

        def named(found: re.Match[str]) -> str:
            return names.get(found.group(), f"{found.group().partition('_')[0]}#")

        async def rows(query: str) -> list[str]:
            found = (await work.session.execute(text(query))).mappings()
            return sorted(AN_ID.sub(named, as_text(dict(row))) for row in found)

        return {what: await rows(query) for what, query in LEFT.items()}


def as_text(row: dict[str, Any]) -> str:
    """A row as one line."""
    return json.dumps(row, sort_keys=True, default=str, ensure_ascii=False)


def digest(left: dict[str, list[str]]) -> str:
    """One number for all of it."""
    return hashlib.sha256(json.dumps(left, sort_keys=True).encode()).hexdigest()
