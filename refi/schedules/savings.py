"""What refinancing saves against leaving the bill on the card.

The card is followed month by month in whole minor units: interest for the month, then the payment, no new
spending. Three ways out are compared: pay in full, pay the minimum only, pay each month what the plan asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from refi.errors import Fault, Refused
from refi.money import MAX_AMOUNT, Rounding, round_div
from refi.schedules.amortization import Schedule, Terms, schedule

MAX_MONTHS = 1200
"""A card that is not cleared within a hundred years is never cleared."""


MAX_ANNUAL_RATE = 10
"""The highest rate of a card that is followed: 1000 % a year."""


class InvalidCard(Refused):
    """The card's figures cannot be followed; the faults name each one."""

    code = "validation_failed"


class InterestOn(StrEnum):
    """What a month's interest is charged on: the whole opening balance, or the part left unpaid."""

    FULL_BALANCE = "full_balance"
    UNPAID_PART = "unpaid_part"


@dataclass(frozen=True, slots=True)
class Card:
    """A revolving balance and its price. Rates are fractions, amounts minor units.

    Attributes:
        balance: what is owed today.
        annual_rate: nominal purchase rate; a month costs a twelfth of it.
        minimum_rate: part of the balance (interest included) that is the minimum payment.
        minimum_floor: the least minimum payment.
        interest_on: whether interest is charged before or after the month's payment is taken off.
    """

    balance: int
    annual_rate: Decimal
    minimum_rate: Decimal = Decimal("0.10")
    minimum_floor: int = 5000
    interest_on: InterestOn = InterestOn.FULL_BALANCE

    def __post_init__(self) -> None:
        faults = []
        if type(self.balance) is not int or not 0 < self.balance <= MAX_AMOUNT:
            faults.append(Fault("/balance", "out_of_range"))
        if type(self.minimum_floor) is not int or not 0 <= self.minimum_floor <= MAX_AMOUNT:
            faults.append(Fault("/minimum_floor", "out_of_range"))
        for name, most in (("annual_rate", MAX_ANNUAL_RATE), ("minimum_rate", 1)):
            value = getattr(self, name)
            if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value <= most:
                faults.append(Fault(f"/{name}", "out_of_range"))
        if faults:
            raise InvalidCard("the card's figures are not valid", faults=faults)

    def interest(self, balance: int, payment: int = 0) -> int:
        """Interest of one month on ``balance`` of which ``payment`` is paid."""
        base = balance - payment if self.interest_on is InterestOn.UNPAID_PART else balance
        numerator, denominator = self.annual_rate.as_integer_ratio()
        return round_div(max(base, 0) * numerator, 12 * denominator, Rounding.HALF_UP)

    def minimum(self, balance: int) -> int:
        """The minimum payment of a statement: a part of it, at least the floor, at most all of it."""
        numerator, denominator = self.minimum_rate.as_integer_ratio()
        part = round_div(balance * numerator, denominator, Rounding.HALF_UP)
        return min(balance, max(part, self.minimum_floor))


@dataclass(frozen=True, slots=True)
class Revolving:
    """How a card balance ends: months until it is clear (``None``: never) and the interest until then.

    ``total_interest`` is ``None`` when the balance is never cleared. ``first_payment`` is the first month's.
    """

    months: int | None
    total_interest: int | None
    first_payment: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One plan against the card; savings in minor units, negative when the plan costs more.

    ``saving_same_payment``: card interest when each month's installment is paid to the card instead, until
    it is clear, less the plan's cost. ``saving_vs_minimum``: the same against paying the minimum only. A
    saving is ``None`` when the card would never be cleared that way: the plan is then worthwhile.
    """

    schedule: Schedule
    card_interest_same_payment: int | None
    saving_same_payment: int | None
    saving_vs_minimum: int | None
    worthwhile: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """The baselines and every plan compared."""

    card: Card
    pay_in_full: Revolving
    minimum_only: Revolving
    plans: tuple[Comparison, ...]


def minimum_only(card: Card) -> Revolving:
    """Pay only the minimum each month.

    Golden figure (RULES): 12,000.00 at 18.25 %, 10 %, floor 50.00 → 47 months, 2,072.69 of interest.
    """
    return _follow(card, None)


def same_payments(card: Card, payments: Sequence[int]) -> Revolving:
    """Pay ``payments`` (minor units, month by month; the last one goes on) to the card until it is clear.

    Raises `InvalidCard` for no payments, or one that is not a whole amount from 0.
    """
    if not payments or any(type(amount) is not int or amount < 0 for amount in payments):
        raise InvalidCard("payments are whole amounts from 0", faults=[Fault("/payments", "out_of_range")])
    return _follow(card, payments)


def _follow(card: Card, payments: Sequence[int] | None) -> Revolving:
    balance = card.balance
    total = first = 0
    full = card.interest_on is InterestOn.FULL_BALANCE
    for month in range(1, MAX_MONTHS + 1):
        opening = balance
        interest = card.interest(opening) if full else 0
        if payments is None:
            due = card.minimum(opening + interest)
        else:
            due = payments[min(month, len(payments)) - 1]
        if not full:
            interest = card.interest(opening, due)
        paid = min(due, opening + interest)
        balance = opening + interest - paid
        total += interest
        first = first or paid
        if balance <= 0:
            return Revolving(month, total, first)
        if balance >= opening and (payments is None or month >= len(payments)):
            break
    return Revolving(None, None, first)


def compare(
    card: Card, plans: Sequence[Terms], disbursed_on: date, first_due_on: date | None = None
) -> Quote:
    """Every plan against the card.

    Golden figures (RULES): 12,000.00, card 18.25 %, plan 12 % → 3 months save 129.91, 6 save 235.49,
    12 save 469.25 against the same payments on the card.
    """
    minimum = minimum_only(card)
    compared = []
    for terms in plans:
        plan = schedule(terms, disbursed_on, first_due_on)
        revolving = same_payments(card, [row.amount for row in plan.installments])
        cost = plan.total_of_payments - terms.principal
        same = None if revolving.total_interest is None else revolving.total_interest - cost
        least = None if minimum.total_interest is None else minimum.total_interest - cost
        compared.append(
            Comparison(plan, revolving.total_interest, same, least, worthwhile=same is None or same > 0)
        )
    return Quote(card, Revolving(0, 0, card.balance), minimum, tuple(compared))
