"""Interest on what is really owed each day: paid early it falls, paid late it grows.

The convention of loans with interest recalculation (Apache Fineract's progressive loans). Installments keep
their size: what is not interest is principal, and the last one takes what is left. Money ahead of time meets,
of each installment, the interest earned by the day and principal up to the installment's size; interest of
the rest of a period that is paid for already comes with the next installment. Days to come are planned as if
all that is overdue were paid on the day of the question.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from refi.money import round_exact
from refi.schedules.book import Book
from refi.schedules.conventions import EarnedOn, PastDueInterest
from refi.schedules.day_count import DENOMINATOR
from refi.schedules.replanning import Pricing
from refi.schedules.rows import Row


def give_sizes(book: Book) -> None:
    """Give the installments of a new book their size."""
    if book.conventions.interest is EarnedOn.ACTUAL_BALANCE:
        for row in book.rows:
            row.size = book.rows[0].principal + book.rows[0].interest


def refresh(book: Book, on: date) -> None:
    """Bring interest and principal of every installment to what they are, seen from ``on``."""
    if book.conventions.interest is not EarnedOn.ACTUAL_BALANCE or not book.open:
        return
    planned, earned = _split(book, on, date.max), _split(book, on, on)
    for row, (interest, principal), (by_now, ahead) in zip(book.rows, planned, earned, strict=True):
        if row.size is not None:
            row.interest, row.principal = interest, principal
            row.base_interest, row.ahead = by_now, ahead
            row.since = max(row.starts_on, min(on, row.ends_on))
    if book.last_first:
        _from_the_end(book, on)


def _from_the_end(book: Book, on: date) -> None:
    """Where money in advance meets the last installment first, the last ones keep their size."""
    coming = [row for row in book.rows if row.ahead is not None and row.ends_on > on]
    left = sum(row.ahead or 0 for row in coming)
    for row in reversed(coming):
        most = left if row is coming[0] else max((row.size or 0) - row.base_interest, row.met_principal)
        row.ahead = min(most, left)
        left -= row.ahead


def change_rate(book: Book, on: date, annual_rate: Decimal) -> None:
    """Another rate from ``on``; the installments to come that nothing was paid on are levelled anew."""
    book.rates.append((on, annual_rate))
    refresh(book, on)
    coming = [row for row in book.rows if row.size is not None and row.ends_on > on and not row.paid.total]
    if not coming:
        return
    balance = sum(row.principal for row in coming)
    first = _interest(book, coming[0], on, date.max, balance) + coming[0].carried
    pricing = Pricing.of(replace(book.pricing.terms, annual_rate=annual_rate))
    size = pricing.level(balance, first, [row.weight for row in coming[1:]])
    for row in coming:
        row.size = size + row.extra


def _reserve(row: Row) -> int:
    """Principal of an installment that is not another's to take."""
    return row.principal if row.size is None else row.met_principal


def _split(book: Book, on: date, until: date) -> list[tuple[int, int]]:
    """(interest, principal) of each installment, of the interest earned ``until`` a day."""
    left = book.lent + sum(amount for _, amount in book.added)
    reserved = sum(_reserve(row) for row in book.rows)
    last = max((k for k, row in enumerate(book.rows) if row.size is not None), default=-1)
    carried = 0
    found = []
    for k, row in enumerate(book.rows):
        interest, principal = row.interest, row.principal
        planned = left - reserved
        reserved -= _reserve(row)
        if row.size is not None:
            row.carried = carried
            due = carried + row.extra + _interest(book, row, on, until, planned)
            room = due if k == last else max(row.size - row.met_principal, 0)
            interest = max(min(due, room), row.paid.interest + row.waived.interest)
            carried = max(due - interest, 0)
            free = left - reserved
            principal = free if k == last else max(min(row.size - interest, free), row.met_principal)
        left -= principal
        found.append((interest, principal))
    return found


def _interest(book: Book, row: Row, on: date, until: date, planned: int) -> int:
    """Interest of one period: on the balance of each day before ``on``, on the ``planned`` one after it."""
    ends = min(row.ends_on, until)
    if ends <= row.starts_on:
        return 0
    turns = {
        on,
        *(at for at, _, _ in book.moves),
        *(at for at, _ in book.added),
        *(at for at, _ in book.rates),
    }
    days = sorted({row.starts_on, ends, *(day for day in turns if row.starts_on < day < ends)})
    total = Fraction(0)
    for day, end in pairwise(days):
        balance = planned if day >= on else _balance(book, row, day, planned)
        rate = next(rate for at, rate in reversed(book.rates) if at <= day)
        total += balance * Fraction(rate) * (end - day).days
    year = DENOMINATOR[book.pricing.terms.day_count] * (row.ends_on - row.starts_on).days
    return round_exact(total * row.weight / year, book.pricing.terms.rounding)


def _balance(book: Book, row: Row, day: date, planned: int) -> int:
    """What was owed at the end of a day that has passed."""
    owed = book.lent + sum(amount for at, amount in book.added if at <= day)
    owed -= sum(amount for at, _, amount in book.moves if at <= day)
    if book.conventions.past_due_interest is PastDueInterest.ACCRUES:
        return owed
    later = sum(amount for at, number, amount in book.moves if at > day and number >= row.number)
    return min(owed, planned + later - sum(amount for at, amount in book.added if at > day))
