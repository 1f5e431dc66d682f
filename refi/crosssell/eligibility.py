"""May a micro-loan be suggested to this borrower now? Pure; every obstacle is named, not only the first.

A revolver who agreed to marketing and has paid the third installment on time may hear of it. Nobody who is
past due, disputes, is in hardship or on hold is ever pushed towards new borrowing (RULES, Contact).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from refi.cards.revolving import Segment
from refi.loans.account import Account
from refi.policies import Contact, MicroLoan
from refi.schedules.contract import Status


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rules look at.

    ``on_time`` counts the installments of the loan that was just paid; ``stops`` names what stops marketing
    (``past_due``, ``hold`` …); ``suggested`` tells whether a suggestion is open or this loan had one.
    """

    consents: frozenset[str]
    segment: Segment
    on_time: int
    loan_in_good_standing: bool
    stops: frozenset[str] = frozenset()
    suggested: bool = False


def obstacles(micro: MicroLoan, contact: Contact, standing: Standing) -> list[str]:
    """Why not, by name; empty when a suggestion may be made."""
    found = [] if micro.consent in standing.consents else ["consent_missing"]
    if standing.segment is not Segment.PERSISTENT_REVOLVER:
        found.append("not_a_revolver")
    if standing.on_time < micro.minimum_on_time_installments:
        found.append("too_few_on_time_installments")
    if not standing.loan_in_good_standing:
        found.append("loan_not_in_good_standing")
    found += [name for name in contact.gate("marketing").stopped_by if name in standing.stops]
    if standing.suggested:
        found.append("already_suggested")
    return found


def paid_on_time(account: Account, on: date) -> int:
    """How many installments of the loan were paid in full by their due dates, as of ``on``.

    An installment that an early repayment emptied was not paid: it is not counted.
    """
    account = account.in_hindsight()
    today = account.state(on)
    count = 0
    for number, item in enumerate(today.installments):
        then = today if item.due_date > on else account.state(item.due_date)
        count += then.installments[number].status is Status.PAID and item.paid > 0
    return count


def worst_days_past_due(accounts: Sequence[Account], on: date) -> int:
    """Days past due of the latest of these loans."""
    return max((account.state(on).days_past_due for account in accounts), default=0)


def last_day(micro: MicroLoan, on: date) -> date:
    """The last day on which a suggestion made on ``on`` can be accepted."""
    return on + timedelta(days=micro.valid_days)
