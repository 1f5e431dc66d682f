"""How much is lent in all and on the cards of one issuer: what portfolio limits are held against.

Counted once a day when the day is closed; what was signed since is added, found by the order of ids. A loan
counts with the principal that was signed until it is closed: limits are held a little early, never late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text

from refi import ids
from refi.applications.tables import LentSnapshot
from refi.db.work import Work

EVERYBODY = ""
OPEN = "('pending_disbursement', 'active')"
_OF_LOANS = """
    FROM loans JOIN offers ON offers.loan_id = loans.id JOIN applications ON applications.id = application_id
    LEFT JOIN cards ON cards.id = card_id
"""
_LENT = text(f"""
    WITH newest AS (
        SELECT issuer, principal, upto, taken_on FROM lent_snapshots
        WHERE taken_on = (SELECT max(taken_on) FROM lent_snapshots)
    ), since AS (
        SELECT loans.principal, cards.issuer {_OF_LOANS}
        WHERE loans.id > coalesce((SELECT max(upto) FROM newest), '') AND loans.status IN {OPEN}
    )
    SELECT coalesce((SELECT sum(principal) FROM since), 0)
           + coalesce((SELECT principal FROM newest WHERE issuer = ''), 0),
           coalesce((SELECT sum(principal) FROM since WHERE issuer = :issuer), 0)
           + coalesce((SELECT principal FROM newest WHERE issuer = :issuer AND issuer <> ''), 0)
""")  # noqa: S608 - constants
_COUNT = text(f"""
    SELECT coalesce(issuer, :none), sum(loans.principal), max(loans.id) {_OF_LOANS}
    WHERE loans.status IN {OPEN} GROUP BY 1
""")
NO_ISSUER = "-"
"""What loans that pay no card are counted under."""


@dataclass(frozen=True, slots=True)
class Lent:
    """Principal of open loans, minor units."""

    portfolio: int
    issuer: int


async def lent(work: Work, issuer: str | None) -> Lent:
    """What is lent to everybody, and on cards of ``issuer``."""
    row = (await work.session.execute(_LENT, {"issuer": issuer or NO_ISSUER})).one()
    return Lent(int(row[0]), int(row[1]))


async def take_snapshot(work: Work, on: date) -> dict[str, Any]:
    """Count what is lent after ``on``; a step of the close, once a day."""
    rows = (await work.session.execute(_COUNT, {"none": NO_ISSUER})).all()
    total = sum(int(row[1]) for row in rows)
    upto = max((str(row[2]) for row in rows), default="")
    for issuer, principal in [(EVERYBODY, total), *((str(row[0]), int(row[1])) for row in rows)]:
        work.session.add(
            LentSnapshot(id=ids.new("lent"), taken_on=on, issuer=issuer, principal=principal, upto=upto)
        )
    await work.session.flush()
    return {"issuers": len(rows), "principal": total}
