"""The lives of payments, payouts and refunds, and of the call that orders them. Pure."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from refi.errors import Conflict, Fault, Refused


class PaymentStatus(StrEnum):
    """A repayment: ordered or announced, then booked or failed; a booked one can be taken back."""

    PENDING = "pending"
    POSTED = "posted"
    FAILED = "failed"
    REVERSED = "reversed"


class PayoutStatus(StrEnum):
    """Money on its way to a card issuer or a bank account."""

    PLANNED = "planned"
    SENT = "sent"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    FAILED = "failed"
    RETURNED = "returned"


class RefundStatus(StrEnum):
    """Money that goes back to who paid it."""

    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"


class Call(StrEnum):
    """The call that orders something from the provider under our row's id.

    ``calling`` is committed before the call and left by a crash; it is resolved by asking, like ``unknown``.
    ``contradicted``: the provider has another amount under our id; a person looks, nobody asks by itself.
    """

    NONE = "none"
    PLANNED = "planned"
    CALLING = "calling"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    CONTRADICTED = "contradicted"


PAYMENT_MOVES = {
    PaymentStatus.PENDING: frozenset({PaymentStatus.POSTED, PaymentStatus.FAILED}),
    PaymentStatus.POSTED: frozenset({PaymentStatus.REVERSED}),
}
PAYOUT_MOVES = {
    PayoutStatus.PLANNED: frozenset({PayoutStatus.SENT, PayoutStatus.FAILED}),
    PayoutStatus.SENT: frozenset(
        {PayoutStatus.PLANNED, PayoutStatus.DELIVERED, PayoutStatus.FAILED, PayoutStatus.UNKNOWN}
    ),
    PayoutStatus.UNKNOWN: frozenset(
        {PayoutStatus.PLANNED, PayoutStatus.SENT, PayoutStatus.DELIVERED, PayoutStatus.FAILED}
    ),
    PayoutStatus.DELIVERED: frozenset({PayoutStatus.RETURNED}),
}
REFUND_MOVES = {RefundStatus.PLANNED: frozenset({RefundStatus.DONE, RefundStatus.FAILED})}

FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(minutes=10)


def retry_after(attempts: int) -> timedelta:
    """How long to wait before trying again: doubling from two seconds to ten minutes."""
    return min(FIRST_RETRY * int(2 ** min(attempts, 20)), LONGEST_RETRY)


class AmountExceedsPayoff(Refused):
    """The debit, with those already under way, would take more than is owed."""

    code = "amount_exceeds_payoff"


class AmountBelowMinimum(Refused):
    """Smaller than the smallest payment, and not the rest of what is owed."""

    code = "amount_below_minimum"


class AlreadyReversed(Conflict):
    """The payment was taken back before."""

    code = "already_reversed"


class NewsTooEarly(Exception):
    """The provider's news tells of something whose beginning we have not booked yet; it is tried again."""


class NewsRefused(Refused):
    """The provider's news contradicts our rows (unknown key, other amount): parked for a person."""


class OtherCurrency(Refused):
    """Money moves in the market's currency, which is that of every loan, and in no other."""


def require_currency(named: str | None, ours: str) -> None:
    """Raise unless the currency that a request names, if it names one, is ``ours``."""
    if named not in (None, ours):
        raise OtherCurrency(f"money moves in {ours} only", faults=[Fault("/currency", "other_currency")])


def require_payable(amount: int, *, mode: str, payoff_total: int, pending: int, minimum: int) -> None:
    """Raise unless a debit of ``amount`` may be started (all minor units).

    ``pending`` is what earlier debits will still bring. A payoff names exactly what settles the loan.
    """
    if amount + pending > payoff_total:
        raise AmountExceedsPayoff(
            "more than is owed, with the debits under way", payoff=payoff_total, pending=pending
        )
    if mode == "payoff" and amount != payoff_total:
        raise AmountBelowMinimum("a payoff is exactly the payoff quote's total", payoff=payoff_total)
    if amount < min(minimum, payoff_total - pending):
        raise AmountBelowMinimum("smaller than the smallest payment", minimum=minimum)
