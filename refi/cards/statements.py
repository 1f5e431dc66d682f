"""Rules of a bill: what a statement must be before it is believed. Vocabulary after Plaid. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from refi.errors import Conflict, Fault, Refused

LONGEST_GRACE = timedelta(days=75)
"""A due date further after its statement date than any issuer gives is a typing error."""


class StatementRefused(Refused):
    """The figures of the bill contradict each other or the calendar."""


class StatementExists(Conflict):
    """This bill was imported before, with other figures."""

    code = "statement_exists"


@dataclass(frozen=True, slots=True)
class Bill:
    """One statement's figures in minor units; ``payments_since_last`` is what was paid between the previous
    statement and this one."""

    statement_date: date
    due_date: date
    statement_balance: int
    minimum_payment: int
    purchases: int | None = None
    payments_since_last: int | None = None
    last_payment_amount: int | None = None
    is_overdue: bool = False


def faults(bill: Bill, on: date) -> list[Fault]:
    """Everything wrong with the bill on business date ``on``."""
    found = []
    if bill.statement_date > on:
        found.append(Fault("/statement_date", "in_the_future"))
    if bill.due_date <= bill.statement_date:
        found.append(Fault("/due_date", "not_after_statement_date"))
    elif bill.due_date - bill.statement_date > LONGEST_GRACE:
        found.append(Fault("/due_date", "too_long_after_statement_date"))
    if bill.minimum_payment > max(bill.statement_balance, 0):
        found.append(Fault("/minimum_payment", "above_statement_balance"))
    paid = bill.payments_since_last
    if paid is not None and bill.last_payment_amount is not None and bill.last_payment_amount > paid:
        found.append(Fault("/last_payment_amount", "above_payments_since_last"))
    return found


def require_sound(bill: Bill, on: date) -> None:
    """Raise `StatementRefused` naming everything wrong with the bill."""
    if found := faults(bill, on):
        raise StatementRefused("the bill contradicts itself or the calendar", faults=found)
