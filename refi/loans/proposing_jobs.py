"""The step of the close that proposes to write off what is past due too long; people decide."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from refi import ids
from refi.db.runs import Report
from refi.db.work import Work
from refi.loans.act_service import PROPOSALS
from refi.loans.acts import ActKind
from refi.schedules.arrears import days_past_due
from refi.staff import bulk_service as staff
from refi.staff.roles import Permission

DAY = timedelta(days=1)
KIND = PROPOSALS + ActKind.CHARGE_OFF.value

STALE = """
    UPDATE approvals a SET status = 'withdrawn', decided_at = $4 FROM loans l
    WHERE l.changed_on = $1 AND a.kind = $2 AND a.subject = l.id AND a.status = 'pending' AND a.maker = $3
    AND a.version_seen <> l.version
    RETURNING a.id"""

LATE_ENOUGH = """
    WITH concerned AS (
        SELECT id FROM loans WHERE status = 'active' AND unmet_on = $1
        UNION SELECT id FROM loans WHERE changed_on = $3 AND status = 'active' AND unmet_on < $1
        UNION SELECT l.id FROM approvals a JOIN loans l ON l.id = a.subject
        WHERE a.again_on = $4 AND a.kind = $2 AND l.status = 'active' AND l.unmet_on < $1
    )
    SELECT l.id, l.version, l.unmet_on, owed.principal
    FROM concerned JOIN loans l USING (id) CROSS JOIN LATERAL (
        SELECT coalesce(sum(i.unpaid_principal), 0)::bigint AS principal
        FROM installments i WHERE i.loan_id = l.id
    ) AS owed
    WHERE NOT EXISTS (
        SELECT FROM approvals a WHERE a.kind = $2 AND a.subject = l.id AND a.status = 'pending'
    ) AND NOT EXISTS (
        SELECT FROM approvals a WHERE a.kind = $2 AND a.subject = l.id AND a.again_on > $4
    )
    ORDER BY l.id"""


async def propose_charge_offs(work: Work, on: date) -> Report:
    """Propose to write off what tomorrow is past due at least as long as the policy allows.

    Looked at are the loans that the night makes so late, those that ``on`` changed (a deferral taken back, a
    returned debit), and those whose proposal was declined as long ago as the policy says. A loan that anybody
    proposed is left alone; what the service proposed of a loan that has changed since is withdrawn first, for
    nobody could agree to it. The amount of a proposal is the principal. A second person is anybody who
    may check money: the maker is the service.
    """
    days, tomorrow = work.policy.delinquency.charge_off_from_days, on + DAY
    raw = await work.raw()
    stale = await raw.fetch(STALE, on, KIND, work.actor.id, work.now)
    rows = await raw.fetch(LATE_ENOUGH, tomorrow - timedelta(days=days), KIND, on, tomorrow)
    proposals = defaultdict[int, list[tuple[str, str, int, int | None]]](list)
    for row in rows:
        late = days_past_due(row["unmet_on"], tomorrow)
        proposals[late].append((ids.new("appr"), row["id"], row["version"], row["principal"] or None))
    for late, made in sorted(proposals.items()):
        said: dict[str, Any] = {
            "kind": ActKind.CHARGE_OFF.value,
            "arguments": {},
            "reason": f"{late} days past due on {tomorrow}",
            "undoes": None,
        }
        await staff.propose_many(work, KIND, made, said, Permission.SECOND_MONEY)
    return {
        "proposed": len(rows),
        "withdrawn": len(stale),
        "money": {"principal": sum(row["principal"] for row in rows)},
    }
