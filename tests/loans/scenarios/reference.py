"""A loan worked out in exact fractions from the written rules: a reference that imports nothing of refi.

Rules (RULES.md, decisions 7 and 11): level installments, a month is thirty days, interest is rounded once per
installment and the last one takes the residue; interest is earned evenly over the days of its period; the
penalty on overdue principal is simple, 1.5 times the rate over 365 days; money meets the oldest installment
first, within it penalty, interest, principal; whatever reaches the payoff settles.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

PARTS = ("penalty", "interest", "principal")


def half_up(value: Fraction) -> int:
    """To the nearest whole unit, halves away from zero."""
    if value < 0:
        return -half_up(-value)
    return int((2 * value + 1) // 2)


def month_later(on: date, months: int, anchor: int) -> date:
    """The anchor day so many months later, or the last day of a month that is too short for it."""
    index = on.year * 12 + on.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(anchor, calendar.monthrange(year, month + 1)[1]))


def thirties(start: date, end: date, anchor: int) -> int:
    """Days in a year of twelve months of thirty days; a day that a short month cut counts as the anchor."""

    def day(on: date) -> int:
        cut = on.day < anchor and on.day == calendar.monthrange(on.year, on.month)[1]
        return min(anchor if cut else on.day, 30)

    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + day(end) - day(start)


@dataclass
class Row:
    """One installment: what it asks, what met it, and how its price is earned."""

    number: int
    starts: date
    ends: date
    length: Fraction
    principal: int = 0
    interest: int = 0
    paid: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    waived: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    due: date = date.min
    late_since: date = date.min
    late: int = 0
    kept: int = 0
    kept_until: date = date.min
    left: Fraction = Fraction(0)
    stopped: date | None = None

    def __post_init__(self) -> None:
        self.due = self.late_since = self.ends
        self.kept_until = self.starts
        self.left = self.length

    def missing(self, part: str, penalty: int = 0) -> int:
        """What is still to come of one part."""
        asked = {"principal": self.principal, "interest": self.interest, "penalty": penalty}[part]
        return asked - self.paid[part] - self.waived[part]

    @property
    def unmet(self) -> int:
        """What is still to come of the scheduled amount."""
        return self.missing("principal") + self.missing("interest")

    def earned(self, on: date) -> int:
        """Interest earned by the end of a day."""
        if self.stopped is not None or on >= self.ends:
            return self.interest
        if on <= self.kept_until:
            return self.kept
        share = Fraction((on - self.kept_until).days, (self.ends - self.kept_until).days)
        return self.kept + half_up((self.interest - self.kept) * share)

    def keep_earned(self, on: date) -> None:
        """Whatever the rest of the period will cost, what was earned by now stays."""
        if on <= self.starts:
            return
        whole = (self.ends - self.kept_until).days
        self.kept = self.earned(on)
        self.left *= Fraction(max((self.ends - on).days, 0), whole) if whole > 0 else 0
        self.kept_until = on

    def price(self, on: date, whole_period: int) -> None:
        """From ``on`` the whole period costs so much."""
        self.keep_earned(on)
        self.interest = self.kept + half_up(whole_period * (self.left / self.length if self.length else 0))


@dataclass
class Loan:
    """The loan; ``lent`` minor units at ``rate`` a year over ``months``."""

    lent: int
    rate: Fraction
    months: int
    on: date
    rows: list[Row] = field(default_factory=list)
    settled: date | None = None
    written_off: date | None = None
    lost: int = 0
    set_aside: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.anchor = self.on.day
        ends = [month_later(self.on, k + 1, self.anchor) for k in range(self.months)]
        for k, end in enumerate(ends):
            start = ends[k - 1] if k else self.on
            self.rows.append(Row(k + 1, start, end, self._length(start, end)))
        self._plan(self.rows, self.on, self.lent, None)

    def _length(self, start: date, end: date) -> Fraction:
        return Fraction(thirties(start, end, self.anchor), 360)

    def _plan(self, rows: list[Row], on: date, balance: int, size: int | None) -> None:
        """Spread a balance over the rows at one level amount, or at the ``size`` that it had."""
        first = rows[0]
        first.price(on, half_up(balance * self.rate * first.length))
        if size is None:
            growth, worth = Fraction(1), Fraction(1)
            for row in rows[1:]:
                growth *= 1 + self.rate * row.length
                worth = worth * (1 + self.rate * row.length) + 1
            size = half_up((balance + first.interest) * growth / worth)
        met = [row.paid["principal"] + row.waived["principal"] for row in rows]
        for k, row in enumerate(rows):
            if k:
                row.price(row.starts, half_up(balance * self.rate * row.length))
            room = balance - sum(met[k + 1 :])
            wanted = max(size - row.interest, met[k])
            row.principal = balance if k + 1 == len(rows) else min(wanted, room)
            balance -= row.principal

    def open_rows(self, on: date) -> list[Row]:
        """The installments that a new plan takes."""
        return [row for row in self.rows if row.ends > on and row.unmet > 0]

    def penalty(self, row: Row, on: date) -> int:
        """What being late has cost by the end of a day."""
        days = row.late
        if row.stopped is None and on > row.late_since:
            days += row.missing("principal") * (on - row.late_since).days
        return half_up(days * self.rate * Fraction(3, 2) / 365)

    def _count_late(self, row: Row, on: date) -> None:
        if row.stopped is None and on > row.late_since:
            row.late += row.missing("principal") * (on - row.late_since).days
            row.late_since = on

    def owed(self, on: date) -> dict[str, int]:
        """What is owed by part, and what interest was paid ahead of its time."""
        sums = dict.fromkeys((*PARTS, "ahead"), 0)
        for row in self.rows:
            earned = max(row.earned(on) - row.waived["interest"], 0) - row.paid["interest"]
            sums["interest"] += max(earned, 0)
            sums["ahead"] += max(-earned, 0)
            sums["principal"] += row.missing("principal")
            sums["penalty"] += row.missing("penalty", self.penalty(row, on))
        return sums

    def payoff(self, on: date) -> int:
        """What settles the loan."""
        sums = self.owed(on)
        return sums["principal"] + sums["interest"] + sums["penalty"] - sums["ahead"]

    def pay(self, source: str, on: date, amount: int, mode: str = "due") -> None:
        """Money arrives."""
        if self.settled is not None:
            self.set_aside[source] = amount
            return
        if amount >= self.payoff(on):
            self._stop(on)
            rest = self._meet(on, amount, self._ordered())
            self.settled = on
        elif self.written_off is not None:
            rest = self._recover(on, amount)
        elif mode == "due":
            rest = self._meet(on, amount, self._ordered())
        else:
            rest = self._meet(on, amount, [row for row in self._ordered() if row.due <= on])
            rest = self._ahead(on, rest, mode) if rest else 0
        if rest:
            self.set_aside[source] = rest

    def _ordered(self) -> list[Row]:
        return sorted(self.rows, key=lambda row: row.due)

    def _meet(self, on: date, amount: int, rows: list[Row]) -> int:
        for row in rows:
            for part in PARTS:
                amount -= self._take(row, part, on, amount)
        return amount

    def _recover(self, on: date, amount: int) -> int:
        for part in ("principal", "interest", "penalty"):
            for row in self._ordered():
                amount -= self._take(row, part, on, amount)
        return amount

    def _take(self, row: Row, part: str, on: date, most: int) -> int:
        taken = min(most, max(row.missing(part, self.penalty(row, on)), 0))
        if taken:
            self._count_late(row, on)
            row.paid[part] += taken
        return taken

    def _ahead(self, on: date, amount: int, mode: str) -> int:
        rows = self.open_rows(on)
        before = sum(row.principal for row in rows)
        principal = min(amount, sum(row.missing("principal") for row in rows))
        size = rows[0].principal + rows[0].interest if mode == "prepay_shorten" else None
        self._plan(rows, on, before - principal, size)
        if mode == "prepay_shorten":
            gone = [row for row in rows[1:] if not row.principal and not sum(row.paid.values())]
            self.rows = [row for row in self.rows if row not in gone]
        self._give_back(on, rows)
        return self._meet(on, amount - principal, self._ordered())

    def _give_back(self, on: date, rows: list[Row]) -> None:
        """What was paid of a price above what it now is meets principal, then interest; a waiver lapses."""
        credit = 0
        for row in rows:
            row.waived["interest"] = min(row.waived["interest"], row.interest)
            over = -row.missing("interest")
            if over > 0:
                row.paid["interest"] -= over
                credit += over
        for part in ("principal", "interest", "penalty"):
            for row in rows:
                used = min(credit, max(row.missing(part, self.penalty(row, on)), 0))
                row.paid[part] += used
                credit -= used

    def _stop(self, on: date) -> None:
        """The price ends today."""
        for row in self.rows:
            self._count_late(row, on)
            row.interest, row.stopped = row.earned(on), on
        self._give_back(on, self.rows[::-1])

    def _spread(self, on: date, rows: list[Row], first: date, count: int, added: int = 0) -> None:
        balance = sum(row.principal for row in rows) + added
        start = rows[0].starts if rows else on
        if month_later(first, 0, self.anchor) != first:
            self.anchor = first.day
        kept, number = rows[:count], max(row.number for row in self.rows)
        for k in range(count):
            end = month_later(first, k, self.anchor)
            if k < len(kept):
                row = kept[k]
                row.keep_earned(on)
                length = self._length(start, end)
                row.left = max(row.left + length - row.length, Fraction(0))
                row.kept_until = max(row.kept_until, start) if on > start else start
                row.starts, row.ends, row.length = start, end, length
                row.due = row.late_since = end
            else:
                number += 1
                kept.append(Row(number, start, end, self._length(start, end)))
                self.rows.append(kept[-1])
            start = end
        self.rows = [row for row in self.rows if row not in rows[count:]]
        self._plan(kept, on, balance, None)
        self._give_back(on, kept)

    def defer(self, on: date, months: int) -> None:
        """The coming installments fall due later; interest runs on."""
        rows = self.open_rows(on)
        self._spread(on, rows, month_later(rows[0].ends, months, self.anchor), len(rows))

    def defer_free(self, on: date, months: int) -> None:
        """The coming installments fall due later and cost what they did."""
        rows = self.open_rows(on)
        start, first = rows[0].starts, month_later(rows[0].ends, months, self.anchor)
        for k, row in enumerate(rows):
            row.keep_earned(on)
            row.kept_until = max(row.kept_until, start) if on > start else start
            row.starts, row.ends = start, month_later(first, k, self.anchor)
            row.due = row.late_since = row.ends
            start = row.ends

    def move(self, on: date, first: date) -> None:
        """The next installment falls due on another day."""
        rows = self.open_rows(on)
        self._spread(on, rows, first, len(rows))

    def re_age(self, on: date, count: int | None = None, first: date | None = None) -> None:
        """Overdue principal joins the coming installments; overdue interest and penalty fall due last."""
        rows = self.open_rows(on)
        late = [row for row in self.rows if row.due <= on and row.unmet > 0]
        moved = 0
        for row in late:
            self._count_late(row, on)
            moved += row.missing("principal")
            row.principal -= row.missing("principal")
        self._spread(on, rows, first or rows[0].ends, count or len(rows), moved)
        for row in late:
            row.due = row.late_since = max(each.due for each in self.rows)

    def extend(self, on: date, count: int, rate: Fraction | None = None) -> None:
        """What is not yet due is spread over so many installments."""
        rows = self.open_rows(on)
        if rate is not None:
            self.rate = rate
        self._spread(on, rows, rows[0].ends, count)

    def waive(self, on: date, amount: int, part: str) -> None:
        """A debt is given up, oldest first."""
        left = min(amount, self.payoff(on))
        for row in self.rows:
            given = min(left, max(row.missing(part, self.penalty(row, on)), 0))
            if given:
                self._count_late(row, on)
                row.waived[part] += given
                left -= given
        if self.payoff(on) == 0:
            self._stop(on)
            self.settled = on

    def write_off(self, on: date) -> None:
        """Nothing accrues any more."""
        self._stop(on)
        self.written_off, self.lost = on, sum(row.missing("principal") for row in self.rows)

    def schedule(self, on: date) -> list[tuple[int, str, int, int, int, int, int, int]]:
        """Number, due date, principal, interest, penalty, paid, waived, outstanding of each installment."""
        found = []
        for row in self.rows:
            penalty, paid, waived = self.penalty(row, on), sum(row.paid.values()), sum(row.waived.values())
            asked = row.principal + row.interest + penalty
            found.append(
                (
                    row.number, row.due.isoformat(), row.principal, row.interest, penalty, paid, waived,
                    asked - paid - waived,
                )
            )  # fmt: skip
        return found

    def days_late(self, on: date) -> int:
        """Days since the oldest due date that is not met."""
        unmet = [row.due for row in self.rows if row.unmet > 0]
        return max((on - min(unmet)).days, 0) if unmet else 0
