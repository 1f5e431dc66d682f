"""Terms agreed anew: deferral, due-date change, re-ageing and re-amortization of a contract at work."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from refi.money import round_div
from refi.schedules import actual_balance, dates, equal_parts, periods, re_ageing
from refi.schedules.book import Book
from refi.schedules.contract_events import Deferral, DueDateChange, Modification, Reage, Reamortization
from refi.schedules.contract_state import Why
from refi.schedules.conventions import EarnedOn, ReAgeing
from refi.schedules.replanning import Pricing, replan
from refi.schedules.rows import PenaltyRate, Row


def modify(book: Book, event: Modification) -> None:
    """Apply a modification; if the history leaves nothing to modify, note it as ignored."""
    why_not = _apply(book, event) if book.open else book.ended
    if why_not is not None:
        book.ignored[event.id] = why_not


def _apply(book: Book, event: Modification) -> Why | None:
    """Apply a modification, or say why it cannot be."""
    rows = book.open_rows(event.on)
    if isinstance(event, Reage):
        return _reage(book, event, rows)
    if not rows:
        return Why.NOTHING_TO_COME
    if isinstance(event, Deferral):
        first = dates.add_months(rows[0].ends_on, event.months, book.anchor)
        if event.interest_free:
            _postpone(book, event.on, rows, first)
        else:
            _spread(book, event.id, event.on, rows, first, len(rows))
        return None
    if isinstance(event, DueDateChange):
        if not _is_after(book, event.first_due_on, max(event.on, rows[0].starts_on)):
            return Why.TOO_EARLY
        _spread(book, event.id, event.on, rows, event.first_due_on, len(rows))
        return None
    return _reamortize(book, event, rows)


def _postpone(book: Book, on: date, rows: list[Row], first: date) -> None:
    """Move dates, keep every amount: the added time costs nothing."""
    start = rows[0].starts_on
    for row, end in zip(rows, periods.due_dates(first, len(rows), book.anchor, book.period), strict=True):
        row.move(on, start, end, book.rolled(end), row.weight, book.pricing.terms.rounding)
        start = end


def _reamortize(book: Book, event: Reamortization, rows: list[Row]) -> Why | None:
    count = len(rows) if event.installments is None else event.installments
    if count < _least(rows):
        return Why.TOO_FEW
    if event.annual_rate is not None:
        _change_rate(book, event.on, event.annual_rate)
        if book.conventions.interest is EarnedOn.ACTUAL_BALANCE:
            actual_balance.change_rate(book, event.on, event.annual_rate)
            return None
    _spread(book, event.id, event.on, rows, rows[0].ends_on, count)
    return None


def _change_rate(book: Book, on: date, annual_rate: Decimal) -> None:
    """Interest and penalties from the day on follow the new rate; what has accrued stays."""
    terms = replace(book.pricing.terms, annual_rate=annual_rate)
    for row in book.rows:
        row.fix_penalty(on, book.penalty_rate)
    book.pricing = Pricing.of(terms)
    daily = PenaltyRate.of(terms, book.penalty_multiple, book.penalty_year_days)
    book.penalty_rate = replace(book.penalty_rate, numerator=daily.numerator, denominator=daily.denominator)


def _reage(book: Book, event: Reage, rows: list[Row]) -> Why | None:
    late = [row for row in book.rows if row.due_on <= event.on and row.unpaid_scheduled > 0]
    overdue = any(row.due_on < event.on for row in late)
    count = len(rows) if event.installments is None else event.installments
    first = event.first_due_on or (rows[0].ends_on if rows else None)
    start = rows[0].starts_on if rows else event.on
    if not overdue and book.conventions.re_age is ReAgeing.LEVELLED:
        return Why.NOT_PAST_DUE
    if first is None or not count:
        return Why.NOTHING_TO_COME
    if not _is_after(book, first, max(event.on, start)):
        return Why.TOO_EARLY
    if count < _least(rows):
        return Why.TOO_FEW
    book.period = event.period or book.period
    if book.conventions.re_age is not ReAgeing.LEVELLED:
        equal_parts.spread(book, event, first, count)
        return None
    if book.conventions.interest is EarnedOn.ACTUAL_BALANCE:
        re_ageing.level(book, event, first, count)
        return None
    moved = 0
    for row in late:
        row.accrue(event.on, book.penalty_rate)
        moved += row.unpaid_principal
        row.principal -= row.unpaid_principal
    _spread(book, event.id, event.on, rows, first, count, moved)
    last = max(row.due_on for row in book.rows)
    for row in late:
        row.due_on = row.penalty_from = last
    return None


def _is_after(book: Book, first: date, on: date) -> bool:
    """Whether a due date, and the day it rolls to, come after ``on``."""
    return min(first, book.rolled(first)) > on


def _least(rows: list[Row]) -> int:
    """The fewest installments a new plan may have: those that money has already met part of."""
    met = [k for k, row in enumerate(rows, start=1) if row.paid.total or row.waived.total]
    return max([1, *met])


def _spread(
    book: Book, event_id: str, on: date, rows: list[Row], first: date, count: int, added: int = 0
) -> None:
    """Put the balance of ``rows`` and ``added`` principal on ``count`` installments from ``first`` on."""
    terms = book.pricing.terms
    balance = sum(row.principal for row in rows) + added
    start = rows[0].starts_on if rows else on
    start_day = dates.nominal_day(start, book.anchor)
    if dates.add_months(first, 0, book.anchor) != first:
        book.anchor = first.day
    fee = rows[0].period_fee if rows else round_div(book.monthly_fee * added, terms.principal)
    number = max(row.number for row in book.rows)
    kept = rows[:count]
    due = periods.due_dates(first, count, book.anchor, book.period)
    _, weights = periods.weights(terms.day_count, book.period, start, due, book.anchor, start_day)
    for k, (end, length) in enumerate(zip(due, weights, strict=True)):
        if k < len(kept):
            kept[k].move(on, start, end, book.rolled(end), length, terms.rounding)
        else:
            number += 1
            kept.append(Row(number, start, end, length, 0, 0, fee, book.rolled(end)))
        start = end
    book.keep(event_id, on, rows, replan(kept, book.pricing, on, balance, keep_amount=False))
