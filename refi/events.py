"""Every fact the service announces, on one page. News goes up as events; work goes down as calls.

An event is written by the transaction that made it true (`Work.announce`) and handled later, at least
once, by the handlers that ``refi.runtime`` maps to its type; a handler only writes rows.
Amounts are minor units; dates are business dates.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from typing import Any, get_type_hints


@dataclass(frozen=True)
class Event:
    """A fact in the past tense about one subject (a TypeID)."""

    subject: str


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
    """The night made a loan later: from ``on`` it stands in another bucket, asset class, stage or accrual."""

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
class HoldPlaced(Event):
    """Contact stands still: about the loan ``loan_id``, or about everything where there is none."""

    borrower_id: str
    loan_id: str | None
    kind: str


@dataclass(frozen=True)
class HoldLifted(Event):
    """A hold was lifted before it ended by itself."""

    borrower_id: str
    loan_id: str | None
    kind: str


@dataclass(frozen=True)
class BusinessDayClosed(Event):
    """The business date ``on`` is over."""

    on: date


def _subclasses(cls: type[Event]) -> list[type[Event]]:
    return [found for sub in cls.__subclasses__() for found in (sub, *_subclasses(sub))]


TYPES: dict[str, type[Event]] = {cls.__name__: cls for cls in _subclasses(Event)}


def dump(event: Event) -> dict[str, Any]:
    """The event as plain JSON values (dates as ISO text)."""
    return {
        key: value.isoformat() if isinstance(value, date) else value
        for key, value in dataclasses.asdict(event).items()
    }


def load(name: str, body: dict[str, Any]) -> Event:
    """The event of type ``name`` from what `dump` made (``KeyError`` for a type this page lacks)."""
    cls = TYPES[name]
    hints = get_type_hints(cls)
    values: dict[str, Any] = {k: date.fromisoformat(v) if hints[k] is date else v for k, v in body.items()}
    return cls(**values)
