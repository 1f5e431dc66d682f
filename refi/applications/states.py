"""The lives of an application, an offer and a review. Pure."""

from __future__ import annotations

from enum import StrEnum


class ApplicationStatus(StrEnum):
    """Where an application is."""

    SUBMITTED = "submitted"
    REFERRED = "referred"
    INFO_REQUESTED = "info_requested"
    APPROVED = "approved"
    DECLINED = "declined"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class OfferStatus(StrEnum):
    """Where an offer is."""

    OPEN = "open"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class ReviewStatus(StrEnum):
    """Where a person's review is; ``closed`` when the borrower left or time ran out first."""

    OPEN = "open"
    INFO_REQUESTED = "info_requested"
    AWAITING_SECOND = "awaiting_second"
    DECIDED = "decided"
    CLOSED = "closed"


_A, _O, _R = ApplicationStatus, OfferStatus, ReviewStatus

APPLICATION_MOVES = {
    _A.SUBMITTED: frozenset({_A.REFERRED, _A.APPROVED, _A.DECLINED, _A.WITHDRAWN, _A.EXPIRED}),
    _A.REFERRED: frozenset({_A.INFO_REQUESTED, _A.APPROVED, _A.DECLINED, _A.WITHDRAWN, _A.EXPIRED}),
    _A.INFO_REQUESTED: frozenset({_A.REFERRED, _A.WITHDRAWN, _A.EXPIRED}),
    _A.APPROVED: frozenset({_A.ACCEPTED, _A.WITHDRAWN, _A.EXPIRED}),
    _A.DECLINED: frozenset({_A.REFERRED}),
    _A.ACCEPTED: frozenset[ApplicationStatus](),
    _A.WITHDRAWN: frozenset[ApplicationStatus](),
    _A.EXPIRED: frozenset[ApplicationStatus](),
}
"""A declined application becomes referred when the borrower asks that a person looks."""

OFFER_MOVES = {
    _O.OPEN: frozenset({_O.ACCEPTED, _O.EXPIRED, _O.WITHDRAWN}),
    _O.ACCEPTED: frozenset[OfferStatus](),
    _O.EXPIRED: frozenset[OfferStatus](),
    _O.WITHDRAWN: frozenset[OfferStatus](),
}

REVIEW_MOVES = {
    _R.OPEN: frozenset({_R.INFO_REQUESTED, _R.AWAITING_SECOND, _R.DECIDED, _R.CLOSED}),
    _R.INFO_REQUESTED: frozenset({_R.OPEN, _R.CLOSED}),
    _R.AWAITING_SECOND: frozenset({_R.OPEN, _R.DECIDED, _R.CLOSED}),
    _R.DECIDED: frozenset[ReviewStatus](),
    _R.CLOSED: frozenset[ReviewStatus](),
}
"""A second person who rejects sends the review back to the queue."""

UNDECIDED = frozenset({_A.SUBMITTED, _A.REFERRED, _A.INFO_REQUESTED})
"""Applications that wait for a decision."""

UNFINISHED = frozenset({_R.OPEN, _R.INFO_REQUESTED, _R.AWAITING_SECOND})
"""Reviews that nobody has decided."""
