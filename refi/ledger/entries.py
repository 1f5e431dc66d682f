"""Movements and what they do to the accounts. Pure.

A movement is one act on money with its split into components. Each (kind, component) is one transfer from a
credit account to a debit account, so the books balance by construction. A correction is a new movement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from refi.ledger.accounts import Account


class Component(StrEnum):
    """What a part of a movement is."""

    PRINCIPAL = "principal"
    INTEREST = "interest"
    FEE = "fee"
    PENALTY = "penalty"
    SUSPENSE = "suspense"


class Kind(StrEnum):
    """What a movement is.

    ``returned`` and ``reversed`` take the named movement back; ``released`` turns what a borrower had repaid
    into money that we owe them; a rebate credits a price that was paid and not used to what is owed beside
    it. A recovery is money received on a loan that was charged off. ``receipt_matched`` takes an
    unidentified receipt out of suspense: the repayment that it turned out to be is booked beside it.
    """

    DISBURSEMENT = "disbursement"
    DISBURSEMENT_RETURNED = "disbursement_returned"
    REPAYMENT = "repayment"
    REPAYMENT_REVERSED = "repayment_reversed"
    REPAYMENT_RELEASED = "repayment_released"
    RECOVERY = "recovery"
    RECOVERY_REVERSED = "recovery_reversed"
    RECOVERY_RELEASED = "recovery_released"
    INTEREST_REBATE = "interest_rebate"
    INTEREST_REBATE_REVERSED = "interest_rebate_reversed"
    FEE_REBATE = "fee_rebate"
    FEE_REBATE_REVERSED = "fee_rebate_reversed"
    WAIVER = "waiver"
    WAIVER_REVERSED = "waiver_reversed"
    CHARGE_OFF = "charge_off"
    CHARGE_OFF_REVERSED = "charge_off_reversed"
    UNIDENTIFIED_RECEIPT = "unidentified_receipt"
    UNIDENTIFIED_RETURNED = "unidentified_returned"
    RECEIPT_MATCHED = "receipt_matched"
    REFUND = "refund"
    SUSPENSE_WRITTEN_OFF = "suspense_written_off"


@dataclass(frozen=True, slots=True)
class Split:
    """A movement's amount in its components, minor units, each zero or more."""

    principal: int = 0
    interest: int = 0
    fee: int = 0
    penalty: int = 0
    suspense: int = 0

    @property
    def total(self) -> int:
        """The movement's amount."""
        return self.principal + self.interest + self.fee + self.penalty + self.suspense

    def of(self, component: Component) -> int:
        """The amount of one component."""
        amount: int = getattr(self, component.value)
        return amount


class Movement(NamedTuple):
    """One act on money with its split, as it was booked. Its fields are the table's columns, in their order.

    ``cause`` is unique: the same cause moves money once. ``source`` is what brought the money (a payment or
    payout id); ``reverses`` the movement taken back. ``allocations``: installment, component, amount.
    """

    id: str
    loan_id: str | None
    kind: Kind
    amount: int
    principal: int
    interest: int
    fee: int
    penalty: int
    suspense: int
    currency: str
    cause: str
    source: str | None
    mode: str | None
    reverses: str | None
    allocations: list[dict[str, Any]]
    effective_on: date
    on: date
    posted_at: datetime
    actor: str

    @property
    def split(self) -> Split:
        """Its amount in its components."""
        return Split(self.principal, self.interest, self.fee, self.penalty, self.suspense)


_CREDITED = {
    Component.PRINCIPAL: Account.LOANS_PRINCIPAL,
    Component.INTEREST: Account.INTEREST_INCOME,
    Component.FEE: Account.FEE_INCOME,
    Component.PENALTY: Account.PENALTY_INCOME,
    Component.SUSPENSE: Account.SUSPENSE,
}
_CASH = Account.CASH_AT_PROVIDER
_OWED = (Component.PRINCIPAL, Component.INTEREST, Component.FEE, Component.PENALTY)
_RECOVERED = dict.fromkeys(_OWED, Account.RECOVERIES) | {Component.SUSPENSE: Account.SUSPENSE}
_REBATES = {
    # kind, its reversal: the price that goes back
    (Kind.INTEREST_REBATE, Kind.INTEREST_REBATE_REVERSED): Component.INTEREST,
    (Kind.FEE_REBATE, Kind.FEE_REBATE_REVERSED): Component.FEE,
}

RULES: dict[tuple[Kind, Component], tuple[Account, Account]] = {
    # (kind, component): (debit account, credit account)
    (Kind.DISBURSEMENT, Component.PRINCIPAL): (Account.LOANS_PRINCIPAL, _CASH),
    (Kind.DISBURSEMENT_RETURNED, Component.PRINCIPAL): (_CASH, Account.LOANS_PRINCIPAL),
    **{(Kind.REPAYMENT, part): (_CASH, account) for part, account in _CREDITED.items()},
    **{(Kind.REPAYMENT_REVERSED, part): (account, _CASH) for part, account in _CREDITED.items()},
    **{(Kind.REPAYMENT_RELEASED, part): (_CREDITED[part], Account.SUSPENSE) for part in _OWED},
    **{(Kind.RECOVERY, part): (_CASH, account) for part, account in _RECOVERED.items()},
    **{(Kind.RECOVERY_REVERSED, part): (account, _CASH) for part, account in _RECOVERED.items()},
    **{(Kind.RECOVERY_RELEASED, part): (Account.RECOVERIES, Account.SUSPENSE) for part in _OWED},
    **{
        (kind, part): (_CREDITED[price], _CREDITED[part])
        for (kind, _), price in _REBATES.items()
        for part in _OWED
        if part is not price
    },
    **{
        (back, part): (_CREDITED[part], _CREDITED[price])
        for (_, back), price in _REBATES.items()
        for part in _OWED
        if part is not price
    },
    **{(Kind.WAIVER, part): (Account.WAIVERS, _CREDITED[part]) for part in _OWED},
    **{(Kind.WAIVER_REVERSED, part): (_CREDITED[part], Account.WAIVERS) for part in _OWED},
    (Kind.CHARGE_OFF, Component.PRINCIPAL): (Account.CREDIT_LOSSES, Account.LOANS_PRINCIPAL),
    (Kind.CHARGE_OFF_REVERSED, Component.PRINCIPAL): (Account.LOANS_PRINCIPAL, Account.CREDIT_LOSSES),
    (Kind.UNIDENTIFIED_RECEIPT, Component.SUSPENSE): (_CASH, Account.SUSPENSE),
    (Kind.UNIDENTIFIED_RETURNED, Component.SUSPENSE): (Account.SUSPENSE, _CASH),
    (Kind.RECEIPT_MATCHED, Component.SUSPENSE): (Account.SUSPENSE, _CASH),
    (Kind.REFUND, Component.SUSPENSE): (Account.SUSPENSE, _CASH),
    (Kind.SUSPENSE_WRITTEN_OFF, Component.SUSPENSE): (Account.OPERATING_LOSSES, Account.SUSPENSE),
}

UNDONE_BY_REBOOKING = {
    Kind.CHARGE_OFF: Kind.CHARGE_OFF_REVERSED,
    Kind.WAIVER: Kind.WAIVER_REVERSED,
    Kind.INTEREST_REBATE: Kind.INTEREST_REBATE_REVERSED,
    Kind.FEE_REBATE: Kind.FEE_REBATE_REVERSED,
    Kind.REPAYMENT: Kind.REPAYMENT_REVERSED,
    Kind.RECOVERY: Kind.RECOVERY_REVERSED,
}
"""What takes back what the contract function split otherwise than it does now."""

RELEASED = {Kind.REPAYMENT: Kind.REPAYMENT_RELEASED, Kind.RECOVERY: Kind.RECOVERY_RELEASED}
"""What takes a receipt off its loan while we keep the money, for whom it belongs to."""

UNDONE_BY_CANCELLATION = {
    **UNDONE_BY_REBOOKING,
    **RELEASED,
    Kind.DISBURSEMENT: Kind.DISBURSEMENT_RETURNED,
}


def transfers(kind: Kind, split: Split) -> list[tuple[Account, Account, int]]:
    """The movement as ``(debit, credit, amount)`` lines; ``KeyError`` for a component the kind has not."""
    return [(*RULES[kind, component], amount) for component in Component if (amount := split.of(component))]
