"""What a bill must be before it is believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.cards.statements import LONGEST_GRACE, Bill, StatementRefused, faults, require_sound
from refi.errors import Fault

ON = date(2026, 11, 22)
GOOD = Bill(
    statement_date=date(2026, 11, 12),
    due_date=date(2026, 12, 2),
    statement_balance=1_200_000,
    minimum_payment=120_000,
    purchases=300_000,
    payments_since_last=90_000,
    last_payment_amount=90_000,
)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"statement_date": ON, "due_date": ON + timedelta(days=1)},
        {"due_date": GOOD.statement_date + LONGEST_GRACE},
        {"minimum_payment": GOOD.statement_balance},
        {"minimum_payment": 0},
        {"statement_balance": 0, "minimum_payment": 0},
        {"statement_balance": -5_000, "minimum_payment": 0},
        {"last_payment_amount": None},
        {"payments_since_last": None},
        {"due_date": ON - timedelta(days=5), "is_overdue": True},
    ],
)
def test_a_sound_bill(change: dict[str, object]) -> None:
    bill = replace(GOOD, **change)  # type: ignore[arg-type]
    assert faults(bill, ON) == []
    require_sound(bill, ON)


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        (
            {"statement_date": ON + timedelta(days=1), "due_date": ON + timedelta(days=21)},
            "/statement_date",
            "in_the_future",
        ),
        ({"due_date": GOOD.statement_date}, "/due_date", "not_after_statement_date"),
        ({"due_date": GOOD.statement_date - timedelta(days=1)}, "/due_date", "not_after_statement_date"),
        (
            {"due_date": GOOD.statement_date + LONGEST_GRACE + timedelta(days=1)},
            "/due_date",
            "too_long_after_statement_date",
        ),
        ({"minimum_payment": GOOD.statement_balance + 1}, "/minimum_payment", "above_statement_balance"),
        (
            {"statement_balance": -5_000, "minimum_payment": 1},
            "/minimum_payment",
            "above_statement_balance",
        ),
        ({"last_payment_amount": 90_001}, "/last_payment_amount", "above_payments_since_last"),
    ],
)
def test_a_bill_that_contradicts_itself(change: dict[str, object], pointer: str, code: str) -> None:
    bill = replace(GOOD, **change)  # type: ignore[arg-type]
    assert faults(bill, ON) == [Fault(pointer, code)]
    with pytest.raises(StatementRefused) as refusal:
        require_sound(bill, ON)
    assert refusal.value.faults == (Fault(pointer, code),)


def test_everything_wrong_is_named_at_once() -> None:
    bill = Bill(ON + timedelta(days=3), ON, 100, 200, None, 1, 2)
    assert [fault.pointer for fault in faults(bill, ON)] == [
        "/statement_date",
        "/due_date",
        "/minimum_payment",
        "/last_payment_amount",
    ]


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(-100, 200),
    st.integers(-100, 100),
    st.integers(0, 100),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
)
def test_time_only_makes_a_bill_less_wrong(
    dated: date, grace: int, balance: int, minimum: int, on: date
) -> None:
    """A bill that is sound today is sound tomorrow: only "in the future" depends on the day."""
    bill = Bill(dated, dated + timedelta(days=grace), balance, minimum)
    later = faults(bill, on + timedelta(days=1))
    assert [fault for fault in faults(bill, on) if fault.code != "in_the_future"] == [
        fault for fault in later if fault.code != "in_the_future"
    ]
    assert len(later) <= len(faults(bill, on))
