"""Standard Webhooks verification (https://www.standardwebhooks.com): who sent it, and is it fresh.

The signing itself is the library's. Its ``verify`` is not used: it reads the wall clock, takes one secret
and lets malformed headers escape as ``ValueError``.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks import Webhook

from refi.web.tokens import Unauthenticated

TOLERANCE = timedelta(minutes=5)
"""How far the sender's timestamp may be from our clock, either way."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,10}")
_MOST_SIGNATURES = 10


DOCUMENTED: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "header", "required": True, "description": words, "schema": {"type": "string"}}
        for name, words in (
            ("webhook-id", "The event's id, the same on every delivery of it."),
            ("webhook-timestamp", "Unix seconds; at most five minutes from now."),
            (
                "webhook-signature",
                "`v1,…` over `id.timestamp.body`; several, parted by spaces, while keys rotate.",
            ),
        )
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object", "description": "The event, as signed."}}
        },
    },
}
"""What OpenAPI says of an operation that hears webhooks (``openapi_extra``): its body is read raw."""


class WebhookHeadersMissing(Unauthenticated):
    """webhook-id, webhook-timestamp or webhook-signature is absent or malformed (401)."""


class WebhookTooOld(Unauthenticated):
    """The timestamp is more than five minutes ago: perhaps a replay (401)."""


class WebhookTooNew(Unauthenticated):
    """The timestamp is more than five minutes ahead (401)."""


class WebhookSignatureWrong(Unauthenticated):
    """No signature was made with one of our secrets over this id, timestamp and body (401)."""


def verify(headers: Mapping[str, str], raw_body: bytes, secrets: Sequence[str], now: datetime) -> str:
    """The event's id, if ``raw_body`` was signed with one of ``secrets`` within `TOLERANCE` of ``now``.

    ``headers`` in any letter case; ``secrets`` as ``whsec_…`` (two while one replaces the other); ``now``
    is the wall clock's instant, with a zone, never the sandbox's shifted one. The id is unique per event
    and equal on every delivery of it. Raises a subclass of `Unauthenticated`.
    """
    named = {name.lower(): value for name, value in headers.items()}
    event_id, stamp = named.get("webhook-id", ""), named.get("webhook-timestamp", "")
    signatures = named.get("webhook-signature", "").split(" ")
    if not _ID.fullmatch(event_id) or not _TIMESTAMP.fullmatch(stamp) or signatures == [""]:
        raise WebhookHeadersMissing("send webhook-id, webhook-timestamp and webhook-signature")
    sent_at = datetime.fromtimestamp(int(stamp), UTC)
    if sent_at < now - TOLERANCE:
        raise WebhookTooOld("the webhook-timestamp is more than five minutes ago")
    if sent_at > now + TOLERANCE:
        raise WebhookTooNew("the webhook-timestamp is more than five minutes ahead")
    if not _signed(event_id, sent_at, raw_body, secrets, signatures):
        raise WebhookSignatureWrong("no webhook-signature fits this body")
    return event_id


def _signed(
    event_id: str, sent_at: datetime, raw_body: bytes, secrets: Sequence[str], signatures: Sequence[str]
) -> bool:
    """Whether any signature was made with any secret; every pair is compared, in constant time."""
    try:
        text = raw_body.decode()
    except UnicodeDecodeError:
        return False
    given = [signature.encode("utf-8", "replace") for signature in signatures[:_MOST_SIGNATURES]]
    right = [Webhook(secret).sign(event_id, sent_at, text).encode() for secret in secrets]
    matches = [hmac.compare_digest(ours, theirs) for ours in right for theirs in given]
    return any(matches)
