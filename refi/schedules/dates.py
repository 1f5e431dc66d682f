"""Due dates: one month after another, keeping the day that was agreed through the months that lack it.

The *anchor day* is the day of the month that the plan keeps. A month too short for it gives its last
day, and the next long month comes back to the anchor: 31 Jan → 28 Feb → 31 Mar; 30 Jan → 28 Feb → 30 Mar.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from refi.errors import Fault, Refused

FIRST_YEAR = 1900
LAST_YEAR = 2299
"""Years a schedule may touch; the calendar tables of the bulk engine cover exactly these."""
WRITTEN = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


class DateOutOfRange(Refused):
    """A date lies outside the years that schedules are made for, or is none."""

    code = "validation_failed"


class InvalidFirstDueDate(Refused):
    """The first due date, or the day it rolls to, is not after the day the money was paid out."""

    code = "validation_failed"

    @classmethod
    def rolls_back(cls, pointer: str) -> InvalidFirstDueDate:
        """The refusal of a first due date that rolls off its holiday to the day of the payout or before."""
        return cls(
            "the first due date rolls back to a day that is not after the payout",
            faults=[Fault(pointer, "rolls_to_disbursed_on_or_before")],
        )


class InvalidAnchorDay(Refused):
    """An anchor day is not a day of the month, or contradicts the first due date."""

    code = "validation_failed"


class Rolling(StrEnum):
    """What happens to a due date that falls on a day without business."""

    NONE = "none"
    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified_following"
    PRECEDING = "preceding"


def days_in_month(year: int, month: int) -> int:
    """The number of days of a calendar month."""
    return monthrange(year, month)[1]


def add_months(on: date, months: int, anchor_day: int | None = None) -> date:
    """The day ``months`` later (or earlier, if negative), on ``anchor_day`` or the month's last day.

    ``anchor_day`` defaults to the day of ``on``. Raises `DateOutOfRange` outside 1900–2299.
    """
    index = on.year * 12 + on.month - 1 + months
    year, month = divmod(index, 12)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise DateOutOfRange(f"dates run from {FIRST_YEAR} to {LAST_YEAR}", year=year)
    day = anchor_day or on.day
    return date(year, month + 1, day if day <= 28 else min(day, days_in_month(year, month + 1)))


def is_date(value: object) -> bool:
    """Whether a value is a calendar date; an instant (`datetime`) is not one, though Python derives it."""
    return isinstance(value, date) and not isinstance(value, datetime)


def checked(value: object, pointer: str) -> None:
    """Refuse what is no date of the years 1900–2299: `DateOutOfRange` with a fault at ``pointer``."""
    if not isinstance(value, date) or not is_date(value):
        raise DateOutOfRange(f"{value!r} is not a date", faults=[Fault(pointer, "not_a_date")])
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise out_of_range(pointer)


def out_of_range(pointer: str) -> DateOutOfRange:
    """The refusal of a date that is, or leads to, a day outside the years 1900–2299."""
    return DateOutOfRange(
        f"dates run from {FIRST_YEAR} to {LAST_YEAR}", faults=[Fault(pointer, "out_of_range")]
    )


def written(text: str) -> date:
    """A date written ``YYYY-MM-DD``; ``ValueError`` for every other way to write one (``2026-W50-4``)."""
    if not WRITTEN.fullmatch(text):
        raise ValueError("a date is written YYYY-MM-DD")
    return date.fromisoformat(text)


def first_due_on(credited_on: date) -> date:
    """The default first due date: one month after the card issuer was credited (RULES, standing O)."""
    return add_months(credited_on, 1)


def anchor_of(disbursed_on: date, first_due_on: date) -> int:
    """The anchor day of a plan: the payout's day if the first due date is one or more months after it, else
    the first due date's own day.

    So a payout on 31 Jan with a first due date of 28 Feb keeps the 31st, and an explicit first due date of
    28 Feb after a payout on the 10th keeps the 28th.
    """
    if first_due_on.day < disbursed_on.day and first_due_on.day == days_in_month(
        first_due_on.year, first_due_on.month
    ):
        return disbursed_on.day
    return first_due_on.day


def nominal_day(on: date, anchor: int) -> int:
    """The anchor day if ``on`` is the last day of a month that is too short for it, else its own day."""
    return anchor if on.day < anchor and on.day == days_in_month(on.year, on.month) else on.day


def due_dates(first_due_on: date, installments: int, anchor_day: int | None = None) -> tuple[date, ...]:
    """Every due date of a monthly plan, oldest first.

    ``anchor_day`` (1–31) defaults to the day of ``first_due_on``; pass 31 for "the last day of the month".
    Raises `InvalidAnchorDay` if the first due date is not the day that the anchor gives in its month.
    """
    anchor = first_due_on.day if anchor_day is None else anchor_day
    if not 1 <= anchor <= 31 or add_months(first_due_on, 0, anchor) != first_due_on:
        raise InvalidAnchorDay(
            f"the first due date {first_due_on} is not day {anchor} of its month",
            faults=[Fault("/anchor_day", "contradicts_first_due_date")],
        )
    return tuple(add_months(first_due_on, k, anchor) for k in range(installments))


def roll(on: date, rolling: Rolling, is_business_day: Callable[[date], bool]) -> date:
    """Move a due date off a holiday; the amounts of the plan never move with it.

    ``is_business_day`` answers for one date and must raise for a year it has no calendar for: a guessed
    holiday would be a broken promise. Modified following stays inside the month of ``on``.
    """
    if rolling is Rolling.NONE:
        return on
    step = timedelta(days=-1 if rolling is Rolling.PRECEDING else 1)
    moved = on
    while not is_business_day(moved):
        moved += step
    if rolling is Rolling.MODIFIED_FOLLOWING and moved.month != on.month:
        return roll(on, Rolling.PRECEDING, is_business_day)
    return moved


class CalendarMissing(Refused):
    """Business days of a year were asked for that no calendar was loaded for."""

    code = "validation_failed"


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """The days without business (weekends and holidays, make-up days taken out) of a range of years.

    Asked about a year outside ``first_year`` to ``last_year`` it refuses: holidays are decreed late, and a
    guess would move a promised date.
    """

    closed: frozenset[date]
    first_year: int
    last_year: int

    def __call__(self, on: date) -> bool:
        """Whether ``on`` is a business day."""
        if not self.first_year <= on.year <= self.last_year:
            raise CalendarMissing(f"no business calendar is loaded for {on.year}", year=on.year)
        return on not in self.closed


def rolled(on: date, rolling: Rolling, business_days: BusinessDays | None) -> date:
    """A due date moved by the rule of a plan; `CalendarMissing` if the rule needs a calendar and has none."""
    if rolling is Rolling.NONE:
        return on
    if business_days is None:
        raise CalendarMissing("due dates cannot be rolled without a business calendar")
    return roll(on, rolling, business_days)
