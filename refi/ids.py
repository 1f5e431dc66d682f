"""Identifiers: TypeIDs (a kind prefix and a time-ordered UUIDv7), one ``NewType`` per kind.

Opaque to callers, sortable by creation, readable in a log line and in a table. `new` makes one; `is_id`
tells whether a text can be one at all, so that a malformed id is simply not found.
"""

from __future__ import annotations

from typing import NewType

from typeid import TypeID
from typeid.core.errors import TypeIDException

ActorId = NewType("ActorId", str)
AgreementId = NewType("AgreementId", str)
ApplicationId = NewType("ApplicationId", str)
BankAccountId = NewType("BankAccountId", str)
BorrowerId = NewType("BorrowerId", str)
CardId = NewType("CardId", str)
LoanId = NewType("LoanId", str)
MessageId = NewType("MessageId", str)
MovementId = NewType("MovementId", str)
OfferId = NewType("OfferId", str)
PaymentId = NewType("PaymentId", str)
PayoutId = NewType("PayoutId", str)
StatementId = NewType("StatementId", str)
SuggestionId = NewType("SuggestionId", str)

PREFIXES = {
    "act": "act of staff",
    "agr": "agreement",
    "alrt": "alert",
    "app": "application",
    "appr": "approval",
    "bacc": "bank account",
    "bor": "borrower",
    "bq": "question to the bureau",
    "card": "card",
    "case": "case",
    "cmp": "complaint",
    "cns": "consent",
    "ctc": "contact",
    "dec": "decision",
    "dev": "device",
    "doc": "document",
    "evt": "event",
    "hard": "request for help",
    "hold": "hold",
    "lact": "act on a loan",
    "inb": "inbound message",
    "incv": "verified income",
    "lent": "count of what is lent",
    "loan": "loan",
    "mand": "mandate",
    "msg": "message",
    "mov": "movement",
    "off": "offer",
    "otp": "one-time code",
    "pay": "payment",
    "pout": "payout",
    "pref": "preference",
    "prom": "promise",
    "push": "push prompt",
    "refd": "refund",
    "ret": "retention run",
    "rev": "review",
    "rtok": "refresh token",
    "shdw": "shadow decision",
    "staff": "member of staff",
    "stmt": "statement",
    "sug": "suggestion",
    "susp": "suspense item",
}


def new(prefix: str) -> str:
    """A fresh identifier of the kind ``prefix`` (a key of `PREFIXES`; ``KeyError`` otherwise)."""
    PREFIXES[prefix]
    return str(TypeID(prefix))


def is_id(text: str, prefix: str) -> bool:
    """Whether ``text`` is a well-formed identifier of the kind ``prefix``."""
    if not text.startswith(prefix + "_") or len(text) != len(prefix) + 27:
        return False
    try:
        TypeID.from_string(text)
    except TypeIDException:
        return False
    return True
