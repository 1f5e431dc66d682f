"""The step of the close that proposes to write off what is past due too long; people decide."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from refi import ids
from refi.db.runs import Report
from refi.db.work import Work
from refi.loans.act_service import PROPOSALS
from refi.loans.acts import ActKind
from refi.staff import bulk_service as staff
from refi.staff.roles import Permission

DAY = timedelta(days=1)
KIND = PROPOSALS + ActKind.CHARGE_OFF.value

REACHED = """
    SELECT l.id, l.version, owed.principal FROM loans l CROSS JOIN LATERAL (
        SELECT coalesce(sum(i.unpaid_principal), 0)::bigint AS principal
        FROM installments i WHERE i.loan_id = l.id
    ) AS owed
    WHERE l.status = 'active' AND l.unmet_on = $1
    AND NOT EXISTS (SELECT FROM approvals a WHERE a.kind = $2 AND a.subject = l.id AND a.status = 'pending')
    ORDER BY l.id"""


async def propose_charge_offs(work: Work, on: date) -> Report:
    """Propose to write off each loan that the night after ``on`` makes past due as long as the policy allows.

    Found by the oldest unmet due date; a loan that anybody proposed already is left alone. The amount of a
    proposal is the principal. A second person is anybody who may check money: the maker is the service.
    """
    days = work.policy.delinquency.charge_off_from_days
    raw = await work.raw()
    rows = await raw.fetch(REACHED, on + DAY - timedelta(days=days), KIND)
    said: dict[str, Any] = {
        "kind": ActKind.CHARGE_OFF.value,
        "arguments": {},
        "reason": f"{days} days past due on {on + DAY}",
        "undoes": None,
    }
    await staff.propose_many(
        work,
        KIND,
        [(ids.new("appr"), row["id"], row["version"], row["principal"] or None) for row in rows],
        said,
        Permission.SECOND_MONEY,
    )
    return {"proposed": len(rows), "money": {"principal": sum(row["principal"] for row in rows)}}
