"""What people do to a loan after it was paid out: the kinds of acts, and the contract event of each. Pure.

An act is stored once and never changed: its kind, its arguments, the reason in words. Replaying a loan turns
the acts, with the receipts, into the events of `refi.schedules.contract`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from refi.errors import Conflict, Refused
from refi.schedules.allocation import Component
from refi.schedules.contract import (
    ChargeOff,
    Deferral,
    DueDateChange,
    Event,
    Reage,
    Reamortization,
    Reversal,
    Waiver,
)


class ActKind(StrEnum):
    """What is done. ``reversal`` undoes another act; ``payment_reversal`` takes a payment off the loan."""

    DEFER = "defer"
    DUE_DATE_CHANGE = "due_date_change"
    RE_AGE = "re_age"
    EXTEND = "extend"
    WAIVE = "waive"
    CHARGE_OFF = "charge_off"
    REVERSAL = "reversal"
    PAYMENT_REVERSAL = "payment_reversal"
    CANCELLATION = "cancellation"


MODIFICATIONS = (ActKind.DEFER, ActKind.DUE_DATE_CHANGE, ActKind.RE_AGE, ActKind.EXTEND)


class NothingToChange(Refused):
    """The contract leaves the act nothing to do: no coming installment, nothing owed of that kind."""


class AlreadyUndone(Conflict):
    """The act was undone before; and what undoes something is not itself undone: do it anew."""

    code = "already_reversed"


@dataclass(frozen=True, slots=True)
class Happened:
    """An act as it is stored: ``arguments`` are plain JSON values, ``undoes`` names the act it takes back."""

    id: str
    kind: ActKind
    on: date
    arguments: Mapping[str, Any]
    undoes: str | None = None


def event_of(act: Happened) -> Event | None:
    """The contract event of an act; None for one that the loan's movements tell of already."""
    said = act.arguments
    if act.kind is ActKind.WAIVE:
        component = Component(said["component"])
        return Waiver(act.id, act.on, said["amount"], component, said.get("installment"))
    if act.kind is ActKind.CHARGE_OFF:
        return ChargeOff(act.id, act.on)
    if act.kind is ActKind.DEFER:
        return Deferral(act.id, act.on, said["months"], said.get("interest_free", False))
    if act.kind is ActKind.DUE_DATE_CHANGE:
        return DueDateChange(act.id, act.on, date.fromisoformat(said["first_due_date"]))
    if act.kind is ActKind.RE_AGE:
        return Reage(act.id, act.on, said.get("installments"), _date(said.get("first_due_date")))
    if act.kind is ActKind.EXTEND:
        rate = said.get("annual_rate")
        return Reamortization(act.id, act.on, said["installments"], None if rate is None else Decimal(rate))
    if act.kind is ActKind.REVERSAL and act.undoes is not None:
        return Reversal(act.id, act.on, act.undoes)
    return None


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
