"""A book read on a day: the state that everybody else sees."""

from __future__ import annotations

from datetime import date

from refi.schedules import arrears
from refi.schedules.book import Book
from refi.schedules.contract_state import Balances, InstallmentState, Paid, State, Status
from refi.schedules.rows import Row


def read(book: Book, on: date) -> State:
    """The state of a book on a day."""
    later = sum(row.principal for row in book.rows)
    installments = []
    for row in book.rows:
        later -= row.principal
        installments.append(_installment(book, row, on, later))
    position = book.position(on)
    unmet_on = arrears.oldest_unmet((row.due_on, row.unpaid_scheduled) for row in book.rows)
    late = arrears.days_past_due(unmet_on, on)
    written_off = book.charged_off
    past_due = sum(row.unpaid_scheduled for row in book.rows if row.due_on < on or written_off is not None)
    next_due, next_amount = _next_due(book, on)
    return State(
        on=on,
        installments=tuple(installments),
        balances=Balances(
            position.principal, position.interest, position.fees, position.penalties, position.total, past_due
        ),
        days_past_due=late,
        unmet_on=unmet_on,
        oldest_unpaid_due_on=unmet_on if late else None,
        bucket=arrears.bucket(late),
        next_due_date=next_due,
        next_due_amount=next_amount,
        allocations=book.allocations,
        excess=book.excess,
        rebates={key: -sum(p.amount for p in parts if p.amount < 0) for key, parts in book.credits.items()},
        rebate_parts=book.credits,
        prepaid_principal=book.ahead,
        settled=book.settled_on is not None,
        settled_on=book.settled_on,
        waivers=book.waivers,
        ignored=book.ignored,
        charged_off_on=book.charged_off_on,
        charged_off=None
        if written_off is None
        else Paid(written_off.principal, written_off.interest, written_off.fees, written_off.penalties),
        charges=book.charges,
    )


def _next_due(book: Book, on: date) -> tuple[date | None, int]:
    """The next due date with something unpaid, and what; nothing is coming once all was called due."""
    if book.charged_off_on is not None:
        return None, 0
    coming = [row for row in book.rows if row.due_on >= on and row.unpaid_scheduled > 0]
    if not coming:
        return None, 0
    first = min(row.due_on for row in coming)
    return first, sum(row.unpaid_scheduled for row in coming if row.due_on == first)


def _installment(book: Book, row: Row, on: date, balance_after: int) -> InstallmentState:
    penalty = row.penalty(on, book.penalty_rate)
    amount = row.principal + row.interest + row.fee
    paid = Paid(row.paid.principal, row.paid.interest, row.paid.fee, row.paid.penalty)
    waived = row.waived.total
    outstanding = amount + penalty - sum(paid) - waived
    status = _status(book, row, on, outstanding)
    return InstallmentState(
        row.number, row.due_on, row.principal, row.interest, row.fee, penalty, amount, sum(paid), paid,
        outstanding, balance_after, status, waived, row.unpaid_scheduled, row.unpaid_principal,
    )  # fmt: skip


def _status(book: Book, row: Row, on: date, outstanding: int) -> Status:
    if outstanding <= 0:
        return Status.WAIVED if row.waived.total > row.waived.penalty else Status.PAID
    if book.charged_off_on is not None:
        return Status.CHARGED_OFF
    if row.due_on < on and row.unpaid_scheduled > 0:
        return Status.OVERDUE
    if row.paid.total > 0:
        return Status.PARTIALLY_PAID
    return Status.DUE if row.due_on == on else Status.UPCOMING
