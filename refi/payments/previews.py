"""What a payment would do, without doing it: its split, the schedules, what it saves. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from refi.loans.account import Account
from refi.schedules.allocation import Part
from refi.schedules.contract import InstallmentState, Mode, Receipt, State

WOULD_BE = "preview"
"""The id of a receipt that does not exist; it sorts behind the real ones of its day."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect of a payment, minor units. ``interest_saved`` counts fees and penalties of later days too.

    ``excess`` is what the loan would not take.
    """

    allocations: tuple[Part, ...]
    excess: int
    interest_saved: int
    settles: bool
    before: tuple[InstallmentState, ...]
    after: tuple[InstallmentState, ...]


def preview(account: Account, amount: int, mode: Mode, on: date) -> Preview:
    """What ``amount`` in ``mode`` would do to the account if it arrived on ``on``."""
    before = account.state(on)
    after = account.with_event(Receipt(WOULD_BE, on, amount, mode)).state(on)
    return Preview(
        allocations=after.allocations[WOULD_BE],
        excess=after.excess.get(WOULD_BE, 0),
        interest_saved=cost(before) - cost(after),
        settles=after.settled,
        before=before.installments,
        after=after.installments,
    )


def cost(state: State) -> int:
    """Everything that the installments charge beside principal, if nothing else happens."""
    return sum(row.interest + row.fee + row.penalty for row in state.installments)
