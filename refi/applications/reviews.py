"""What a reviewer may decide, what it takes, and when a second person is needed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from refi.applications.states import ReviewStatus
from refi.errors import Conflict, Fault, Refused
from refi.policies import ReasonCode
from refi.policies import Review as ReviewPolicy
from refi.states import InvalidTransition
from refi.underwriting.decision import Outcome


class Verdict(StrEnum):
    """What a reviewer says."""

    APPROVE = "approve"
    DECLINE = "decline"
    REQUEST_INFO = "request_info"


class ReasonRequired(Refused):
    """This verdict needs reasons, or a note in words."""

    code = "reason_required"


class ClaimedByOther(Conflict):
    """Somebody else is working on this review; ``until`` says how long."""

    code = "invalid_transition"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A reviewer's verdict: ``amount`` (minor units) and ``term`` are what would be lent."""

    verdict: Verdict
    reasons: tuple[ReasonCode, ...]
    note: str
    amount: int
    term: int
    by: str


def require_reasons(proposal: Proposal, engine: Outcome, policy: ReviewPolicy) -> None:
    """`ReasonRequired` unless explained: a decline by reasons, an override or a question by a note."""
    if proposal.verdict is Verdict.DECLINE and not proposal.reasons:
        raise ReasonRequired("a decline names its principal reasons", faults=[Fault("/reasons", "missing")])
    explains = proposal.verdict is Verdict.REQUEST_INFO or overrides(proposal.verdict, engine)
    if explains and len(proposal.note.strip()) < policy.minimum_note_length:
        raise ReasonRequired(
            f"explain it in a note of at least {policy.minimum_note_length} characters",
            faults=[Fault("/note", "too_short")],
        )


def overrides(verdict: Verdict, engine: Outcome) -> bool:
    """Whether the verdict goes against the engine. A referral is no opinion: both ways are open."""
    against = {(Verdict.APPROVE, Outcome.DECLINED), (Verdict.DECLINE, Outcome.APPROVED)}
    return (verdict, engine) in against


def authority(roles: Iterable[str], policy: ReviewPolicy) -> int:
    """How much somebody with these roles may approve, minor units; the highest of the roles counts."""
    return max((policy.limit(role) for role in roles), default=0)


def needs_second(proposal: Proposal, engine: Outcome, roles: Iterable[str], policy: ReviewPolicy) -> bool:
    """Whether a second person must agree: against the engine, or above the maker's own authority."""
    if proposal.verdict is Verdict.REQUEST_INFO:
        return False
    above = proposal.verdict is Verdict.APPROVE and proposal.amount > authority(roles, policy)
    return above or overrides(proposal.verdict, engine)


def require_open(status: ReviewStatus) -> None:
    """`InvalidTransition` unless the review waits for a verdict."""
    if status is not ReviewStatus.OPEN:
        raise InvalidTransition(f"a review that is {status.value} takes no verdict", allowed=[])


def require_free(claimed_by: str | None, lease_until: datetime | None, by: str, now: datetime) -> None:
    """`ClaimedByOther` while another person's lease runs."""
    if claimed_by not in (None, by) and lease_until is not None and lease_until > now:
        raise ClaimedByOther("somebody else is working on it", allowed=[], until=lease_until.isoformat())


def lease(policy: ReviewPolicy, now: datetime) -> datetime:
    """Until when a claim made now holds."""
    return now + timedelta(minutes=policy.lease_minutes)


def due(policy: ReviewPolicy, now: datetime) -> datetime:
    """When an application referred now must be answered."""
    return now + timedelta(hours=policy.answer_within_hours)
