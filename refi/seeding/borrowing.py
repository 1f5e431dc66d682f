"""From a card holder to a borrower with six bills. Pure.

Amounts are the data set's, one of its units to one yuan; the newest bill is dated `BILLED_BEFORE` before the
business date, the others a month apart; each is due `GRACE` later. Minimum payment and rate of the card
are the market's usual ones (the policy's). A bill is overdue when its repayment status says a month or more.
"""

from __future__ import annotations

from datetime import date, timedelta

from refi.cards.statements import Bill
from refi.policies import Card
from refi.schedules import savings
from refi.schedules.dates import add_months
from refi.seeding.card_clients import Client

BILLED_BEFORE = timedelta(days=10)
GRACE = timedelta(days=20)


def bills(client: Client, card: Card, on: date) -> tuple[Bill, ...]:
    """The client's six bills as of business date ``on``, newest first."""
    newest = on - BILLED_BEFORE
    months = enumerate(zip(client.bills, client.payments, client.statuses, strict=True))
    return tuple(
        Bill(
            statement_date=(dated := add_months(newest, -month)),
            due_date=dated + GRACE,
            statement_balance=balance,
            minimum_payment=minimum_payment(balance, card),
            payments_since_last=paid,
            is_overdue=status >= 1,
        )
        for month, (balance, paid, status) in months
    )


def minimum_payment(balance: int, card: Card) -> int:
    """The minimum of a bill: a part of it, at least the floor, at most all of it; nothing of a credit."""
    usual = savings.Card(
        balance=1, annual_rate=card.apr, minimum_rate=card.minimum_rate, minimum_floor=card.minimum_floor
    )
    return usual.minimum(max(balance, 0))
