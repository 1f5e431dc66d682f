"""The terms of many loans as a structure of arrays, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from refi.errors import Fault
from refi.money import MAX_AMOUNT, Rounding
from refi.schedules.amortization import MAX_ANNUAL_RATE, MAX_INSTALLMENTS, InvalidTerms, Method
from refi.schedules.dates import DateOutOfRange
from refi.schedules.day_count import DayCount

Ints = NDArray[np.int64]
Dates = NDArray[np.datetime64]
DayLike = np.datetime64 | date | str
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
    names = ("principal", "annual_rate", "installments", "disbursed_on", "first_due_on", "monthly_fee_rate")
    count = _count({**dict(zip(names, given, strict=True)), "method": method, "day_count": day_count,
                    "rounding": rounding})  # fmt: skip
    faults: list[Fault] = []

    def whole(name: str, value: ArrayLike, least: int, most: int) -> Ints:
        given = np.asarray(value)
        if given.dtype == object and all(type(item) is int for item in given.flat):  # beyond int64
            given = np.clip(given, -1, 2 * MAX_AMOUNT).astype(np.int64)
        if given.dtype.kind not in "iu" and given.size:
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
        disbursed_on=_dates("disbursed_on", disbursed_on, count, faults),
        first_due_on=None if first_due_on is None else _dates("first_due_on", first_due_on, count, faults),
        monthly_fee_rate=whole("monthly_fee_rate", monthly_fee_rate, 0, PPM),
        method=_codes("method", METHODS, method, count, faults),
        day_count=_codes("day_count", DAY_COUNTS, day_count, count, faults),
        rounding=_codes("rounding", ROUNDINGS, rounding, count, faults),
    )
    if shared(made.monthly_fee_rate) != 0:
        free = (made.method == METHODS.index(Method.INTEREST_FREE)) & (made.monthly_fee_rate > 0)
        if free.any():
            faults.append(Fault(f"/monthly_fee_rate/{np.flatnonzero(free)[0]}", "not_allowed"))
    if faults:
        raise InvalidTerms("the terms of the loans are not valid", faults=faults)
    return made


def _count(given: Mapping[str, Any]) -> int:
    """How many loans there are: the length of every array that is not a scalar."""
    sizes = {name: np.shape(value) for name, value in given.items() if np.ndim(value) > 0}
    flat = [Fault(f"/{name}", "not_one_dimension") for name, shape in sizes.items() if len(shape) > 1]
    if flat:
        raise InvalidTerms("arrays of loans have one dimension", faults=flat)
    lengths = {name: shape[0] for name, shape in sizes.items()}
    count = next(iter(lengths.values()), 1)
    if odd := [Fault(f"/{name}", "length_differs") for name, size in lengths.items() if size != count]:
        raise InvalidTerms("the arrays differ in length", faults=odd, lengths=lengths)
    return count


def _dates(name: str, value: ArrayLike, count: int, faults: list[Fault]) -> Dates:
    """Dates, broadcast; what is none is a fault."""
    given = _read_dates(value)
    none = np.flatnonzero(np.isnat(given))
    if none.size:
        faults.append(Fault(f"/{name}/{none[0]}" if given.ndim else f"/{name}", "not_a_date"))
    return np.broadcast_to(given, (count,))


def _read_dates(value: object) -> Dates:
    """Days of dates, ``datetime64`` and ``YYYY-MM-DD`` (numpy also reads ``today``); NaT for the rest."""
    given = np.asarray(value)
    if given.dtype.kind == "U" and (np.char.str_len(given) != len("YYYY-MM-DD")).any():
        return np.full(given.shape, np.datetime64("NaT"), "datetime64[D]")
    try:
        return np.asarray(given, "datetime64[D]")
    except (TypeError, ValueError):
        return np.full(given.shape, np.datetime64("NaT"), "datetime64[D]")


def one_day(on: DayLike) -> np.datetime64:
    """The day asked about: a ``datetime64``, a `date` or ``YYYY-MM-DD``. Raises `DateOutOfRange`."""
    given = _read_dates(on)
    if given.ndim or np.isnat(given):
        raise DateOutOfRange(f"{on!r} is not a date", faults=[Fault("/on", "not_a_date")])
    return np.datetime64(int(given.astype(np.int64)), "D")


def shared(values: Ints) -> int | None:
    """The value that was given for all loans at once (a broadcast scalar), else ``None``."""
    return int(values[0]) if len(values) and values.strides == (0,) else None


def _codes(name: str, kinds: tuple[StrEnum, ...], value: Any, count: int, faults: list[Fault]) -> Ints:
    """Choices (or their names) as indices into their enumeration, broadcast; what is none is a fault."""
    index = {kind: k for k, kind in enumerate(kinds)}
    if np.ndim(value) == 0:
        if value not in index:
            faults.append(Fault(f"/{name}", "unknown"))
        return np.broadcast_to(np.int64(index.get(value, 0)), (count,))
    found = np.fromiter((index.get(kind, -1) for kind in value), np.int64, count)
    if (unknown := np.flatnonzero(found < 0)).size:
        faults.append(Fault(f"/{name}/{unknown[0]}", "unknown"))
    return found
