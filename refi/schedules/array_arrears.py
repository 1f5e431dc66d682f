"""Lateness and payoff of many loans at once: the definitions of `refi.schedules.arrears`, over arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refi.money import Rounding
from refi.schedules.array_arithmetic import Int64Arrays
from refi.schedules.arrears import BUCKET_DAYS, LAST_BUCKET, bucket
from refi.schedules.bulk import Plans
from refi.schedules.loan_arrays import ROUNDINGS

Ints = NDArray[np.int64]
BUCKETS = tuple(bucket(BUCKET_DAYS * k) for k in range(LAST_BUCKET + 1))
"""Names by code: 0 is ``current``, 7 is ``M7+``."""


def days_past_due(due_date: NDArray[np.datetime64], unpaid: Ints, on: np.datetime64) -> Ints:
    """(N,) days past due: business date − oldest due date with something unpaid, 0 if none is past due.

    ``due_date`` and ``unpaid`` have shape (N, n); padding (NaT, 0) never counts.
    """
    late = (unpaid > 0) & (due_date < on)
    days = np.where(late, (on - due_date).astype("timedelta64[D]").astype(np.int64), 0)
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


def payoffs(plans: Plans, on: np.datetime64) -> ArrayPayoffs:
    """Payoff of loans that have paid each installment due before ``on``, and none due on the day itself.

    Interest and fees are straight-line over the calendar days of their period, as in
    `refi.schedules.contract.payoff`; on a due date the total equals the schedule.
    """
    open_ = plans.within & (plans.due_date >= on)
    starts = np.concatenate((plans.loans.disbursed_on[:, None], plans.due_date[:, :-1]), axis=1)
    zero, day = np.int64(0), "timedelta64[D]"
    length = np.where(plans.within, (plans.due_date - starts).astype(day).astype(np.int64), 1)
    passed = np.where(open_, (on - starts).astype(day).astype(np.int64), zero)
    passed = np.minimum(np.maximum(passed, 0), length)
    principal = np.where(open_, plans.principal, 0).sum(axis=1)
    interest = _earned(plans, plans.interest, passed, length)
    fees = _earned(plans, plans.fee, passed, length)
    left = np.where(open_, plans.interest, 0).sum(axis=1)
    return ArrayPayoffs(principal, interest, fees, principal + interest + fees, left - interest)


def _earned(plans: Plans, price: Ints, passed: Ints, length: Ints) -> Ints:
    """The part of each installment's price earned in the days passed, summed over the installments."""
    earned = np.zeros_like(price)
    for code, rounding in enumerate(ROUNDINGS):
        at = plans.loans.rounding == code
        if at.any():
            earned[at] = _rounded(price[at] * passed[at], length[at], rounding)
    return np.asarray(earned.sum(axis=1), np.int64)


def _rounded(numerator: Ints, denominator: Ints, rounding: Rounding) -> Ints:
    arithmetic = Int64Arrays(rounding)
    return arithmetic.divide(numerator, denominator)
