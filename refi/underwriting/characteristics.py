"""What six bills say about a card holder: the characteristics that a scorecard may weigh. Pure.

One function makes them for one card holder and for a million: `values` over the arrays of `Histories`. Every
characteristic is exact whole-number arithmetic with at most one division at the end, so that the same bills
give the same bits whatever the number of rows. A payment is set against the bill *before* it
(`refi.cards.revolving`). NaN says that the bills do not tell; it has a bin of its own.

Sex, marriage, education and age are not here, and nothing else about the person is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from refi.policies import ReasonCode

BILLS = 6
CLOSED = BILLS - 1
Floats = NDArray[np.float64]
Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Histories:
    """Six consecutive monthly bills of each of N card holders, newest first; amounts in minor units.

    Attributes:
        limits: (N,) credit limit.
        bills: (N, 6) billed balance; below zero in the holder's favor.
        paid: (N, 5) what was paid of bill k + 1 before bill k.
        late: (N, 6) months late at that bill; 0 is on time.
    """

    limits: Floats
    bills: Floats
    paid: Floats
    late: Floats

    def __len__(self) -> int:
        return len(self.limits)

    @property
    def never_late(self) -> NDArray[np.bool_]:
        """(N,) whether no bill says late."""
        return np.asarray(self.late.max(axis=1) == 0)

    def some(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Histories:
        """Those ``rows``, by mask or by index."""
        return Histories(self.limits[rows], self.bills[rows], self.paid[rows], self.late[rows])


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One thing that bills say. ``better`` is the only direction in which a scorecard may weigh it.

    ``reason`` is what a borrower reads when it speaks against them.
    """

    about: str
    better: Better
    reason: ReasonCode
    of: Callable[[Histories], Floats]


def histories(
    limits: Sequence[int],
    bills: Sequence[Sequence[int]],
    paid: Sequence[Sequence[int]],
    late: Sequence[Sequence[int]],
) -> Histories:
    """`Histories` of plain rows; ``ValueError`` when a row has not six bills, five payments, six
    latenesses."""
    found = Histories(*(np.asarray(column, dtype=np.float64) for column in (limits, bills, paid, late)))
    shapes = [array.shape for array in (found.bills, found.paid, found.late)]
    if shapes != [(len(limits), BILLS), (len(limits), CLOSED), (len(limits), BILLS)]:
        raise ValueError(f"not six bills, five payments and six latenesses each: {shapes}")
    return found


def values(of: Histories, names: Sequence[str]) -> dict[str, Floats]:
    """The named characteristics, each (N,); NaN where the bills do not tell."""
    return {name: CHARACTERISTICS[name].of(of) for name in names}


def _share(part: Floats, whole: Floats) -> Floats:
    """``part / whole``, NaN where there is no whole."""
    known = whole > 0
    return np.where(known, part / np.where(known, whole, 1.0), np.nan)


def _owed(of: Histories) -> Floats:
    return np.maximum(of.bills, 0.0)


def _met(of: Histories) -> Floats:
    """(N, 5) what was paid of each closed bill, at most all of it."""
    return np.asarray(np.minimum(of.paid, _owed(of)[:, 1:]))


def _purchases(of: Histories) -> Floats:
    """(N, 5) what a bill has more than the one before and its payment leave: purchases, cash, interest."""
    return np.asarray(np.maximum(of.bills[:, :CLOSED] - of.bills[:, 1:] + of.paid, 0.0))


def _revolved(of: Histories) -> NDArray[np.bool_]:
    return (of.bills[:, 1:] > 0) & (of.paid < of.bills[:, 1:])


def _count(which: NDArray[np.bool_]) -> Floats:
    return np.asarray(which.sum(axis=1), dtype=np.float64)


def _streak(which: NDArray[np.bool_]) -> Floats:
    """How many in a row, back from the newest."""
    return np.asarray(np.cumprod(which, axis=1).sum(axis=1), dtype=np.float64)


def _since_late(of: Histories) -> Floats:
    late = of.late > 0
    return np.where(late.any(axis=1), late.argmax(axis=1), BILLS).astype(np.float64)


def _paid_of(cycle: int) -> Callable[[Histories], Floats]:
    return lambda of: _share(_met(of)[:, cycle], _owed(of)[:, cycle + 1])


def _c(about: str, better: Better, reason: ReasonCode, of: Callable[[Histories], Floats]) -> Characteristic:
    return Characteristic(about, better, reason, of)


_DEBT: ReasonCode = "excessive_obligations"
_LATE: ReasonCode = "delinquent_with_others"
_THIN: ReasonCode = "limited_credit_experience"

CHARACTERISTICS: dict[str, Characteristic] = {
    "limit": _c("Credit limit of the card", "higher", _THIN, lambda of: of.limits),
    "headroom": _c("Limit less the newest bill", "higher", _DEBT, lambda of: of.limits - of.bills[:, 0]),
    "headroom_lowest": _c(
        "Limit less the highest bill", "higher", _DEBT, lambda of: of.limits - of.bills.max(axis=1)
    ),
    "utilization": _c("Newest bill / limit", "lower", _DEBT, lambda of: _share(_owed(of)[:, 0], of.limits)),
    "utilization_highest": _c(
        "Highest bill / limit", "lower", _DEBT, lambda of: _share(_owed(of).max(axis=1), of.limits)
    ),
    "utilization_mean": _c(
        "Six bills / six limits", "lower", _DEBT, lambda of: _share(_owed(of).sum(axis=1), 6 * of.limits)
    ),
    "utilization_lowest": _c(
        "Lowest bill / limit", "lower", _DEBT, lambda of: _share(_owed(of).min(axis=1), of.limits)
    ),
    "growth_month": _c(
        "Change of the bill in a month / limit",
        "lower",
        _DEBT,
        lambda of: _share(of.bills[:, 0] - of.bills[:, 1], of.limits),
    ),
    "growth_quarter": _c(
        "Change of the bill in two months / limit",
        "lower",
        _DEBT,
        lambda of: _share(of.bills[:, 0] - of.bills[:, 2], of.limits),
    ),
    "growth_half_year": _c(
        "Change of the bill in five months / limit",
        "lower",
        _DEBT,
        lambda of: _share(of.bills[:, 0] - of.bills[:, 5], of.limits),
    ),
    "bills_over_limit": _c(
        "Bills above the limit", "lower", _DEBT, lambda of: _count(of.bills > of.limits[:, None])
    ),
    "paid_share_newest": _c("Paid of the bill before / that bill", "higher", _DEBT, _paid_of(0)),
    "paid_share_second": _c("Paid of the second bill before / that bill", "higher", _DEBT, _paid_of(1)),
    "paid_share_third": _c("Paid of the third bill before / that bill", "higher", _DEBT, _paid_of(2)),
    "paid_share": _c(
        "Paid of five closed bills / those bills",
        "higher",
        _DEBT,
        lambda of: _share(_met(of).sum(axis=1), _owed(of)[:, 1:].sum(axis=1)),
    ),
    "revolved_cycles": _c("Closed bills not paid in full", "lower", _DEBT, lambda of: _count(_revolved(of))),
    "revolving_streak": _c(
        "Closed bills in a row not paid in full", "lower", _DEBT, lambda of: _streak(_revolved(of))
    ),
    "full_cycles": _c(
        "Closed bills paid in full",
        "higher",
        _DEBT,
        lambda of: _count((of.bills[:, 1:] > 0) & ~_revolved(of)),
    ),
    "unpaid_cycles": _c(
        "Closed bills of which nothing was paid",
        "lower",
        _LATE,
        lambda of: _count((of.bills[:, 1:] > 0) & (of.paid == 0)),
    ),
    "months_without_payment": _c("Months without a payment", "lower", _THIN, lambda of: _count(of.paid == 0)),
    "months_without_bill": _c(
        "Bills of nothing or in the holder's favor", "lower", _THIN, lambda of: _count(of.bills <= 0)
    ),
    "payment_newest": _c("Newest payment", "higher", _THIN, lambda of: of.paid[:, 0]),
    "payment_second": _c("Payment a month earlier", "higher", _THIN, lambda of: of.paid[:, 1]),
    "payment_third": _c("Payment two months earlier", "higher", _THIN, lambda of: of.paid[:, 2]),
    "payment_lowest": _c("Lowest of five payments", "higher", _THIN, lambda of: of.paid.min(axis=1)),
    "payment_highest": _c("Highest of five payments", "higher", _THIN, lambda of: of.paid.max(axis=1)),
    "payments": _c("Five payments", "higher", _THIN, lambda of: of.paid.sum(axis=1)),
    "payments_to_limit": _c(
        "Five payments / limit", "higher", _THIN, lambda of: _share(of.paid.sum(axis=1), of.limits)
    ),
    "purchases_newest": _c(
        "New on the newest bill: purchases, cash, interest", "higher", _THIN, lambda of: _purchases(of)[:, 0]
    ),
    "purchases_highest": _c(
        "Most that was new on one of five bills", "higher", _THIN, lambda of: _purchases(of).max(axis=1)
    ),
    "purchases": _c("New on five bills", "higher", _THIN, lambda of: _purchases(of).sum(axis=1)),
    "purchases_to_limit": _c(
        "New on five bills / limit",
        "higher",
        _THIN,
        lambda of: _share(_purchases(of).sum(axis=1), of.limits),
    ),
    "late_newest": _c("Months late at the newest bill", "lower", _LATE, lambda of: of.late[:, 0]),
    "late_second": _c("Months late at the bill before", "lower", _LATE, lambda of: of.late[:, 1]),
    "late_third": _c("Months late two bills before", "lower", _LATE, lambda of: of.late[:, 2]),
    "late_bills": _c("Bills that were late", "lower", _LATE, lambda of: _count(of.late > 0)),
    "very_late_bills": _c("Bills late two months or more", "lower", _LATE, lambda of: _count(of.late > 1)),
    "late_worst": _c("Most months late", "lower", _LATE, lambda of: of.late.max(axis=1)),
    "bills_since_late": _c("Bills since the last late one", "higher", _LATE, _since_late),
    "late_growth": _c(
        "Change of months late in a month", "lower", _LATE, lambda of: of.late[:, 0] - of.late[:, 1]
    ),
}
"""All that a scorecard may weigh, by name."""
