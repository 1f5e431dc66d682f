"""Many loans on a day, whatever was paid on them: balances, arrears and payoff, over arrays.

The figures are those of `refi.schedules.contract.replay` for contracts whose only events are receipts of the
modes ``due`` and ``payoff``. Contracts that were modified, prepaid, charged off or partly waived are replayed
one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from refi.errors import Fault
from refi.money import MAX_AMOUNT
from refi.schedules.allocation import BY_LAW, Component, Order
from refi.schedules.array_allocation import allocate
from refi.schedules.array_arithmetic import INT64_LIMIT, rounded_quotient
from refi.schedules.bulk import Plans
from refi.schedules.contract_events import InvalidEvent
from refi.schedules.conventions import PriceUntil
from refi.schedules.day_tables import NEVER
from refi.schedules.loan_arrays import PPM, Dates, DayLike, one_day

Ints = NDArray[np.int64]
BLOCK = 8_192
"""Loans worked on together."""
FAR = 2**40
"""A day that never comes, safe to subtract from."""
FEE, PENALTY, INTEREST, PRINCIPAL = Component.FEE, Component.PENALTY, Component.INTEREST, Component.PRINCIPAL


@dataclass(frozen=True, slots=True)
class Receipts:
    """M receipts in order of posting: the loan's index, the day the money left, minor units; each (M,)."""

    loan: Ints
    on: Dates
    amount: Ints


def receipts(loan: ArrayLike, on: ArrayLike, amount: ArrayLike) -> Receipts:
    """Receipts, checked: whole amounts of 1 to 10**15, arrays of one length. Raises `InvalidEvent`."""
    made = Receipts(np.asarray(loan), np.asarray(on, "datetime64[D]"), np.asarray(amount))
    if not made.loan.shape == made.on.shape == made.amount.shape or made.loan.ndim != 1:
        raise InvalidEvent("the arrays differ in length")
    for name, array, least in (("loan", made.loan, 0), ("amount", made.amount, 1)):
        if array.size and array.dtype.kind not in "iu":
            raise InvalidEvent(f"{name}s are whole numbers", faults=[Fault(f"/{name}", "not_an_integer")])
        wrong = np.flatnonzero((array < least) | (array > MAX_AMOUNT))
        if wrong.size:
            raise InvalidEvent(f"no {name} is that", faults=[Fault(f"/{name}/{wrong[0]}", "out_of_range")])
    return Receipts(made.loan.astype(np.int64), made.on, made.amount.astype(np.int64))


@dataclass(frozen=True, slots=True)
class Positions:
    """N loans on a day; every array has shape (N,), minor units. Figures of loans that are settled are 0.

    Attributes:
        principal, interest, fees, penalties: what it takes to pay off today, by component.
        total: their sum.
        past_due: principal, interest and fees that fell due before the day and are unpaid.
        oldest_unmet_on: the oldest of their due dates, NaT if there is none.
        days_past_due: the day minus that date, or 0.
        interest_saved: interest of the plan that a payoff today would not cost.
        settled_on: the day a receipt reached the payoff, NaT if none did.
        excess: money above what was owed.
    """

    principal: Ints
    interest: Ints
    fees: Ints
    penalties: Ints
    total: Ints
    past_due: Ints
    oldest_unmet_on: Dates
    days_past_due: Ints
    interest_saved: Ints
    settled_on: Dates
    excess: Ints


def positions(
    plans: Plans,
    on: DayLike,
    paid: Receipts | None = None,
    *,
    penalty_multiple: Decimal = Decimal("1.5"),
    penalty_year_days: int = 365,
    order: Order = BY_LAW,
    early_payoff: PriceUntil = PriceUntil.TO_THE_DAY,
) -> Positions:
    """Every loan on the day ``on``; receipts after it do not count yet.

    ``order`` and ``early_payoff`` are the conventions of those names; loans with interest on the actual
    balance are replayed one by one.

    Raises `InvalidEvent` for a receipt of a loan that there is not or was not paid out yet, and where
    principal × days is beyond 2**62 (then replay one by one).
    """
    paid = paid or receipts([], [], [])
    until = one_day(on)
    day = int(until.astype(np.int64))
    _check(plans, paid, day)
    numerator, denominator = penalty_multiple.as_integer_ratio()
    penalty = numerator, denominator * penalty_year_days * PPM
    rank = np.lexsort((paid.on, paid.loan))
    rank = rank[paid.on[rank] <= until]
    found = []
    for low in range(0, max(len(plans), 1), BLOCK):
        books = _books(plans, slice(low, low + BLOCK), penalty, early_payoff)
        begin, end = np.searchsorted(paid.loan[rank], [low, low + BLOCK])
        own = rank[begin:end]
        books.receive(paid.loan[own] - low, paid.on[own].view(np.int64), paid.amount[own], order)
        found.append(books.read(day))
    return Positions(
        *(np.concatenate([getattr(f, field.name) for f in found]) for field in fields(Positions))
    )


def _check(plans: Plans, paid: Receipts, day: int) -> None:
    known = paid.loan < len(plans)
    early = known.copy()
    early[known] = paid.on[known] < plans.loans.disbursed_on[paid.loan[known]]
    for wrong, pointer, code in ((~known, "loan", "unknown"), (early, "on", "too_early")):
        if wrong.any():
            at = f"/{pointer}/{np.flatnonzero(wrong)[0]}"
            raise InvalidEvent("nothing is received before a payout", faults=[Fault(at, code)])
    if len(plans):
        days = day - int(plans.loans.disbursed_on.min().astype(np.int64))
        if float(plans.loans.principal.max()) * days >= INT64_LIMIT:
            raise InvalidEvent("principal × days is too large", faults=[Fault("/on", "out_of_range")])


def _books(plans: Plans, at: slice, penalty: tuple[int, int], early_payoff: PriceUntil) -> _Books:
    """The books of the loans ``at`` on their payout days; what they do not have lies in the far future."""
    within = plans.within[at].T
    ends = np.where(within, plans.ends_on[at].T.view(np.int64), FAR)
    due = np.where(within, plans.due_date[at].T.view(np.int64), FAR)
    first = plans.loans.disbursed_on[at].view(np.int64)[None, :]
    priced = {PRINCIPAL: plans.principal[at].T, INTEREST: plans.interest[at].T, FEE: plans.fee[at].T}
    return _Books(
        rounding=plans.loans.rounding[at],
        rate=plans.loans.annual_rate[at] * penalty[0],
        year=penalty[1],
        early_payoff=early_payoff,
        starts=np.concatenate((first, ends[:-1])),
        ends=ends,
        due=due,
        priced=priced,
        met={component: np.zeros_like(due) for component in Component},
        late=np.zeros_like(due),
        late_from=due.copy(),
        settled=np.full(due.shape[1], NEVER),
        excess=np.zeros(due.shape[1], np.int64),
    )


@dataclass(frozen=True, slots=True)
class _Books:
    """The working rows of a block of loans: (n, N) arrays, changed in place; days are whole numbers.

    ``late`` is overdue principal × days up to ``late_from``; ``rate / year`` is the penalty of one day.
    """

    rounding: Ints
    rate: Ints
    year: int
    early_payoff: PriceUntil
    starts: Ints
    ends: Ints
    due: Ints
    priced: dict[Component, Ints]
    met: dict[Component, Ints]
    late: Ints
    late_from: Ints
    settled: Ints
    excess: Ints

    def receive(self, loan: Ints, on: Ints, amount: Ints, order: Order) -> None:
        """Book receipts, sorted by loan and day: the first of every loan, then the second, and so on."""
        number = np.arange(len(loan)) - np.searchsorted(loan, loan)
        for k in range(int(number.max(initial=-1)) + 1):
            at = number == k
            self._receive(loan[at], on[at], amount[at], order)

    def _receive(self, at: Ints, on: Ints, amount: Ints, order: Order) -> None:
        """Book one receipt of each loan ``at``."""
        over = self.settled[at] != NEVER
        self.excess[at[over]] += amount[over]
        at, on, amount = at[~over], on[~over], amount[~over]
        self._accrue(at, on)
        closed = self._settle(at, on, amount)
        at, on, amount = at[~closed], on[~closed], amount[~closed]
        due = self.due[:, at]
        when = np.where(due > on, 2, np.where(due == on, 1, 0))
        owed = {
            component: price[:, at] - self.met[component][:, at] for component, price in self.priced.items()
        }
        owed[PENALTY] = self._penalty(at) - self.met[PENALTY][:, at]
        taken, left = allocate(amount, owed, when, order)
        for component, part in taken.items():
            self.met[component][:, at] += part
        self.excess[at] += left

    def _settle(self, at: Ints, on: Ints, amount: Ints) -> NDArray[np.bool_]:
        """Close the loans whose money reaches the payoff; which they are."""
        unpaid = (self.priced[PRINCIPAL][:, at] - self.met[PRINCIPAL][:, at]).sum(axis=0)
        price = self.met[INTEREST][:, at] + self.met[FEE][:, at]
        least = unpaid - np.where(self.ends[:, at] > on, price, 0).sum(axis=0)
        closed: NDArray[np.bool_] = (
            amount >= least
        )  # the payoff is no less than that; most receipts are far from it
        near = np.flatnonzero(closed)
        total = self._position(at[near], on[near]).sum(axis=0)
        closed[near] = amount[near] >= total
        ends = near[closed[near]]
        self.settled[at[ends]] = on[ends]
        self.excess[at[ends]] += amount[ends] - total[closed[near]]
        return closed

    def _accrue(self, at: Ints, on: Ints) -> None:
        """Fix overdue principal × days up to ``on``, before the unpaid principal changes."""
        since = self.late_from[:, at]
        unpaid = self.priced[PRINCIPAL][:, at] - self.met[PRINCIPAL][:, at]
        self.late[:, at] += unpaid * np.maximum(on - since, 0)
        self.late_from[:, at] = np.maximum(since, on)

    def _penalty(self, at: Ints) -> Ints:
        """The penalty of each installment as accrued."""
        late = self.late[:, at]
        if not late.any():
            return late
        return rounded_quotient(late, self.rate[at], self.year, self.rounding[at])

    def _until(self, at: Ints, on: Ints) -> Ints:
        """The day up to which the price is owed by who pays off on ``on``."""
        if self.early_payoff is PriceUntil.TO_THE_DAY:
            return on
        if self.early_payoff is PriceUntil.IN_FULL:
            return np.full_like(on, FAR)
        ends = self.ends[:, at]
        return np.asarray(np.where(ends >= on, ends, FAR).min(axis=0, initial=FAR), np.int64)

    def _earned(self, component: Component, at: Ints, on: Ints) -> Ints:
        """The part of each installment's price earned by a day: straight-line over its period."""
        price = self.priced[component][:, at]
        if not price.any():
            return price
        length = self.ends[:, at] - self.starts[:, at]
        passed = np.minimum(np.maximum(on - self.starts[:, at], 0), length)
        return rounded_quotient(price, passed, np.maximum(length, 1), self.rounding[at])

    def _position(self, at: Ints, on: Ints) -> Ints:
        """(4, N) principal, interest, fees and penalties that close each loan, accrued up to ``on``."""
        until = self._until(at, on)
        interest = self._earned(INTEREST, at, until) - self.met[INTEREST][:, at]
        fee = self._earned(FEE, at, until) - self.met[FEE][:, at]
        owed = np.stack(
            (
                (self.priced[PRINCIPAL][:, at] - self.met[PRINCIPAL][:, at]).sum(axis=0),
                np.maximum(interest, 0).sum(axis=0),
                np.maximum(fee, 0).sum(axis=0),
                (self._penalty(at) - self.met[PENALTY][:, at]).sum(axis=0),
            )
        )
        credit = np.maximum(-interest, 0).sum(axis=0) + np.maximum(-fee, 0).sum(axis=0)
        before = np.cumsum(owed, axis=0) - owed
        return np.asarray(owed - np.minimum(np.maximum(credit - before, 0), owed), np.int64)

    def read(self, day: int) -> Positions:
        """The positions of all loans on a day."""
        every = np.arange(len(self.settled))
        on = np.full(len(every), day)
        self._accrue(every, on)
        open_ = self.settled == NEVER
        closes = self._position(every, on) * open_
        earned = self._earned(INTEREST, every, self._until(every, on)).sum(axis=0)
        unpaid = sum(price - self.met[component] for component, price in self.priced.items()) * open_
        late = np.where((self.due < day) & (unpaid > 0), self.due, FAR).min(axis=0, initial=FAR)
        oldest = np.where(late < FAR, late, NEVER)
        principal, interest, fees, penalties = closes
        return Positions(
            principal=principal,
            interest=interest,
            fees=fees,
            penalties=penalties,
            total=closes.sum(axis=0),
            past_due=np.where(self.due < day, unpaid, 0).sum(axis=0),
            oldest_unmet_on=oldest.view("datetime64[D]"),
            days_past_due=np.where(late < FAR, day - late, 0),
            interest_saved=(self.priced[INTEREST].sum(axis=0) - earned) * open_,
            settled_on=self.settled.view("datetime64[D]"),
            excess=self.excess,
        )
