"""What is known of a contract on a day: plain values, all amounts in minor units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from refi.schedules.allocation import Component, Part


class Status(StrEnum):
    """The state of an installment, derived: the first of these that fits."""

    CHARGED_OFF = "charged_off"
    WAIVED = "waived"
    PAID = "paid"
    OVERDUE = "overdue"
    PARTIALLY_PAID = "partially_paid"
    DUE = "due"
    UPCOMING = "upcoming"


class Why(StrEnum):
    """Why an event had nothing to act on."""

    SETTLED = "settled"
    CHARGED_OFF = "charged_off"
    NOTHING_OWED = "nothing_owed"
    NOTHING_TO_COME = "nothing_to_come"
    NOT_PAST_DUE = "not_past_due"
    TOO_EARLY = "too_early"
    TOO_FEW = "too_few"
    NO_SUCH_INSTALLMENT = "no_such_installment"
    NO_SUCH_RECEIPT = "no_such_receipt"

    @property
    def words(self) -> str:
        """The same as a sentence."""
        return WORDS[self]


WORDS: Mapping[Why, str] = {
    Why.SETTLED: "the loan was settled by then",
    Why.CHARGED_OFF: "the loan was charged off by then",
    Why.NOTHING_OWED: "nothing of that component was owed there",
    Why.NOTHING_TO_COME: "no installment was left to come: say how many there will be, and from when",
    Why.NOT_PAST_DUE: "only a loan that is past due is re-aged",
    Why.TOO_EARLY: "the first due date was not after the day, or after the installment before it",
    Why.TOO_FEW: "money had met more of the coming installments than would be left",
    Why.NO_SUCH_INSTALLMENT: "the loan has no installment of that number",
    Why.NO_SUCH_RECEIPT: "the payment that it takes back does not stand",
}


class Paid(NamedTuple):
    """Minor units by component."""

    principal: int
    interest: int
    fee: int
    penalty: int


class InstallmentState(NamedTuple):
    """One installment on a day.

    ``amount`` = principal + interest + fee; ``penalty`` is what has accrued on it so far; ``paid`` counts
    all components; ``outstanding`` = amount + penalty − paid − waived. ``balance_after`` is the principal of
    the later installments. ``unpaid`` is what is missing of ``amount``; ``unpaid_principal`` the
    principal in it.
    """

    number: int
    due_date: date
    principal: int
    interest: int
    fee: int
    penalty: int
    amount: int
    paid: int
    paid_by: Paid
    outstanding: int
    balance_after: int
    status: Status
    waived: int = 0
    unpaid: int = 0
    unpaid_principal: int = 0


@dataclass(frozen=True, slots=True)
class Balances:
    """What is owed on a day.

    ``interest`` and ``fees`` are what was earned by the day and not paid. ``principal`` is net of interest
    collected in advance of the time elapsed, so ``total`` is the payoff of the day. ``past_due`` is the
    unpaid principal, interest and fees of past due installments (of all, once charged off), without
    penalties.
    """

    principal: int
    interest: int
    fees: int
    penalties: int
    total: int
    past_due: int


@dataclass(frozen=True, slots=True)
class State:
    """A contract on a day. The mappings are by event id; reversed events are absent.

    Attributes:
        on: the day.
        installments: the plan as it stands, in order of number.
        balances: what is owed.
        days_past_due: business date − oldest unpaid due date, 0 when nothing is past due.
        unmet_on: the oldest due date, past or coming, with something unpaid of its scheduled amount; it
            changes with events, not with the day.
        oldest_unpaid_due_on: the same if it is before the day, else none.
        bucket: ``current``, ``M1`` … ``M6``, ``M7+``.
        next_due_date: the next due date from the day on with something unpaid; none when charged off.
        next_due_amount: what is unpaid of it at its scheduled amount.
        allocations: the parts of each receipt and recovery, each positive; with ``excess`` they add up to
            its amount.
        excess: money above what was owed.
        rebates: interest and fees collected in advance that an event gave back to principal.
        rebate_parts: the signed moves of those; they add up to zero.
        waivers: the parts that each waiver gave up.
        ignored: events that had nothing to act on, each with the reason.
        prepaid_principal: principal repaid ahead of the schedule: with the installments' principal it makes
            the amount lent.
        charged_off: what was written off, by component, when it was.
        charges: the debts that each charge, or chargeback that is one, put on the loan.
    """

    on: date
    installments: tuple[InstallmentState, ...]
    balances: Balances
    days_past_due: int
    unmet_on: date | None
    oldest_unpaid_due_on: date | None
    bucket: str
    next_due_date: date | None
    next_due_amount: int
    allocations: Mapping[str, tuple[Part, ...]]
    excess: Mapping[str, int]
    rebates: Mapping[str, int]
    rebate_parts: Mapping[str, tuple[Part, ...]]
    prepaid_principal: int
    settled: bool
    settled_on: date | None
    waivers: Mapping[str, tuple[Part, ...]]
    ignored: Mapping[str, Why]
    charged_off_on: date | None
    charged_off: Paid | None
    charges: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payoff:
    """What settles a contract on a day, and what that saves.

    ``unearned_credit`` is interest collected in advance, already taken off ``principal``. ``per_diem`` is
    what one more day costs.
    """

    on: date
    principal: int
    accrued_interest: int
    fees: int
    penalties: int
    total: int
    interest_saved: int
    fees_saved: int
    per_diem: int
    good_through: date
    unearned_credit: int


@dataclass(frozen=True, slots=True)
class Correction:
    """By how much the effect of an earlier event changes: signed parts, excess, rebate moves and waivers."""

    parts: tuple[Part, ...]
    excess: int
    rebate_parts: tuple[Part, ...]
    waiver_parts: tuple[Part, ...] = ()


def corrections(before: State, after: State) -> dict[str, Correction]:
    """What an append-only ledger must book so that its history equals ``after`` instead of ``before``.

    Keyed by event id; events whose effect did not change are absent. A reversed event is corrected by the
    negative of all its parts.
    """
    ids = {
        event_id: None
        for state in (before, after)
        for parts in (state.allocations, state.rebate_parts, state.waivers)
        for event_id in parts
    }
    found = {}
    for event_id in ids:
        correction = Correction(
            _difference(before.allocations, after.allocations, event_id),
            after.excess.get(event_id, 0) - before.excess.get(event_id, 0),
            _difference(before.rebate_parts, after.rebate_parts, event_id),
            _difference(before.waivers, after.waivers, event_id),
        )
        if correction != Correction((), 0, ()):
            found[event_id] = correction
    return found


def _difference(
    before: Mapping[str, Sequence[Part]], after: Mapping[str, Sequence[Part]], event_id: str
) -> tuple[Part, ...]:
    net: dict[tuple[int, Component], int] = {}
    for sign, parts in ((-1, before.get(event_id, ())), (1, after.get(event_id, ()))):
        for part in parts:
            key = (part.installment, part.component)
            net[key] = net.get(key, 0) + sign * part.amount
    return tuple(Part(number, component, amount) for (number, component), amount in net.items() if amount)
