"""Verified income: what somebody else vouches for, with evidence; the newest evidence counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from refi import ids
from refi.db.work import Work
from refi.errors import Fault, Refused
from refi.ids import BorrowerId
from refi.underwriting.bureau import NoFile, Report
from refi.underwriting.facts import Fact, Source
from refi.underwriting.tables import IncomeVerification


class EvidenceRefused(Refused):
    """The evidence does not carry the figure: it is of the future, or too old to count; the faults say."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A month's income (minor units) as of the day that the documents are about, and what they are."""

    monthly_income: int
    as_of: date
    documents: tuple[str, ...]


async def verify(work: Work, borrower_id: BorrowerId, seen: Evidence) -> IncomeVerification:
    """Keep what the acting member of staff read in the evidence. Raises `EvidenceRefused`."""
    rules = work.policy.underwriting.income
    age = (work.on - seen.as_of).days
    if age < 0:
        raise EvidenceRefused("not yet", faults=[Fault("/as_of", "in_the_future")])
    if rules is not None and age > rules.verified_fresh_days:
        raise EvidenceRefused("too old to count", faults=[Fault("/as_of", "too_old")])
    row = IncomeVerification(
        id=ids.new("incv"),
        borrower_id=borrower_id,
        monthly_income=seen.monthly_income,
        as_of=seen.as_of,
        documents=list(seen.documents),
        verified_by=str(work.actor),
        verified_on=work.on,
        verified_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    return row


async def of_borrower(work: Work, borrower_id: BorrowerId) -> Sequence[IncomeVerification]:
    """What was verified, what was verified last first."""
    rows = await work.session.scalars(
        select(IncomeVerification)
        .where(IncomeVerification.borrower_id == borrower_id)
        .order_by(IncomeVerification.id.desc())
        .limit(100)
    )
    return rows.all()


async def fact(work: Work, borrower_id: BorrowerId, report: Report | NoFile | None) -> Fact[int]:
    """The verified income as a fact: by staff, or by the bureau's report where that is of a later day."""
    rows = await of_borrower(work, borrower_id)
    by_staff = rows[0] if rows else None
    told = report.verified_monthly_income if isinstance(report, Report) else None
    if (
        told is not None
        and isinstance(report, Report)
        and (by_staff is None or report.as_of > by_staff.as_of)
    ):
        return Fact(told, Source.BUREAU, report.as_of)
    if by_staff is None:
        return Fact(None, Source.STAFF)
    return Fact(by_staff.monthly_income, Source.STAFF, by_staff.as_of)
