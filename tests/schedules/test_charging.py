"""Debts on top of the plan: charges, and money taken back as a debt, to the minor unit."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from refi.schedules.allocation import Component, Part
from refi.schedules.amortization import Terms
from refi.schedules.contract import (
    Charge,
    Chargeback,
    ChargeOff,
    Contract,
    Event,
    Receipt,
    Reversal,
    State,
    payoff,
    replay,
)
from refi.schedules.conventions import named

PRINCIPAL, INTEREST = Component.PRINCIPAL, Component.INTEREST
FEE, PENALTY = Component.FEE, Component.PENALTY
PAYOUT = date(2026, 12, 10)
TERMS = Terms(1_200_000, Decimal("0.12"), 6)
FIRST, SECOND, LAST = date(2027, 1, 10), date(2027, 2, 10), date(2027, 6, 10)
NEW = Contract(TERMS, PAYOUT, conventions=named({"chargeback": "new_principal"}))
AS_MET = Contract(TERMS, PAYOUT, conventions=named({"chargeback": "as_allocated"}))
SMALL = Terms(10_000, Decimal("0.07"), 6)
JANUARY = date(2024, 1, 1)


def on_the_balance(chargeback: str, **conventions: str) -> Contract:
    names = {"interest": "actual_balance", "chargeback": chargeback, **conventions}
    return Contract(SMALL, JANUARY, penalty_multiple=Decimal(0), conventions=named(names))


def parts(number: int, *debts: tuple[Component, int]) -> tuple[Part, ...]:
    return tuple(Part(number, component, amount) for component, amount in debts)


def rows(state: State) -> list[tuple[int, int]]:
    return [(row.principal, row.interest) for row in state.installments]


def test_a_charge_is_told_by_its_id_and_lies_on_its_installment() -> None:
    events: list[Event] = [
        Charge("a", FIRST, 7),
        Charge("b", FIRST, 5, PENALTY),
        Charge("c", FIRST, 3, FEE, 6),
        Charge("d", FIRST, 2, FEE, 7),
        Charge("e", FIRST, 1, FEE, 0),
    ]
    state = replay(NEW, events, FIRST)
    assert state.charges == {
        "a": parts(1, (FEE, 7)), "b": parts(1, (PENALTY, 5)), "c": parts(6, (FEE, 3)),
    }  # fmt: skip
    assert tuple(state.ignored) == ("d", "e")
    assert [(row.fee, row.penalty) for row in state.installments] == [(7, 5), *[(0, 0)] * 4, (3, 0)]
    assert (state.balances.fees, state.balances.penalties) == (10, 5)


def test_a_charge_after_the_end_makes_one_more_installment_that_is_due() -> None:
    """10 June is the last due date; a charge of 11 June is an installment of nothing else, number 7."""
    late = date(2027, 6, 11)
    events: list[Event] = [Charge("fee", late, 40), Charge("more", late, 2, FEE)]
    state = replay(NEW, events, date(2027, 6, 30))
    row = state.installments[6]
    assert (row.number, row.due_date, row.principal, row.interest, row.fee) == (7, late, 0, 0, 42)
    assert (row.penalty, row.outstanding, row.balance_after) == (0, 42, 0)
    assert state.charges == {"fee": parts(7, (FEE, 40)), "more": parts(7, (FEE, 2))}
    assert sum(row.principal for row in state.installments) == 1_200_000
    quote = payoff(NEW, events, late)
    assert (quote.principal, quote.fees) == (1_200_000, 42)
    assert quote.per_diem == 592  # 18 % a year on all that was lent, and nothing else


def test_no_charge_is_put_on_a_loan_written_off() -> None:
    state = replay(NEW, [ChargeOff("off", FIRST), Charge("fee", FIRST, 40)], FIRST)
    assert (tuple(state.ignored), state.charges, state.balances.fees) == (("fee",), {}, 0)


@pytest.mark.parametrize(("on", "number"), [(FIRST, 2), (date(2027, 1, 11), 2), (SECOND, 3), (LAST, 6)])
def test_money_taken_back_is_due_after_the_day_or_on_the_last(on: date, number: int) -> None:
    events = [Receipt("one", FIRST, 207_058), Chargeback("back", on, "one", 58)]
    assert replay(NEW, events, on).charges == {"back": parts(number, (PRINCIPAL, 58))}


def test_money_taken_back_of_what_was_undone_is_ignored() -> None:
    events = [Receipt("one", FIRST, 9), Chargeback("back", SECOND, "one"), Reversal("undo", SECOND, "one")]
    state = replay(NEW, events, SECOND)
    assert (tuple(state.ignored), state.charges) == (("back",), {})


@pytest.mark.parametrize("contract", [NEW, AS_MET])
def test_all_of_the_money_is_what_was_not_taken_back_yet(contract: Contract) -> None:
    """Of 207,058 first 7,058 go, then all: 200,000. By their days, however they are listed."""
    paid = Receipt("one", FIRST, 207_058)
    some, rest = Chargeback("some", date(2027, 1, 12), "one", 7_058), Chargeback("rest", SECOND, "one")
    state = replay(contract, [paid, some, rest], SECOND)
    taken = {key: sum(part.amount for part in found) for key, found in state.charges.items()}
    assert taken == {"some": 7_058, "rest": 200_000}
    assert sum(row.amount - row.paid for row in state.installments) == 1_242_348
    early = Chargeback("rest", date(2027, 1, 11), "one")
    state = replay(contract, [paid, some, early], SECOND)
    taken = {key: sum(part.amount for part in found) for key, found in state.charges.items()}
    assert taken == {"rest": 207_058}


def test_money_taken_back_in_pieces_comes_from_the_components_in_turn() -> None:
    """1,500 met 700 of penalty, 40 of fee, 760 of interest; the pieces: 500, 300, 500 and what is left."""
    events: list[Event] = [
        Charge("fine", date(2027, 1, 5), 700, PENALTY), Charge("fee", date(2027, 1, 5), 40),
        Receipt("one", FIRST, 1_500), Receipt("two", FIRST, 800),
        Chargeback("a", FIRST, "one", 500), Chargeback("b", FIRST, "one", 300),
        Chargeback("c", FIRST, "one", 500), Chargeback("two back", FIRST, "two", 1),
        Chargeback("d", FIRST, "one"),
    ]  # fmt: skip
    assert replay(AS_MET, events, FIRST).charges == {
        "fine": parts(1, (PENALTY, 700)),
        "fee": parts(1, (FEE, 40)),
        "a": parts(2, (PENALTY, 500)),
        "b": parts(2, (PENALTY, 200), (FEE, 40), (INTEREST, 60)),
        "c": parts(2, (INTEREST, 500)),
        "two back": parts(2, (INTEREST, 1)),
        "d": parts(2, (INTEREST, 200)),
    }


@pytest.mark.parametrize("contract", [NEW, AS_MET])
def test_what_was_paid_too_much_is_taken_back_first(contract: Contract) -> None:
    """1,500,000 on the payout day leave 300,000 too much: 299,999 of it, then 3, then the rest."""
    paid = Receipt("all", PAYOUT, 1_500_000)
    first, second = Chargeback("a", PAYOUT, "all", 299_999), Chargeback("b", PAYOUT, "all", 3)
    state = replay(contract, [paid, first], PAYOUT)
    assert (state.excess, state.charges, state.settled) == ({"all": 1}, {}, True)
    state = replay(contract, [paid, first, second], PAYOUT)
    assert (state.excess, state.charges, state.settled) == (
        {"all": 0},
        {"b": parts(1, (PRINCIPAL, 2))},
        False,
    )
    state = replay(contract, [paid, first, second, Chargeback("c", PAYOUT, "all")], PAYOUT)
    assert (state.excess, state.charges["c"]) == ({"all": 0}, parts(1, (PRINCIPAL, 1_199_998)))
    state = replay(contract, [paid, Chargeback("c", PAYOUT, "all")], PAYOUT)
    assert (state.excess, state.charges["c"]) == ({"all": 0}, parts(1, (PRINCIPAL, 1_200_000)))


def test_a_charge_adds_nothing_to_the_balance_that_bears_interest() -> None:
    plan = [(1_643, 58), (1_652, 49), (1_662, 39), (1_672, 29), (1_681, 20), (1_690, 10)]
    contract = on_the_balance("new_principal")
    events: list[Event] = [Charge("fee", date(2024, 1, 5), 500), Charge("fine", date(2024, 1, 5), 9, PENALTY)]
    assert rows(replay(contract, events, date(2024, 1, 5))) == plan


def test_debts_put_on_an_installment_to_come_are_owed_in_full_from_the_day() -> None:
    """Two fees, 40 and 2; of 1,500 interest paid 500 and 300 go back; 2 of 31 days of 10,049 are 648."""
    day = date(2027, 1, 12)
    events: list[Event] = [
        Receipt("one", FIRST, 1_500),
        Charge("a", day, 40),
        Charge("b", day, 2),
        Chargeback("c", day, "one", 500),
        Chargeback("d", day, "one", 300),
    ]
    state = replay(AS_MET, events, day)
    assert (state.installments[1].fee, state.installments[1].interest) == (42, 10_849)
    assert (state.balances.fees, state.balances.interest) == (42, 10_500 + 800 + 648)


@pytest.mark.parametrize("contract", [NEW, AS_MET])
def test_money_taken_back_of_a_loan_written_off_is_owed_and_costs_nothing_more(contract: Contract) -> None:
    """All is paid after the charge-off; 5,000 go back, before and after the last due date."""
    for on in (date(2027, 2, 20), date(2027, 8, 1)):
        written_off = ChargeOff("off", date(2027, 1, 20))
        total = replay(contract, [written_off], on).balances.total
        events: list[Event] = [written_off, Receipt("all", on, total), Chargeback("back", on, "all", 5_000)]
        assert replay(contract, events[:2], on).settled
        for day in (on, date(2028, 1, 1)):
            state = replay(contract, events, day)
            assert (state.settled_on, state.balances.total) == (None, 5_000)
        paid = replay(contract, [*events, Receipt("again", date(2028, 1, 1), 5_007)], date(2028, 1, 1))
        assert (paid.settled_on, paid.excess["again"], paid.balances.total) == (date(2028, 1, 1), 7, 0)


def test_a_receipt_taken_back_in_pieces_down_to_nothing_never_was() -> None:
    ours = Contract(TERMS, PAYOUT)
    events: list[Event] = [Receipt("one", FIRST, 900), Chargeback("a", FIRST, "one", 400)]
    assert replay(ours, events, FIRST).allocations == {"one": parts(1, (INTEREST, 500))}
    state = replay(ours, [*events, Chargeback("b", FIRST, "one", 500)], FIRST)
    assert (state.allocations, state.excess, tuple(state.ignored), state.charges) == ({}, {}, (), {})
