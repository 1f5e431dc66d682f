"""How a borrower has paid us: lateness now and at worst, what a month asks for, what is owed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.loans.account import Account, in_order
from refi.loans.states import LoanStatus
from refi.schedules.amortization import Terms
from refi.schedules.contract import Contract, Mode, Receipt
from refi.underwriting.history import PastLoan, monthly_installment, summarize, worst_days_past_due

PAID_OUT = date(2026, 11, 10)
CONTRACT = Contract(
    Terms(principal=1_200_000, annual_rate=Decimal("0.12"), installments=6),
    PAID_OUT,
    date(2026, 12, 10),
    Decimal("1.5"),
    365,
)


def account(*paid: tuple[date, int]) -> Account:
    receipts = [Receipt(f"pay_{k}", on, amount, Mode.DUE) for k, (on, amount) in enumerate(paid)]
    return Account(CONTRACT, in_order(receipts))


def test_never_late() -> None:
    paid = account((date(2026, 12, 10), 207_058), (date(2027, 1, 9), 207_058))
    assert worst_days_past_due(paid, date(2027, 1, 20)) == 0
    assert monthly_installment(paid, date(2027, 1, 20)) == 207_058


@pytest.mark.parametrize(
    ("paid_on", "worst"), [(date(2026, 12, 10), 0), (date(2026, 12, 11), 1), (date(2027, 1, 9), 30)]
)
def test_late_once_is_remembered(paid_on: date, worst: int) -> None:
    late = account((paid_on, 210_000))
    assert worst_days_past_due(late, date(2027, 1, 9)) == worst
    assert late.state(date(2027, 1, 9)).days_past_due == 0


def test_late_now() -> None:
    assert worst_days_past_due(account(), date(2027, 1, 25)) == 46


@given(st.integers(0, 400))
def test_the_worst_never_gets_better(days: int) -> None:
    late = account((date(2027, 1, 5), 300_000), (date(2027, 3, 1), 300_000))
    on = PAID_OUT + timedelta(days=days)
    assert worst_days_past_due(late, on) <= worst_days_past_due(late, on + timedelta(days=1))
    assert worst_days_past_due(late, on) >= late.state(on).days_past_due


def test_loans_taken_together() -> None:
    on = date(2026, 12, 20)
    late, pending = account(), Account(CONTRACT)
    history = summarize(
        [
            PastLoan(LoanStatus.ACTIVE, late),
            PastLoan(LoanStatus.PENDING_DISBURSEMENT, pending),
            PastLoan(LoanStatus.CANCELLED, account()),
        ],
        on,
    )
    assert (history.days_past_due, history.worst_days_past_due, history.charged_off) == (10, 10, False)
    assert history.monthly_installments == 2 * 207_058
    assert history.exposure == 2_400_000


def test_a_charge_off_is_not_forgotten() -> None:
    history = summarize([PastLoan(LoanStatus.CHARGED_OFF, account())], date(2027, 6, 10))
    assert history.charged_off
    assert history.exposure == 1_200_000
    assert history.worst_days_past_due == 182


def test_nobody_yet() -> None:
    history = summarize([], date(2026, 11, 22))
    assert (history.days_past_due, history.worst_days_past_due, history.exposure) == (0, 0, 0)
    assert not history.charged_off


def test_a_loan_credited_tomorrow_is_not_late() -> None:
    early = replace(CONTRACT, disbursed_on=date(2026, 11, 23), first_due_on=date(2026, 12, 23))
    history = summarize([PastLoan(LoanStatus.ACTIVE, Account(early))], date(2026, 11, 22))
    assert (history.days_past_due, history.exposure) == (0, 1_200_000)
