"""``POST /sandbox/v1/contracts``: a whole worked case, for integrators and for who checks the arithmetic."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Body as Sent

from refi.schedules import cases
from refi.web import problems
from refi.web.route import PublicRoute

router = APIRouter(
    prefix="/sandbox/v1",
    tags=["sandbox"],
    route_class=PublicRoute,
    responses=problems.responses(400, 413, 415, 422, 503),
)

EXAMPLE = {
    "principal": 1_200_000,
    "annual_rate": "0.12",
    "installments": 6,
    "disbursed_on": "2026-12-10",
    "conventions": {"order": "fee_penalty_interest_principal"},
    "events": [{"type": "payment", "on": "2027-01-10", "amount": 207_058}],
    "on": "2027-02-19",
}


@router.post("/contracts")
async def worked_case(case: Annotated[dict[str, Any], Sent(examples=[EXAMPLE])]) -> dict[str, Any]:
    """The loan that terms, conventions and events make, on a day; stores nothing. As `refi contract`."""
    return await asyncio.to_thread(cases.answer, case)
