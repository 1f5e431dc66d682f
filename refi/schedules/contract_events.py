"""What can happen to a contract after it is paid out. Plain values; `refi.schedules.contract` replays them.

Every event has an ``id`` and a day ``on`` which it takes effect (for money, the day it left the borrower).
The order of the list is the order of posting: on one day, the earlier posted comes first. Amounts are minor
units.

An event that the history leaves nothing to do for (a deferral of a settled contract, a due date that
another event has overtaken) has no effect and is listed in the state's ``ignored``: a back-dated payment may
make it so, and history must never fail to replay. Whoever records a *new* event refuses it if it is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from refi.errors import Refused
from refi.schedules.allocation import Component
from refi.schedules.periods import Period


class InvalidEvent(Refused):
    """An event cannot have happened to this contract: too early, of no amount, or of an unknown target."""

    code = "validation_failed"


class Mode(StrEnum):
    """What the payer wants the money to do."""

    DUE = "due"
    PREPAY_SHORTEN = "prepay_shorten"
    PREPAY_LOWER = "prepay_lower"
    PAYOFF = "payoff"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money received from the borrower."""

    id: str
    on: date
    amount: int
    mode: Mode = Mode.DUE


@dataclass(frozen=True, slots=True)
class Reversal:
    """An earlier event is undone: seen from ``on``, it never happened. A reversal can itself be reversed."""

    id: str
    on: date
    of: str


@dataclass(frozen=True, slots=True)
class Chargeback:
    """Money of an earlier receipt is taken back by whoever had paid it: all that is left, or ``amount``.

    Seen from ``on``, that money was never received; or, as the convention ``chargeback`` says, it is a new
    debt on the first installment due after the day (on the last due date, of that one; later, of one more).
    """

    id: str
    on: date
    of: str
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """A fee or a penalty of a fixed amount, owed from the day, on an installment.

    ``installment`` defaults to the next one due (one more, due on the day, when there is none): seen from
    ``due_on``, the day by which the charge itself is to be paid, if that is given, else from ``on``.
    """

    id: str
    on: date
    amount: int
    component: Component = Component.FEE
    installment: int | None = None
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Waiver:
    """A debt is given up: up to ``amount`` of one component, oldest first, or of one installment only.

    Interest that is not earned yet can be waived as well; more than is owed lapses.
    """

    id: str
    on: date
    amount: int
    component: Component = Component.PENALTY
    installment: int | None = None


@dataclass(frozen=True, slots=True)
class ChargeOff:
    """The lender writes the loan off: the whole debt falls due and nothing accrues any more."""

    id: str
    on: date


@dataclass(frozen=True, slots=True)
class Recovery:
    """Money received on a written-off loan; it meets written-off principal first."""

    id: str
    on: date
    amount: int


@dataclass(frozen=True, slots=True)
class Deferral:
    """The coming installments move ``months`` later (1–12).

    Interest runs on through the added time and the installments are levelled anew, unless
    ``interest_free``: then the amounts stay as they are. What is past due stays past due.
    """

    id: str
    on: date
    months: int
    interest_free: bool = False


@dataclass(frozen=True, slots=True)
class DueDateChange:
    """The next installment falls due on ``first_due_on`` and the later ones monthly after it.

    The first period becomes longer or shorter, and the installments are levelled anew.
    """

    id: str
    on: date
    first_due_on: date


@dataclass(frozen=True, slots=True)
class Reage:
    """A late loan is made current: overdue principal joins the coming installments, levelled anew.

    Overdue interest, fees and penalties are not capitalized: they fall due with the last installment and
    bear nothing. ``installments`` is the new number of coming installments (default: as many as there are;
    required, with ``first_due_on``, once none is left); from now on due dates are a ``period`` apart.
    """

    id: str
    on: date
    installments: int | None = None
    first_due_on: date | None = None
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class Reamortization:
    """The balance not yet due is spread over ``installments`` coming installments, at ``annual_rate``.

    Both default to what they were. More installments extend the loan; overdue ones stay overdue.
    """

    id: str
    on: date
    installments: int | None = None
    annual_rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class InterestPause:
    """From ``starts_on`` to ``ends_on``, both included, no day adds interest; on the actual balance only.

    A day adds its interest at its end, so that of the day before ``ends_on`` is the last not to be earned.
    """

    id: str
    on: date
    starts_on: date
    ends_on: date


Modification = Deferral | DueDateChange | Reage | Reamortization
Event = (
    Receipt | Recovery | Reversal | Chargeback | Charge | Waiver | ChargeOff | InterestPause | Modification
)
