"""Twilio's callbacks: who signed them, and what they say in our own words. Pure.

``X-Twilio-Signature`` is the HMAC-SHA1, under the account's auth token, of the URL exactly as Twilio called
it with every form field appended, sorted by name. It has no timestamp, so that a replay is caught by the
event's id: the message's sid and its status.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence

from refi.notifications.receipts import NewsType, NewsUnreadable, Told, clean, complete

Fields = Sequence[tuple[str, str]]
STATUSES = {
    "sent": NewsType.SENT,
    "delivered": NewsType.DELIVERED,
    "read": NewsType.DELIVERED,
    "undelivered": NewsType.UNDELIVERED,
    "failed": NewsType.UNDELIVERED,
    "canceled": NewsType.UNDELIVERED,
}
"""What a status means; others (queued, sending, accepted …) are steps on the way and change nothing."""


def signature(token: str, url: str, fields: Fields) -> str:
    """What Twilio signs a callback to ``url`` with."""
    names = sorted({name for name, _ in fields})
    values = {name: sorted({value for key, value in fields if key == name}) for name in names}
    text = url + "".join(name + value for name in names for value in values[name])
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def is_signed(tokens: Iterable[str], url: str, fields: Fields, given: str) -> bool:
    """Whether ``given`` was made with one of ``tokens``; every one is compared, in constant time."""
    right = [signature(token, url, fields).encode() for token in tokens]
    theirs = given.encode("utf-8", "replace")
    matches = [hmac.compare_digest(each, theirs) for each in right]
    return any(matches)


def event_id(fields: Fields) -> str:
    """What is one event: a message and the status it reached, or a message that came in."""
    said = dict(fields)
    sid = said.get("MessageSid") or said.get("SmsSid") or ""
    status = said.get("MessageStatus") or said.get("SmsStatus") or ""
    if (
        not sid.isalnum()
        or not 0 < len(sid) <= 64
        or not (status.isalpha() or not status)
        or len(status) > 40
    ):
        raise NewsUnreadable("the callback names no message")
    return f"twilio:{sid}:{status or 'received'}"


def read(fields: Fields, key: str | None) -> Told | None:
    """The callback in our words; ``key`` is our message's id from its URL. None for a mere step on the way.

    Raises `NewsUnreadable`.
    """
    said, named = dict(fields), event_id(fields)
    sid, status = said.get("MessageSid") or said.get("SmsSid") or "", said.get("MessageStatus")
    if status is None or status == "received":
        text = clean(said.get("Body", ""))
        sender = said.get("From", "")
        whole = 0 < len(sender) <= 100 and sender.isprintable()
        return complete(
            Told(named, NewsType.RECEIVED, provider_id=sid, sender=sender if whole else None, text=text)
        )
    if (kind := STATUSES.get(status)) is None:
        return None
    code = said.get("ErrorCode", "")
    reason = f"twilio_{code}" if code.isascii() and code.isdigit() and len(code) <= 10 else f"twilio_{status}"
    return Told(named, kind, key, sid, reason if kind is NewsType.UNDELIVERED else None)
