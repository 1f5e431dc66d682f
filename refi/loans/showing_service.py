"""A loan's plan as it is shown beside what an act or a payment would make of it."""

from __future__ import annotations

from decimal import Decimal

from refi.loans.account import owed
from refi.schedules.contract import State
from refi.web.plans import BalancesOut, InstallmentOut, PlanOut


def plan_out(principal: int, state: State, rate: Decimal | None = None) -> PlanOut:
    """The plan and what is owed in a state; ``principal`` is what was lent."""
    return PlanOut(
        balances=BalancesOut.model_validate(owed(principal, state)),
        days_past_due=state.days_past_due,
        next_due_date=state.next_due_date,
        next_due_amount=state.next_due_amount,
        effective_annual_rate=rate,
        schedule=rows_out(state),
    )


def rows_out(state: State) -> list[InstallmentOut]:
    """The installments of a state."""
    return [InstallmentOut.model_validate(row) for row in state.installments]
