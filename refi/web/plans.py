"""The one shape of installments, schedules and balances, for an offer as for a loan."""

from __future__ import annotations

from refi.web.fields import BusinessDate, Out, RateOut


class InstallmentOut(Out):
    """One installment, minor units; ``status`` is derived for the business date.

    ``amount`` is principal, interest and fee; ``penalty`` is what being late has cost so far; ``outstanding``
    is all of it less what was paid and what was waived.
    """

    number: int
    due_date: BusinessDate
    principal: int
    interest: int
    fee: int
    penalty: int = 0
    amount: int
    paid: int
    waived: int = 0
    outstanding: int
    balance_after: int
    status: str


class ScheduleOut(Out):
    """The installments. Until the payee is credited they are dated as if that were today; the day fixes
    dates, never amounts (``dates_fixed``).
    """

    data: list[InstallmentOut]
    dates_fixed: bool


class BalancesOut(Out):
    """What is owed, minor units; interest is what has accrued and is unpaid."""

    principal: int
    interest: int
    fees: int
    penalties: int
    total: int
    past_due: int


class PlanOut(Out):
    """The loan's plan and what is owed, on the day of the act."""

    balances: BalancesOut
    days_past_due: int
    next_due_date: BusinessDate | None
    next_due_amount: int
    effective_annual_rate: RateOut | None
    schedule: list[InstallmentOut]
