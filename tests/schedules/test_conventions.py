"""Conventions by name: read, refused, and what each one does to a contract."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refi.errors import Fault
from refi.schedules import conventions
from refi.schedules.allocation import BY_LAW, MATRIX, Across, Ahead, Component, Order, matrix, order
from refi.schedules.amortization import Terms
from refi.schedules.contract import (
    Charge,
    Chargeback,
    ChargeOff,
    Contract,
    Deferral,
    DueDateChange,
    Event,
    InvalidEvent,
    Mode,
    Reage,
    Reamortization,
    Receipt,
    Reversal,
    Status,
    payoff,
    replay,
)
from refi.schedules.contract_state import Why
from refi.schedules.conventions import OURS, Conventions, InvalidConvention, PriceUntil

ON = date(2026, 12, 10)
TERMS = Terms(1_200_000, Decimal("0.12"), 6)


def test_nothing_named_is_ours() -> None:
    assert conventions.named({}) == OURS == Conventions()
    assert conventions.named({"order": "by_law"}) is conventions.named({"order": "by_law"})
    assert dict(matrix(OURS.order)) == dict(MATRIX)


def test_every_row_of_components_is_an_order_by_name() -> None:
    for components in itertools.permutations(Component):
        assert order("_".join(components)).components == components
    assert order("fee_penalty_interest_principal") == BY_LAW


def test_an_order_is_named_in_parts() -> None:
    found = conventions.named(
        {"order": "interest_principal_fee_penalty", "across": "components", "ahead": "last"}
    )
    assert found.order == Order(
        (Component.INTEREST, Component.PRINCIPAL, Component.FEE, Component.PENALTY),
        across=Across.COMPONENTS,
        ahead=Ahead.LAST,
    )


@pytest.mark.parametrize(
    ("names", "faults"),
    [
        ({"order": "fee_first"}, [("/order", "unknown")]),
        ({"order": "fee_fee_interest_principal"}, [("/order", "unknown")]),
        ({"order": ""}, [("/order", "unknown")]),
        ({"across": "loans"}, [("/across", "unknown")]),
        ({"order": "fee_first", "across": "loans"}, [("/across", "unknown"), ("/order", "unknown")]),
        ({"ahead": "NEXT", "colour": "red"}, [("/ahead", "unknown"), ("/colour", "unknown")]),
        ({"order": "principal_first", "ahead": "last"}, [("/across", "contradicts_in_advance")]),
    ],
)
def test_a_name_that_does_not_exist_is_refused(names: dict[str, str], faults: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidConvention) as refused:
        conventions.named(names)
    assert refused.value.faults == tuple(Fault(*fault) for fault in faults)


def test_a_contract_meets_debts_in_the_order_of_its_conventions() -> None:
    """207,058 a month; nine days late, 874 of penalty: the order decides what 10,500 meets."""
    events = [Receipt("one", date(2027, 1, 10), 207_058), Receipt("late", date(2027, 2, 19), 10_500)]
    ours = Contract(TERMS, ON)
    theirs = Contract(TERMS, ON, conventions=conventions.named({"order": "interest_principal_penalty_fee"}))
    found = [replay(kind, events, events[-1].on).allocations["late"] for kind in (ours, theirs)]
    assert [[(part.component.value, part.amount) for part in parts] for parts in found] == [
        [("penalty", 874), ("interest", 9_626)],
        [("interest", 10_049), ("principal", 451)],
    ]


def test_orders_by_kind_come_before_the_one_of_the_conventions() -> None:
    principal = Order((Component.PRINCIPAL,))
    contract = Contract(TERMS, ON, orders={**MATRIX, "due": principal}, conventions=OURS)
    assert contract.order("due") == principal
    assert Contract(TERMS, ON).order("recovery") == MATRIX["recovery"]


PAID = [Receipt("one", date(2027, 1, 10), 207_058)]
HALFWAY = date(2027, 1, 24)
"""14 of the 31 days of the second period: 10,049 of interest on 1,004,942 of principal."""


@pytest.mark.parametrize(
    ("early_payoff", "interest", "saved"),
    [
        (PriceUntil.TO_THE_DAY, 4_538, 25_810),
        (PriceUntil.TO_THE_NEXT_DUE_DATE, 10_049, 20_299),
        (PriceUntil.IN_FULL, 30_348, 0),
    ],
)
def test_an_early_payoff_owes_interest_by_the_convention(
    early_payoff: PriceUntil, interest: int, saved: int
) -> None:
    """42,348 of interest in all, 12,000 paid: 30,348 are to come."""
    contract = Contract(TERMS, ON, conventions=Conventions(early_payoff=early_payoff))
    quote = payoff(contract, PAID, HALFWAY)
    assert (quote.principal, quote.accrued_interest, quote.interest_saved) == (1_004_942, interest, saved)
    assert quote.per_diem == (324 if early_payoff is PriceUntil.TO_THE_DAY else 0)
    short = replay(contract, [*PAID, Receipt("all", HALFWAY, quote.total - 1)], HALFWAY)
    settled = replay(contract, [*PAID, Receipt("all", HALFWAY, quote.total + 7)], HALFWAY)
    assert (short.settled, settled.settled, settled.excess["all"]) == (False, True, 7)
    assert sum(part.amount for part in settled.allocations["all"]) == quote.total
    assert payoff(contract, PAID, date(2027, 1, 10)).accrued_interest == (
        30_348 if early_payoff is PriceUntil.IN_FULL else 0
    )


@pytest.mark.parametrize(("rule", "interest"), [(PriceUntil.TO_THE_DAY, 4_538), (PriceUntil.IN_FULL, 30_348)])
def test_a_charge_off_leaves_interest_by_the_convention(rule: PriceUntil, interest: int) -> None:
    contract = Contract(TERMS, ON, conventions=Conventions(charge_off=rule))
    state = replay(contract, [*PAID, ChargeOff("off", HALFWAY)], HALFWAY)
    assert state.charged_off is not None
    assert (state.charged_off.principal, state.charged_off.interest) == (1_004_942, interest)
    assert replay(contract, [*PAID, ChargeOff("off", HALFWAY)], date(2028, 1, 1)).balances == state.balances


def test_money_taken_back_was_never_received() -> None:
    """All of it, a part of it, and the taking back taken back."""
    contract = Contract(TERMS, ON)
    on = date(2027, 1, 20)
    back = Chargeback("back", on, "one")
    assert replay(contract, [*PAID, back], on).balances == replay(contract, [], on).balances
    part = replay(contract, [*PAID, Chargeback("part", on, "one", 7_058)], on)
    assert part.allocations == replay(contract, [Receipt("one", date(2027, 1, 10), 200_000)], on).allocations
    again = replay(contract, [*PAID, back, Reversal("undo", on, "back")], on)
    assert again.balances == replay(contract, PAID, on).balances


@pytest.mark.parametrize(
    ("kind", "second", "interest"), [("new_principal", 404_067, 10_049), ("as_allocated", 392_067, 22_049)]
)
def test_money_taken_back_is_a_debt_of_the_next_installment(kind: str, second: int, interest: int) -> None:
    """207,058 of the first installment: 195,058 principal and 12,000 interest join 197,009 and 10,049."""
    contract = Contract(TERMS, ON, conventions=conventions.named({"chargeback": kind}))
    on = date(2027, 1, 20)
    state = replay(contract, [*PAID, Chargeback("back", on, "one")], on)
    row = state.installments[1]
    assert (row.principal, row.interest, row.status) == (second, interest, Status.UPCOMING)
    assert state.installments[0].status is Status.PAID
    assert sum(part.amount for part in state.charges["back"]) == 207_058
    late = replay(contract, [*PAID, Chargeback("back", date(2027, 8, 1), "one")], date(2027, 8, 1))
    assert (late.installments[-1].number, late.installments[-1].due_date) == (7, date(2027, 8, 1))


@pytest.mark.parametrize(
    ("kind", "first", "rest"),
    [
        ("new_principal", [57_058], [150_000]),
        ("as_allocated", [12_000, 45_058], [150_000]),  # interest before principal
    ],
)
def test_what_was_left_of_a_receipt_is_taken_back(kind: str, first: list[int], rest: list[int]) -> None:
    """A chargeback of no amount takes what an earlier one left: 207,058 in all, not more."""
    contract = Contract(TERMS, ON, conventions=conventions.named({"chargeback": kind}))
    on = date(2027, 1, 20)
    events: list[Event] = [*PAID, Chargeback("part", on, "one", 57_058), Chargeback("rest", on, "one")]
    state = replay(contract, events, on)
    assert [part.amount for part in state.charges["part"]] == first
    assert [part.amount for part in state.charges["rest"]] == rest
    assert state.installments[1].outstanding == 2 * 207_058


@pytest.mark.parametrize("kind", ["never_received", "new_principal", "as_allocated"])
def test_money_given_back_again_can_be_taken_back_again(kind: str) -> None:
    """A chargeback that was reversed leaves the receipt whole; one reversed in vain does not."""
    contract = Contract(TERMS, ON, conventions=conventions.named({"chargeback": kind}))
    on = date(2027, 1, 20)
    undone: list[Event] = [*PAID, Chargeback("back", on, "one"), Reversal("undo", on, "back")]
    again = Chargeback("again", on, "one")
    assert replay(contract, [*undone, again], on).balances == replay(contract, [*PAID, again], on).balances
    with pytest.raises(InvalidEvent) as refused:
        replay(contract, [*undone, Reversal("redo", on, "undo"), again], on)
    assert refused.value.faults == (Fault("/4/amount", "out_of_range"),)


def test_a_loan_that_was_settled_owes_what_is_taken_back() -> None:
    contract = Contract(TERMS, ON, conventions=conventions.named({"chargeback": "as_allocated"}))
    events: list[Event] = [
        *PAID,
        Receipt("all", HALFWAY, 1_009_480),
        Chargeback("back", date(2027, 2, 1), "all"),
    ]
    assert replay(contract, events, HALFWAY).settled
    state = replay(contract, events, date(2027, 2, 20))
    assert not state.settled
    assert (state.balances.principal, state.balances.interest) == (1_004_942, 4_538)
    assert (state.days_past_due, state.balances.penalties) == (10, 4_956)  # 18 % a year on the principal
    again = replay(
        contract, [*events, Receipt("more", date(2027, 2, 20), state.balances.total)], date(2027, 3, 1)
    )
    assert (again.settled, again.balances.total) == (True, 0)


def test_charges_are_owed_at_once_on_the_next_installment() -> None:
    contract = Contract(TERMS, ON)
    events: list[Event] = [
        *PAID,
        Charge("fee", HALFWAY, 2_000),
        Charge("fine", HALFWAY, 300, Component.PENALTY, 4),
    ]
    state = replay(contract, events, HALFWAY)
    assert [(row.fee, row.penalty) for row in state.installments] == [
        (0, 0), (2_000, 0), (0, 0), (0, 300), (0, 0), (0, 0),
    ]  # fmt: skip
    assert (state.balances.fees, state.balances.penalties) == (2_000, 300)
    assert state.balances.total == 1_004_942 + 4_538 + 2_300
    settled = replay(contract, [*events, Receipt("all", HALFWAY, state.balances.total)], HALFWAY)
    assert settled.settled
    late = [*events, Receipt("all", HALFWAY, 2_000_000), Charge("x", HALFWAY, 1)]
    assert replay(contract, late, HALFWAY).ignored == {"x": Why.SETTLED}


@pytest.mark.parametrize(
    ("kind", "interest"), [("equal_payable_interest", 10_049 + 2_885), ("equal_full_interest", 30_348)]
)
def test_a_loan_is_re_aged_in_equal_parts(kind: str, interest: int) -> None:
    """On 20 February 10,049 is overdue, and 10 of 28 days of 8,079 are earned: 2,885."""
    contract = Contract(
        TERMS, ON, penalty_multiple=Decimal(0), conventions=conventions.named({"re_age": kind})
    )
    on = date(2027, 2, 20)
    aged = Reage("aged", on, 4, date(2027, 3, 1))
    state = replay(contract, [*PAID, aged], on)
    rows = state.installments[2:]
    assert [row.due_date for row in rows] == [date(2027, month, 1) for month in (3, 4, 5, 6)]
    assert sum(row.principal for row in rows) == 1_004_942
    assert sum(row.interest for row in rows) == interest
    assert max(row.principal for row in rows) - min(row.principal for row in rows) <= 3
    assert (state.days_past_due, state.balances.interest) == (0, interest)
    later = replay(contract, [*PAID, aged], date(2027, 2, 28))
    assert later.balances == state.balances


def test_overdue_principal_bears_interest_on_the_actual_balance_or_stands_still() -> None:
    small = Terms(10_000, Decimal("0.07"), 6)
    on = date(2024, 3, 1)
    found = [
        replay(
            Contract(
                small, date(2024, 1, 1), penalty_multiple=Decimal(0),
                conventions=conventions.named({"interest": "actual_balance", "past_due_interest": choice}),
            ),
            [], on,
        ).installments[1].interest
        for choice in ("accrues", "stands_still")
    ]  # fmt: skip
    assert found == [58, 49]


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        (Deferral("e", HALFWAY, 1), "/0/type"),
        (DueDateChange("e", HALFWAY, date(2027, 2, 20)), "/0/type"),
        (Reamortization("e", HALFWAY, 3), "/0/installments"),
        (Receipt("e", HALFWAY, 1, Mode.PREPAY_LOWER), "/0/mode"),
    ],
)
def test_what_the_actual_balance_has_no_rule_for_is_refused(event: Event, pointer: str) -> None:
    contract = Contract(TERMS, ON, conventions=conventions.named({"interest": "actual_balance"}))
    with pytest.raises(InvalidEvent) as refused:
        replay(contract, [event], HALFWAY)
    assert refused.value.faults == (Fault(pointer, "not_with_actual_balance"),)


@pytest.mark.parametrize(
    ("events", "pointer", "code"),
    [
        ([Chargeback("b", HALFWAY, "nobody")], "/0/of", "unknown"),
        ([*PAID, Chargeback("b", HALFWAY, "one", 207_059)], "/1/amount", "out_of_range"),
        (
            [*PAID, Chargeback("b", HALFWAY, "one"), Chargeback("c", HALFWAY, "one", 1)],
            "/2/amount",
            "out_of_range",
        ),
        ([Charge("c", HALFWAY, 5, Component.PRINCIPAL)], "/0/component", "unknown"),
        ([Charge("c", HALFWAY, 0)], "/0/amount", "out_of_range"),
    ],
)
def test_charges_and_chargebacks_that_cannot_be(events: list[Event], pointer: str, code: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        replay(Contract(TERMS, ON), events, HALFWAY)
    assert refused.value.faults == (Fault(pointer, code),)


amounts = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60_000)), max_size=8).map(
    lambda items: [Receipt(str(k), date(2024, 1, 1) + timedelta(days=d), a) for k, (d, a) in enumerate(items)]
)


@settings(max_examples=150, deadline=None)
@given(
    amounts,
    st.sampled_from(["next", "last", "evenly"]),
    st.sampled_from(["accrues", "stands_still"]),
    st.integers(0, 220),
)
def test_interest_on_the_actual_balance_keeps_its_promises(
    paid: list[Receipt], ahead: str, past_due: str, days: int
) -> None:
    """Principal adds up, money adds up, nothing is negative, and the payoff settles on every day."""
    names = {"interest": "actual_balance", "ahead": ahead, "past_due_interest": past_due}
    contract = Contract(
        Terms(100_000, Decimal("0.12"), 6), date(2024, 1, 1),
        penalty_multiple=Decimal(0), conventions=conventions.named(names),
    )  # fmt: skip
    on = max([date(2024, 1, 1) + timedelta(days=days), *(receipt.on for receipt in paid)])
    state = replay(contract, paid, on)
    assert sum(row.principal for row in state.installments) == 100_000
    assert all(
        row.outstanding >= 0 and row.interest >= 0 and row.principal >= 0 for row in state.installments
    )
    for receipt in paid:
        met = sum(part.amount for part in state.allocations[receipt.id])
        assert met + state.excess[receipt.id] == receipt.amount
    quote = payoff(contract, paid, on)
    assert quote.total == state.balances.total
    if quote.total:
        settled = replay(contract, [*paid, Receipt("all", on, quote.total)], on)
        assert (settled.settled, settled.excess["all"], settled.balances.total) == (True, 0, 0)
