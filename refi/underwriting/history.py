"""How a borrower has paid us so far, read from contracts and receipts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from refi.loans.account import Account
from refi.loans.states import LoanStatus


@dataclass(frozen=True, slots=True)
class PastLoan:
    """One loan of the borrower, with its contract and receipts."""

    status: LoanStatus
    account: Account


@dataclass(frozen=True, slots=True)
class History:
    """What the books say: lateness now and at worst, a charge-off, installments a month, principal owed.

    ``exposure`` is principal lent, or about to be, and not repaid; all amounts in minor units.
    """

    days_past_due: int
    worst_days_past_due: int
    charged_off: bool
    monthly_installments: int
    exposure: int


LENT = frozenset({LoanStatus.ACTIVE, LoanStatus.PAID_OFF, LoanStatus.CHARGED_OFF})


def worst_days_past_due(account: Account, on: date) -> int:
    """The longest that the loan was ever past due up to ``on``: grows until money or a new plan ends it."""
    account = account.in_hindsight()
    days = {event.on for event in account.events if event.on <= on}
    return max([_days_late(account, on), *(_days_late(account.before(day), day) for day in days)])


def _days_late(account: Account, on: date) -> int:
    return account.state(max(on, account.contract.disbursed_on)).days_past_due


def monthly_installment(account: Account, on: date) -> int:
    """What the loan asks for in a month: its next installment that is not paid; 0 when nothing is owed."""
    state = account.state(max(on, account.contract.disbursed_on))
    return next((row.amount for row in state.installments if row.outstanding > 0), 0)


def owed(loan: PastLoan, on: date) -> int:
    """Principal that the loan adds to what the borrower owes us, minor units; charged off is still owed."""
    if loan.status is LoanStatus.PENDING_DISBURSEMENT:
        return loan.account.contract.terms.principal
    if loan.status in (LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF):
        return loan.account.owed(max(on, loan.account.contract.disbursed_on)).principal
    return 0


def summarize(past: Iterable[PastLoan], on: date) -> History:
    """The borrower's loans taken together as of ``on``; cancelled ones were never lent."""
    loans = list(past)
    active = [loan.account for loan in loans if loan.status is LoanStatus.ACTIVE]
    lent = [loan.account for loan in loans if loan.status in LENT]
    asking = [loan.account for loan in loans if loan.status is LoanStatus.PENDING_DISBURSEMENT] + active
    return History(
        days_past_due=max((_days_late(account, on) for account in active), default=0),
        worst_days_past_due=max((worst_days_past_due(account, on) for account in lent), default=0),
        charged_off=any(loan.status is LoanStatus.CHARGED_OFF for loan in loans),
        monthly_installments=sum(monthly_installment(account, on) for account in asking),
        exposure=sum(owed(loan, on) for loan in loans),
    )
