"""Sign-in rules: how codes and refresh tokens live and die. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

CODE_LIFE = timedelta(minutes=5)
CODE_TRIES = 5
CODES_PER_WINDOW = 5
CODE_WINDOW = timedelta(minutes=10)


class Verdict(StrEnum):
    """What a presented refresh token is worth."""

    GOOD = "good"
    WORTHLESS = "worthless"
    STOLEN = "stolen"


def may_send_in(sent: list[datetime], now: datetime) -> timedelta | None:
    """How long to wait before another code goes to this phone, given when codes were sent; None: now."""
    recent = sorted(at for at in sent if now - at < CODE_WINDOW)
    if len(recent) < CODES_PER_WINDOW:
        return None
    return recent[-CODES_PER_WINDOW] + CODE_WINDOW - now


def code_is_open(*, attempts: int, used: bool, expires_at: datetime, now: datetime) -> bool:
    """Whether a code may still be tried."""
    return not used and attempts < CODE_TRIES and now < expires_at


def judge_refresh(*, used: bool, revoked: bool, expires_at: datetime, now: datetime) -> Verdict:
    """A token used before is in two hands: one of them stole it, so the whole chain must end."""
    if revoked or now >= expires_at:
        return Verdict.WORTHLESS
    return Verdict.STOLEN if used else Verdict.GOOD
