"""From a card's bills to what a scorecard reads, and to facts about how the card is used. Pure.

A card is scored when it has six bills a month apart, five of them saying what was paid since the one before,
and a known limit. Otherwise there is no score: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from refi.cards.behavior import behavior
from refi.cards.statements import Bill
from refi.money import round_div
from refi.underwriting.characteristics import BILLS, CLOSED, Histories, histories

A_MONTH_APART = range(20, 46)
"""Days between two bills that follow each other; issuers move their dates by a few days."""


@dataclass(frozen=True, slots=True)
class Month:
    """One bill as a decision keeps it; amounts in minor units. ``paid`` since the bill before, None
    untold."""

    statement_date: date
    balance: int
    minimum: int
    paid: int | None
    overdue: bool
    cash: int | None
    """Part of the balance that was drawn as cash, where the bill says so."""


def history_of(months: Sequence[Month] | None, limit: int | None) -> Histories | None:
    """One card's six newest bills (newest first) for a scorecard; None when they do not tell enough."""
    if months is None or len(months) < BILLS or not limit or limit < 0:
        return None
    newest = months[:BILLS]
    apart = [(later.statement_date - earlier.statement_date).days for later, earlier in pairwise(newest)]
    paid = [month.paid for month in newest[:CLOSED] if month.paid is not None]
    if len(paid) < CLOSED or any(days not in A_MONTH_APART for days in apart):
        return None
    return histories([limit], [[month.balance for month in newest]], [paid], [months_late(newest)])


def months_late(months: Sequence[Month]) -> list[int]:
    """Months late at each bill, newest first; a bill says only that it is late, not for how long.

    A late bill counts as two months, except a newest one whose bill before was on time: one. In the rows
    that the scorecard was trained on, a late bill that is not the newest is nearly always two months late.
    """
    found = [2 if month.overdue else 0 for month in months]
    if len(months) > 1 and months[0].overdue and not months[1].overdue:
        found[0] = 1
    return found


@dataclass(frozen=True, slots=True)
class Use:
    """How a card is used; None where the bills do not tell. Shares have six decimals."""

    utilization: Decimal | None
    paid_share: Decimal | None
    revolving_streak: int | None
    minimum_payer: bool | None


def used_as(months: Sequence[Month], limit: int | None) -> Use:
    """`refi.cards.behavior` of the bills; streak and habit are told by closed cycles only."""
    bills = [_bill(month) for month in months]
    seen = behavior(bills, limit)
    closed = any(month.paid is not None for month in months[:-1])
    return Use(
        utilization=None if seen.utilization is None else _six(seen.utilization),
        paid_share=None if seen.paid_share is None else _six(seen.paid_share),
        revolving_streak=seen.revolving_streak if closed else None,
        minimum_payer=seen.minimum_payer if closed else None,
    )


def share(part: int, whole: int) -> Decimal | None:
    """A part with six decimals; None of nothing."""
    return _six(Fraction(part, whole)) if whole > 0 else None


def _six(value: Fraction) -> Decimal:
    """Six decimals, the half away from zero; exact whatever the size."""
    return Decimal(round_div(value.numerator * 1_000_000, value.denominator)).scaleb(-6)


def _bill(month: Month) -> Bill:
    return Bill(
        statement_date=month.statement_date,
        due_date=month.statement_date,
        statement_balance=month.balance,
        minimum_payment=month.minimum,
        payments_since_last=month.paid,
        is_overdue=month.overdue,
    )
