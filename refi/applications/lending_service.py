"""How much is lent in all and on the cards of one issuer: what portfolio limits are held against.

Brought up to date once a day when the day is closed, by the loans that the day changed; what was signed
since is added, found by the order of ids. A loan counts with the principal that was signed until it is
closed: limits are held a little early, never late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import text

from refi import ids
from refi.applications.tables import LentSnapshot
from refi.db.runs import Report
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
    SELECT coalesce(issuer, :none), max(loans.id), sum(loans.principal) {_OF_LOANS}
    WHERE loans.status IN {OPEN} GROUP BY 1
""")
_NEWEST = text(
    "SELECT issuer, principal FROM lent_snapshots WHERE taken_on = (SELECT max(taken_on) FROM lent_snapshots)"
)
_YESTERDAY = text("SELECT issuer, principal, upto FROM lent_snapshots WHERE taken_on = :yesterday")
_CHANGED = text(f"""
    SELECT coalesce(issuer, :none), max(loans.id), sum(loans.principal * (
        (loans.status IN {OPEN})::int - (loans.opened_on < :on AND coalesce((
            SELECT kept.status = 'active' FROM loan_snapshots kept
            WHERE kept.loan_id = loans.id AND kept.business_date < :on
            ORDER BY kept.business_date DESC LIMIT 1
        ), true))::int
    )) {_OF_LOANS} WHERE loans.changed_on = :on GROUP BY 1
""")  # noqa: S608 - constants
"""By how much a day changed what is lent. A loan without a snapshot waited for its payoff until then."""
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


async def by_issuer(work: Work) -> dict[str, int]:
    """What was lent when the last day was closed, by card issuer; under an empty name what everybody owes
    now."""
    rows = await work.session.execute(_NEWEST)
    found = {issuer: int(principal) for issuer, principal in rows if issuer not in (EVERYBODY, NO_ISSUER)}
    return {EVERYBODY: (await lent(work, None)).portfolio, **found}


async def take_snapshot(work: Work, on: date) -> Report:
    """Bring what is lent up to the end of ``on``: a step of the close, between cut-off and turn.

    Everything is counted the first time, and after a day without a count.
    """
    known = (await work.session.execute(_YESTERDAY, {"yesterday": on - timedelta(days=1)})).all()
    lent = {row.issuer: int(row.principal) for row in known if row.issuer != EVERYBODY}
    query, values = (_CHANGED, {"on": on, "none": NO_ISSUER}) if known else (_COUNT, {"none": NO_ISSUER})
    upto = max((str(row.upto) for row in known), default="")
    for issuer, last, principal in (await work.session.execute(query, values)).all():
        lent[issuer] = lent.get(issuer, 0) + int(principal)
        upto = max(upto, last)
    total = sum(lent.values())
    for issuer, principal in [(EVERYBODY, total), *lent.items()]:
        work.session.add(
            LentSnapshot(id=ids.new("lent"), taken_on=on, issuer=issuer, principal=principal, upto=upto)
        )
    await work.session.flush()
    return {"issuers": len(lent), "money": {"principal": total}}
