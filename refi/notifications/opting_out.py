"""Opting out without signing in: the link that every marketing e-mail carries. Pure.

The link names a message, not a person, and is signed with a key that never changes, so that a letter from
years ago can still be left. RFC 8058 asks for just that: an opaque, hard to forge address.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable

from refi.ids import MessageId

PURPOSE = "opt_out"
_TOKEN = re.compile(r"(msg_[0-9a-z]{26})\.([0-9a-f]{32})")
Digest = Callable[[str, str], str]
"""A keyed digest of a text for a purpose (`refi.db.vault.Vault.index`)."""


def token_of(digest: Digest, message_id: str) -> str:
    """What the link of a message ends in."""
    return f"{message_id}.{digest(PURPOSE, message_id)[:32]}"


def message_of(digest: Digest, token: str) -> MessageId | None:
    """The message that a link was made for; None when it was not made by us."""
    found = _TOKEN.fullmatch(token)
    if found is None or not hmac.compare_digest(token_of(digest, found[1]).encode(), token.encode()):
        return None
    return MessageId(found[1])


def link_of(digest: Digest, public_url: str, message_id: str) -> str:
    """Where one click opts out."""
    return f"{public_url.rstrip('/')}/v1/opt-out/{token_of(digest, message_id)}"
