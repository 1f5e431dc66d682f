"""What borrowers need from a payment provider: whose bank account is this? Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from refi.errors import Refused


class InstrumentRefused(Refused):
    """The provider does not know such a card or account; ``provider_code`` is its word for it."""


@dataclass(frozen=True, slots=True)
class ProofRefused:
    """The provider's no to the number itself, e.g. ``number_invalid``: there is nothing to keep."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AccountProof:
    """Whether a bank account is the borrower's own and open; ``reason`` says why it is not ``verified``.

    ``token`` stands for the account in every later order.
    """

    token: str
    last4: str
    verified: bool
    reason: str | None = None


class AccountProver(Protocol):
    """Asks the provider. The number goes out and is never stored here."""

    async def confirm_account(
        self, key: str, *, bank: str, number: str, holder_name: str, national_id: str
    ) -> AccountProof | ProofRefused:
        """The proof or the provider's no; raises `refi.errors.Unavailable` when it does not answer."""
