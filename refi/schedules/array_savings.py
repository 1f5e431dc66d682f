"""What refinancing saves against the card, for many cards at once: `refi.schedules.savings`, over arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from refi.errors import Fault
from refi.money import MAX_AMOUNT
from refi.schedules.array_arithmetic import rounded_quotient
from refi.schedules.bulk import Plans
from refi.schedules.loan_arrays import PPM
from refi.schedules.savings import MAX_MONTHS, InterestOn, InvalidCard

Ints = NDArray[np.int64]
HALF_UP = np.zeros((), np.int64)


@dataclass(frozen=True, slots=True)
class Cards:
    """N cards: minor units and millionths, each (N,); what interest is charged on, for all."""

    balance: Ints
    annual_rate: Ints
    minimum_rate: Ints
    minimum_floor: Ints
    interest_on: InterestOn

    def __len__(self) -> int:
        return len(self.balance)


def cards(
    balance: ArrayLike,
    annual_rate: ArrayLike,
    minimum_rate: ArrayLike = 100_000,
    minimum_floor: ArrayLike = 5_000,
    interest_on: InterestOn = InterestOn.FULL_BALANCE,
) -> Cards:
    """Cards, checked; one value stands for all. Raises `InvalidCard` pointing to the first at fault.

    Rates are whole millionths (182_500 is 18.25 %), up to 10_000_000 a year and 1_000_000 of the balance.
    """
    limits = {
        "balance": (balance, 1, MAX_AMOUNT),
        "annual_rate": (annual_rate, 0, 10 * PPM),
        "minimum_rate": (minimum_rate, 0, PPM),
        "minimum_floor": (minimum_floor, 0, MAX_AMOUNT),
    }
    faults, made = [], []
    for name, (value, least, most) in limits.items():
        given = np.atleast_1d(np.asarray(value))
        wrong = np.flatnonzero((given < least) | (given > most))
        if given.size and given.dtype.kind not in "iu":
            faults.append(Fault(f"/{name}", "not_an_integer"))
        elif wrong.size:
            faults.append(Fault(f"/{name}/{wrong[0]}", "out_of_range"))
        made.append(given)
    if faults:
        raise InvalidCard("the cards' figures are not valid", faults=faults)
    lengths = {len(array) for array in made} - {1} or {1}
    if len(lengths) > 1:
        raise InvalidCard("the arrays differ in length")
    whole = [np.broadcast_to(array.astype(np.int64), tuple(lengths)) for array in made]
    return Cards(whole[0], whole[1], whole[2], whole[3], interest_on)


@dataclass(frozen=True, slots=True)
class ArrayRevolving:
    """(N,) how balances end: months until they are clear and interest until then; 0 where they never are."""

    months: Ints
    total_interest: Ints
    never: NDArray[np.bool_]


def minimum_only(cards: Cards) -> ArrayRevolving:
    """Pay only the minimum each month."""
    return _follow(cards, None, np.zeros(len(cards), np.int64))


def same_payments(cards: Cards, payments: ArrayLike, months: Ints | None = None) -> ArrayRevolving:
    """Pay each month's column of ``payments``, (N, n), to the card until it is clear; the last one goes on.

    ``months``, (N,), says how many of its columns a card has (default: all); the others are padding. Raises
    `InvalidCard` where the payments are not whole amounts from 0, or not N rows of them.
    """
    given = np.asarray(payments)
    if given.dtype.kind not in "iu" or (given.size and int(given.min()) < 0):
        raise InvalidCard("payments are whole amounts from 0", faults=[Fault("/payments", "out_of_range")])
    if given.ndim != 2 or len(given) != len(cards) or not given.shape[1]:
        raise InvalidCard("each card has a row of payments", faults=[Fault("/payments", "length_differs")])
    count = np.broadcast_to(np.int64(given.shape[1]), (len(cards),)) if months is None else months
    return _follow(cards, given.astype(np.int64, copy=False), count)


@dataclass(frozen=True, slots=True)
class ArraySavings:
    """(N,) a plan for each card against the card, minor units; a saving is 0 where the card never ends so."""

    card_interest_same_payment: Ints
    saving_same_payment: Ints
    saving_vs_minimum: Ints
    never_same_payment: NDArray[np.bool_]
    never_minimum: NDArray[np.bool_]
    worthwhile: NDArray[np.bool_]


def compare(cards: Cards, plans: Plans) -> ArraySavings:
    """The k-th plan against the k-th card, as `refi.schedules.savings.compare` does."""
    same, least = same_payments(cards, plans.amount, plans.loans.installments), minimum_only(cards)
    cost = plans.total_interest + plans.total_fee
    saving = np.where(same.never, 0, same.total_interest - cost)
    return ArraySavings(
        same.total_interest,
        saving,
        np.where(least.never, 0, least.total_interest - cost),
        same.never,
        least.never,
        same.never | (saving > 0),
    )


def _follow(cards: Cards, payments: Ints | None, count: Ints) -> ArrayRevolving:
    """Month by month, the cards that are not clear yet; ``count`` payments differ from month to month."""
    months, total = np.zeros(len(cards), np.int64), np.zeros(len(cards), np.int64)
    never = np.zeros(len(cards), np.bool_)
    at, balance = np.arange(len(cards)), cards.balance
    for month in range(1, MAX_MONTHS + 1):
        interest = np.zeros_like(balance)
        if cards.interest_on is InterestOn.FULL_BALANCE:
            interest = _interest(cards, at, balance)
        if payments is None:
            due = _minimum(cards, at, balance + interest)
        else:
            due = payments[at, np.minimum(month, count[at]) - 1]
        if cards.interest_on is InterestOn.UNPAID_PART:
            interest = _interest(cards, at, np.maximum(balance - due, 0))
        left = np.maximum(balance + interest - due, 0)
        total[at] += interest
        months[at] = month
        stuck = (left > 0) & ((left >= balance) & (month >= count[at]) | (month == MAX_MONTHS))
        never[at] = stuck
        on = (left > 0) & ~stuck
        at, balance = at[on], left[on]
        if not at.size:
            break
    months[never] = total[never] = 0
    return ArrayRevolving(months, total, never)


def _interest(cards: Cards, at: Ints, base: Ints) -> Ints:
    return rounded_quotient(base, cards.annual_rate[at], 12 * PPM, HALF_UP)


def _minimum(cards: Cards, at: Ints, owed: Ints) -> Ints:
    part = rounded_quotient(owed, cards.minimum_rate[at], PPM, HALF_UP)
    return np.minimum(owed, np.maximum(part, cards.minimum_floor[at]))
