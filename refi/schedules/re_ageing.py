"""Re-ageing with interest on the actual balance: all principal goes to new installments, levelled anew.

Apache Fineract's interest handling DEFAULT. What was met stays where it is, on installments of the past and
on the one under way, which ends on the day; interest not paid for comes with the first new installment. Fees
and penalties of past installments stay due there.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from refi.money import round_exact
from refi.schedules import actual_balance, dates, periods
from refi.schedules.allocation import Component
from refi.schedules.book import Book
from refi.schedules.contract_events import Reage
from refi.schedules.conventions import PastDueInterest
from refi.schedules.day_count import DayCount
from refi.schedules.rows import Amounts, Row


def level(book: Book, event: Reage, first: date, count: int) -> None:
    """Put all principal on ``count`` new installments from ``first`` on.

    Without a first due date and a number, the coming installments stay those they are (Fineract's
    re-amortization), but for those that money has begun to meet. Where what is past due bears nothing, the
    one under way ends all the same: its days so far did not bear what it takes on.
    """
    on, owed = event.on, Amounts()
    earned = actual_balance.earned(book, on)
    closed = [row for row in book.rows if row.ends_on <= on]
    new = [row for row in book.rows if row.ends_on > on and not row.met]
    same = event.first_due_on is None and event.installments is None
    if not (same and new) or book.conventions.past_due_interest is PastDueInterest.STANDS_STILL:
        new = _renew(book, on, first, count, closed, owed)
    unpaid = sum(
        (_close(book, row, on, earned.get(row.number), owed) for row in closed), Fraction(owed.interest)
    )
    for component in (Component.INTEREST, Component.FEE, Component.PENALTY):
        new[0].put(component, getattr(owed, component))
    actual_balance.level_anew(book, on, new, unpaid)


def _renew(book: Book, on: date, first: date, count: int, closed: list[Row], owed: Amounts) -> list[Row]:
    """New installments in place of the coming ones; the one under way ends on the day."""
    if dates.add_months(first, 0, book.anchor) != first:
        book.anchor = first.day
    under_way = next((row for row in book.rows if row.starts_on < on < row.ends_on), None)
    if under_way is not None:
        under_way.ends_on = under_way.due_on = under_way.penalty_from = on
        closed.append(under_way)
    for row in book.rows:
        if row not in closed:
            _give(book, row, closed[-1], owed)
    new = _installments(book, on, first, count, max(row.number for row in closed) + 1)
    book.rows = [*closed, *new]
    return new


def _give(book: Book, old: Row, new: Row, owed: Amounts) -> None:
    """What was met of an installment that is no more was met of another; its charges are owed anew."""
    for component in Component:
        new.paid.add(component, getattr(old.paid, component))
        new.waived.add(component, getattr(old.waived, component))
    met_fee = old.paid.fee + old.waived.fee
    new.fee += met_fee
    new.base_fee += met_fee
    owed.fee += old.fee - met_fee
    met_penalty = old.paid.penalty + old.waived.penalty
    new.penalty_fixed += met_penalty
    owed.penalty += int(old.penalty_fixed) - met_penalty
    owed.interest += max(old.extra - old.paid.interest - old.waived.interest, 0)
    book.moves = [(on, new.number if at == old.number else at, amount) for on, at, amount in book.moves]


def _close(book: Book, row: Row, on: date, earned: Fraction | None, owed: Amounts) -> Fraction:
    """Fix the interest of an installment, leave room for no more than was met, and return what was not."""
    row.accrue(on, book.penalty_rate)
    row.principal = row.met_principal
    if row.size is None or earned is None:
        unpaid = row.unpaid(Component.INTEREST)
        row.interest -= unpaid
        row.base_interest -= unpaid
        owed.interest += unpaid
        return Fraction(unpaid)
    met = row.paid.interest + row.waived.interest
    due = earned + row.extra - met
    row.extra += round_exact(earned, book.pricing.terms.rounding)
    row.weight = 0
    row.size = row.met_principal + met
    return due if row.extra > met else Fraction(0)


def _installments(book: Book, start: date, first: date, count: int, number: int) -> list[Row]:
    """The new installments; the days before the first are a part of the period that ends with it."""
    kind, period = book.pricing.terms.day_count, book.period
    by_months = kind is DayCount.THIRTY_360 and bool(period.months)
    before = periods.after(first, period, -1, book.anchor) if by_months else start
    due = periods.due_dates(first, count, book.anchor, period)
    _, weights = periods.weights(
        kind, period, before, due, book.anchor, dates.nominal_day(before, book.anchor)
    )
    rows = []
    for k, (end, weight) in enumerate(zip(due, weights, strict=True)):
        rows.append(Row(number + k, start, end, weight, 0, 0, 0, book.rolled(end)))
        start = end
    rows[0].span = (first - before).days
    return rows
