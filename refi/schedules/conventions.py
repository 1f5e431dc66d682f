"""What loan systems treat differently, as options by name; a contract carries its own.

The defaults are ours (RULES.md). `named` reads them from plain names, as policies, signed contracts and
files of worked cases write them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

from refi.errors import Fault, Refused
from refi.schedules.allocation import BY_LAW, Across, Ahead, Component, InvalidOrder, Order, order


class InvalidConvention(Refused):
    """No convention or no choice of it is called that; the faults name each."""

    code = "validation_failed"


class PriceUntil(StrEnum):
    """Up to when interest and fees are owed by somebody who pays off early, or whose loan is written off."""

    TO_THE_DAY = "to_the_day"
    TO_THE_NEXT_DUE_DATE = "to_the_next_due_date"
    IN_FULL = "in_full"


class ChargedOffRows(StrEnum):
    """What a charge-off makes of the installments that are still to come."""

    AS_PLANNED = "as_planned"
    SIZES_KEPT = "sizes_kept"
    ONE_DEBT = "one_debt"


class ChargebackIs(StrEnum):
    """What money that was taken back is."""

    NEVER_RECEIVED = "never_received"
    NEW_PRINCIPAL = "new_principal"
    AS_ALLOCATED = "as_allocated"


class ReAgeing(StrEnum):
    """How a re-aged loan is spread anew."""

    LEVELLED = "levelled"
    EQUAL_PAYABLE_INTEREST = "equal_payable_interest"
    EQUAL_FULL_INTEREST = "equal_full_interest"


class EarnedOn(StrEnum):
    """On which balance interest is earned."""

    SCHEDULED_BALANCE = "scheduled_balance"
    ACTUAL_BALANCE = "actual_balance"


class Residue(StrEnum):
    """What becomes of the units that rounding the level payment leaves for the last installment."""

    LAST = "last"
    SMOOTHED = "smoothed"


class PenaltyOn(StrEnum):
    """Which part of a late installment bears the penalty."""

    PRINCIPAL = "principal"
    INSTALLMENT = "installment"


class Grace(StrEnum):
    """What the days of grace are once they are over."""

    FREE = "free"
    COUNTED = "counted"


class PastDueInterest(StrEnum):
    """Whether interest on the actual balance goes on for principal that is past due."""

    ACCRUES = "accrues"
    STANDS_STILL = "stands_still"


CREDITED = (Component.PENALTY, Component.FEE, Component.INTEREST, Component.PRINCIPAL)


@dataclass(frozen=True, slots=True)
class Conventions:
    """One choice for each thing that systems treat differently.

    Attributes:
        order: which debts money meets first (`refi.schedules.allocation`).
        early_payoff: the price of a payoff before the end. ``to_the_day`` is Civil Code 677 and Apache
            Fineract's TILL_PRE_CLOSURE_DATE; ``to_the_next_due_date`` its TILL_REST_FREQUENCY_DATE; with
            ``in_full`` nothing is rebated (its loans without interest recalculation).
        charge_off: the price that a charge-off leaves owed. ``to_the_day`` is Fineract's ZERO_INTEREST and
            ACCELERATE_MATURITY, ``in_full`` its REGULAR.
        charged_off_rows: ``as_planned``: the coming installments keep their principal. ``sizes_kept``: their
            size, so that principal takes the place of interest (Fineract's ZERO_INTEREST; on the actual
            balance it is always so). ``one_debt``: all of them are one, due on the day (its
            ACCELERATE_MATURITY).
        chargeback: ``never_received``: history is replayed without the money. ``new_principal``: principal
            of the next installment (Fineract without credit allocation); ``as_allocated``: of the
            components that the money had met (its credit allocation).
        chargeback_order: in which order ``as_allocated`` takes components back.
        re_age: ``levelled``: overdue principal joins the coming installments, levelled anew; overdue
            interest, fees and penalties fall due with the last one (ours); on the actual balance
            `refi.schedules.re_ageing` (Fineract's DEFAULT). ``equal_payable_interest``,
            ``equal_full_interest``: all that is owed, with the interest earned by the day or all of the plan,
            in equal parts over new installments; nothing more is earned (Fineract's EQUAL_AMORTIZATION_*).
        interest: ``scheduled_balance``: the plan's, whenever money comes (ours; what is late costs a
            penalty). ``actual_balance``: `refi.schedules.actual_balance` (Fineract's interest recalculation).
        residue: the ``last`` installment takes it, whatever it is (ours); ``smoothed``: another level payment
            is tried when the last one differs by more units than half the installments (Fineract).
        penalty_on: whether the penalty is on the ``principal`` of a late installment (RULES), or on all that
            is unpaid of the ``installment`` (Frappe Lending).
        grace: whether the days of grace stay ``free`` when somebody is later than that, or are ``counted``.
        past_due_interest: on the actual balance, whether overdue principal goes on earning interest
            (``stands_still`` is Fineract's disallowInterestCalculationOnPastDue).
    """

    order: Order = BY_LAW
    early_payoff: PriceUntil = PriceUntil.TO_THE_DAY
    charge_off: PriceUntil = PriceUntil.TO_THE_DAY
    charged_off_rows: ChargedOffRows = ChargedOffRows.AS_PLANNED
    chargeback: ChargebackIs = ChargebackIs.NEVER_RECEIVED
    chargeback_order: tuple[Component, ...] = CREDITED
    re_age: ReAgeing = ReAgeing.LEVELLED
    residue: Residue = Residue.LAST
    penalty_on: PenaltyOn = PenaltyOn.PRINCIPAL
    grace: Grace = Grace.FREE
    interest: EarnedOn = EarnedOn.SCHEDULED_BALANCE
    past_due_interest: PastDueInterest = PastDueInterest.ACCRUES


OURS = Conventions()

PARTS_OF_ORDER: Mapping[str, type[StrEnum]] = {"across": Across, "ahead": Ahead}
CHOICES: Mapping[str, type[StrEnum]] = {
    "early_payoff": PriceUntil,
    "charge_off": PriceUntil,
    "charged_off_rows": ChargedOffRows,
    "chargeback": ChargebackIs,
    "re_age": ReAgeing,
    "residue": Residue,
    "penalty_on": PenaltyOn,
    "grace": Grace,
    "interest": EarnedOn,
    "past_due_interest": PastDueInterest,
}


def named(names: Mapping[str, str]) -> Conventions:
    """The conventions of a mapping from convention to choice; what is not named is the default.

    ``order`` is a name of `refi.schedules.allocation.order`; ``across`` and ``ahead`` change that order.
    ``chargeback_order`` is the four components joined by ``_``.
    Raises `InvalidConvention` with a fault for each name that does not exist.
    """
    return _named(tuple(sorted(names.items())))


@lru_cache(maxsize=256)
def _named(names: tuple[tuple[str, str], ...]) -> Conventions:
    given = dict(names)
    faults = []
    chosen: dict[str, Any] = {}
    for name, value in names:
        kind = CHOICES.get(name) or PARTS_OF_ORDER.get(name)
        if name == "chargeback_order" and sorted(value.split("_")) == sorted(Component):
            chosen[name] = tuple(Component(part) for part in value.split("_"))
        elif kind is not None and value in tuple(kind):
            chosen[name] = kind(value)
        elif name != "order":
            faults.append(Fault(f"/{name}", "unknown"))
    parts = {name: chosen[name] for name in PARTS_OF_ORDER if name in chosen}
    try:
        base = replace(order(given.get("order", "by_law")), **parts)
    except InvalidOrder as refusal:
        faults += [Fault(fault.pointer or "/order", fault.code) for fault in refusal.faults]
    if faults:
        raise InvalidConvention("there is no such convention", faults=faults)
    own = {name: choice for name, choice in chosen.items() if name not in PARTS_OF_ORDER}
    return Conventions(order=base, **own)
