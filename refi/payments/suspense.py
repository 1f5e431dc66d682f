"""Money and orders that fit nowhere: what waits for a person, and what a person may do about it. Pure.

Suspense is money that belongs to somebody else, so it is never booked away: it is matched to a loan, sent
back, or, when we are the ones who lost it, written off by two people.
"""

from __future__ import annotations

from enum import StrEnum

from refi.errors import Conflict


class SuspenseKind(StrEnum):
    """Why something waits.

    ``unmatched``: money arrived and names nobody. ``refund_failed``: money could not be sent back.
    ``refunded_and_returned``: we sent money back whose payment the bank then took back: it is owed to us.
    ``order_contradicted``: the provider has another amount under our key. ``news_refused``: the provider told
    what contradicts our rows.
    """

    UNMATCHED = "unmatched"
    REFUND_FAILED = "refund_failed"
    REFUNDED_AND_RETURNED = "refunded_and_returned"
    ORDER_CONTRADICTED = "order_contradicted"
    NEWS_REFUSED = "news_refused"


class SuspenseStatus(StrEnum):
    """Where an item is; the last three are ends, though what contradicts us may come up again."""

    OPEN = "open"
    AWAITING_SECOND = "awaiting_second"
    REFUNDING = "refunding"
    MATCHED = "matched"
    REFUNDED = "refunded"
    SETTLED = "settled"


class Remedy(StrEnum):
    """What a person can do about an item."""

    MATCH = "match"
    REFUND = "refund"
    RETRY = "retry"
    SETTLE = "settle"


class RemedyUnfit(Conflict):
    """This kind of item is not mended this way; ``allowed`` names the ways there are."""

    code = "invalid_transition"


_S = SuspenseStatus
SUSPENSE_MOVES = {
    _S.OPEN: frozenset({_S.AWAITING_SECOND, _S.REFUNDING, _S.MATCHED, _S.SETTLED}),
    _S.AWAITING_SECOND: frozenset({_S.OPEN, _S.REFUNDING, _S.MATCHED, _S.SETTLED}),
    _S.REFUNDING: frozenset({_S.REFUNDED, _S.OPEN, _S.SETTLED}),
    _S.MATCHED: frozenset[SuspenseStatus](),
    _S.REFUNDED: frozenset[SuspenseStatus](),
    _S.SETTLED: frozenset({_S.OPEN}),
}
WAITING = (_S.OPEN, _S.AWAITING_SECOND, _S.REFUNDING)

_K = SuspenseKind
REMEDIES = {
    _K.UNMATCHED: (Remedy.MATCH, Remedy.REFUND),
    _K.REFUND_FAILED: (Remedy.REFUND,),
    _K.REFUNDED_AND_RETURNED: (Remedy.SETTLE,),
    _K.ORDER_CONTRADICTED: (Remedy.RETRY, Remedy.SETTLE),
    _K.NEWS_REFUSED: (Remedy.RETRY, Remedy.SETTLE),
}
ALARMING = (_K.REFUNDED_AND_RETURNED, _K.ORDER_CONTRADICTED, _K.NEWS_REFUSED)
"""Not just somebody else's money waiting: something went wrong, and ``refi doctor`` says so."""


def require_remedy(kind: SuspenseKind, remedy: Remedy) -> None:
    """`RemedyUnfit` unless an item of this kind can be mended that way."""
    if remedy not in REMEDIES[kind]:
        raise RemedyUnfit(
            f"{kind.value} is not mended by {remedy.value}",
            allowed=[each.value for each in REMEDIES[kind]],
        )


def needs_second(remedy: Remedy, amount: int, alone_up_to: int) -> bool:
    """Whether a second person has to agree. Trying again gives nothing away; settling always does."""
    if remedy is Remedy.SETTLE:
        return True
    return remedy is not Remedy.RETRY and amount > alone_up_to
