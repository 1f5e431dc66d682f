"""The ladder: what begins when, what a borrower's case is, what still stands."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refi import policies
from refi.collections import ladder
from refi.loans.account import Account
from refi.schedules.amortization import Terms
from refi.schedules.contract import Contract, Mode, Receipt

ON = date(2026, 11, 22)
POLICY = policies.load("cn")
ACCOUNT = Account(Contract(Terms(principal=1_200_000, annual_rate=Decimal("0.12"), installments=3), ON))
DUE = [date(2026, 12, 22), date(2027, 1, 22), date(2027, 2, 22)]


def paid(amount: int, on: date, mode: Mode = Mode.DUE) -> Account:
    return ACCOUNT.with_event(Receipt("pay_1", on, amount, mode))


def item(amount: int = 408_027, unmet_on: date = DUE[0], product: str = "card_refinance") -> ladder.Item:
    return ladder.Item("loan_1", 1, amount, unmet_on, product)


def test_the_stages_of_a_day() -> None:
    found = [
        each
        for each in ladder.begun(POLICY.ladder, DUE[0] - timedelta(days=1))
        if each.stage.name in ("T+1", "T-1")
    ]
    assert [(each.stage.name, each.due_on) for each in found] == [
        ("T+1", DUE[0] - timedelta(days=2)),
        ("T-1", DUE[0]),
    ]
    assert found[1].lapses_on == DUE[0]
    assert found[0].lapses_on == DUE[0] - timedelta(days=2) + timedelta(days=3)


def test_a_case_adds_amounts_and_takes_the_oldest_arrears() -> None:
    items = [item(), item(5, unmet_on=DUE[0] - timedelta(days=40), product="micro_loan")]
    case = ladder.case(POLICY.delinquency, DUE[0] + timedelta(days=1), "a", items, earlier_loans=1)
    assert (case.amount, case.bucket) == (408_032, "M2")
    assert case.products == {"card_refinance", "micro_loan"}
    assert case.history == {"returning", "on_time"}


@pytest.mark.parametrize(
    ("days", "bucket"), [(-3, "current"), (0, "current"), (1, "M1"), (30, "M1"), (31, "M2")]
)
def test_the_bucket_of_a_case(days: int, bucket: str) -> None:
    on = DUE[0] + timedelta(days=days)
    assert ladder.case(POLICY.delinquency, on, "a", [item()]).bucket == bucket


def test_what_was_planned_is_looked_up_by_number_and_date() -> None:
    state = ACCOUNT.state(DUE[0])
    assert len(ladder.still_unpaid(state, [(1, DUE[0])])) == 1
    assert ladder.still_unpaid(state, [(1, DUE[1]), (2, DUE[0]), (9, DUE[0])]) == []
    assert ladder.total(ladder.still_unpaid(state, [(1, DUE[0]), (2, DUE[1])])) == 816_054


def test_a_paid_off_loan_is_told_nothing() -> None:
    on = DUE[0] - timedelta(days=1)
    settled = paid(ACCOUNT.payoff(on).total, on, Mode.PAYOFF).state(on)
    assert settled.settled
    assert ladder.still_unpaid(settled, enumerate(DUE, start=1)) == []


@settings(max_examples=60)
@given(amount=st.integers(1, 1_300_000), days=st.integers(0, 100), look=st.integers(0, 120))
def test_told_exactly_when_something_is_missing(amount: int, days: int, look: int) -> None:
    """The date stored with the loan finds every installment of which something scheduled is missing."""
    account = paid(amount, ON + timedelta(days=days))
    state = account.state(ON + timedelta(days=max(days, look)))
    for number, due_on in enumerate(DUE, start=1):
        told = ladder.still_unpaid(state, [(number, due_on)])
        assert bool(told) == (state.installments[number - 1].outstanding > 0)
        if told and told[0].amount - told[0].paid > 0:
            assert state.unmet_on is not None
            assert state.unmet_on <= due_on


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"])
def test_sent_at_the_policys_hour_where_the_borrower_lives(zone: str) -> None:
    [begun] = [each for each in ladder.begun(POLICY.ladder, ON) if each.stage.name == "T-1"]
    instant = ladder.send_at(begun, ON, ZoneInfo(zone))
    assert instant.tzinfo is UTC
    assert instant.astimezone(ZoneInfo(zone)) == datetime(2026, 11, 22, 10, tzinfo=ZoneInfo(zone))
