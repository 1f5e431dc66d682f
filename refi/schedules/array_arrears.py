"""Lateness and payoff of many loans at once: the definitions of `refi.schedules.arrears`, over arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from refi.errors import Fault
from refi.schedules.array_arithmetic import rounded_quotient
from refi.schedules.arrears import BUCKET_DAYS, LAST_BUCKET, bucket
from refi.schedules.bulk import Plans
from refi.schedules.contract_events import InvalidEvent
from refi.schedules.loan_arrays import DayLike, one_day

Ints = NDArray[np.int64]
BUCKETS = tuple(bucket(BUCKET_DAYS * k) for k in range(LAST_BUCKET + 1))
"""Names by code: 0 is ``current``, 7 is ``M7+``."""


def days_past_due(due_date: NDArray[np.datetime64], unpaid: Ints, on: DayLike) -> Ints:
    """(N,) days past due: business date − oldest due date with something unpaid, 0 if none is past due.

    ``due_date`` and ``unpaid`` have shape (N, n); padding (NaT, 0) never counts.
    """
    day = one_day(on)
    late = (unpaid > 0) & (due_date < day)
    days = np.where(late, (day - due_date).astype("timedelta64[D]").astype(np.int64), 0)
    return np.asarray(days.max(axis=1, initial=0), np.int64)


def bucket_codes(days: Ints) -> Ints:
    """(N,) index into `BUCKETS` of days past due."""
    return np.asarray(np.minimum(-(-np.maximum(days, 0) // BUCKET_DAYS), LAST_BUCKET), np.int64)


@dataclass(frozen=True, slots=True)
class ArrayPayoffs:
    """(N,) minor units: what settles each loan, paid on time until the day."""

    principal: Ints
    accrued_interest: Ints
    fees: Ints
    total: Ints
    interest_saved: Ints


def unpaid(plans: Plans, paid: ArrayLike) -> Ints:
    """(N, n) what is left of each installment once ``paid``, (N,), met the oldest first; no penalties.

    ``paid`` is minor units, one value for each plan or one for all. Raises `InvalidEvent`.
    """
    given = np.asarray(paid)
    if given.dtype.kind not in "iu" or (given.size and int(given.min()) < 0):
        raise InvalidEvent("what was paid is whole amounts from 0", faults=[Fault("/paid", "out_of_range")])
    if given.shape not in ((), (len(plans),)):
        raise InvalidEvent("each plan has one amount", faults=[Fault("/paid", "length_differs")])
    amount = plans.amount
    before = np.cumsum(amount, axis=1) - amount
    met = np.broadcast_to(given.astype(np.int64), (len(plans),))[:, None] - before
    return np.asarray(amount - np.minimum(np.maximum(met, 0), amount), np.int64)


def payoffs(plans: Plans, on: DayLike) -> ArrayPayoffs:
    """Payoff of loans that have paid each installment due before ``on``, and none due on the day itself.

    Interest and fees are straight-line over the calendar days of their period, as in
    `refi.schedules.contract.payoff`; on a due date the total equals the schedule. For loans that were not
    paid on time, `refi.schedules.array_servicing.positions`.
    """
    day = one_day(on)
    open_ = plans.within & (plans.due_date >= day)
    starts = np.concatenate((plans.loans.disbursed_on[:, None], plans.ends_on[:, :-1]), axis=1)
    length = np.where(plans.within, _days(plans.ends_on - starts), 1)
    passed = np.minimum(np.maximum(np.where(open_, _days(day - starts), 0), 0), length)
    codes = plans.loans.rounding[:, None]
    principal = np.where(open_, plans.principal, 0).sum(axis=1)
    interest = rounded_quotient(plans.interest, passed, length, codes).sum(axis=1)
    fees = rounded_quotient(plans.fee, passed, length, codes).sum(axis=1)
    left = np.where(open_, plans.interest, 0).sum(axis=1)
    return ArrayPayoffs(principal, interest, fees, principal + interest + fees, left - interest)


def _days(span: NDArray[np.timedelta64]) -> Ints:
    return span.astype("timedelta64[D]").astype(np.int64)
