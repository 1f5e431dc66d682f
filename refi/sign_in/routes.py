"""POST /v1/auth/…: codes and tokens. No Idempotency-Key: tokens are never stored."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from refi.db.work import Actor
from refi.settings import Settings
from refi.sign_in import rules
from refi.sign_in import service as sign_in
from refi.web import problems
from refi.web.fields import Body, Out
from refi.web.route import CurrentWork, PublicRoute
from refi.web.tokens import Tokens

router = APIRouter(
    prefix="/v1/auth",
    tags=["sign-in"],
    route_class=PublicRoute,
    responses=problems.responses(400, 401, 413, 415, 422, 429, 503),
)

Phone = Annotated[str, Field(min_length=5, max_length=20, examples=["+8613800138000"])]


class CodeWanted(Body):
    """Where the one-time code goes."""

    phone: Phone


class CodeEntered(Body):
    """The one-time code that arrived."""

    phone: Phone
    code: Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["123456"])]


class Refresh(Body):
    """The refresh token of the last answer; it works once."""

    refresh_token: Annotated[
        str, Field(min_length=20, max_length=100, description="from the newest answer of token or refresh")
    ]


class TokensOut(Out):
    """A short-lived access token and the refresh token that continues it."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name
    expires_in: int
    borrower: str


class CodeSent(Out):
    """The same answer whether or not the phone is known."""

    expires_in: int


@router.post("/otp", status_code=202)
async def send_code(body: CodeWanted, work: CurrentWork) -> CodeSent:
    """Send a one-time code. The answer does not tell whether the phone is known."""
    try:
        await sign_in.send_code(work, body.phone)
    except sign_in.CodeThrottled as error:
        raise problems.RateLimited(
            "too many codes for this phone", retry_after=math.ceil(error.wait.total_seconds())
        ) from None
    return CodeSent(expires_in=int(rules.CODE_LIFE.total_seconds()))


@router.post("/token", response_model=TokensOut)
async def redeem_code(body: CodeEntered, request: Request, work: CurrentWork) -> TokensOut | Response:
    """Trade a code for tokens; a phone that signs in for the first time is registered."""
    signed_in = await sign_in.redeem_code(work, body.phone, body.code, _life(request))
    if signed_in is None:  # answered, not raised: the wrong try must be counted, so the transaction commits
        return problems.problem(request, 401, "otp_invalid", "the code is wrong, used or too old")
    return _tokens(request, work, signed_in)


@router.post("/refresh", response_model=TokensOut)
async def rotate(body: Refresh, request: Request, work: CurrentWork) -> TokensOut | Response:
    """Trade a refresh token for fresh tokens. A token that comes twice ends the whole sign-in."""
    signed_in = await sign_in.rotate(work, body.refresh_token, _life(request))
    if signed_in is None:  # answered, not raised: a stolen chain's revocation must commit
        return problems.problem(request, 401, "unauthenticated", "the refresh token is not valid")
    return _tokens(request, work, signed_in)


def _life(request: Request) -> timedelta:
    settings: Settings = request.app.state.settings
    return timedelta(days=settings.refresh_token_days)


def _tokens(request: Request, work: CurrentWork, signed_in: sign_in.SignedIn) -> TokensOut:
    tokens: Tokens = request.app.state.tokens
    actor = Actor("borrower", signed_in.borrower.id)
    return TokensOut(
        access_token=tokens.issue(actor, work.wall),
        refresh_token=signed_in.refresh_token,
        expires_in=int(tokens.life.total_seconds()),
        borrower=signed_in.borrower.id,
    )
