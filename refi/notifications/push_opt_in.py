"""Asking to allow push: at which moment, whether now, and what the answers say. Pure.

In this market push is the way to be heard at no cost, and a system asks once: so each borrower belongs to an
arm that is asked at one moment, and the rates are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from refi import experiments
from refi.policies import PushOptIn

HUNDRED = 100


class Answer(StrEnum):
    """What the borrower did with the system's question."""

    GRANTED = "granted"
    DENIED = "denied"
    DISMISSED = "dismissed"


class Reason(StrEnum):
    """Why somebody is not asked now."""

    ALLOWED = "already_allowed"
    RECENTLY = "asked_recently"
    OTHER_MOMENT = "other_moment"


def arm_of(policy: PushOptIn, borrower_id: str) -> str:
    """The moment at which this borrower is asked; the same for as long as the experiment has its name."""
    left = experiments.bucket(policy.experiment, borrower_id, HUNDRED)
    for arm in policy.arms:
        left -= arm.share
        if left < 0:
            return arm.moment
    raise ValueError("the shares of the arms are below a hundred")


def why_not(
    policy: PushOptIn, borrower_id: str, moment: str, on: date, *, allowed: bool, last_asked: date | None
) -> Reason | None:
    """Why the borrower is not asked at ``moment``; None when they are."""
    if allowed:
        return Reason.ALLOWED
    if last_asked is not None and on < last_asked + timedelta(days=policy.ask_again_days):
        return Reason.RECENTLY
    return None if arm_of(policy, borrower_id) == moment else Reason.OTHER_MOMENT


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of ``asked`` answered, allowed it, and have a push target since; with the 95 % interval.

    ``low`` and ``high`` are Wilson's, of ``granted`` in ``asked``; both empty when nobody was asked.
    """

    moment: str
    asked: int
    answered: int
    granted: int
    reachable: int
    rate: float | None
    low: float | None
    high: float | None


def rate(moment: str, *, asked: int, answered: int, granted: int, reachable: int) -> Rate:
    """The rate of one moment; no answer counts as no."""
    if not asked:
        return Rate(moment, 0, 0, 0, 0, None, None, None)
    share, (low, high) = granted / asked, experiments.interval(granted, asked)
    return Rate(moment, asked, answered, granted, reachable, round(share, 4), round(low, 4), round(high, 4))
