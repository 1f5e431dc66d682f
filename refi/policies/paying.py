"""The section of a policy about money on its way: autopay, and money that fits nowhere."""

from __future__ import annotations

from datetime import time
from typing import Self

from pydantic import model_validator

from refi.policies.base import Amount, Days, Name, Value, require_distinct


class Autopay(Value):
    """Debits that we start by ourselves under a borrower's mandate.

    ``longest_offset`` is how many days before the due date a debit may begin. A debit that fails for one of
    the reasons in ``retried`` is tried again ``retry_days`` after the first try; one in ``ending`` ends the
    mandate; any other leaves the installment to the borrower. The borrower is told ``notice_days`` before the
    first try, at ``notice_at`` local time (0: is not told). Nothing is debited in one of ``stopped_by``.
    """

    longest_offset: Days
    retry_days: tuple[Days, ...]
    retried: tuple[Name, ...]
    ending: tuple[Name, ...]
    notice_days: Days
    notice_at: time
    stopped_by: tuple[Name, ...]

    @model_validator(mode="after")
    def _has_order(self) -> Self:
        require_distinct("retry_days", self.retry_days)
        if list(self.retry_days) != sorted(self.retry_days) or 0 in self.retry_days:
            raise ValueError("retry_days must rise and begin after the first try")
        require_distinct("reasons of autopay", [*self.retried, *self.ending])
        return self

    @property
    def most_tries(self) -> int:
        """The first try and those after it."""
        return 1 + len(self.retry_days)


class Payments(Value):
    """Money on its way; amounts in minor units."""

    suspense_alone_up_to: Amount
    """One person may match or send back money that fits nowhere up to this amount; above it two do."""
    payout_again_days: Days
    """So long after a payoff failed or came back it may be sent once more under the same agreement."""
    autopay: Autopay
