"""Every fact the service announces, in one place. News goes up as events; work goes down as calls.

An event is written by the transaction that made it true (`Work.announce`) and handled later, at least
once, by the handlers that ``refi.runtime`` maps to its type; a handler only writes rows.
Amounts are minor units; dates are business dates.
"""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any, get_type_hints

from refi.events.base import Event
from refi.events.care import (
    ComplaintAnswered,
    ComplaintFiled,
    DeviceGone,
    HelpAnswered,
    HelpAsked,
    HoldLifted,
    HoldPlaced,
    PromiseCancelled,
    PromiseMade,
    PromiseSettled,
)
from refi.events.lending import (
    ApplicationDecided,
    AutopayEnded,
    AutopaySet,
    BusinessDayClosed,
    DebtWaived,
    EmailGiven,
    LoanActivated,
    LoanActReversed,
    LoanCancelled,
    LoanChargedOff,
    LoanDelinquencyChanged,
    LoanModified,
    LoanPaidOff,
    LoanReopened,
    MoneySetAside,
    OfferAccepted,
    OneTimeCodeIssued,
    PaymentFailed,
    PaymentPosted,
    PaymentReversed,
    PayoutOrderedAgain,
    SuspenseClosed,
    SuspenseOpened,
)

__all__ = [
    "TYPES",
    "ApplicationDecided",
    "AutopayEnded",
    "AutopaySet",
    "BusinessDayClosed",
    "ComplaintAnswered",
    "ComplaintFiled",
    "DebtWaived",
    "DeviceGone",
    "EmailGiven",
    "Event",
    "HelpAnswered",
    "HelpAsked",
    "HoldLifted",
    "HoldPlaced",
    "LoanActReversed",
    "LoanActivated",
    "LoanCancelled",
    "LoanChargedOff",
    "LoanDelinquencyChanged",
    "LoanModified",
    "LoanPaidOff",
    "LoanReopened",
    "MoneySetAside",
    "OfferAccepted",
    "OneTimeCodeIssued",
    "PaymentFailed",
    "PaymentPosted",
    "PaymentReversed",
    "PayoutOrderedAgain",
    "PromiseCancelled",
    "PromiseMade",
    "PromiseSettled",
    "SuspenseClosed",
    "SuspenseOpened",
    "dump",
    "load",
]


def _subclasses(cls: type[Event]) -> list[type[Event]]:
    return [found for sub in cls.__subclasses__() for found in (sub, *_subclasses(sub))]


TYPES: dict[str, type[Event]] = {cls.__name__: cls for cls in _subclasses(Event)}


def dump(event: Event) -> dict[str, Any]:
    """The event as plain JSON values (dates as ISO text)."""
    values = ((field.name, getattr(event, field.name)) for field in dataclasses.fields(event))
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in values}


def load(name: str, body: dict[str, Any]) -> Event:
    """The event of type ``name`` from what `dump` made (``KeyError`` for a type this page lacks)."""
    cls = TYPES[name]
    hints = get_type_hints(cls)
    values: dict[str, Any] = {k: date.fromisoformat(v) if hints[k] is date else v for k, v in body.items()}
    return cls(**values)
