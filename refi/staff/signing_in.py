"""Staff sign-in rules: when a name is locked, and one-time passwords after RFC 6238. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime, timedelta

TRIES = 5
LOCKED_FOR = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(minutes=15)
STEP_SECONDS = 30


def failures_after(failures: int, last_failed_at: datetime | None, now: datetime) -> int:
    """How many failures count after one more now; an old row of them is forgotten."""
    if last_failed_at is None or now - last_failed_at >= FORGOTTEN_AFTER:
        return 1
    return failures + 1


def locked_until(failures: int, now: datetime) -> datetime | None:
    """Until when the name is locked after that many failures; None while more tries are allowed."""
    return now + LOCKED_FOR if failures >= TRIES else None


def one_time_password(secret: str, at: datetime) -> str:
    """The six digits of that half minute; ``secret`` is base32. ``ValueError`` for a secret that is not."""
    try:
        key = base64.b32decode(secret, casefold=True)
    except binascii.Error as error:
        raise ValueError("the secret is not base32") from error
    counter = int(at.timestamp()) // STEP_SECONDS
    mac = hmac.new(key, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**6:06d}"


def password_fits(secret: str, entered: str, at: datetime) -> bool:
    """Whether the digits are those of now, or of the half minute before or after (clocks differ)."""
    steps = (timedelta(seconds=STEP_SECONDS * k) for k in (-1, 0, 1))
    good = [hmac.compare_digest(one_time_password(secret, at + step), entered) for step in steps]
    return any(good)
