"""What a provider tells about messages, as a value: receipts, and what people write back. Pure.

Whether the news fits our rows is decided by whoever books it. Signed news that cannot be read is kept and
parked under `NewsUnreadable`; text that people wrote is never a reason to lose what they wrote.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from refi.errors import Conflict, Refused

LONGEST_TEXT = 5_000


class NewsUnreadable(Refused):
    """Signed news about a message is not one of the documented events."""

    code = "validation_failed"


class NewsRefused(Conflict):
    """The news contradicts our rows, or speaks of a message that we never sent; it is parked."""


class NewsTooEarly(Exception):
    """The news names a message that we do not know yet: our own record may be a moment behind."""


class NewsType(StrEnum):
    """What can be told about a message, or by SMS."""

    SENT = "message.sent"
    DELIVERED = "message.delivered"
    UNDELIVERED = "message.undelivered"
    BOUNCED = "message.bounced"
    RECEIVED = "message.received"


@dataclass(frozen=True, slots=True)
class Told:
    """One piece of news. ``key`` is our message's id, ``provider_id`` the provider's name for it.

    For `NewsType.RECEIVED` ``sender`` is who wrote ``text``, by ``channel``.
    """

    id: str
    type: NewsType
    key: str | None = None
    provider_id: str | None = None
    reason: str | None = None
    sender: str | None = None
    text: str | None = None
    channel: str = "sms"


def read(raw: str, event_id: str) -> Told:
    """Read a verified body; ``event_id`` is the id its signature covered. Raises `NewsUnreadable`."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NewsUnreadable("the news is not JSON") from error
    if not isinstance(found, dict):
        raise NewsUnreadable("the news is not an object")
    if found.get("id") != event_id:
        raise NewsUnreadable("the body names another event than the signed webhook-id")
    try:
        kind = NewsType(str(found.get("type")))
    except ValueError:
        raise NewsUnreadable("the type is not a documented one") from None
    told = Told(
        id=event_id,
        type=kind,
        key=_short(found, "key"),
        provider_id=_short(found, "provider_id"),
        reason=_short(found, "reason"),
        sender=_short(found, "from"),
        text=clean(found["text"]) if isinstance(found.get("text"), str) else None,
    )
    return complete(told)


def complete(told: Told) -> Told:
    """``told`` if it says all that its type needs. Raises `NewsUnreadable`."""
    if told.type is NewsType.RECEIVED:
        if told.sender is None or told.text is None:
            raise NewsUnreadable("who wrote, or what, is missing")
    elif told.key is None and told.provider_id is None:
        raise NewsUnreadable("neither key nor provider_id names a message")
    return told


def _short(found: dict[str, object], name: str) -> str | None:
    value = found.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= 100 or not value.isprintable():
        raise NewsUnreadable(f"{name} is not a plain text of 1 to 100 characters")
    return value


def clean(text: str) -> str:
    """What somebody wrote, as it can be stored and shown: no NUL, no broken Unicode, not endless."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:LONGEST_TEXT]
