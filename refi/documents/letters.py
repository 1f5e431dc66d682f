"""The three documents of a loan, from plain values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from refi.documents import wording
from refi.documents.layout import Block, Document, DocumentKind, Facts, Heading, Paragraph, Signed, Table
from refi.loans.account import Owed
from refi.schedules.contract import InstallmentState


@dataclass(frozen=True, slots=True)
class Parties:
    """Who lends to whom; the national id is masked."""

    lender: str
    name: str | None
    national_id: str | None


@dataclass(frozen=True, slots=True)
class Loan:
    """A loan as its documents name it. Amounts in minor units."""

    id: str
    agreement: str
    agreement_hash: str
    currency: str
    principal: int
    signed_on: date
    credited_on: date | None
    settled_on: date | None


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement of the account, minor units by component."""

    kind: str
    effective_on: date
    posted_on: date
    amount: int
    principal: int
    interest: int
    fee: int
    penalty: int
    suspense: int


class _Writer:
    """Words, amounts and dates in one language and currency."""

    def __init__(self, locale: str, currency: str) -> None:
        self.locale = locale
        self.words = wording.WORDS[locale]
        self.currency = currency

    def money(self, amount: int) -> str:
        return wording.money(amount, self.currency, self.locale)

    def day(self, on: date) -> str:
        return wording.day(on, self.locale)

    def rate(self, value: str) -> str:
        return wording.rate(Decimal(value), self.locale)

    def facts(self, *rows: tuple[str, str]) -> Facts:
        return Facts(tuple((self.words[label], said) for label, said in rows))

    def columns(self, *names: str) -> tuple[str, ...]:
        return tuple(self.words[name] for name in names)

    def document(
        self, kind: DocumentKind, loan: Loan, parties: Parties, dated: date, blocks: Sequence[Block]
    ) -> Document:
        return Document(
            title=self.words[kind.value],
            number=loan.id,
            lender=parties.lender,
            locale=self.locale,
            dated=dated,
            page=self.words["page"],
            blocks=tuple(blocks),
        )

    def who(self, parties: Parties) -> Facts:
        return self.facts(
            ("lender", parties.lender),
            ("borrower", parties.name or self.words["unknown"]),
            ("national_id", parties.national_id or self.words["unknown"]),
        )


def agreement(loan: Loan, parties: Parties, body: Mapping[str, Any], locale: str) -> Document:
    """What was signed: every amount, and the rule of the dates. ``body`` is the agreement under its hash."""
    say = _Writer(locale, loan.currency)
    payee = body.get("payee") or {"kind": "card", "bank": "", "last4": ""}
    order = "、" if locale == "zh-CN" else ", "
    names = wording.COMPONENTS[locale]
    blocks: list[Block] = [
        Heading(say.words["parties"]),
        say.who(parties),
        Heading(say.words["terms"]),
        say.facts(
            ("agreement_number", loan.agreement),
            ("loan", loan.id),
            ("signed_on", say.day(loan.signed_on)),
            ("principal", say.money(body["principal"])),
            ("term", str(body["term"])),
            ("annual_rate", say.rate(body["annual_rate"])),
            ("apr", say.rate(body["apr"])),
            ("effective", say.rate(body["effective_annual_rate"])),
            ("total_interest", say.money(body["total_interest"])),
            ("total_fees", say.money(body["total_fees"])),
            ("total_of_payments", say.money(body["total_of_payments"])),
            ("payee", say.words[payee["kind"]].format(**payee)),
        ),
        Heading(say.words["installments"]),
        Table(
            say.columns("number", "amount", "principal", "interest", "fee", "balance_after"),
            (10, 20, 20, 18, 14, 20),
            tuple(
                (str(row["number"]), *(say.money(row[part]) for part in _PLANNED))
                for row in body["installments"]
            ),
        ),
        Heading(say.words["conditions"]),
        Paragraph(say.words["dates"]),
        Paragraph(
            say.words["penalty"].format(
                multiple=f"{Decimal(body['penalty']['multiple']).normalize():f}",
                days=body["penalty"]["year_days"],
            )
        ),
        Paragraph(
            say.words[_allocation(body)].format(order=order.join(names[each] for each in body["allocation"]))
        ),
        Paragraph(say.words["early_" + body.get("early_payoff", {}).get("interest", "days_elapsed")]),
        say.facts(("policy", body["policy_version"]), ("hash", loan.agreement_hash)),
        Signed(parties.lender, say.day(loan.signed_on)),
    ]
    return say.document(DocumentKind.AGREEMENT, loan, parties, loan.signed_on, blocks)


def _allocation(body: Mapping[str, Any]) -> str:
    """The sentence about allocation; agreements of before named no other way than the law's."""
    across = body.get("conventions", {}).get("across", "installments")
    return "allocation" if across == "installments" else "allocation_by_component"


_PLANNED = ("amount", "principal", "interest", "fee", "balance_after")


def statement(
    loan: Loan,
    parties: Parties,
    *,
    on: date,
    owed: Owed,
    installments: Sequence[InstallmentState],
    moved: Sequence[Moved],
    locale: str,
) -> Document:
    """The account as it was booked by the end of ``on``."""
    say = _Writer(locale, loan.currency)
    blocks: list[Block] = [
        say.who(parties),
        say.facts(
            ("loan", loan.id),
            ("principal", say.money(loan.principal)),
            ("credited_on", say.day(loan.credited_on) if loan.credited_on else say.words["unknown"]),
            ("as_of", say.day(on)),
        ),
        Heading(say.words["balances"]),
        say.facts(
            ("principal", say.money(owed.principal)),
            ("interest", say.money(owed.interest)),
            ("fees", say.money(owed.fees)),
            ("penalties", say.money(owed.penalties)),
            ("total", say.money(owed.total)),
            ("past_due", say.money(owed.past_due)),
        ),
        Heading(say.words["installments"]),
        Table(
            say.columns("number", "due_date", "amount", "penalties", "paid", "outstanding", "status"),
            (9, 17, 18, 15, 18, 18, 15),
            tuple(_installment(say, row) for row in installments),
            frozenset({0, 1, 6}),
        ),
        Heading(say.words["transactions"]),
        _movements(say, moved),
    ]
    return say.document(DocumentKind.STATEMENT, loan, parties, on, blocks)


def _installment(say: _Writer, row: InstallmentState) -> tuple[str, ...]:
    figures = (row.amount, row.penalty, row.paid, row.outstanding)
    return (
        str(row.number),
        row.due_date.isoformat(),
        *(say.money(each) for each in figures),
        wording.STATUSES[say.locale][row.status.value],
    )


def _movements(say: _Writer, moved: Sequence[Moved]) -> Block:
    if not moved:
        return Paragraph(say.words["nothing"])
    return Table(
        say.columns(
            "effective_on", "posted_on", "what", "amount", "principal", "interest", "fees", "penalties"
        ),
        (14, 14, 22, 17, 17, 14, 12, 13),
        tuple(
            (
                row.effective_on.isoformat(),
                row.posted_on.isoformat(),
                wording.movement(row.kind, say.locale),
                *(
                    say.money(each)
                    for each in (row.amount, row.principal, row.interest, row.fee, row.penalty)
                ),
            )
            for row in moved
        ),
        frozenset({0, 1, 2}),
    )


def settlement(loan: Loan, parties: Parties, settled_on: date, locale: str) -> Document:
    """That nothing is owed any more (结清证明), of the day on which the loan was settled."""
    say = _Writer(locale, loan.currency)
    blocks: list[Block] = [
        Paragraph(
            say.words["certifies"].format(
                name=parties.name or say.words["unnamed"],
                national_id=parties.national_id or say.words["unknown"],
                loan=loan.id,
                principal=say.money(loan.principal),
                agreement=loan.agreement,
                signed_on=say.day(loan.signed_on),
                settled_on=say.day(settled_on),
            )
        ),
        Paragraph(say.words["zero"]),
        Paragraph(say.words["hereby"]),
        Signed(parties.lender, say.day(settled_on)),
    ]
    return say.document(DocumentKind.SETTLEMENT, loan, parties, settled_on, blocks)
