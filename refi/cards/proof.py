"""What cards need from a payment provider: is this card the borrower's, and can it receive money? Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from refi.borrowers.proof import ProofRefused


@dataclass(frozen=True, slots=True)
class CardProof:
    """Whether a card is the borrower's and can receive money.

    ``token`` stands for the card in every later order. ``reason`` says why ``payable`` is false
    (``holder_mismatch``, ``cannot_receive``, …).
    """

    token: str
    last4: str
    payable: bool
    brand: str | None = None
    reason: str | None = None


class CardProver(Protocol):
    """Asks the provider. The card number goes out and is never stored here."""

    async def confirm_card(
        self, key: str, *, issuer: str, number: str, holder_name: str, national_id: str
    ) -> CardProof | ProofRefused:
        """The proof or the provider's no; raises `refi.errors.Unavailable` when it does not answer."""
