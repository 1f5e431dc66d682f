"""Underwriting: gather the facts of an application, let the engine decide, keep the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from refi import ids
from refi.borrowers import identity
from refi.borrowers import service as borrowers
from refi.borrowers.tables import Borrower
from refi.cards import service as cards
from refi.cards.tables import Card, Statement
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, CardId
from refi.loans import service as loans
from refi.policies import ReasonCode
from refi.underwriting import decision
from refi.underwriting.decision import Decision, Outcome
from refi.underwriting.facts import Fact, Facts, Source, Wish
from refi.underwriting.history import History, PastLoan, summarize
from refi.underwriting.tables import DecisionRecord

ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class Ask:
    """What an application brings: the wish, the bill it is about, income as told, and what was promised.

    ``verified`` says whether the provider confirmed that the instrument is the borrower's own (None: it did
    not say). ``promised`` is principal of open offers, ``refinanced`` the part of this bill that other loans
    of ours pay, both minor units.
    """

    wish: Wish
    statement: Statement | None
    card: Card | None
    verified: bool | None
    consents: tuple[str, ...]
    monthly_income: int | None
    promised: int
    refinanced: int


async def decide_application(
    work: Work, application_id: str, borrower_id: BorrowerId, ask: Ask
) -> tuple[DecisionRecord, Decision]:
    """Gather, decide, record. The caller holds the borrower's lock, so that exposure counts once."""
    facts = await gather(work, borrower_id, ask)
    made = decision.decide(facts, work.policy)
    row = DecisionRecord(
        id=ids.new("dec"),
        subject=application_id,
        borrower_id=borrower_id,
        outcome=made.outcome,
        reasons=[{"code": reason.code, "rank": reason.rank} for reason in made.reasons],
        policy_version=made.policy_version,
        model_version=made.model_version,
        decided_by=ENGINE,
        record=made.record(),
        decided_on=work.on,
        decided_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    return row, made


async def gather(work: Work, borrower_id: BorrowerId, ask: Ask) -> Facts:
    """Everything that is known, each fact with its source."""
    borrower = await borrowers.get(work, borrower_id)
    past = await _history(work, borrower_id)
    on = work.on
    return Facts(
        on=on,
        wish=ask.wish,
        age=_told(_age(borrower, on), Source.BORROWER, on),
        identity_verified=_told(_identity(borrower, ask.verified), Source.PROVIDER, on),
        consents=_told(ask.consents, Source.BORROWER, on),
        fraud_signals=_told((), Source.OUR_BOOKS, on),
        **_of_card(ask, work),
        monthly_income=_told(ask.monthly_income, Source.BORROWER, on),
        other_card_minimums=_told(await _other_minimums(work, borrower_id, ask.card), Source.STATEMENT, on),
        loan_installments=_told(past.monthly_installments, Source.OUR_BOOKS, on),
        exposure=_told(past.exposure + ask.promised, Source.OUR_BOOKS, on),
        days_past_due=_told(past.days_past_due, Source.OUR_BOOKS, on),
        worst_days_past_due=_told(past.worst_days_past_due, Source.OUR_BOOKS, on),
        charged_off=_told(past.charged_off, Source.OUR_BOOKS, on),
        bureau=Fact(None, Source.BUREAU),
        score=Fact(None, Source.OUR_BOOKS),
    )


def _told(value: Any, source: Source, as_of: date) -> Fact[Any]:
    return Fact(value, source, None if value is None else as_of)


def _age(borrower: Borrower, on: date) -> int | None:
    return None if borrower.born_on is None else identity.age(borrower.born_on, on)


def _identity(borrower: Borrower, verified: bool | None) -> bool | None:
    """The provider's word about the instrument's holder; without name and id there is nothing to confirm."""
    if borrower.name_sealed is None or borrower.national_id_sealed is None:
        return None
    return verified


def _of_card(ask: Ask, work: Work) -> dict[str, Fact[Any]]:
    bill, card = ask.statement, ask.card
    told = bill.statement_date if bill is not None else work.on
    return {
        "issuer": _told(card.issuer if card else None, Source.BORROWER, work.on),
        "card_payable": _told(card.payable if card else None, Source.PROVIDER, work.on),
        "card_apr": _card_apr(bill, card, work),
        "statement_date": _told(bill.statement_date if bill else None, Source.STATEMENT, told),
        "statement_due_date": _told(bill.due_date if bill else None, Source.STATEMENT, told),
        "statement_balance": _told(bill.statement_balance if bill else None, Source.STATEMENT, told),
        "statement_minimum": _told(bill.minimum_payment if bill else None, Source.STATEMENT, told),
        "statement_overdue": _told(bill.is_overdue if bill else None, Source.STATEMENT, told),
        "refinanced": _told(ask.refinanced, Source.OUR_BOOKS, work.on),
    }


def _card_apr(bill: Statement | None, card: Card | None, work: Work) -> Fact[Decimal]:
    """The purchase rate: of the bill, else as the borrower told, else what the policy assumes of a card."""
    if card is None:
        return Fact(None, Source.STATEMENT)
    for rate in bill.aprs if bill is not None else []:
        if rate["type"] == "purchase_apr" and bill is not None:
            return Fact(Decimal(rate["apr"]), Source.STATEMENT, bill.statement_date)
    if card.apr is not None:
        return Fact(card.apr, Source.BORROWER, work.on)
    return Fact(work.policy.card.apr, Source.POLICY, work.policy.effective_on)


async def _other_minimums(work: Work, borrower_id: BorrowerId, card: Card | None) -> int:
    """Minimum payments on the newest bills of the borrower's other cards, minor units a month."""
    total = 0
    for other in await cards.cards_of(work, borrower_id):
        if card is None or other.id != card.id:
            newest = await cards.statements_of(work, CardId(other.id), limit=1)
            total += sum(bill.minimum_payment for bill in newest)
    return total


async def _history(work: Work, borrower_id: BorrowerId) -> History:
    lent = await loans.loans_of(work, borrower_id)
    rows = await loans.accounts(work, lent) if lent else []
    return summarize([PastLoan(loan.status, account) for loan, account in rows], work.on)


async def record_verdict(
    work: Work,
    before: DecisionRecord,
    outcome: Outcome,
    reasons: Sequence[ReasonCode],
    *,
    decided_by: str,
    record: dict[str, Any],
) -> DecisionRecord:
    """Keep a person's decision; it ``replaces`` the one before, which stays."""
    row = DecisionRecord(
        id=ids.new("dec"),
        subject=before.subject,
        borrower_id=before.borrower_id,
        outcome=outcome,
        reasons=[{"code": code, "rank": rank} for rank, code in enumerate(dict.fromkeys(reasons), start=1)],
        policy_version=work.policy.version,
        model_version=before.model_version,
        decided_by=decided_by,
        replaces=before.id,
        record=record,
        decided_on=work.on,
        decided_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    return row


async def get(work: Work, decision_id: str) -> DecisionRecord:
    """One decision, or `NotFound`."""
    row = await work.session.get(DecisionRecord, decision_id)
    if row is None:
        raise NotFound("no such decision")
    return row


async def many(work: Work, decision_ids: Sequence[str]) -> dict[str, DecisionRecord]:
    """Decisions by id."""
    rows = await work.session.scalars(select(DecisionRecord).where(DecisionRecord.id.in_(decision_ids)))
    return {row.id: row for row in rows}


async def engine_decision(work: Work, application_id: str) -> tuple[DecisionRecord, Decision]:
    """The engine's newest decision about an application, read back from its record."""
    row = await work.session.scalar(
        select(DecisionRecord)
        .where(DecisionRecord.subject == application_id, DecisionRecord.decided_by == ENGINE)
        .order_by(DecisionRecord.id.desc())
        .limit(1)
    )
    if row is None:
        raise NotFound("no such decision")
    return row, decision.read(row.record)
