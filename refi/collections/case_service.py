"""Cases: the worklist, everything about one, and what a member of staff does in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, tuple_

from refi.borrowers import service as borrowers
from refi.borrowers.tables import Borrower
from refi.collections import cases, help_service, standing_service
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, LoanId
from refi.loans import hold_service
from refi.loans import service as loans
from refi.loans.account import Owed
from refi.loans.finding_service import any_loan
from refi.loans.holds import HoldKind
from refi.loans.states import LoanStatus
from refi.loans.tables import Hold, Loan
from refi.notifications import contact_service, facts_service, turn_service
from refi.notifications.contact_policy import Verdict
from refi.notifications.contact_service import Made
from refi.notifications.contacts import HOLD_AFTER, Medium, Result
from refi.notifications.facts_service import Facts
from refi.notifications.messages import Gate
from refi.notifications.tables import ContactEntry

ASKED_ABOUT = (Medium.PHONE, Medium.SMS)
"""Ways of contact that a case says at once whether they are lawful now."""


@dataclass(frozen=True, slots=True)
class Case:
    """A loan as collections sees it: what stops contact, and what the gate says ``now``, by channel."""

    id: str
    loan: Loan
    borrower: Borrower
    owed: Owed
    days_past_due: int
    bucket: str
    stops: dict[str, date | None]
    now: dict[str, Verdict]


@dataclass(frozen=True, slots=True)
class Logged:
    """A contact in the log, the verdict about it, and the hold that it started."""

    entry: ContactEntry
    verdict: Verdict
    hold: Hold | None


async def find(work: Work, case_id: str) -> Loan:
    """The loan of a case, or `NotFound`; before the money was lent there is nothing to collect."""
    loan = await any_loan(work, cases.loan_of(case_id))
    if loan.credited_on is None:
        raise NotFound("no such case")
    return loan


async def worklist(work: Work, *, limit: int, after: str | None = None) -> list[Case]:
    """Late loans, the latest first, from the one after the case ``after``: found by index."""
    query = (
        select(Loan)
        .where(Loan.status == LoanStatus.ACTIVE, Loan.unmet_on < work.on)
        .order_by(Loan.unmet_on, Loan.id)
        .limit(limit)
    )
    if after is not None:
        last = await find(work, after)
        query = query.where(tuple_(Loan.unmet_on, Loan.id) > tuple_(last.unmet_on or work.on, last.id))
    return await _cases(work, (await work.session.scalars(query)).all())


async def get(work: Work, loan: Loan) -> Case:
    """One case as of now."""
    [case] = await _cases(work, [loan])
    return case


async def _cases(work: Work, found: Sequence[Loan]) -> list[Case]:
    """The loans as cases: what is asked of the database is asked once for all of them."""
    facts = await facts_service.of_all(work, {loan.borrower_id for loan in found})
    stops = await standing_service.of_all(work, {loan.id: loan.borrower_id for loan in found})
    return [
        _case(
            work, loan, account.owed(max(work.on, account.last_day)), facts[loan.borrower_id], stops[loan.id]
        )
        for loan, account in await loans.accounts(work, found)
    ]


def _case(work: Work, loan: Loan, owed: Owed, facts: Facts, stops: dict[str, date | None]) -> Case:
    days = cases.days_past_due(loan.unmet_on, work.on)
    return Case(
        id=cases.case_of(loan.id),
        loan=loan,
        borrower=facts.borrower,
        owed=owed,
        days_past_due=days,
        bucket=work.policy.delinquency.bucket(days),
        stops=stops,
        now={
            medium.value: contact_service.judged(
                work,
                facts,
                Gate.COLLECTION,
                medium.value,
                stops=stops,
                about=Made(medium, Result.RIGHT_PARTY),
                loan_id=loan.id,
            )
            for medium in ASKED_ABOUT
        },
    )


async def log_contact(work: Work, loan: Loan, made: Made) -> Logged:
    """Judge and log what a member of staff did, or wants to do.

    What the borrower said counts even of a contact that should not have been: STOP, DISP and HARD start a
    hold at once.
    """
    await turn_service.take(work, loan.borrower_id)
    borrower = await borrowers.get(work, BorrowerId(loan.borrower_id))
    stops = (await standing_service.of_loans(work, loan.borrower_id, [loan.id]))[loan.id]
    entry, verdict = await contact_service.log_contact(
        work, borrower, made, case_id=cases.case_of(loan.id), loan_id=loan.id, stops=stops
    )
    return Logged(entry, verdict, await _heed(work, loan, made, entry, stops))


async def _heed(
    work: Work, loan: Loan, made: Made, entry: ContactEntry, stops: dict[str, date | None]
) -> Hold | None:
    """Start the hold that the borrower's words ask for, unless one without end stands already."""
    name = HOLD_AFTER.get(made.result)
    if name is None or (name in stops and stops[name] is None):
        return None
    said = made.note or f"said in a contact: {made.result.value}"
    if made.result is Result.HARDSHIP and await _can_ask(work, loan):
        asked = await help_service.ask(work, LoanId(loan.id), said)
        return await hold_service.of_source(work, asked.id)
    return await hold_service.place(
        work, BorrowerId(loan.borrower_id), HoldKind(name), said, loan_id=loan.id, source=entry.id
    )


async def _can_ask(work: Work, loan: Loan) -> bool:
    """Whether a request for help can be opened for the loan."""
    return loan.status in help_service.HELPABLE and await help_service.waiting(work, loan.id) is None
