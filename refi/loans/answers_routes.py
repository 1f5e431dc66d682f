"""Loans as they are shown to borrower and staff."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query

from refi.db.work import Work
from refi.errors import Fault, Refused
from refi.loans.account import Account, owed
from refi.loans.replaying import OWING, status_of
from refi.loans.showing_service import rows_out
from refi.loans.states import LoanStatus
from refi.loans.tables import Loan
from refi.schedules.contract import State
from refi.web.fields import BusinessDate, Instant, Out, RateOut
from refi.web.plans import BalancesOut, ScheduleOut

AsOf = Annotated[
    BusinessDate | None, Query(description="a day from signing until today: the account at its end")
]


class DayRefused(Refused):
    """An account is shown for the days from its signing until today."""


class LoanOut(Out):
    """A loan as of a day: the business date unless an earlier one was asked for.

    ``version`` is always the current one.
    """

    id: str
    as_of: BusinessDate
    status: LoanStatus
    product: str
    currency: str
    principal: int
    term: int
    method: str
    apr: RateOut
    effective_annual_rate: RateOut
    agreement: str
    disbursed_on: BusinessDate | None
    closed_on: BusinessDate | None
    balances: BalancesOut
    next_due_date: BusinessDate | None
    next_due_amount: int | None
    days_past_due: int
    bucket: str
    version: int
    created_at: Instant


def read_on(work: Work, loan: Loan) -> date:
    """The day for which the account is read today; not before the payoff, which may be dated ahead of us."""
    return max(work.on, loan.credited_on or loan.opened_on)


def loan_out(work: Work, loan: Loan, account: Account, as_of: date | None = None) -> LoanOut:
    """A loan today, or as it stood at the end of an earlier day; `DayRefused` for a day out of reach."""
    if as_of is not None and not loan.opened_on <= as_of <= work.on:
        raise DayRefused(
            "name a day from signing until today", faults=[Fault("/query/as_of", "out_of_range")]
        )
    on = as_of or read_on(work, loan)
    state = account.state(max(on, account.contract.disbursed_on))
    status = loan.status if as_of is None else _status_on(loan, state, on)
    owing = status in OWING
    left = owed(loan.principal, state)
    return LoanOut(
        id=loan.id,
        as_of=as_of or work.on,
        status=status,
        product=loan.product.value,
        currency=loan.currency,
        principal=loan.principal,
        term=loan.term,
        method=loan.method,
        apr=loan.apr,
        effective_annual_rate=loan.effective_annual_rate,
        agreement=loan.agreement_id,
        disbursed_on=loan.credited_on,
        closed_on=loan.closed_on if status is loan.status else None,
        balances=BalancesOut.model_validate(left) if owing else NOTHING,
        next_due_date=state.next_due_date if owing else None,
        next_due_amount=state.next_due_amount if owing else None,
        days_past_due=state.days_past_due if owing else 0,
        bucket=work.policy.delinquency.bucket(state.days_past_due if owing else 0),
        version=loan.version,
        created_at=loan.created_at,
    )


def schedule_out(work: Work, loan: Loan, account: Account, as_of: date | None = None) -> ScheduleOut:
    """The installments today, or as they stood at the end of an earlier day; a cancelled loan has none."""
    shown = loan_out(work, loan, account, as_of)
    if shown.status is LoanStatus.CANCELLED:
        return ScheduleOut(data=[], dates_fixed=False)
    state = account.state(max(as_of or read_on(work, loan), account.contract.disbursed_on))
    return ScheduleOut(data=rows_out(state), dates_fixed=loan.credited_on is not None)


def _status_on(loan: Loan, state: State, on: date) -> LoanStatus:
    if loan.status is LoanStatus.CANCELLED and loan.closed_on is not None and on >= loan.closed_on:
        return LoanStatus.CANCELLED
    if loan.credited_on is None or on < loan.credited_on:
        return LoanStatus.PENDING_DISBURSEMENT
    return status_of(state)


NOTHING = BalancesOut(principal=0, interest=0, fees=0, penalties=0, total=0, past_due=0)
