"""Who may hear of a micro-loan: every obstacle is named, and on time means by the due date."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from refi import policies
from refi.cards.revolving import Habit, Segment
from refi.crosssell import eligibility, segments
from refi.crosssell.eligibility import Standing, obstacles, paid_on_time
from refi.loans.account import Account
from refi.schedules.amortization import Terms
from refi.schedules.contract import Contract, Mode, Receipt

POLICY = policies.load("cn")
MICRO, CONTACT = POLICY.crosssell.micro_loan, POLICY.contact
ON = date(2026, 11, 22)
ACCOUNT = Account(Contract(Terms(principal=1_200_000, annual_rate=Decimal("0.12"), installments=6), ON))
DUE = [item.due_date for item in ACCOUNT.state(ON).installments]
LEVEL = ACCOUNT.state(ON).installments[0].amount
FINE = Standing(
    consents=frozenset({"marketing"}),
    segment=Segment.PERSISTENT_REVOLVER,
    on_time=3,
    loan_in_good_standing=True,
)


def test_everything_in_order() -> None:
    assert obstacles(MICRO, CONTACT, FINE) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"consents": frozenset({"contact"})}, "consent_missing"),
        ({"segment": Segment.TRANSACTOR}, "not_a_revolver"),
        ({"segment": Segment.UNKNOWN}, "not_a_revolver"),
        ({"on_time": 2}, "too_few_on_time_installments"),
        ({"loan_in_good_standing": False}, "loan_not_in_good_standing"),
        ({"stops": frozenset({"past_due"})}, "past_due"),
        ({"stops": frozenset({"hardship"})}, "hardship"),
        ({"stops": frozenset({"dispute"})}, "dispute"),
        ({"stops": frozenset({"legal"})}, "legal"),
        ({"suggested": True}, "already_suggested"),
    ],
)
def test_each_obstacle_stands_alone(change: dict[str, object], named: str) -> None:
    assert obstacles(MICRO, CONTACT, replace(FINE, **change)) == [named]  # type: ignore[arg-type]


def test_all_obstacles_are_named() -> None:
    nobody = Standing(
        frozenset(), Segment.INACTIVE, 0, loan_in_good_standing=False, stops=frozenset({"past_due"})
    )
    assert len(obstacles(MICRO, CONTACT, nobody)) == 5


def pays(*payments: tuple[int, date], mode: Mode = Mode.DUE) -> Account:
    account = ACCOUNT
    for number, (amount, on) in enumerate(payments):
        account = account.with_event(Receipt(f"pay_{number}", on, amount, mode))
    return account


def test_on_time_is_by_the_due_date() -> None:
    on_time = pays((LEVEL, DUE[0]), (LEVEL, DUE[1]), (LEVEL, DUE[2] - timedelta(days=5)))
    assert paid_on_time(on_time, DUE[2] - timedelta(days=5)) == 3
    assert paid_on_time(on_time, DUE[1]) == 2
    late = pays((LEVEL, DUE[0]), (LEVEL + 1_000, DUE[1] + timedelta(days=1)), (LEVEL, DUE[2]))
    assert paid_on_time(late, DUE[2]) == 2
    part = pays((LEVEL, DUE[0]), (LEVEL - 1, DUE[1]), (LEVEL, DUE[2]))
    assert paid_on_time(part, DUE[1]) == 1


def test_a_reversed_payment_was_not_made() -> None:
    account = pays((LEVEL, DUE[0]), (LEVEL, DUE[1]), (LEVEL, DUE[2]))
    assert paid_on_time(account.undone("pay_1", DUE[1]), DUE[2]) == 1


def test_repaying_early_does_not_make_three_installments() -> None:
    early = pays((LEVEL, DUE[0]), (1_000_000, DUE[0]), mode=Mode.PREPAY_SHORTEN)
    assert paid_on_time(early, DUE[0]) < 3


def test_the_latest_loan_counts() -> None:
    worst = eligibility.worst_days_past_due([pays((LEVEL, DUE[0])), ACCOUNT], DUE[0] + timedelta(days=4))
    assert worst == 4
    assert eligibility.worst_days_past_due([], ON) == 0


def test_who_revolves_on_one_card_revolves() -> None:
    habits = [Habit(Segment.TRANSACTOR, 0, 5), Habit(Segment.PERSISTENT_REVOLVER, 4, 5)]
    assert segments.of_borrower(habits) is Segment.PERSISTENT_REVOLVER
    assert segments.of_borrower([]) is Segment.UNKNOWN
    assert set(segments.WEIGHT) == set(Segment)
