"""The life of a loan, and when it takes money. Pure. Delinquency is a second axis, derived from dates."""

from __future__ import annotations

from enum import StrEnum

from refi.errors import Conflict


class LoanStatus(StrEnum):
    """Where a loan is in its life."""

    PENDING_DISBURSEMENT = "pending_disbursement"
    ACTIVE = "active"
    PAID_OFF = "paid_off"
    CHARGED_OFF = "charged_off"
    CANCELLED = "cancelled"


# A cancelled loan begins again when its payoff, which had failed or come back, is sent once more.
# A charge-off is left only when it is undone, or when money from before it comes to light.
MOVES = {
    LoanStatus.PENDING_DISBURSEMENT: frozenset({LoanStatus.ACTIVE, LoanStatus.CANCELLED}),
    LoanStatus.ACTIVE: frozenset({LoanStatus.PAID_OFF, LoanStatus.CHARGED_OFF, LoanStatus.CANCELLED}),
    LoanStatus.PAID_OFF: frozenset({LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF}),
    LoanStatus.CHARGED_OFF: frozenset({LoanStatus.ACTIVE, LoanStatus.PAID_OFF}),
    LoanStatus.CANCELLED: frozenset({LoanStatus.PENDING_DISBURSEMENT}),
}


class LoanNotActive(Conflict):
    """The loan takes no payment in this state."""

    code = "loan_not_active"
