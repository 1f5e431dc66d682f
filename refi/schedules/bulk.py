"""Many plans at once: the recurrence of `refi.schedules.recurrence` over arrays, exact to the minor unit.

Loans come as a structure of arrays and so do their plans. Shapes are ``(N, n)``: loan by installment, ``n``
the longest term of the call; beyond a shorter loan's last installment every figure is 0 and the date NaT.
The arrays are stored installment by installment, so ``plans.interest[:, 0]`` is contiguous.

Which arithmetic carried a loan (`refi.schedules.array_recurrence`) cannot be told from its plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from refi.errors import Fault
from refi.money import Rounding
from refi.schedules import day_tables
from refi.schedules.amortization import BEARS_INTEREST, Method
from refi.schedules.array_arithmetic import rounded_quotient
from refi.schedules.array_recurrence import Recurrence, Sink
from refi.schedules.dates import BusinessDays, InvalidFirstDueDate, Rolling
from refi.schedules.day_count import DENOMINATOR, DayCount
from refi.schedules.loan_arrays import DAY_COUNTS, METHODS, PPM, ROUNDINGS, Dates, Ints, Loans, loans, shared

__all__ = ["Loans", "Plans", "loans", "schedules"]

BLOCK = 65_536
"""Loans worked on together: long enough for threads not to disturb each other, short enough for the cache."""
WORKERS = 2
"""More threads wait for each other: the interpreter runs one of them at a time between array steps."""


@dataclass(frozen=True)
class Plans:
    """The plans of N loans; shapes (N, n), minor units, ``datetime64[D]``. See the module for padding."""

    loans: Loans
    due_date: Dates
    principal: Ints
    interest: Ints
    monthly_fee: Ints
    ends_on: Dates
    """(N, n): where each period ends; the due date too, unless a holiday moved that."""

    def __len__(self) -> int:
        return len(self.loans)

    @cached_property
    def within(self) -> NDArray[np.bool_]:
        """(N, n): whether the loan has that installment."""
        numbers = np.arange(self.principal.shape[1])
        return numbers[None, :] < self.loans.installments[:, None]

    @cached_property
    def fee(self) -> Ints:
        """(N, n): the fee of each installment."""
        return np.where(self.within, self.monthly_fee[:, None], 0)

    @cached_property
    def amount(self) -> Ints:
        """(N, n): principal + interest + fee."""
        return np.asarray(self.principal + self.interest + self.fee, np.int64)

    @cached_property
    def balance_after(self) -> Ints:
        """(N, n): principal left after each installment."""
        return np.asarray(self.loans.principal[:, None] - np.cumsum(self.principal, axis=1), np.int64)

    @cached_property
    def total_interest(self) -> Ints:
        """(N,): interest of the whole plan."""
        return np.asarray(self.interest.sum(axis=1), np.int64)

    @cached_property
    def total_fee(self) -> Ints:
        """(N,): fees of the whole plan."""
        return self.monthly_fee * self.loans.installments

    @cached_property
    def total_of_payments(self) -> Ints:
        """(N,): principal, interest and fees."""
        return self.loans.principal + self.total_interest + self.total_fee


@dataclass(frozen=True, slots=True)
class _Group:
    """Loans of one call that share term, method, day count, rounding and regularity of the first period."""

    at: Ints | slice
    installments: int
    method: Method
    day_count: DayCount
    rounding: Rounding
    regular: bool

    def size(self, loans: int) -> int:
        """How many of the ``loans`` of the call are in it."""
        return loans if isinstance(self.at, slice) else len(self.at)


def schedules(
    terms: Loans,
    workers: int = WORKERS,
    rolling: Rolling = Rolling.NONE,
    business_days: BusinessDays | None = None,
) -> Plans:
    """The plans of many loans: the figures of `refi.schedules.amortization.schedule`, for each of them.

    ``workers`` threads share the work (more than two wait for each other); the result is the same. With
    ``rolling`` due dates move off the holidays of ``business_days``; ``ends_on`` and the amounts stay.

    Raises `InvalidFirstDueDate` (pointing to the first loan at fault), `DateOutOfRange` or `CalendarMissing`.
    """
    count, longest = len(terms), int(terms.installments.max(initial=0))
    dated = day_tables.anchored(
        terms.disbursed_on.view(np.int64),
        None if terms.first_due_on is None else terms.first_due_on.view(np.int64),
        longest,
    )
    if dated.first_due is not None and (late := np.flatnonzero(dated.first_due <= dated.disbursed)).size:
        raise InvalidFirstDueDate(
            "the first due date must come after the payout",
            faults=[Fault(f"/first_due_on/{late[0]}", "not_after_disbursed_on")],
        )
    mixed = shared(terms.installments) is None and bool((terms.installments != longest).any())
    make = np.zeros if mixed else np.empty
    due = (
        np.full((longest, count), np.datetime64("NaT"), "datetime64[D]")
        if mixed
        else (np.empty((longest, count), "datetime64[D]"))
    )
    principal, interest = make((longest, count), np.int64), make((longest, count), np.int64)
    run = _Run(terms, dated, due.view(np.int64), principal, interest)
    _run_groups(run, _groups(terms, dated), workers)
    shown = due
    if rolling is not Rolling.NONE:
        shown = day_tables.rolled(due.view(np.int64), rolling, business_days).view(due.dtype)
        if count and (back := np.flatnonzero(shown[0] <= terms.disbursed_on)).size:
            raise InvalidFirstDueDate.rolls_back(f"/first_due_on/{back[0]}")
    return Plans(terms, shown.T, principal.T, interest.T, _monthly_fees(terms), due.T)


def _groups(terms: Loans, dated: day_tables.Anchored) -> Iterator[_Group]:
    """Loans that can run together; a call of one kind is one group without any copying."""
    if not len(terms):
        return
    regular = np.broadcast_to(np.int64(1), (len(terms),))
    if terms.first_due_on is not None:
        regular = (dated.first_days_30() == 30).astype(np.int64)
    parts = ((terms.method, 4), (terms.day_count, 4), (terms.rounding, 2), (regular, 2))
    if all(shared(part) is not None for part in (terms.installments, *(part for part, _ in parts))):
        yield _Group(
            slice(None),
            int(terms.installments[0]),
            METHODS[terms.method[0]],
            DAY_COUNTS[terms.day_count[0]],
            ROUNDINGS[terms.rounding[0]],
            regular=True,
        )
        return
    key = terms.installments
    for part, base in parts:
        key = key * base + part
    order = np.argsort(key, kind="stable")
    kinds, starts = np.unique(key[order], return_index=True)
    if len(kinds) == 1:
        yield _group(int(kinds[0]), slice(None))
        return
    for kind, at in zip(kinds, np.split(order, starts[1:]), strict=True):
        yield _group(int(kind), at)


def _group(key: int, at: Ints | slice) -> _Group:
    key, regular = divmod(key, 2)
    key, rounding = divmod(key, 2)
    key, day_count = divmod(key, 4)
    installments, method = divmod(key, 4)
    return _Group(
        at, installments, METHODS[method], DAY_COUNTS[day_count], ROUNDINGS[rounding], bool(regular)
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """One call: its terms and the (n, N) arrays that it fills."""

    terms: Loans
    dated: day_tables.Anchored
    due: Ints
    principal: Ints
    interest: Ints

    def fill(self, group: _Group, blocks: Iterator[slice]) -> None:
        """Work out blocks of a group until none is left; several threads may draw from the same ones."""
        recurrence = Recurrence(group.method, group.rounding, min(BLOCK, group.size(len(self.terms))))
        for block in blocks:
            at = block if isinstance(group.at, slice) else group.at[block]
            ends = self._dates(group, at)
            rates, denominator = _rates(self.terms.annual_rate[at], group, self.dated, at, ends)
            sink = Sink(self.principal, self.interest, at)
            recurrence.run(self.terms.principal[at], rates, denominator, sink)

    def _dates(self, group: _Group, at: slice | Ints) -> Sequence[Ints]:
        """Write the due days of a block and return them, by installment."""
        rows = self.due[: group.installments]
        if isinstance(at, slice):
            self.dated.write_due(rows, at.start, at.stop)
            return list(rows[:, at])
        ends = [self.dated.due(k, at) for k in range(group.installments)]
        rows[:, at] = ends
        return ends


def _run_groups(run: _Run, groups: Iterator[_Group], workers: int) -> None:
    """Let threads draw blocks of each group until none is left; numpy lets them run side by side.

    So a thread that other programs hold up leaves its work to the others.
    """
    with ThreadPoolExecutor(workers) as threads:
        for group in groups:
            size = group.size(len(run.terms))
            blocks = [slice(low, min(low + BLOCK, size)) for low in range(0, size, BLOCK)]
            drawn, hands = iter(blocks), min(workers, len(blocks))
            if hands == 1:
                run.fill(group, drawn)
            else:
                list(threads.map(run.fill, [group] * hands, [drawn] * hands))


def _rates(
    annual_rate: Ints, group: _Group, dated: day_tables.Anchored, at: slice | Ints, ends: Sequence[Ints]
) -> tuple[list[Ints], int]:
    """Period rates over one denominator: an array for each installment (the same one for equal periods)."""
    kind, count = group.day_count, group.installments
    if group.method not in BEARS_INTEREST:
        return [np.zeros_like(annual_rate)] * count, 1
    if kind is DayCount.THIRTY_360:
        if group.regular:
            return [annual_rate] * count, PPM * 12
        first = dated.first_days_30()[at] * annual_rate
        return [first] + [30 * annual_rate] * (count - 1), PPM * 360
    starts = [dated.disbursed[at], *ends]
    weights = (day_tables.weights(kind, a, b) for a, b in zip(starts, ends, strict=False))
    return [annual_rate * weight for weight in weights], PPM * DENOMINATOR[kind]


def _monthly_fees(terms: Loans) -> Ints:
    """The fee of each installment: the fee rate on the amount first lent, rounded by the loan's rule."""
    if shared(terms.monthly_fee_rate) == 0:
        return np.broadcast_to(np.int64(0), (len(terms),))
    return rounded_quotient(terms.principal, terms.monthly_fee_rate, PPM, terms.rounding)
