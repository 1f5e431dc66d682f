"""``POST /sandbox/v1/contracts``: a whole worked case, for integrators and for who checks the arithmetic."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, ConfigDict, Field

from refi.schedules import cases
from refi.schedules.amortization import MAX_INSTALLMENTS
from refi.web import problems
from refi.web.fields import Amount, AmountOrZero, Body, Text, storable
from refi.web.route import PublicRoute

router = APIRouter(
    prefix="/sandbox/v1",
    tags=["sandbox"],
    route_class=PublicRoute,
    responses=problems.responses(400, 413, 415, 422, 503),
)

Kind = Literal[
    "payment", "reversal", "chargeback", "charge", "waiver", "deferral", "due_date_change", "re_age",
    "re_amortization", "charge_off", "recovery", "interest_pause",
]  # fmt: skip
Count = Annotated[int, Field(strict=True, ge=1, le=MAX_INSTALLMENTS, description="how many, or which")]
YearDays = Annotated[int, Field(strict=True, ge=360, le=365, description="360 or 365")]
Grace = Annotated[int, Field(strict=True, ge=0, le=366, description="days that cost no penalty")]
Rate = Annotated[str, Field(max_length=64, description="decimal text", examples=["0.12"])]
Day = Annotated[str, Field(max_length=10, description="YYYY-MM-DD", examples=["2027-01-10"])]
Name = Annotated[str, Field(max_length=100, description="one of the names in the reference of schedules")]

EXAMPLE: dict[str, Any] = {
    "principal": 1_200_000,
    "annual_rate": "0.12",
    "installments": 6,
    "disbursed_on": "2026-12-10",
    "conventions": {"order": "fee_penalty_interest_principal"},
    "events": [{"type": "payment", "on": "2027-01-10", "amount": 207_058}],
    "on": "2027-02-19",
}


class EventIn(Body):
    """Something that happened to the loan; which fields it has is told by ``type``."""

    type: Kind
    on: Day
    id: Text | None = None
    amount: Amount | None = None
    mode: Name | None = None
    of: Text | None = None
    component: Name | None = None
    installment: Count | None = None
    months: Count | None = None
    interest_free: bool | None = None
    installments: Count | None = None
    first_due_on: Day | None = None
    annual_rate: Rate | None = None
    due_on: Day | None = None
    period: Name | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None


class PlannedIn(Body):
    """An installment as it was signed."""

    due_date: Day
    principal: AmountOrZero
    interest: AmountOrZero | None = None
    fee: AmountOrZero | None = None


class CalendarIn(Body):
    """Days without business, worked days of weekends, and whether weekends are closed."""

    closed: list[Day]
    open: list[Day] | None = None
    weekends: Name | None = None


class OrderIn(Body):
    """An order of allocation as data."""

    components: list[Name] | None = None
    when: list[Name] | None = None
    across: Name | None = None
    in_advance: list[Name] | None = None
    ahead: Name | None = None


class CaseIn(Body):
    """Terms, conventions and events, and the day that is asked about."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    principal: Amount
    annual_rate: Rate
    installments: Count
    disbursed_on: Day
    first_due_on: Day | None = None
    method: Name | None = None
    monthly_fee_rate: Rate | None = None
    day_count: Name | None = None
    rounding: Name | None = None
    penalty_multiple: Rate | None = None
    penalty_year_days: YearDays | None = None
    penalty_grace_days: Grace | None = None
    period: Name | None = None
    down_payment: AmountOrZero | None = None
    plan: Annotated[list[PlannedIn], Field(max_length=MAX_INSTALLMENTS)] | None = None
    rolling: Name | None = None
    calendar: CalendarIn | None = None
    conventions: Annotated[dict[str, str], Field(description="choice by name")] | None = None
    orders: Annotated[dict[str, str | OrderIn], Field(description="order by transaction")] | None = None
    events: list[EventIn] | None = None
    on: Day | None = None
    id: Annotated[str, Field(max_length=1000, description="passed over"), AfterValidator(storable)] | None = (
        None
    )
    note: (
        Annotated[str, Field(max_length=10_000, description="passed over"), AfterValidator(storable)] | None
    ) = None
    expected: Annotated[Any, Field(description="passed over")] = None


@router.post("/contracts")
async def worked_case(case: CaseIn) -> dict[str, Any]:
    """The loan that terms, conventions and events make, on a day; stores nothing. As `refi contract`."""
    return await asyncio.to_thread(cases.answer, case.model_dump(exclude_none=True))
