"""Habits of card holders: one line of figures each. Pure.

``BILL_AMT1`` is the newest bill, and ``PAY_AMTk`` pays the bill of month k+1: the payment that stands beside
a bill belongs to the one *before* it (`refi.cards.revolving` says why that matters).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypedDict

from refi.cards import revolving
from refi.seeding.card_clients import Client


class Line(TypedDict):
    """A card holder's habit, as ``refi segments --json`` prints it."""

    id: int
    segment: str
    revolved_cycles: int
    cycles_with_balance: int


def habit(client: Client) -> revolving.Habit:
    """The habit that the client's six bills show."""
    bills = list(zip(client.bills, client.payments, strict=True))
    return revolving.habit(revolving.closed_cycles(bills))


def segments(clients: Iterable[Client]) -> Iterator[Line]:
    """One line a client, in the order they come."""
    for client in clients:
        found = habit(client)
        yield Line(
            id=client.id,
            segment=found.segment.value,
            revolved_cycles=found.revolved_cycles,
            cycles_with_balance=found.cycles_with_balance,
        )
