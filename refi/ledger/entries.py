"""Movements and what they do to the accounts. Pure.

A movement is one act on money with its split into components. Each (kind, component) is one transfer from a
credit account to a debit account, so the books balance by construction. A correction is a new movement.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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

    ``returned`` and ``reversed`` take the named movement back; ``released`` turns what a cancelled loan's
    borrower had repaid into money that we owe them; a rebate credits interest that was paid for time that
    an early payoff did not use.
    """

    DISBURSEMENT = "disbursement"
    DISBURSEMENT_RETURNED = "disbursement_returned"
    REPAYMENT = "repayment"
    REPAYMENT_REVERSED = "repayment_reversed"
    REPAYMENT_RELEASED = "repayment_released"
    INTEREST_REBATE = "interest_rebate"
    INTEREST_REBATE_REVERSED = "interest_rebate_reversed"
    UNIDENTIFIED_RECEIPT = "unidentified_receipt"
    UNIDENTIFIED_RETURNED = "unidentified_returned"
    REFUND = "refund"


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


_CREDITED = {
    Component.PRINCIPAL: Account.LOANS_PRINCIPAL,
    Component.INTEREST: Account.INTEREST_INCOME,
    Component.FEE: Account.FEE_INCOME,
    Component.PENALTY: Account.PENALTY_INCOME,
    Component.SUSPENSE: Account.SUSPENSE,
}
_CASH = Account.CASH_AT_PROVIDER
_OWED = (Component.PRINCIPAL, Component.INTEREST, Component.FEE, Component.PENALTY)

RULES: dict[tuple[Kind, Component], tuple[Account, Account]] = {
    # (kind, component): (debit account, credit account)
    (Kind.DISBURSEMENT, Component.PRINCIPAL): (Account.LOANS_PRINCIPAL, _CASH),
    (Kind.DISBURSEMENT_RETURNED, Component.PRINCIPAL): (_CASH, Account.LOANS_PRINCIPAL),
    **{(Kind.REPAYMENT, part): (_CASH, account) for part, account in _CREDITED.items()},
    **{(Kind.REPAYMENT_REVERSED, part): (account, _CASH) for part, account in _CREDITED.items()},
    **{(Kind.REPAYMENT_RELEASED, part): (_CREDITED[part], Account.SUSPENSE) for part in _OWED},
    (Kind.INTEREST_REBATE, Component.PRINCIPAL): (Account.INTEREST_INCOME, Account.LOANS_PRINCIPAL),
    (Kind.INTEREST_REBATE_REVERSED, Component.PRINCIPAL): (Account.LOANS_PRINCIPAL, Account.INTEREST_INCOME),
    (Kind.UNIDENTIFIED_RECEIPT, Component.SUSPENSE): (_CASH, Account.SUSPENSE),
    (Kind.UNIDENTIFIED_RETURNED, Component.SUSPENSE): (Account.SUSPENSE, _CASH),
    (Kind.REFUND, Component.SUSPENSE): (Account.SUSPENSE, _CASH),
}

UNDONE_BY_CANCELLATION = {
    Kind.INTEREST_REBATE: Kind.INTEREST_REBATE_REVERSED,
    Kind.REPAYMENT: Kind.REPAYMENT_RELEASED,
    Kind.DISBURSEMENT: Kind.DISBURSEMENT_RETURNED,
}
UNDONE_BY_REBOOKING = {
    Kind.INTEREST_REBATE: Kind.INTEREST_REBATE_REVERSED,
    Kind.REPAYMENT: Kind.REPAYMENT_REVERSED,
}


def transfers(kind: Kind, split: Split) -> list[tuple[Account, Account, int]]:
    """The movement as ``(debit, credit, amount)`` lines; ``KeyError`` for a component the kind has not."""
    return [(*RULES[kind, component], amount) for component in Component if (amount := split.of(component))]
