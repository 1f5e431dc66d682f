"""An act that would change nothing says which argument it is, or what about the loan."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refi.loans.acts import NothingToChange
from refi.loans.modifications import outlook
from refi.schedules.allocation import Component
from refi.schedules.contract import (
    Deferral,
    DueDateChange,
    Event,
    Reage,
    Reamortization,
    Receipt,
    Waiver,
)
from tests.loans.test_account import CREDITED, FRESH

DUE = date(2026, 12, 22)
LATE = date(2027, 1, 10)
OVER = date(2027, 6, 1)
"""After the last of six installments has fallen due."""
PAID = FRESH.with_event(Receipt("first", DUE, 207_058))


def told(account: object, event: Event) -> list[tuple[str, str, str]]:
    with pytest.raises(NothingToChange) as refusal:
        outlook(account, event, event.on)  # type: ignore[arg-type]
    return [(fault.pointer, fault.code, refusal.value.detail) for fault in refusal.value.faults]


@pytest.mark.parametrize(
    ("event", "pointer", "code", "words"),
    [
        (DueDateChange("a", LATE, date(2026, 1, 5)), "/first_due_date", "in_the_past", "before 2027-01-10"),
        (DueDateChange("a", LATE, LATE), "/first_due_date", "too_early", "after 2027-01-10"),
        (DueDateChange("a", OVER, date(2027, 7, 1)), "/type", "nothing_to_come", "none is left"),
        (Deferral("a", OVER, 1), "/type", "nothing_to_come", "defer"),
        (Reamortization("a", OVER, 3), "/type", "nothing_to_come", "extend"),
        (Reage("a", DUE), "/type", "not_past_due", "past due, and this one is not"),
        (Reage("a", LATE, 6, date(2026, 12, 1)), "/first_due_date", "in_the_past", "before 2027-01-10"),
        (Reage("a", OVER, 6), "/first_due_date", "missing", "when the first is due"),
        (Reage("a", OVER, None, date(2027, 7, 1)), "/installments", "missing", "how many"),
        (Waiver("a", DUE, 100, Component.PENALTY), "/component", "nothing_owed", "no penalty"),
    ],
)
def test_nothing_to_change_is_explained(event: Event, pointer: str, code: str, words: str) -> None:
    [found] = told(FRESH, event)
    assert found[:2] == (pointer, code)
    assert words in found[2]


def test_a_due_date_before_the_installment_that_is_met() -> None:
    paid_ahead = PAID.with_event(Receipt("second", DUE, 207_058))
    [found] = told(paid_ahead, DueDateChange("a", date(2026, 12, 23), date(2027, 1, 22)))
    assert found[:2] == ("/first_due_date", "too_early")
    assert "due on 2027-01-22" in found[2]


def test_fewer_installments_than_money_has_met() -> None:
    met = FRESH.with_event(Waiver("third", CREDITED, 100, Component.INTEREST, 3))
    [found] = told(met, Reamortization("a", CREDITED + timedelta(days=1), 1))
    assert found[:2] == ("/installments", "too_few")


days = st.integers(0, 260).map(lambda days: CREDITED + timedelta(days=days))
agreed = st.one_of(
    st.builds(Deferral, st.just("a"), days, st.integers(1, 12)),
    st.builds(DueDateChange, st.just("a"), days, days),
    st.builds(Reage, st.just("a"), days, st.none() | st.integers(1, 12), st.none() | days),
    st.builds(Reamortization, st.just("a"), days, st.integers(1, 12)),
)
received = st.lists(st.tuples(days, st.integers(1, 400_000)), max_size=3)


@settings(max_examples=300)
@given(received, agreed)
def test_a_change_of_terms_always_has_an_explanation(money: list[tuple[date, int]], event: Event) -> None:
    account = FRESH
    for number, (on, amount) in enumerate(sorted(money)):
        if on <= event.on:
            account = account.with_event(Receipt(f"pay_{number}", on, amount))
    if not account.state(event.on).balances.total:
        return  # a loan that is paid off takes no change of terms
    named = "not refused"
    try:
        outlook(account, event, event.on)
    except NothingToChange as refusal:
        [fault] = refusal.faults
        named = fault.pointer
    allowed = {"not refused", "/type"}
    allowed |= {"/first_due_date"} if isinstance(event, DueDateChange | Reage) else set()
    allowed |= {"/installments"} if isinstance(event, Reage | Reamortization) else set()
    assert named in allowed
