"""Autopay: how much a debit takes, and when a failed one is tried again. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

from refi.policies.paying import Autopay
from refi.schedules.contract import State, Status


class TryStatus(StrEnum):
    """A planned debit of an installment: made as a payment, or skipped because nothing was to be done."""

    PLANNED = "planned"
    ORDERED = "ordered"
    SKIPPED = "skipped"


TRY_MOVES = {
    TryStatus.PLANNED: frozenset({TryStatus.ORDERED, TryStatus.SKIPPED}),
    TryStatus.ORDERED: frozenset({TryStatus.SKIPPED}),
}
"""An ordered try is skipped when its mandate, or its reason, has gone before the provider was called."""

DONE_WITH = frozenset({Status.WAIVED, Status.PAID, Status.CHARGED_OFF})


def wanted(state: State, due_on: date, *, payoff_total: int, pending: int, minimum: int) -> int:
    """What a debit for the installments due by ``due_on`` takes, minor units; 0 when nothing is to be taken.

    All that is unpaid of them, never above the payoff, less what debits under way will bring.
    """
    due = sum(
        row.outstanding
        for row in state.installments
        if row.due_date <= due_on and row.status not in DONE_WITH
    )
    amount = min(due, payoff_total) - pending
    return amount if amount >= max(1, min(minimum, payoff_total - pending)) else 0


def next_try(rules: Autopay, *, tries: int, first_on: date, reason: str, on: date) -> date | None:
    """The day of the next try after try number ``tries`` failed on ``on``; None when there is none.

    Days count from the first try. A failure that becomes known later than that (the bank returned a debit) is
    tried again the day after.
    """
    if reason not in rules.retried or tries >= rules.most_tries:
        return None
    return max(first_on + timedelta(days=rules.retry_days[tries - 1]), on + timedelta(days=1))


def debit_on(due_on: date, day_offset: int) -> date:
    """The day of the first try for an installment."""
    return due_on - timedelta(days=day_offset)
