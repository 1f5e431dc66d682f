"""A loan written off: what is owed stays, and the installments to come are shown as the convention says."""

from __future__ import annotations

from refi.schedules.allocation import Component
from refi.schedules.book import Book
from refi.schedules.contract_events import ChargeOff
from refi.schedules.conventions import ChargedOffRows
from refi.schedules.rows import Row


def charge_off(book: Book, event: ChargeOff) -> None:
    """Write the loan off and arrange the installments that are not past by the contract's convention."""
    coming = [row for row in book.rows if row.due_on >= event.on]
    sizes = {row.number: row.principal + row.interest for row in coming}
    book.charge_off(event.id, event.on)
    if event.id in book.ignored or not coming:
        return
    rule = book.conventions.charged_off_rows
    if rule is ChargedOffRows.SIZES_KEPT:
        _keep_sizes(coming, sizes)
    elif rule is ChargedOffRows.ONE_DEBT:
        _fall_due(book, coming, event)


def _keep_sizes(rows: list[Row], sizes: dict[int, int]) -> None:
    """Principal takes the place of the interest that is not owed; the last ones have less, or nothing."""
    left = sum(row.principal for row in rows)
    reserved = sum(row.met_principal for row in rows)
    for row in rows:
        reserved -= row.met_principal
        most = left if row is rows[-1] else sizes[row.number] - row.interest
        row.principal = max(min(most, left - reserved), row.met_principal)
        left -= row.principal


def _fall_due(book: Book, rows: list[Row], event: ChargeOff) -> None:
    """All that is unmet of the coming installments is one, due on the day; charges due later are another."""
    first, *later = rows
    for row in later:
        for component in Component:
            _move(row, first, component, row.unpaid(component, int(row.penalty_fixed)))
    first.ends_on = first.due_on = event.on
    numbers = {row.number for row in rows}
    charges = [charge for charge in book.due_later if charge.due_on > event.on and charge.row in numbers]
    gone = {row.number for row in later if not row.met}
    book.rows = [row for row in book.rows if row.number not in gone]
    if not charges:
        return
    due_on = max(charge.due_on for charge in charges)
    number = max(row.number for row in book.rows) + 1
    extra = Row(number, event.on, due_on, 0, 0, 0, 0)
    extra.frozen_on = event.on
    for charge in charges:
        left = first.unpaid(charge.component, int(first.penalty_fixed))
        _move(first, extra, charge.component, min(charge.amount, max(left, 0)))
    book.rows.append(extra)


def _move(old: Row, new: Row, component: Component, amount: int) -> None:
    """Let another installment owe a part of a debt."""
    if component is Component.PENALTY:
        old.penalty_fixed -= amount
        new.penalty_fixed += amount
        return
    setattr(old, component, getattr(old, component) - amount)
    setattr(new, component, getattr(new, component) + amount)
