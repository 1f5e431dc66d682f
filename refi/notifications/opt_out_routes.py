"""Leave marketing e-mail without signing in (RFC 8058): one POST opts out; a GET only asks.

Mail programs and virus scanners fetch every link, so that a GET must change nothing.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from refi.errors import NotFound
from refi.notifications import opt_out_service
from refi.web import problems
from refi.web.messages import language
from refi.web.route import CurrentWork, PublicRoute, any_query

router = APIRouter(
    prefix="/v1/opt-out",
    tags=["messages"],
    route_class=PublicRoute,
    responses=problems.responses(404, 422, 503),
)
WORDS = {
    "zh-CN": ("退订", "确定不再接收推广邮件吗？", "退订", "已退订推广邮件。"),
    "en": ("Opt out", "Stop letters with offers?", "Opt out", "You will get no more letters with offers."),
}
Token = Annotated[str, Path(max_length=100, description="from the link of a letter")]


class LinkUnknown(NotFound):
    """This link was not made by us (404)."""


@router.get("/{token}", response_class=HTMLResponse)
@any_query
async def ask(token: Token, request: Request, work: CurrentWork) -> HTMLResponse:
    """A page with one button, for who follows the link in a letter. Changes nothing."""
    if await opt_out_service.borrower_of(work, token) is None:
        raise LinkUnknown("no such link")
    title, question, button, _ = WORDS[language(request.headers.get("accept-language", ""))]
    return _page(title, f'<p>{question}</p><form method="post"><button>{button}</button></form>')


@router.post("/{token}", response_class=HTMLResponse)
@any_query
async def one_click(token: Token, request: Request, work: CurrentWork) -> HTMLResponse:
    """Opt out of marketing, at once and without a question; again changes nothing."""
    if not await opt_out_service.click(work, token):
        raise LinkUnknown("no such link")
    title, _, _, done = WORDS[language(request.headers.get("accept-language", ""))]
    return _page(title, f"<p>{done}</p>")


def _page(title: str, body: str) -> HTMLResponse:
    """A page of our own words only."""
    head = '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    return HTMLResponse(
        f"{head}<title>{title}</title><h1>{title}</h1>{body}",
        headers={"Content-Security-Policy": "default-src 'none'"},
    )
