"""Accounts as values: what is booked for receipts, and what changes when one comes or goes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from refi.ledger.entries import Kind
from refi.loans.account import Account
from refi.loans.booking import Booking, bookings, changed
from refi.schedules.amortization import Terms
from refi.schedules.contract import Contract, Mode, Receipt

CREDITED = date(2026, 11, 22)
TERMS = Terms(principal=1_200_000, annual_rate=Decimal("0.12"), installments=6)
FRESH = Account(Contract(TERMS, CREDITED))

receipts = st.lists(st.tuples(st.integers(0, 250), st.integers(1, 400_000)), min_size=1, max_size=8).map(
    lambda items: [
        Receipt(f"pay_{n:04d}", CREDITED + timedelta(days=days), amount, Mode.DUE)
        for n, (days, amount) in enumerate(items)
    ]
)


def account(items: list[Receipt]) -> Account:
    made = FRESH
    for item in items:
        made = made.with_event(item)
    return made


def money(made: Booking) -> Booking:
    """The lines that brought money, without what was credited from one debt to another."""
    return tuple(line for line in made if line.kind is Kind.REPAYMENT)


@settings(max_examples=150)
@given(receipts)
def test_every_receipt_is_booked_whole(items: list[Receipt]) -> None:
    booked = bookings(account(items))
    whole = {key: sum(line.split.total for line in money(made)) for key, made in booked.items()}
    assert {item.id: item.amount for item in items} == whole
    principal = sum(line.split.principal for made in booked.values() for line in made)
    last = max(item.on for item in items)
    assert TERMS.principal - principal == account(items).owed(last).principal >= 0
    assert account(items).payoff(last).total <= account(items).owed(last).total


@settings(max_examples=100)
@given(receipts, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(items: list[Receipt], random: object) -> None:
    mixed = list(items)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert bookings(account(items)) == bookings(account(mixed))


@settings(max_examples=100)
@given(receipts)
def test_taking_back_is_as_if_it_had_never_come(items: list[Receipt]) -> None:
    *others, last = items
    day = max(item.on for item in items)
    undone = account(items).undone(last.id, day)
    assert undone.receipts == account(others).receipts
    assert changed(bookings(account(others)), bookings(undone)) == []


def test_the_golden_installment() -> None:
    (paid,) = bookings(FRESH.with_event(Receipt("pay_1", date(2026, 12, 22), 207_058, Mode.DUE)))["pay_1"]
    assert (paid.split.principal, paid.split.interest) == (195_058, 12_000)


def test_only_what_changes_is_rebooked() -> None:
    first = FRESH.with_event(Receipt("pay_2", date(2026, 12, 22), 207_058, Mode.DUE))
    later = first.with_event(Receipt("pay_3", date(2027, 1, 22), 207_058, Mode.DUE))
    assert changed(bookings(first), bookings(later)) == ["pay_3"]
    backdated = later.with_event(Receipt("pay_1", date(2026, 12, 22), 100, Mode.DUE))
    assert "pay_1" in changed(bookings(later), bookings(backdated))
