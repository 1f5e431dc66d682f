"""Interest on what is really owed each day: paid early it falls, paid late it grows.

The convention of loans with interest recalculation (Apache Fineract's progressive loans). Installments keep
their size: what is not interest is principal, and the last one takes what is left. Money ahead of time meets,
of each installment, the interest earned by the day and principal up to the installment's size; interest of
the rest of a period comes with the next installment if it finds no room in a size that is paid for already.
Days to come are planned as if all that is overdue were paid on the day of the question.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise

from refi.money import round_div
from refi.schedules.amortization import fraction_of
from refi.schedules.book import Book
from refi.schedules.contract_events import InterestPause
from refi.schedules.conventions import EarnedOn, PastDueInterest, PriceUntil
from refi.schedules.day_count import DENOMINATOR
from refi.schedules.rows import Row


def give_sizes(book: Book) -> None:
    """Give the installments of a new book their size."""
    if book.conventions.interest is EarnedOn.ACTUAL_BALANCE:
        planned = [row for row in book.rows if row.weight]
        for row in planned:
            row.size = planned[0].principal + planned[0].interest


def refresh(book: Book, on: date) -> None:
    """Bring interest and principal of every installment to what they are, seen from ``on``."""
    if book.conventions.interest is not EarnedOn.ACTUAL_BALANCE or not book.open:
        return
    earned = _split(book, on, on)
    planned = _split(book, on, date.max)
    for row, (interest, principal), (by_now, ahead) in zip(book.rows, planned, earned, strict=True):
        if row.size is not None:
            row.interest, row.principal = interest, principal
            row.base_interest, row.ahead = by_now, ahead
            row.since = max(row.starts_on, min(on, row.ends_on))
    if book.conventions.early_payoff is PriceUntil.TO_THE_NEXT_DUE_DATE:
        until = book.priced_until(on, PriceUntil.TO_THE_NEXT_DUE_DATE)
        for row, closing in zip(book.rows, _split(book, until, until), strict=True):
            row.closing = closing
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
    """Another rate from ``on``, which `book.pricing` has; the coming installments not begun to be paid are
    levelled anew."""
    book.rates.append((on, annual_rate))
    refresh(book, on)
    coming = [row for row in book.rows if row.size is not None and row.ends_on > on and not row.paid.total]
    if not coming:
        return
    balance = sum(row.principal for row in coming)
    first = _interest(book, coming[0], on, date.max, balance, _Past.of(book)) + coming[0].carried
    size = book.pricing.level(balance, first, [row.weight for row in coming[1:]])
    for row in coming:
        row.size = size + row.extra


def pause(book: Book, event: InterestPause) -> None:
    """No interest for the days of a pause; it is counted with the days before it as soon as it is agreed."""
    if not book.open:
        book.ignored[event.id] = book.ended
        return
    book.pauses.append((event.starts_on - timedelta(days=1), event.ends_on))
    refresh(book, event.on)


def earned(book: Book, on: date) -> dict[int, Fraction]:
    """Interest that each installment not later than ``on`` has earned by then, before it is rounded."""
    past = _Past.of(book)
    left = book.lent + sum(amount for _, amount in book.added)
    reserved = sum(_reserve(row) for row in book.rows)
    found = {}
    for row in book.rows:
        if row.size is not None and row.starts_on < on:
            found[row.number] = Fraction(*_share(book, row, on, on, left - reserved, past))
        reserved -= _reserve(row)
        left -= row.principal
    return found


def level_anew(book: Book, on: date, new: list[Row], unpaid: Fraction) -> None:
    """Give ``new`` installments the size that pays the principal of no other one, and ``unpaid`` interest.

    As Apache Fineract does, the size is of the interest before it is rounded.
    """
    elsewhere = sum(row.met_principal if row in new else row.principal for row in book.rows)
    balance = book.lent + sum(amount for _, amount in book.added) - elsewhere
    first = Fraction(*_share(book, new[0], on, date.max, balance, _Past.of(book), paused=False))
    size = book.pricing.level_exact(balance + unpaid + first, [row.weight for row in new[1:]])
    for row in new:
        row.size = size
    refresh(book, on)
    new[-1].size = new[-1].principal + new[-1].interest
    refresh(book, on)


def _reserve(row: Row) -> int:
    """Principal of an installment that is not another's to take."""
    return row.principal if row.size is None else row.met_principal


def _split(book: Book, on: date, until: date) -> list[tuple[int, int]]:
    """(interest, principal) of each installment, of the interest earned ``until`` a day."""
    past = _Past.of(book)
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
            due = carried + row.extra + _interest(book, row, on, until, planned, past)
            met = row.paid.interest + row.waived.interest
            fits = k == last or due <= row.size - row.met_principal
            interest = max(due, met) if fits else met
            carried = max(due - interest, 0)
            free = left - reserved
            principal = free if k == last else max(min(row.size - interest, free), row.met_principal)
        left -= principal
        found.append((interest, principal))
    return found


@dataclass(frozen=True, slots=True)
class _Past:
    """The days on which principal was met or added, rising, and what was owed at the end of each."""

    days: list[date]
    owed: list[int]

    @classmethod
    def of(cls, book: Book) -> _Past:
        change = {row.starts_on: 0 for row in book.rows[:1]}
        for at, amount in book.added:
            change[at] = change.get(at, 0) + amount
        for at, _, amount in book.moves:
            change[at] = change.get(at, 0) - amount
        days = sorted(change)
        return cls(days, list(accumulate((change[day] for day in days), initial=book.lent))[1:])

    def on(self, day: date) -> int:
        """What was owed at the end of a day."""
        return self.owed[bisect_right(self.days, day) - 1]

    def between(self, start: date, end: date) -> list[date]:
        """The days after ``start`` and before ``end`` on which it changed."""
        return self.days[bisect_right(self.days, start) : bisect_left(self.days, end)]


def _interest(book: Book, row: Row, on: date, until: date, planned: int, past: _Past) -> int:
    """Interest of one period, rounded."""
    above, below = _share(book, row, on, until, planned, past)
    return round_div(above, below, book.pricing.terms.rounding) if above else 0


def _share(
    book: Book, row: Row, on: date, until: date, planned: int, past: _Past, *, paused: bool = True
) -> tuple[int, int]:
    """Interest of one period, above and below the line: on the balance of each day before ``on``, on the
    ``planned`` one after it."""
    ends = min(row.ends_on, until)
    if ends <= row.starts_on:
        return 0, 1
    turns = {row.starts_on, ends, *past.between(row.starts_on, ends)}
    turns |= {day for day in (on, *(at for at, _ in book.rates)) if row.starts_on < day < ends}
    pauses = book.pauses if paused else []
    turns |= {day for pause in pauses for day in pause if row.starts_on < day < ends}
    balance_days: dict[Decimal, int] = {}
    for day, end in pairwise(sorted(turns)):
        if any(start <= day < over for start, over in pauses):
            continue
        balance = planned if day >= on else _balance(book, row, day, planned, past)
        rate = next(rate for at, rate in reversed(book.rates) if at <= day)
        balance_days[rate] = balance_days.get(rate, 0) + balance * (end - day).days
    above, below = 0, 1
    for rate, days in balance_days.items():
        numerator, denominator = fraction_of(rate)
        above, below = above * denominator + numerator * days * below, below * denominator
    year = DENOMINATOR[book.pricing.terms.day_count] * (row.span or (row.ends_on - row.starts_on).days)
    return above * row.weight, below * year


def _balance(book: Book, row: Row, day: date, planned: int, past: _Past) -> int:
    """What was owed at the end of a day that has passed."""
    if book.conventions.past_due_interest is PastDueInterest.ACCRUES:
        return past.on(day)
    later = sum(amount for at, number, amount in book.moves if at > day and number >= row.number)
    return min(past.on(day), planned + later - sum(amount for at, amount in book.added if at > day))
