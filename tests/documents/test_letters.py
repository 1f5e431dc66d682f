"""Documents as values and as PDF: every word there, every amount of the record, the same bytes always."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from refi.documents import letters, wording
from refi.documents import pdf_service as pdf
from refi.documents.layout import Document, DocumentKind, Facts, Paragraph, Signed, Table
from refi.ledger.entries import Kind
from refi.loans.account import Account
from refi.schedules.amortization import Terms, schedule
from refi.schedules.contract import Contract, Receipt, Status

ON = date(2026, 11, 22)
LOCALES = ("en", "zh-CN")
TERMS = Terms(principal=1_200_000, annual_rate=Decimal("0.12"), installments=3)
LOAN = letters.Loan("loan_1", "agr_1", "a" * 64, "CNY", 1_200_000, ON, ON, date(2027, 2, 22))
PARTIES = letters.Parties("瑞分期小贷", "张伟", "1101**********001X")


def body() -> dict[str, object]:
    plan = schedule(TERMS, ON)
    return {
        "principal": 1_200_000,
        "term": 3,
        "annual_rate": "0.120000",
        "apr": "0.120000",
        "effective_annual_rate": "0.126825",
        "total_interest": plan.total_interest,
        "total_fees": 0,
        "total_of_payments": plan.total_of_payments,
        "installments": [row._asdict() for row in plan.installments],
        "penalty": {"multiple": "1.500000", "year_days": 365},
        "allocation": ["fee", "penalty", "interest", "principal"],
        "payee": {"kind": "card", "bank": "CMB", "last4": "6868"},
        "policy_version": "cn-2026-11.1",
    }


def made(kind: DocumentKind, locale: str, moves: int = 1) -> Document:
    if kind is DocumentKind.AGREEMENT:
        return letters.agreement(LOAN, PARTIES, body(), locale)
    if kind is DocumentKind.SETTLEMENT:
        return letters.settlement(LOAN, PARTIES, date(2027, 2, 22), locale)
    account = Account(Contract(TERMS, ON), (Receipt("a", ON, 100_000),))
    moved = letters.Moved("repayment", ON, ON, 100_000, 88_000, 12_000, 0, 0, 0)
    return letters.statement(
        LOAN,
        PARTIES,
        on=ON,
        owed=account.owed(ON),
        installments=account.state(ON).installments,
        moved=[moved] * moves,
        locale=locale,
    )


def text_of(document: Document) -> str:
    found = [document.title]
    for block in document.blocks:
        if isinstance(block, Facts):
            found += [text for row in block.rows for text in row]
        elif isinstance(block, Table):
            found += [*block.columns, *(text for row in block.rows for text in row)]
        elif isinstance(block, Signed):
            found += [block.name, block.day]
        else:
            found.append(block.text)
    return "\n".join(found)


@pytest.mark.parametrize("locale", LOCALES)
def test_both_languages_say_everything(locale: str) -> None:
    assert set(wording.WORDS[locale]) == set(wording.EN)
    assert all(wording.WORDS[locale].values())
    assert set(wording.MOVEMENTS) == {kind.value for kind in Kind}
    assert set(wording.STATUSES[locale]) == {status.value for status in Status}
    for word, english in wording.EN.items():
        assert set(re.findall(r"{\w+}", wording.ZH[word])) == set(re.findall(r"{\w+}", english)), word


@pytest.mark.parametrize("locale", LOCALES)
def test_the_agreement_says_every_amount_that_was_signed(locale: str) -> None:
    said = text_of(made(DocumentKind.AGREEMENT, locale))
    for amount in ("12,000.00", "4,080.27", "4,080.26", "240.80", "12,240.80"):
        assert amount in said, amount
    for figure in ("12.00%", "12.68%", "6868", "a" * 64, "cn-2026-11.1", "1.5", "365"):
        assert figure in said, figure


@pytest.mark.parametrize("locale", LOCALES)
def test_the_statement_adds_up(locale: str) -> None:
    said = text_of(made(DocumentKind.STATEMENT, locale))
    for amount in ("11,120.00", "1,000.00", "880.00", "120.00", "3,080.27"):
        assert amount in said, amount


def test_the_settlement_letter_says_that_nothing_is_owed() -> None:
    said = text_of(made(DocumentKind.SETTLEMENT, "zh-CN"))
    assert said.startswith("结清证明")
    for part in (
        "张伟",
        "1101**********001X",
        "¥12,000.00",
        "2027年2月22日",
        "全部结清",
        "均为零",
        "特此证明",
    ):
        assert part in said, part
    unnamed = letters.settlement(LOAN, replace(PARTIES, name=None, national_id=None), ON, "en")
    assert "the borrower (national id not given)" in text_of(unnamed)


@pytest.mark.parametrize("kind", DocumentKind)
@pytest.mark.parametrize("locale", LOCALES)
def test_the_same_document_is_the_same_bytes(kind: DocumentKind, locale: str) -> None:
    first = pdf.draw(made(kind, locale))
    assert first.startswith(b"%PDF-")
    assert first == pdf.draw(made(kind, locale))
    assert b"NotoSansSC" in first
    assert b"FontFile3" in first  # embedded: nobody needs the font


def test_another_process_makes_the_same_bytes() -> None:
    script = (
        "import hashlib; from tests.documents.test_letters import made, pdf, DocumentKind;"
        "print(hashlib.sha256(pdf.draw(made(DocumentKind.AGREEMENT, 'zh-CN'))).hexdigest())"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    here = hashlib.sha256(pdf.draw(made(DocumentKind.AGREEMENT, "zh-CN"))).hexdigest()
    assert told.stdout.strip() == here


def test_a_long_history_takes_more_pages_and_repeats_its_heading() -> None:
    drawn = pdf.draw(made(DocumentKind.STATEMENT, "en", moves=120))
    assert drawn.count(b"/Type /Page\n") >= 3


def test_paragraphs_are_never_empty() -> None:
    for kind in DocumentKind:
        for block in made(kind, "en", moves=0).blocks:
            assert not isinstance(block, Paragraph) or block.text
