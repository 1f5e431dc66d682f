"""Sensitive fields at rest: sealed with rotating keys, found through a keyed index, shown masked.

Sealing is Fernet (AES-128-CBC with HMAC-SHA-256) from `cryptography`; `MultiFernet` opens with any of the
keys and seals with the first, so a key is rotated by putting a new one in front and running `Vault.reseal`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class VaultRefused(Exception):
    """A sealed value cannot be opened with the configured keys, or a key is malformed."""


class Vault:
    """Seals text for storage and makes blind indexes to find it again."""

    def __init__(self, keys: Sequence[str], index_key: str) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise VaultRefused("REFI_DATA_KEYS: each key is 32 bytes in URL-safe base64") from error
        self._index_key = index_key.encode()

    def seal(self, text: str) -> str:
        """``text`` as a token that only these keys open."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, token: str) -> str:
        """The text that `seal` was given."""
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise VaultRefused("a sealed value does not open with the configured keys") from error

    def reseal(self, token: str) -> str:
        """The same text sealed with the newest key."""
        try:
            return self._fernet.rotate(token.encode()).decode()
        except InvalidToken as error:
            raise VaultRefused("a sealed value does not open with the configured keys") from error

    def index(self, purpose: str, text: str) -> str:
        """A keyed digest of ``text``: equal texts, equal digests; without the key nobody can try texts."""
        return hmac.new(self._index_key, f"{purpose}\x00{text}".encode(), hashlib.sha256).hexdigest()
