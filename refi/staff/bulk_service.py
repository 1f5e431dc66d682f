"""Proposals of the service itself, many in one statement: people decide each of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from refi.db.work import Work
from refi.staff import service as staff
from refi.staff.roles import Permission

WRITE = """
    INSERT INTO approvals (id, kind, subject, arguments, version_seen, permission, amount, status, maker,
                           created_at)
    SELECT made.id, $5, made.subject, $6::text::jsonb, made.version, $7, made.amount, 'pending', $8, $9
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS made (id, subject, version, amount)"""


async def propose_many(
    work: Work,
    kind: str,
    made: Sequence[tuple[str, str, int, int | None]],
    arguments: dict[str, Any],
    permission: Permission,
) -> None:
    """Write proposals of one kind down, each as (id, subject, version seen, amount); recorded in one line."""
    if not made:
        return
    found, subjects, versions, amounts = zip(*made, strict=True)
    raw = await work.raw()
    said = json.dumps(arguments)
    await raw.execute(
        WRITE, found, subjects, versions, amounts, kind, said, permission.value, work.actor.id, work.now
    )
    await staff.record(work, "proposed_many", kind, {"proposals": len(made), "on": work.on.isoformat()})
