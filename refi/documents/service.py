"""Gather what a loan's documents say, from the record as it was booked by a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from refi import clock
from refi.borrowers import identity
from refi.borrowers import service as borrowers
from refi.db.work import Work
from refi.documents import letters
from refi.documents.layout import Document, DocumentKind
from refi.errors import Conflict, Fault, Refused
from refi.ids import BorrowerId
from refi.ledger import service as ledger
from refi.ledger.entries import Component
from refi.loans import books_service as books
from refi.loans.states import LoanStatus
from refi.loans.tables import Agreement, Loan


class DocumentNotReady(Conflict):
    """The loan has not come so far: nothing was paid out, or something is owed."""

    code = "invalid_transition"


class DocumentDateRefused(Refused):
    """A statement is of a day from the payout to today."""


@dataclass(frozen=True, slots=True)
class Available:
    """A document, and of which day it would be; ``ready`` when the loan has come so far."""

    kind: DocumentKind
    ready: bool
    dated: date | None


def available(work: Work, loan: Loan) -> list[Available]:
    """The documents of a loan, and which of them there are by now."""
    paid_off = loan.status is LoanStatus.PAID_OFF
    return [
        Available(DocumentKind.AGREEMENT, True, loan.opened_on),
        Available(DocumentKind.STATEMENT, loan.credited_on is not None, loan.credited_on and work.on),
        Available(DocumentKind.SETTLEMENT, paid_off, loan.closed_on if paid_off else None),
    ]


async def compose(
    work: Work, loan: Loan, kind: DocumentKind, locale: str | None, as_of: date | None = None
) -> Document:
    """The document as values; ``locale`` defaults to the borrower's, ``as_of`` (of a statement) to today.

    Raises `DocumentNotReady` and `DocumentDateRefused`.
    """
    borrower = await borrowers.get(work, BorrowerId(loan.borrower_id))
    tongue = locale or borrower.locale
    agreement = await work.session.get_one(Agreement, loan.agreement_id)
    national_id = (
        None if borrower.national_id_sealed is None else work.vault.open(borrower.national_id_sealed)
    )
    parties = letters.Parties(
        lender=work.policy.messages.lender[tongue],
        name=None if borrower.name_sealed is None else work.vault.open(borrower.name_sealed),
        national_id=None if national_id is None else identity.mask(national_id, head=4),
    )
    named = letters.Loan(
        id=loan.id,
        agreement=agreement.id,
        agreement_hash=agreement.hash,
        currency=loan.currency,
        principal=loan.principal,
        signed_on=agreement.signed_on,
        credited_on=loan.credited_on,
        settled_on=loan.closed_on,
    )
    if kind is DocumentKind.AGREEMENT:
        return letters.agreement(named, parties, agreement.body, tongue)
    if kind is DocumentKind.STATEMENT:
        return await _statement(work, loan, named, parties, as_of or work.on, tongue)
    if loan.status is not LoanStatus.PAID_OFF or loan.closed_on is None:
        raise DocumentNotReady("the loan is not paid off", allowed=[])
    return letters.settlement(named, parties, loan.closed_on, tongue)


async def _statement(
    work: Work, loan: Loan, named: letters.Loan, parties: letters.Parties, on: date, locale: str
) -> Document:
    """From what was booked by the end of ``on`` alone: a later correction does not change it."""
    if loan.credited_on is None:
        raise DocumentNotReady("nothing was paid out", allowed=[])
    if not loan.credited_on <= on <= work.on:
        raise DocumentDateRefused(
            "name a day from the payout to today", faults=[Fault("/query/as_of", "out_of_range")]
        )
    zone = ZoneInfo(work.policy.market.time_zone)
    movements = [row for row in await ledger.of_loan(work, loan.id) if row.on <= on]
    acts = [row for row in await books.acts_of(work, loan) if clock.local_date(row.at, zone) <= on]
    account = books.account_of(loan, movements, acts)
    moved = [
        letters.Moved(
            kind=row.kind.value,
            effective_on=row.effective_on,
            posted_on=row.on,
            amount=row.amount,
            **{part.value: getattr(row, part.value) for part in Component},
        )
        for row in movements
    ]
    return letters.statement(
        named,
        parties,
        on=on,
        owed=account.owed(on),
        installments=account.state(on).installments,
        moved=moved,
        locale=locale,
    )
