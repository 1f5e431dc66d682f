"""Re-ageing in equal parts: all that is owed goes to new installments, and nothing more is earned on it.

The EQUAL_AMORTIZATION conventions of Apache Fineract: with the interest earned by the day, or all of the
plan's.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from refi.money import round_div
from refi.schedules import dates, periods
from refi.schedules.allocation import Component
from refi.schedules.book import Book
from refi.schedules.contract_events import Reage
from refi.schedules.conventions import ReAgeing
from refi.schedules.rows import Row


def spread(book: Book, event: Reage, first: date, count: int) -> None:
    """Put all that is owed on ``count`` new installments from ``first`` on, in equal parts."""
    on = event.on
    in_full = book.conventions.re_age is ReAgeing.EQUAL_FULL_INTEREST
    owed = dict.fromkeys(Component, 0)
    for row in book.rows:
        row.fix_penalty(on, book.penalty_rate)
        interest, fee = (row.interest, row.fee) if in_full else row.earned(on, book.pricing.terms.rounding)
        owed[Component.PRINCIPAL] += row.unpaid_principal
        owed[Component.INTEREST] += max(interest - row.paid.interest - row.waived.interest, 0)
        owed[Component.FEE] += max(fee - row.paid.fee - row.waived.fee, 0)
        owed[Component.PENALTY] += row.unpaid(Component.PENALTY, row.penalty(on, book.penalty_rate))
        _close(row)
    book.rows = [row for row in book.rows if row.ends_on <= on or row.met]
    number = max((row.number for row in book.rows), default=0)
    shares = {part: _parts(book, amount, count) for part, amount in owed.items()}
    start = on
    if dates.add_months(first, 0, book.anchor) != first:
        book.anchor = first.day
    for k, due_on in enumerate(periods.due_dates(first, count, book.anchor, book.period)):
        row = Row(number + k + 1, start, due_on, 0, 0, 0, 0, book.rolled(due_on))
        for part in Component:
            row.put(part, shares[part][k])
        book.rows.append(row)
        start = due_on


def _close(row: Row) -> None:
    """Only what was met stays on an old installment; its size is fixed."""
    row.principal = row.met_principal
    row.interest = row.base_interest = row.paid.interest + row.waived.interest
    row.fee = row.base_fee = row.paid.fee + row.waived.fee
    row.penalty_fixed = Fraction(row.paid.penalty + row.waived.penalty)
    row.size = row.ahead = None


def _parts(book: Book, amount: int, count: int) -> list[int]:
    """Equal parts, rounded; the last takes the residue."""
    part = min(round_div(amount, count, book.pricing.terms.rounding), amount // max(count - 1, 1))
    return [part] * (count - 1) + [amount - part * (count - 1)]
