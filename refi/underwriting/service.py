"""Underwriting: gather the facts of an application, let the engine decide, keep the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

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
from refi.underwriting import decision, income_service, query_service, shipped_service
from refi.underwriting import replay_service as replay
from refi.underwriting.bureau import Identity, Report
from refi.underwriting.card_history import Month
from refi.underwriting.characteristics import BILLS
from refi.underwriting.decision import Decision, Outcome
from refi.underwriting.facts import Fact, Facts, Source, Wish, card_facts
from refi.underwriting.history import History, PastLoan, summarize
from refi.underwriting.query_service import Told
from refi.underwriting.tables import DecisionRecord

ENGINE = replay.ENGINE


class Lent(Protocol):
    """Principal of open loans, minor units: of everybody, and on the cards of one issuer."""

    @property
    def portfolio(self) -> int:
        """What everybody owes."""
        ...

    @property
    def issuer(self) -> int:
        """What is owed on cards of the issuer in question."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """What an application brings: the wish, the bill it is about, income as told, and what was promised.

    ``verified`` says whether the provider confirmed that the instrument is the borrower's own (None: it did
    not say). ``promised`` is principal of open offers, ``refinanced`` the part of this bill that other loans
    of ours pay, both minor units; ``lent`` is what everybody owes; ``signals`` of fraud, as our rows show
    them.
    """

    wish: Wish
    statement: Statement | None
    card: Card | None
    verified: bool | None
    consents: tuple[str, ...]
    monthly_income: int | None
    promised: int
    refinanced: int
    lent: Lent
    signals: tuple[str, ...]


async def decide_application(
    work: Work, application_id: str, borrower_id: BorrowerId, ask: Ask
) -> tuple[DecisionRecord, Decision]:
    """Gather, decide, record. The caller holds the borrower's lock, so that exposure counts once."""
    facts = await gather(work, borrower_id, ask)
    arms = shipped_service.arms_of(work.policy)
    arm, strategy = arms.assigned(borrower_id, work.on)
    made = decision.decide(facts, strategy, arm)
    await replay.keep(work, strategy)
    row = DecisionRecord(
        id=ids.new("dec"),
        subject=application_id,
        borrower_id=borrower_id,
        outcome=made.outcome,
        reasons=[{"code": reason.code, "rank": reason.rank} for reason in made.reasons],
        policy_version=made.policy_version,
        model_version=made.model_version,
        decided_by=ENGINE,
        strategy=made.strategy,
        record=made.record(),
        decided_on=work.on,
        decided_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    for name, other in arms.watching(borrower_id):
        await replay.record_shadow(work, row, name, other, facts)
    return row, made


async def gather(work: Work, borrower_id: BorrowerId, ask: Ask) -> Facts:
    """Everything that is known, each fact with its source."""
    borrower = await borrowers.get(work, borrower_id)
    past = await _history(work, borrower_id)
    told = await query_service.usable(work, borrower_id)
    on = work.on
    return Facts(
        on=on,
        wish=ask.wish,
        age=_told(_age(borrower, on), Source.BORROWER, on),
        identity_verified=_identified(borrower, ask.verified, told.identity, on),
        consents=_told(ask.consents, Source.BORROWER, on),
        fraud_signals=_told(ask.signals, Source.OUR_BOOKS, on),
        **_of_card(ask, work),
        monthly_income=_told(ask.monthly_income, Source.BORROWER, on),
        verified_income=await income_service.fact(work, borrower_id, told.report),
        other_card_minimums=_told(await _other_minimums(work, borrower_id, ask.card), Source.STATEMENT, on),
        loan_installments=_told(past.monthly_installments, Source.OUR_BOOKS, on),
        exposure=_told(past.exposure + ask.promised, Source.OUR_BOOKS, on),
        days_past_due=_told(past.days_past_due, Source.OUR_BOOKS, on),
        worst_days_past_due=_told(past.worst_days_past_due, Source.OUR_BOOKS, on),
        charged_off=_told(past.charged_off, Source.OUR_BOOKS, on),
        bureau=_report(told),
        issuer_exposure=_told(ask.lent.issuer if ask.card else None, Source.OUR_BOOKS, on),
        portfolio_exposure=_told(ask.lent.portfolio, Source.OUR_BOOKS, on),
        **await _of_bills(work, ask),
    )


async def _of_bills(work: Work, ask: Ask) -> dict[str, Fact[Any]]:
    """How the card is used, from its bills up to the one that is refinanced."""
    if ask.card is None or ask.statement is None:
        return {}
    upto, limit = ask.statement, ask.card.credit_limit
    rows = await cards.statements_of(work, CardId(ask.card.id))
    months = tuple(_month(row) for row in rows if row.statement_date <= upto.statement_date)[:BILLS]
    return card_facts(months, limit, upto.statement_date, work.on)


def _month(row: Statement) -> Month:
    drawn = [each["balance_subject_to_apr"] for each in row.aprs if each["type"] == "cash_apr"]
    return Month(
        statement_date=row.statement_date,
        balance=row.statement_balance,
        minimum=row.minimum_payment,
        paid=row.payments_since_last,
        overdue=row.is_overdue,
        cash=drawn[0] if drawn else None,
    )


def _told(value: Any, source: Source, as_of: date) -> Fact[Any]:
    return Fact(value, source, None if value is None else as_of)


def _age(borrower: Borrower, on: date) -> int | None:
    return None if borrower.born_on is None else identity.age(borrower.born_on, on)


def _identified(borrower: Borrower, verified: bool | None, register: Identity | None, on: date) -> Fact[bool]:
    """Whether the borrower is who they say: a no of the register or the provider is a no, a yes needs both
    or the only one that was asked."""
    by_provider = _identity(borrower, verified)
    if register is not None and (not register.matches or by_provider is None):
        return Fact(register.matches, Source.BUREAU, register.as_of)
    return _told(by_provider, Source.PROVIDER, on)


def _report(told: Told) -> Fact[Report]:
    """The bureau's report; that there is no file is known too, and as of when, and that it did not answer."""
    if isinstance(told.report, Report):
        return Fact(told.report, Source.BUREAU, told.report.as_of)
    if told.silent:
        return Fact(None, Source.BUREAU_SILENT)
    return Fact(None, Source.BUREAU, None if told.report is None else told.report.as_of)


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
