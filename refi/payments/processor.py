"""What the service needs from a payment provider: the protocol, and the values that cross it.

Nothing here talks to anybody; `refi.gateways.payment_http` does. Read this module by its qualified name
(``processor.Refused`` is an answer, `refi.errors.Refused` an exception).

Every act that moves money is ordered under a **key**: the id of our own row, made and committed before
the call. The provider performs one key at most once, so the key is also the way to ask what became of it.
An order has four answers and no exception:

========== =============================================================== ==============================
answer     meaning                                                         what the caller may do
========== =============================================================== ==============================
Accepted   the provider took it in; its webhook tells how it ends          wait for the news
Refused    the provider said no; nothing moved and nothing will            fail the row with the code
NotSent    it did not reach the provider                                   send again, same key
Unknown    it may or may not have happened                                 ask `find`; never send again
========== =============================================================== ==============================

Reads and confirmations move no money: where they get no usable answer they raise `ProviderUnavailable`.
Amounts are whole minor units, dates are business dates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Protocol

from refi.borrowers.proof import AccountProof, ProofRefused
from refi.cards.proof import CardProof
from refi.errors import Unavailable

ANSWER_WITHIN = timedelta(minutes=2)
"""How long an order may still be on its way. A key that the provider does not know this long after the
call began never reached it (the client gives up far earlier; see docs/reference/payment-provider.md)."""


class ProviderUnavailable(Unavailable):
    """The payment provider gave no usable answer to a question that moves no money (503)."""

    code = "dependency_unavailable"


class Operation(StrEnum):
    """The kinds of order a provider performs for us."""

    PAYOUT = "payout"
    DEBIT = "debit"
    REFUND = "refund"


class Status(StrEnum):
    """How far the provider has got with an order."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    POSTED = "posted"
    REFUNDED = "refunded"
    FAILED = "failed"
    RETURNED = "returned"
    REFUSED = "refused"


class EntryKind(StrEnum):
    """What moved the provider's cash: one kind per line of its cash book."""

    PAYOUT = "payout"
    PAYOUT_RETURN = "payout_return"
    DEBIT = "debit"
    DEBIT_RETURN = "debit_return"
    TRANSFER = "transfer"
    REFUND = "refund"

    @property
    def sign(self) -> int:
        """+1 when the money came in to us, −1 when it went out."""
        return 1 if self in _INCOMING else -1


_INCOMING = frozenset({EntryKind.PAYOUT_RETURN, EntryKind.DEBIT, EntryKind.TRANSFER})


@dataclass(frozen=True, slots=True)
class Accepted:
    """Taken in under our key. ``status`` may already be final when the key had been sent before."""

    provider_id: str
    status: Status


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider's no, e.g. ``card_restricted``. Nothing moved under this key and nothing will."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing reached the provider (or it turned the call away unread): sending again is safe.

    ``retry_after`` is the provider's wish in seconds, when it named one.
    """

    cause: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """A timeout, a cut connection, a 5xx or an answer nobody can read: it may have happened."""

    cause: str


OrderAnswer = Accepted | Refused | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the provider knows of an earlier order: the answer to `find`.

    ``effective_on`` is the business date of the latest move of money (None while nothing moved), ``moved_on``
    of the first, where the provider tells it; ``reason`` says why it is refused, failed or returned.
    """

    key: str
    operation: Operation
    provider_id: str
    status: Status
    amount: int
    currency: str
    effective_on: date | None = None
    reason: str | None = None
    moved_on: date | None = None


@dataclass(frozen=True, slots=True)
class CashEntry:
    """One line of the provider's cash book. Lines are numbered 1, 2, 3 … without gaps and never change.

    ``key`` is our row's id, None for money that arrived unasked (then ``reference`` is the payer's text).
    ``amount`` is positive; ``kind.sign`` gives its direction.
    """

    number: int
    kind: EntryKind
    provider_id: str
    amount: int
    currency: str
    effective_on: date
    key: str | None = None
    reference: str | None = None

    @property
    def signed(self) -> int:
        """The amount as our cash sees it: in is positive, out is negative."""
        return self.kind.sign * self.amount


@dataclass(frozen=True, slots=True)
class CashPage:
    """Consecutive lines of the cash book; ask again ``after`` the last number while ``has_more``."""

    entries: tuple[CashEntry, ...] = field(default=())
    has_more: bool = False


class PaymentProcessor(Protocol):
    """A payment provider. Implementations neither raise for an order nor invent success."""

    async def confirm_card(
        self, key: str, *, issuer: str, number: str, holder_name: str, national_id: str
    ) -> CardProof | ProofRefused:
        """Ask whether the card is this person's and can receive money. Raises `ProviderUnavailable`."""

    async def confirm_account(
        self, key: str, *, bank: str, number: str, holder_name: str, national_id: str
    ) -> AccountProof | ProofRefused:
        """Ask whether the bank account is this person's own. Raises `ProviderUnavailable`."""

    async def send_payout(
        self, key: str, *, amount: int, currency: str, card_token: str, on: date
    ) -> OrderAnswer:
        """Order a payoff to a card's issuer on the business date ``on``."""

    async def send_disbursement_to_account(
        self, key: str, *, amount: int, currency: str, account_token: str, on: date
    ) -> OrderAnswer:
        """Order a payout to the borrower's own account (micro-loans). Its news are ``payout.*``."""

    async def start_debit(
        self, key: str, *, amount: int, currency: str, account_token: str, on: date
    ) -> OrderAnswer:
        """Order a debit of the borrower's account on the business date ``on``."""

    async def refund(self, key: str, *, amount: int, currency: str, of: str, on: date) -> OrderAnswer:
        """Send money back to whoever paid; ``of`` is the provider's id of the debit or transfer.

        A refund is final when it is accepted: no webhook follows.
        """

    async def find(self, key: str) -> Outcome | None:
        """What became of the order under ``key``; None when the provider never saw it.

        Raises `ProviderUnavailable` when there is no usable answer: that is not None.
        """

    async def cash_book(self, after: int = 0, limit: int = 200) -> CashPage:
        """Lines with a number above ``after``, oldest first. Raises `ProviderUnavailable`."""
