"""What must hold for any history of a contract, drawn at random."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from refi.schedules.allocation import Component, total
from refi.schedules.amortization import Method, Terms
from refi.schedules.contract import (
    ChargeOff,
    Contract,
    Deferral,
    DueDateChange,
    Event,
    Mode,
    Reage,
    Reamortization,
    Receipt,
    Recovery,
    Reversal,
    State,
    Waiver,
    corrections,
    payoff,
    replay,
)
from refi.schedules.day_count import DayCount

CONTRACTS = st.builds(
    Contract,
    terms=st.builds(
        Terms,
        principal=st.integers(1_000, 10**8),
        annual_rate=st.decimals(0, Decimal("0.36"), places=4),
        installments=st.integers(1, 12),
        method=st.sampled_from([Method.EQUAL_INSTALLMENT, Method.EQUAL_PRINCIPAL, Method.FLAT_FEE]),
        monthly_fee_rate=st.sampled_from([Decimal(0), Decimal("0.0066")]),
        day_count=st.sampled_from(DayCount),
    ),
    disbursed_on=st.dates(date(2026, 1, 1), date(2028, 12, 31)),
)


def _event(draw: st.DrawFn, contract: Contract, number: int, on: date) -> Event:
    name, most = f"e{number}", contract.terms.principal
    amount = max(1, most * draw(st.integers(1, 700)) // 1000)
    kind = draw(st.integers(0, 13))
    if kind == 7:
        target = draw(st.sampled_from([None, 1, 2, contract.terms.installments]))
        return Waiver(name, on, amount, draw(st.sampled_from(Component)), target)
    if kind == 8:
        return ChargeOff(name, on)
    if kind == 9:
        return Recovery(name, on, amount)
    if kind == 10:
        return Deferral(name, on, draw(st.integers(1, 3)), draw(st.booleans()))
    if kind == 11:
        return DueDateChange(name, on, on + timedelta(days=draw(st.integers(-5, 45))))
    if kind == 12:
        first = draw(st.sampled_from([None, on + timedelta(days=20)]))
        return Reage(name, on, draw(st.sampled_from([None, 1, 5, 12])), first)
    if kind == 13:
        rate = draw(st.sampled_from([None, Decimal("0.06"), Decimal(0)]))
        return Reamortization(name, on, draw(st.sampled_from([None, 1, 9])), rate)
    return Receipt(name, on, amount, draw(st.sampled_from(Mode)))


@st.composite
def histories(draw: st.DrawFn) -> tuple[Contract, list[Event], date]:
    contract = draw(CONTRACTS)
    span = 31 * (contract.terms.installments + 3)
    days = draw(st.lists(st.integers(0, span), max_size=7))
    start = contract.disbursed_on
    events = [_event(draw, contract, k, start + timedelta(days=day)) for k, day in enumerate(days)]
    for k in range(draw(st.integers(0, 2)) if events else 0):
        target = draw(st.sampled_from(events))
        events.append(Reversal(f"undo{k}", target.on + timedelta(days=draw(st.integers(0, 40))), target.id))
    return contract, events, start + timedelta(days=draw(st.integers(0, span)))


def _check_sums(contract: Contract, events: list[Event], state: State) -> None:
    assert (
        state.prepaid_principal + sum(row.principal for row in state.installments) == contract.terms.principal
    )
    for event in events:
        if event.id in state.allocations and isinstance(event, Receipt | Recovery):
            assert total(state.allocations[event.id]) + state.excess[event.id] == event.amount
    for parts in state.allocations.values():
        assert all(part.amount > 0 for part in parts)
    for parts in state.rebate_parts.values():
        assert sum(part.amount for part in parts) == 0
    _check_components(state)


def _check_components(state: State) -> None:
    """Per component: what the events say they paid is what the installments say was paid."""
    moves = [*state.allocations.values(), *state.rebate_parts.values()]
    for component in Component:
        moved = sum(total(parts, component) for parts in moves)
        ahead = state.prepaid_principal if component is Component.PRINCIPAL else 0
        assert moved == ahead + sum(getattr(row.paid_by, component) for row in state.installments)


@given(histories())
def test_nothing_is_lost_whatever_happens(history: tuple[Contract, list[Event], date]) -> None:
    contract, events, on = history
    state = replay(contract, events, on)
    quote = payoff(contract, events, on)
    balances = state.balances
    _check_sums(contract, events, state)
    assert balances.total == quote.total
    assert quote.total == quote.principal + quote.accrued_interest + quote.fees + quote.penalties
    assert (
        min(quote.principal, quote.accrued_interest, quote.fees, quote.penalties, quote.interest_saved) >= 0
    )
    assert state.settled == (balances.total == 0)
    assert all(
        row.outstanding >= 0 and row.principal >= 0 and row.interest >= 0 for row in state.installments
    )
    assert balances.past_due >= 0
    if state.charged_off_on is None:
        assert (state.days_past_due > 0) == (balances.past_due > 0)
    assert all(row.outstanding >= 0 and min(row.paid_by) >= 0 for row in state.installments)
    if state.settled:
        assert all(row.outstanding == 0 for row in state.installments)


@given(histories())
def test_paying_the_payoff_settles_and_a_cent_less_does_not(
    history: tuple[Contract, list[Event], date],
) -> None:
    contract, events, on = history
    due = payoff(contract, events, on).total
    known = [event for event in events if event.on <= on]
    if due == 0:
        return
    done = replay(contract, [*known, Receipt("end", on, due, Mode.PAYOFF)], on)
    assert done.settled
    assert done.excess["end"] == 0
    _check_sums(contract, [*known, Receipt("end", on, due, Mode.PAYOFF)], done)
    if due > 1:
        almost = replay(contract, [*known, Receipt("end", on, due - 1, Mode.DUE)], on)
        assert not almost.settled
        assert almost.balances.total == 1


@given(CONTRACTS)
def test_payoff_on_a_due_date_equals_the_schedule_and_rises_within_a_period(contract: Contract) -> None:
    rows = replay(contract, [], contract.disbursed_on).installments
    events: list[Event] = []
    for row in rows:
        assert payoff(contract, events, row.due_date).total == row.amount + row.balance_after
        if row.amount:
            events.append(Receipt(str(row.number), row.due_date, row.amount))
    day, last = contract.disbursed_on, rows[0].due_date
    quotes = [payoff(contract, [], day + timedelta(days=k)) for k in range((last - day).days + 1)]
    assert all(a.total <= b.total for a, b in pairwise(quotes))
    assert all(q.accrued_interest + q.interest_saved == sum(r.interest for r in rows) for q in quotes)
    assert quotes[0].total == contract.terms.principal


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_posting_does_not_matter_across_days(
    history: tuple[Contract, list[Event], date], random: object
) -> None:
    contract, events, on = history
    lasting = [event for event in events if not isinstance(event, Reversal)]
    if len({event.on for event in lasting}) < len(lasting):
        return
    shuffled = list(lasting)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert replay(contract, shuffled, on) == replay(contract, lasting, on)


@given(histories(), st.data())
def test_reversing_an_event_is_as_if_it_never_was(
    history: tuple[Contract, list[Event], date], data: st.DataObject
) -> None:
    contract, events, on = history
    receipts: list[Event] = [e for e in events if not isinstance(e, Reversal) and e.on <= on]
    if not receipts:
        return
    target = data.draw(st.sampled_from(receipts))
    without = [event for event in receipts if event is not target]
    with_it = [*receipts, Reversal("undo", on, target.id)]
    before, after = replay(contract, receipts, on), replay(contract, with_it, on)
    assert after == replay(contract, without, on)
    booked = corrections(before, after)
    for event_id, correction in booked.items():
        merged: dict[tuple[int, Component], int] = {}
        for part in (*before.allocations.get(event_id, ()), *correction.parts):
            key = (part.installment, part.component)
            merged[key] = merged.get(key, 0) + part.amount
        after_parts: dict[tuple[int, Component], int] = {}
        for part in after.allocations.get(event_id, ()):
            key = (part.installment, part.component)
            after_parts[key] = after_parts.get(key, 0) + part.amount
        assert {k: v for k, v in merged.items() if v} == after_parts


@given(CONTRACTS, st.integers(0, 400), st.lists(st.integers(1, 900), min_size=2, max_size=4), st.data())
def test_receipts_of_one_day_commute_in_what_is_owed(
    contract: Contract, day: int, shares: list[int], data: st.DataObject
) -> None:
    on = contract.disbursed_on + timedelta(days=day)
    amounts = [max(1, contract.terms.principal * share // 1000) for share in shares]
    receipts: list[Event] = [Receipt(str(k), on, amount) for k, amount in enumerate(amounts)]
    other = data.draw(st.permutations(receipts))
    later = on + timedelta(days=data.draw(st.integers(0, 60)))
    first, second = replay(contract, receipts, later), replay(contract, other, later)
    assert first.balances == second.balances
    assert first.installments == second.installments
    assert sum(first.excess.values()) == sum(second.excess.values())
