"""The wire contract's request bodies, strictly typed, and its problem answers."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from refi.money import MAX_AMOUNT

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Problem(Exception):
    """An answer other than success: a status, a stable code and facts for the body."""

    def __init__(self, status: int, code: str, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.facts = facts


def _written_date(value: object) -> object:
    if isinstance(value, date) or (isinstance(value, str) and _DATE.fullmatch(value)):
        return value if isinstance(value, date) else date.fromisoformat(value)
    raise ValueError("write a date as YYYY-MM-DD")


def _storable(value: str) -> str:
    if "\x00" in value or any("\ud800" <= mark <= "\udfff" for mark in value):
        raise ValueError("NUL and lone surrogates cannot be stored")
    return value


Text = Annotated[str, AfterValidator(_storable), Field(min_length=1, max_length=200)]
LongText = Annotated[str, AfterValidator(_storable), Field(min_length=1, max_length=5000)]
Amount = Annotated[int, Field(ge=1, le=MAX_AMOUNT)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Day = Annotated[date, BeforeValidator(_written_date)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]


class Body(BaseModel):
    """Base of request bodies: nothing is coerced, nothing extra is let through."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    not_compared: ClassVar[frozenset[str]] = frozenset()
    """Fields in which a repeat may differ."""

    def digest(self, operation: str) -> str:
        """A fingerprint, to tell a repeat from another request under the same key."""
        said = self.model_dump_json(exclude=set(self.not_compared))
        return hashlib.sha256(f"{operation}\n{said}".encode()).hexdigest()


class CardQuestion(Body):
    """Is this card this person's, and can it receive money?"""

    issuer: Text
    number: Annotated[str, Field(pattern=r"^[0-9]{12,19}$")]
    holder_name: Text
    national_id: Text


class AccountQuestion(Body):
    """Is this bank account this person's?"""

    bank: Text
    number: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{6,34}$")]
    holder_name: Text
    national_id: Text


class Destination(Body):
    """Where a payout goes: a proven card or account."""

    type: Literal["card", "account"]
    token: Text


class Order(Body):
    """What every order says: how much, and on which business date it was asked."""

    amount: Amount
    currency: Currency
    on: Day


class PayoutOrder(Order):
    """Send money to a card's issuer or to an account."""

    destination: Destination


class DebitOrder(Order):
    """Take money from a proven account."""

    account_token: Text


class RefundOrder(Order):
    """Send back all or part of the debit or transfer ``of``."""

    of: Text


class MessageOrder(Body):
    """One message to one address; ``at`` is the sender's own time, which a sandbox moves."""

    channel: Text
    to: Text
    template: Text
    subject: Text | None = None
    text: LongText
    at: Annotated[str, Field(pattern=r"^[0-9T:.+Z-]{20,40}$")] | None = None
    not_compared: ClassVar[frozenset[str]] = frozenset({"at"})


class KeyedQuestion(Body):
    """One line of a bulk proof: the question and the key it stands under."""

    key: Key
    card: CardQuestion | None = None
    account: AccountQuestion | None = None


class BulkQuestion(Body):
    """Up to a thousand proofs in one call (for seeding)."""

    data: Annotated[list[KeyedQuestion], Field(min_length=1, max_length=1000)]


class Instruction(Body):
    """What a control act may add: the business date it happens on, and why."""

    on: Day | None = None
    reason: Text | None = None


class InboundTransfer(Order):
    """Money that arrives unasked, with whatever the payer wrote."""

    reference: Text | None = None


class FaultOrder(Body):
    """The next ``calls`` calls of ``operation`` go wrong.

    ``error``: answered ``status`` (with ``Retry-After`` where ``retry_after`` is given), not done.
    ``timeout``: not done, and no answer for ``seconds``. ``silent``: done, and the connection is cut instead
    of an answer. ``garbled``: done, and answered with something that cannot be read.
    """

    operation: Literal[
        "card_proofs", "account_proofs", "payouts", "debits", "refunds", "operations", "cash_book",
        "messages", "bureau_reports", "identity_checks", "any",
    ]  # fmt: skip
    mode: Literal["error", "timeout", "silent", "garbled"]
    calls: Annotated[int, Field(ge=1, le=10_000)] = 1
    status: Annotated[int, Field(ge=400, le=599)] = 500
    retry_after: Annotated[int, Field(ge=0, le=3600)] | None = None
    seconds: Annotated[float, Field(ge=0, le=300, strict=False)] = 30.0


class Hold(Body):
    """While ``on``, orders are answered only when ``/control`` says so."""

    on: bool
