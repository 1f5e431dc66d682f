"""A credit bureau and an identity register for the sandbox; what they say follows from the name asked about.

A clean report for everybody, except names that end in 逾期 (late elsewhere), 失信 (a judgment), 频繁 (many
inquiries), 低薪 (a verified income of 3,000.00), 查无 (no file), 冒名 (name and id do not match),
他人 (another person's report), 乱码 (garbage), 故障 (500), 超时 (hangs).
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

HANGS_FOR = 60.0
CLEAN = {
    "open_delinquencies": 0,
    "collections_or_judgments": 0,
    "inquiries_six_months": 1,
    "oldest_account_months": 60,
    "monthly_obligations": None,
    "verified_monthly_income": None,
}
SAID_OF = {
    "逾期": {"open_delinquencies": 1},
    "失信": {"collections_or_judgments": 1},
    "频繁": {"inquiries_six_months": 9},
    "低薪": {"verified_monthly_income": 300_000},
}


class Question(BaseModel):
    """Who is asked about, under which consent."""

    model_config = ConfigDict(strict=True, extra="forbid")

    reference: Annotated[str, Field(min_length=1, max_length=100)]
    national_id: Annotated[str, Field(min_length=1, max_length=40)]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    consent: Annotated[str, Field(min_length=1, max_length=100)]
    asked_on: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    """The asker's business date: the sandbox has no other clock."""


async def report(body: Question) -> Response:
    """The person's report."""
    ending = body.name[-2:]
    said: dict[str, Any] = {"found": False} if ending == "查无" else {"found": True, **CLEAN}
    return await _said(body, {**said, **SAID_OF.get(ending, {})})


async def identity(body: Question) -> Response:
    """Whether name and national id belong together."""
    return await _said(body, {"matches": not body.name.endswith("冒名")})


def router_of(route_class: type[APIRoute] = APIRoute) -> APIRouter:
    """The bureau's operations, on routes of that class."""
    made = APIRouter(prefix="/bureau/v1", route_class=route_class)
    made.add_api_route("/reports", report, methods=["POST"])
    made.add_api_route("/identity-checks", identity, methods=["POST"])
    return made


async def _said(body: Question, said: dict[str, Any]) -> Response:
    ending = body.name[-2:]
    if ending == "超时":
        await asyncio.sleep(HANGS_FOR)
    if ending == "故障":
        return JSONResponse({"code": "internal_error"}, 500)
    if ending == "乱码":
        return Response(b"\x00not json", 200)
    about = "000000000000000000" if ending == "他人" else body.national_id
    answer = {"reference": body.reference, "national_id": about, "as_of": body.asked_on}
    return JSONResponse({**answer, **said})
