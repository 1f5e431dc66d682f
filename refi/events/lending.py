"""Facts about lending: sign-in, applications, loans, payments, the business day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from refi.events.base import Event


@dataclass(frozen=True)
class OneTimeCodeIssued(Event):
    """A sign-in code was made; ``sealed_code`` is readable with the vault's keys only."""

    sealed_phone: str
    sealed_code: str
    locale: str


@dataclass(frozen=True)
class EmailGiven(Event):
    """A borrower named an e-mail address; ``sealed_code`` proves it once it comes back from there."""

    sealed_email: str
    sealed_code: str
    locale: str


@dataclass(frozen=True)
class ApplicationDecided(Event):
    """The engine or a person decided: approved, referred or declined."""

    borrower_id: str
    outcome: str


@dataclass(frozen=True)
class OfferAccepted(Event):
    """An offer was signed; loan and payout were made with it."""

    borrower_id: str
    loan_id: str


@dataclass(frozen=True)
class LoanActivated(Event):
    """The payoff arrived at the card issuer; the schedule's dates are fixed from now on."""

    borrower_id: str
    on: date
    first_due_on: date


@dataclass(frozen=True)
class LoanCancelled(Event):
    """The payout failed or came back; the borrower owes nothing."""

    borrower_id: str
    reason: str


@dataclass(frozen=True)
class PaymentPosted(Event):
    """A repayment was booked to the loan ``loan_id``."""

    borrower_id: str
    loan_id: str
    amount: int
    on: date


@dataclass(frozen=True)
class PaymentFailed(Event):
    """A debit was refused by the bank; nothing was booked."""

    borrower_id: str
    loan_id: str
    reason: str


@dataclass(frozen=True)
class PaymentReversed(Event):
    """A booked repayment was taken back."""

    borrower_id: str
    loan_id: str
    amount: int
    on: date


@dataclass(frozen=True)
class LoanPaidOff(Event):
    """Nothing is owed any more."""

    borrower_id: str
    on: date


@dataclass(frozen=True)
class LoanReopened(Event):
    """The payment that had closed the loan was reversed."""

    borrower_id: str
    on: date


@dataclass(frozen=True)
class LoanDelinquencyChanged(Event):
    """From ``on`` a loan stands in another bucket, asset class, stage or accrual than the day before."""

    borrower_id: str
    on: date
    days_past_due: int
    bucket_before: str
    bucket: str
    asset_class: str
    stage: int
    accrues: bool


@dataclass(frozen=True)
class LoanChargedOff(Event):
    """The loan was written off, ``principal`` lost; nothing accrues any more. ``version`` is the loan's."""

    borrower_id: str
    principal: int
    on: date
    version: int


@dataclass(frozen=True)
class LoanModified(Event):
    """Terms were agreed anew: ``kind`` is defer, due_date_change, re_age or extend; ``act`` has the rest."""

    borrower_id: str
    act: str
    kind: str
    on: date
    version: int


@dataclass(frozen=True)
class DebtWaived(Event):
    """``amount`` of one ``component`` was given up by ``act``."""

    borrower_id: str
    act: str
    component: str
    amount: int
    on: date
    version: int


@dataclass(frozen=True)
class MoneySetAside(Event):
    """An act left the loan less to pay: ``amount`` of the payment waits in suspense for its payer."""

    borrower_id: str
    payment: str
    amount: int


@dataclass(frozen=True)
class LoanActReversed(Event):
    """The act ``undone`` counts no more, by ``act``."""

    borrower_id: str
    act: str
    undone: str
    on: date
    version: int


@dataclass(frozen=True)
class PayoutOrderedAgain(Event):
    """A payoff that had failed or come back is sent once more; the cancelled loan waits for it."""

    borrower_id: str
    loan_id: str


@dataclass(frozen=True)
class AutopaySet(Event):
    """A borrower agreed that installments are debited, ``day_offset`` days before they are due."""

    borrower_id: str
    loan_id: str
    day_offset: int


@dataclass(frozen=True)
class AutopayEnded(Event):
    """Nothing is debited under this mandate any more."""

    borrower_id: str
    loan_id: str
    reason: str


@dataclass(frozen=True)
class SuspenseOpened(Event):
    """Money or an order fits nowhere and waits for a person; ``kind`` of `refi.payments.suspense`."""

    kind: str
    amount: int
    currency: str


@dataclass(frozen=True)
class SuspenseClosed(Event):
    """What had fitted nowhere was matched, refunded or settled."""

    outcome: str


@dataclass(frozen=True)
class BusinessDayClosed(Event):
    """The business date ``on`` is over."""

    on: date
