"""The reminder ladder: which steps begin on a business date, when each may be sent, when it lapses. Pure.

A step is planned at most once, ever, per (installment, due date, stage, channel). It lapses when the next
step begins, whether or not that one is switched on: "due tomorrow" is never said on the due date (RULES,
Contact).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from refi.ids import LoanId
from refi.notifications.contact_policy import opening_at
from refi.policies import Ladder, Step
from refi.schedules.contract import InstallmentState, State, Status

SEND_AT = time(10, 0)
"""The local hour at which the steps of a day are sent: within every market's hours of contact."""

OPEN = frozenset({Status.OVERDUE, Status.PARTIALLY_PAID, Status.DUE, Status.UPCOMING})


@dataclass(frozen=True, slots=True)
class Begun:
    """A step that begins on a business date, for the installments due on ``due_on``."""

    step: Step
    due_on: date
    lapses_on: date | None


@dataclass(frozen=True, slots=True)
class Unpaid:
    """An installment that a reminder may be about; ``amount`` is what is missing today, minor units."""

    loan_id: LoanId
    number: int
    due_on: date
    amount: int

    def key(self, step: Step) -> str:
        """What makes this installment be reminded at most once at that step."""
        return f"{self.loan_id}:{self.number}:{self.due_on}:{step.stage}:{step.channel}"


def begun(ladder: Ladder, on: date) -> list[Begun]:
    """The enabled steps that begin on ``on``, latest stage first: the overdue before what comes."""
    found = []
    for step in ladder.enabled:
        due_on = on - timedelta(days=step.days)
        ends = ladder.lapses_on(step)
        found.append(Begun(step, due_on, None if ends is None else due_on + timedelta(days=ends)))
    return sorted(found, key=lambda each: -each.step.days)


def step_of(ladder: Ladder, stage: str) -> Step | None:
    """The step of that stage, if the ladder still has it."""
    return next((step for step in ladder.steps if step.stage == stage), None)


def unpaid(loan_id: LoanId, state: State, due_on: date) -> list[Unpaid]:
    """The installments of a loan due on ``due_on`` of which something scheduled is still missing."""
    return [
        Unpaid(loan_id, item.number, item.due_date, item.outstanding)
        for item in state.installments
        if item.due_date == due_on and _is_open(item)
    ]


def still_unpaid(state: State, planned: Iterable[tuple[int, date]]) -> list[InstallmentState]:
    """Of the (number, due date) that a reminder was planned for, those that still stand and are not paid."""
    wanted = set(planned)
    return [item for item in state.installments if (item.number, item.due_date) in wanted and _is_open(item)]


def send_at(on: date, zone: ZoneInfo) -> datetime:
    """The instant at which a step that begins on ``on`` is sent to a borrower in ``zone``."""
    return opening_at(on, SEND_AT, zone)


def total(items: Sequence[InstallmentState] | Sequence[Unpaid]) -> int:
    """What is missing on all of them, minor units."""
    return sum(item.outstanding if isinstance(item, InstallmentState) else item.amount for item in items)


def _is_open(item: InstallmentState) -> bool:
    """Paid, waived and written-off installments need no reminder; nor does one that only owes penalty."""
    return item.status in OPEN and item.outstanding > 0
