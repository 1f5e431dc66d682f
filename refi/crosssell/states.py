"""The life of a suggestion. Pure."""

from __future__ import annotations

from enum import StrEnum

from refi.errors import Conflict


class SuggestionStatus(StrEnum):
    """Where a suggestion is."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    EXPIRED = "expired"


_S = SuggestionStatus
MOVES = {
    _S.OPEN: frozenset({_S.ACCEPTED, _S.DISMISSED, _S.EXPIRED}),
    _S.ACCEPTED: frozenset[SuggestionStatus](),
    _S.DISMISSED: frozenset[SuggestionStatus](),
    _S.EXPIRED: frozenset[SuggestionStatus](),
}


class SuggestionExpired(Conflict):
    """The last day of the suggestion is over."""

    code = "offer_expired"
