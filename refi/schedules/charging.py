"""Debts that come on top of the plan: fees and penalties of a fixed amount, and money taken back."""

from __future__ import annotations

from datetime import date

from refi.schedules.allocation import Component, Part
from refi.schedules.book import Book, DueLater
from refi.schedules.contract_events import Charge, Chargeback
from refi.schedules.contract_state import Why
from refi.schedules.conventions import ChargebackIs, EarnedOn
from refi.schedules.rows import Row


def charge(book: Book, event: Charge) -> None:
    """Put a fee or a penalty on an installment; ignored when there is none such, or the loan is settled."""
    named = next((row for row in book.rows if row.number == event.installment), None)
    if not book.open:
        book.ignored[event.id] = book.ended
        return
    if named is None and event.installment is not None:
        book.ignored[event.id] = Why.NO_SUCH_INSTALLMENT
        return
    row = named or _current(book, event.due_on or event.on)
    _put(book, event.id, event.on, row, {event.component: event.amount})
    if event.due_on is not None:
        book.due_later.append(DueLater(event.due_on, row.number, event.component, event.amount))


def charge_back(book: Book, event: Chargeback) -> None:
    """Owe again what a receipt had paid; what it had paid too much is taken back first."""
    met = book.allocations.get(event.of)
    if met is None:
        book.ignored[event.id] = Why.NO_SUCH_RECEIPT
        return
    before = {component: book.taken_back.get((event.of, component), 0) for component in Component}
    left = sum(part.amount for part in met) + book.excess.get(event.of, 0) - sum(before.values())
    amount = left if event.amount is None else min(event.amount, left)
    unused = min(amount, book.excess.get(event.of, 0))
    book.excess[event.of] = book.excess.get(event.of, 0) - unused
    amount -= unused
    debts = {Component.PRINCIPAL: amount}
    if book.conventions.chargeback is ChargebackIs.AS_ALLOCATED:
        debts = {}
        for component in book.conventions.chargeback_order:
            pool = sum(part.amount for part in met if part.component is component)
            debts[component] = min(amount, pool - before[component])
            amount -= debts[component]
    for component, debt in debts.items():
        book.taken_back[event.of, component] = before[component] + debt
    if not any(debts.values()):
        return
    row = _after(book, event.on)
    if book.charged_off_on is not None:
        row.frozen_on = event.on
    elif book.settled_on is not None:
        row.thaw()
        if book.conventions.interest is EarnedOn.ACTUAL_BALANCE:
            for other in book.rows:
                other.frozen_on = None
    book.settled_on = None
    _put(book, event.id, event.on, row, debts)


def _put(book: Book, event_id: str, on: date, row: Row, debts: dict[Component, int]) -> None:
    row.accrue(on, book.penalty_rate)
    for component, amount in debts.items():
        row.put(component, amount)
        if component is Component.PRINCIPAL and amount:
            book.added.append((on, amount))
    parts = tuple(Part(row.number, component, amount) for component, amount in debts.items() if amount)
    book.charges[event_id] = parts


def _after(book: Book, on: date) -> Row:
    """The first installment due after the day; else the last one, if due on it, or one more beyond the plan.

    Whatever is taken back later still joins that one more, which falls due anew.
    """
    coming = [row for row in book.rows if row.due_on > on]
    if coming:
        return min(coming, key=lambda row: (row.due_on, row.number))
    beyond = book.rows[-1]
    if beyond.starts_on == beyond.ends_on:
        beyond.accrue(on, book.penalty_rate)
        beyond.starts_on = beyond.ends_on = beyond.due_on = on
    return _current(book, on)


def _current(book: Book, on: date) -> Row:
    """The next installment due, or one more that is due on the day."""
    coming = [row for row in book.rows if row.due_on >= on]
    if coming:
        return min(coming, key=lambda row: (row.due_on, row.number))
    row = Row(max(row.number for row in book.rows) + 1, on, on, 0, 0, 0, 0)
    book.rows.append(row)
    return row
