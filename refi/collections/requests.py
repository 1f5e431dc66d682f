"""Requests for help and complaints: where each is, and what may still happen to it. Pure."""

from __future__ import annotations

from enum import StrEnum

from refi.errors import Conflict


class HelpStatus(StrEnum):
    """Where a request for help is; the plan itself is an act on the loan."""

    REQUESTED = "requested"
    AGREED = "agreed"
    REFUSED = "refused"


class ComplaintStatus(StrEnum):
    """Where a complaint is."""

    OPEN = "open"
    ANSWERED = "answered"


HELP_MOVES = {
    HelpStatus.REQUESTED: frozenset({HelpStatus.AGREED, HelpStatus.REFUSED}),
    HelpStatus.AGREED: frozenset[HelpStatus](),
    HelpStatus.REFUSED: frozenset[HelpStatus](),
}
COMPLAINT_MOVES = {
    ComplaintStatus.OPEN: frozenset({ComplaintStatus.ANSWERED}),
    ComplaintStatus.ANSWERED: frozenset[ComplaintStatus](),
}


class HelpRequested(Conflict):
    """The borrower asked for help with this loan before and waits for the answer."""
