"""What a charge-off makes of the rows changes nothing that is owed, whatever came before it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refi.errors import Fault
from refi.schedules.allocation import Component
from refi.schedules.amortization import Terms
from refi.schedules.contract import (
    Charge,
    ChargeOff,
    Contract,
    Event,
    InvalidEvent,
    Receipt,
    Reversal,
    State,
    replay,
)
from refi.schedules.conventions import ChargedOffRows, named

START = date(2024, 1, 1)
RULES = tuple(rule.value for rule in ChargedOffRows)
days = st.integers(0, 220)
histories = st.lists(
    st.one_of(
        st.tuples(st.just("pay"), days, st.integers(1, 60_000)),
        st.tuples(st.just("fee"), days, st.integers(1, 2_000)),
        st.tuples(st.just("fine"), days, st.integers(1, 2_000)),
    ),
    max_size=6,
)


def happened(history: list[tuple[str, int, int]]) -> list[Event]:
    found: list[Event] = []
    for k, (kind, day, amount) in enumerate(history):
        on, key = START + timedelta(days=day), str(k)
        if kind == "pay":
            found.append(Receipt(key, on, amount))
        else:
            component = Component.FEE if kind == "fee" else Component.PENALTY
            found.append(Charge(key, on, amount, component, due_on=on + timedelta(days=amount % 90)))
    return found


def owed(state: State) -> dict[str, int]:
    return {name: getattr(state.balances, name) for name in ("principal", "interest", "fees", "penalties")}


@settings(max_examples=150, deadline=None)
@given(
    histories,
    days,
    st.sampled_from(RULES),
    st.sampled_from(["scheduled_balance", "actual_balance"]),
    st.sampled_from(["to_the_day", "to_the_next_due_date", "in_full"]),
    st.sampled_from(["next", "last", "evenly"]),
)
def test_the_rows_change_and_the_debt_does_not(
    history: list[tuple[str, int, int]], day: int, rule: str, interest: str, price: str, ahead: str
) -> None:
    events = happened(history)
    names = {"interest": interest, "charge_off": price, "ahead": ahead}
    terms, on = Terms(100_000, Decimal("0.12"), 6), START + timedelta(days=day)
    end = max([on, *(event.on for event in events)])
    plain, other = (
        Contract(terms, START, conventions=named({**names, "charged_off_rows": each}))
        for each in ("as_planned", rule)
    )
    off = ChargeOff("off", on)
    before, after = (replay(contract, [*events, off], on) for contract in (plain, other))
    assert owed(after) == owed(before)
    assert after.charged_off == before.charged_off
    assert sum(row.principal for row in after.installments) == 100_000
    assert all(
        row.principal >= 0
        and row.interest >= 0
        and row.fee >= 0
        and row.penalty >= 0
        and row.outstanding >= 0
        for row in after.installments
    )
    undone: list[Event] = [*events, off, Reversal("undo", end, "off")]
    assert replay(other, undone, end) == replay(other, events, end)


@pytest.mark.parametrize("rule", RULES)
def test_a_settled_loan_is_not_charged_off(rule: str) -> None:
    contract = Contract(
        Terms(100_000, Decimal("0.12"), 6), START, conventions=named({"charged_off_rows": rule})
    )
    events: list[Event] = [Receipt("all", START, 200_000), ChargeOff("off", START)]
    state = replay(contract, events, START)
    assert (tuple(state.ignored), state.charged_off_on, len(state.installments)) == (("off",), None, 6)


def test_a_charge_has_a_due_date_or_an_installment() -> None:
    contract = Contract(Terms(100_000, Decimal("0.12"), 6), START)
    with pytest.raises(InvalidEvent) as refused:
        replay(contract, [Charge("c", START, 5, Component.FEE, 1, START)], START)
    assert refused.value.faults == (Fault("/0/due_on", "contradicts_installment"),)
