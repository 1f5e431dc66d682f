"""The terms of many loans as a structure of arrays, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from refi.errors import Fault
from refi.money import MAX_AMOUNT, Rounding
from refi.schedules.amortization import MAX_ANNUAL_RATE, MAX_INSTALLMENTS, InvalidTerms, Method
from refi.schedules.day_count import DayCount

Ints = NDArray[np.int64]
Dates = NDArray[np.datetime64]
PPM = 10**6
"""Rates of arrays are whole millionths: 120_000 is 12 %."""


@dataclass(frozen=True, slots=True)
class Loans:
    """Terms of N loans; every array has shape (N,), int64.

    Attributes:
        principal: minor units, 1 to 10**15.
        annual_rate: millionths a year (120_000 = 12 %), 0 to 10_000_000.
        installments: 1 to 60.
        disbursed_on: payout dates, ``datetime64[D]``.
        first_due_on: first due dates, or ``None`` for one month after the payout.
        monthly_fee_rate: fee of each month in millionths of the principal, 0 to 1_000_000.
        method: index into ``tuple(Method)``.
        day_count: index into ``tuple(DayCount)``.
        rounding: index into ``tuple(Rounding)``.
    """

    principal: Ints
    annual_rate: Ints
    installments: Ints
    disbursed_on: Dates
    first_due_on: Dates | None
    monthly_fee_rate: Ints
    method: Ints
    day_count: Ints
    rounding: Ints

    def __len__(self) -> int:
        return len(self.principal)


METHODS, DAY_COUNTS, ROUNDINGS = tuple(Method), tuple(DayCount), tuple(Rounding)


def loans(
    principal: ArrayLike,
    annual_rate: ArrayLike,
    installments: ArrayLike,
    disbursed_on: ArrayLike,
    first_due_on: ArrayLike | None = None,
    *,
    monthly_fee_rate: ArrayLike = 0,
    method: Method | Sequence[Method] = Method.EQUAL_INSTALLMENT,
    day_count: DayCount | Sequence[DayCount] = DayCount.THIRTY_360,
    rounding: Rounding | Sequence[Rounding] = Rounding.HALF_UP,
) -> Loans:
    """Terms of many loans, checked. Scalars stand for all loans; units are those of `Loans`.

    Raises `InvalidTerms` whose faults point to the first loan at fault of each field (``/principal/17``),
    `InvalidFirstDueDate` or `DateOutOfRange`, before anything is computed.
    """
    given = (principal, annual_rate, installments, disbursed_on, first_due_on, monthly_fee_rate)
    count = _count([*given, method, day_count, rounding])
    faults: list[Fault] = []

    def whole(name: str, value: ArrayLike, least: int, most: int) -> Ints:
        given = np.asarray(value)
        if given.dtype.kind not in "iu":
            faults.append(Fault(f"/{name}", "not_an_integer"))
            return np.full(count, least, np.int64)
        if given.size and not (least <= int(given.min()) and int(given.max()) <= most):
            bad = np.flatnonzero(np.atleast_1d((given < least) | (given > most)))
            faults.append(Fault(f"/{name}/{bad[0]}" if given.ndim else f"/{name}", "out_of_range"))
        return np.broadcast_to(given.astype(np.int64, copy=False), (count,))

    made = Loans(
        principal=whole("principal", principal, 1, MAX_AMOUNT),
        annual_rate=whole("annual_rate", annual_rate, 0, int(MAX_ANNUAL_RATE) * PPM),
        installments=whole("installments", installments, 1, MAX_INSTALLMENTS),
        disbursed_on=_dates(disbursed_on, count),
        first_due_on=None if first_due_on is None else _dates(first_due_on, count),
        monthly_fee_rate=whole("monthly_fee_rate", monthly_fee_rate, 0, PPM),
        method=_codes(METHODS, method, count),
        day_count=_codes(DAY_COUNTS, day_count, count),
        rounding=_codes(ROUNDINGS, rounding, count),
    )
    if shared(made.monthly_fee_rate) != 0:
        free = (made.method == METHODS.index(Method.INTEREST_FREE)) & (made.monthly_fee_rate > 0)
        if free.any():
            faults.append(Fault(f"/monthly_fee_rate/{np.flatnonzero(free)[0]}", "not_allowed"))
    if faults:
        raise InvalidTerms("the terms of the loans are not valid", faults=faults)
    return made


def _count(given: Sequence[object]) -> int:
    """How many loans there are: the length of every array that is not a scalar."""
    sizes = {len(value) for value in given if np.ndim(value) > 0}  # type: ignore[arg-type]
    if len(sizes) > 1:
        raise InvalidTerms("the arrays differ in length", lengths=sorted(sizes))
    return sizes.pop() if sizes else 1


def _dates(value: ArrayLike, count: int) -> Dates:
    return np.broadcast_to(np.asarray(value, "datetime64[D]"), (count,))


def shared(values: Ints) -> int | None:
    """The value that was given for all loans at once (a broadcast scalar), else ``None``."""
    return int(values[0]) if len(values) and values.strides == (0,) else None


def _codes(kinds: tuple[object, ...], value: object, count: int) -> Ints:
    """Choices as indices into their enumeration, broadcast."""
    if isinstance(value, str):
        return np.broadcast_to(np.int64(kinds.index(value)), (count,))
    index = {kind: k for k, kind in enumerate(kinds)}
    return np.fromiter((index[kind] for kind in value), np.int64, count)  # type: ignore[attr-defined]
