"""Re-ageing on the actual balance: what it must keep, whatever came before and comes after it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refi.schedules.allocation import Component
from refi.schedules.amortization import Terms
from refi.schedules.contract import (
    Charge,
    Chargeback,
    Contract,
    Event,
    Reage,
    Receipt,
    Reversal,
    State,
    payoff,
    replay,
)
from refi.schedules.contract_state import Why
from refi.schedules.conventions import named
from refi.schedules.day_count import DayCount
from refi.schedules.periods import Period

START = date(2024, 1, 1)
TERMS = Terms(100_000, Decimal("0.12"), 6)


def contract(**changes: str) -> Contract:
    names = {"interest": "actual_balance", "chargeback": "as_allocated", **changes}
    return Contract(TERMS, START, penalty_multiple=Decimal(0), conventions=named(names))


def rows(state: State) -> list[tuple[str, int, int]]:
    return [(f"{row.due_date:%m-%d}", row.principal, row.interest) for row in state.installments]


def test_a_loan_that_is_not_late_is_not_re_aged() -> None:
    assert replay(contract(), [Reage("r", START)], START).ignored == {"r": Why.NOT_PAST_DUE}


def test_on_a_due_date_there_is_no_installment_under_way() -> None:
    """On 1 March one is overdue and one due: both are empty, and their 10.00 each come with the next."""
    on = date(2024, 3, 1)
    found = rows(replay(contract(), [Reage("r", on, 2, date(2024, 4, 1))], on))
    assert found[:2] == [("02-01", 0, 0), ("03-01", 0, 0)]
    assert [(due, interest) for due, _, interest in found[2:]] == [("04-01", 3_000), ("05-01", 512)]


def test_days_beyond_a_period_are_parts_of_it() -> None:
    """From 1 March to 16 April: 46 days of the 31 from 16 March on, a month's interest; 1,000 for each."""
    on = date(2024, 3, 1)
    found = replay(contract(), [Reage("r", on, 1, date(2024, 4, 16))], on).installments
    assert found[-1].interest == 2_000 + round(Decimal(1_000) * 46 / 31)


def test_new_installments_may_be_weeks_apart() -> None:
    on = date(2024, 2, 10)
    found = replay(contract(), [Reage("r", on, 3, date(2024, 2, 17), Period(days=7))], on)
    assert [f"{row.due_date:%m-%d}" for row in found.installments] == [
        "02-01", "02-10", "02-17", "02-24", "03-02",
    ]  # fmt: skip


def test_fees_of_the_past_stay_due_and_those_to_come_come_with_the_next() -> None:
    on = date(2024, 2, 10)
    events: list[Event] = [
        Charge("late", START, 700, Component.FEE, 1),
        Charge("coming", START, 500, Component.FEE, 4),
        Charge("fine", START, 300, Component.PENALTY, 5),
        Reage("r", on, 3, date(2024, 3, 1)),
    ]
    found = replay(contract(), events, on)
    assert [(row.fee, row.penalty) for row in found.installments] == [
        (700, 0), (0, 0), (500, 300), (0, 0), (0, 0),
    ]  # fmt: skip
    assert (found.balances.fees, found.balances.penalties, found.days_past_due) == (1_200, 300, 9)


days = st.integers(0, 220)
money = st.lists(st.tuples(days, st.integers(1, 60_000)), max_size=5)


@settings(max_examples=200, deadline=None)
@given(
    money,
    days,
    st.one_of(st.none(), st.tuples(st.integers(1, 8), st.integers(1, 70))),
    st.sampled_from(["next", "last", "evenly"]),
    st.sampled_from(["accrues", "stands_still"]),
    st.sampled_from(list(DayCount)),
    st.booleans(),
    days,
)
def test_a_re_aged_loan_keeps_its_promises(
    paid: list[tuple[int, int]],
    day: int,
    anew: tuple[int, int] | None,
    ahead: str,
    past_due: str,
    kind: DayCount,
    back: bool,
    later: int,
) -> None:
    """Principal adds up, nothing is negative, the debt stays, the payoff settles, a reversal undoes."""
    agreement = Contract(
        Terms(100_000, Decimal("0.12"), 6, day_count=kind), START, penalty_multiple=Decimal(0),
        conventions=named({"interest": "actual_balance", "ahead": ahead, "past_due_interest": past_due,
                           "chargeback": "as_allocated"}),
    )  # fmt: skip
    on = START + timedelta(days=day)
    events: list[Event] = [Receipt(str(k), START + timedelta(days=d), a) for k, (d, a) in enumerate(paid)]
    if back and paid:
        events.append(Chargeback("back", events[0].on, "0", (paid[0][1] + 1) // 2))
    aged = Reage("r", on) if anew is None else Reage("r", on, anew[0], on + timedelta(days=anew[1]))
    end = max([START + timedelta(days=later), on, *(event.on for event in events)])
    before, after = replay(agreement, events, on), replay(agreement, [*events, aged], on)
    assert after.balances.principal == before.balances.principal
    assert abs(after.balances.interest - before.balances.interest) <= 1
    state = replay(agreement, [*events, aged], end)
    added = sum(
        part.amount for part in state.charges.get("back", ()) if part.component is Component.PRINCIPAL
    )
    assert sum(row.principal for row in state.installments) == 100_000 + added
    assert all(
        row.outstanding >= 0 and row.interest >= 0 and row.principal >= 0 for row in state.installments
    )
    quote = payoff(agreement, [*events, aged], end)
    assert quote.total == state.balances.total
    if quote.total:
        settled = replay(agreement, [*events, aged, Receipt("all", end, quote.total)], end)
        assert (settled.settled, settled.excess["all"], settled.balances.total) == (True, 0, 0)
    assert replay(agreement, [*events, aged, Reversal("no", end, "r")], end) == replay(agreement, events, end)


@pytest.mark.parametrize("days_later", [0, 40, 200])
def test_a_loan_re_aged_twice_adds_up(days_later: int) -> None:
    first, second = date(2024, 2, 10), date(2024, 4, 5)
    events: list[Event] = [Reage("a", first, 6, date(2024, 3, 1)), Reage("b", second, 4, date(2024, 5, 1))]
    state = replay(contract(), events, second + timedelta(days=days_later))
    assert not state.ignored
    assert sum(row.principal for row in state.installments) == 100_000
    assert [row.number for row in state.installments] == list(range(1, len(state.installments) + 1))
