"""Every error body of the service, as RFC 9457 problem details: the one map from refusal to status.

``display_message`` is for a person and follows ``Accept-Language``; ``detail`` is for the integrator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from refi.errors import Conflict, Fault, Forbidden, NotFound, Refusal, Refused, Unavailable
from refi.web import messages, shapes

FAMILIES: list[tuple[type[Refusal], int]] = [
    (NotFound, 404),
    (Conflict, 409),
    (Forbidden, 403),
    (Unavailable, 503),
    (Refused, 422),
]
CODES = {
    "malformed_json": 400,
    "idempotency_key_missing": 400,
    "unauthenticated": 401,
    "otp_invalid": 401,
    "stale_version": 412,
    "version_missing": 428,
    "rate_limited": 429,
}
"""Statuses that a code has whatever its family: they speak of the request, not of the business."""

FRAMEWORK = {
    400: "malformed_json",
    401: "unauthenticated",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}
RETRY_AFTER = {"idempotency_key_in_flight": 1, "business_day_closing": 1, "dependency_unavailable": 2}


class RateLimited(Refusal):
    """Too many tries; ``retry_after`` seconds are left (429)."""

    code = "rate_limited"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    faults: Iterable[Fault] = (),
    facts: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One problem+json answer."""
    body: dict[str, Any] = {
        "type": f"urn:refi:problem:{code}",
        "title": messages.title(code),
        "status": status,
        "detail": detail,
        "instance": quote(request.scope["path"]),
        "code": code,
        "errors": [{"pointer": fault.pointer, "code": fault.code} for fault in faults],
        "request_id": getattr(request.state, "request_id", ""),
        "display_message": messages.display(code, request.headers.get("accept-language", "")),
        **(facts or {}),
    }
    extra = dict(headers or {})
    if code in RETRY_AFTER:
        extra.setdefault("Retry-After", str(RETRY_AFTER[code]))
    if status == 401:
        extra["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, status, headers=extra, media_type="application/problem+json")


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal."""
    if refusal.code in CODES:
        return CODES[refusal.code]
    return next((status for family, status in FAMILIES if isinstance(refusal, family)), 422)


async def on_refusal(request: Request, error: Exception) -> Response:
    """A rule of the business said no."""
    assert isinstance(error, Refusal)  # noqa: S101 - registered for this type only
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, RateLimited) else None
    return problem(
        request,
        status_of(error),
        error.code,
        error.detail,
        faults=error.faults,
        facts=error.facts,
        headers=headers,
    )


async def on_validation(request: Request, error: Exception) -> Response:
    """The request does not have the documented shape."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem(request, 400, "malformed_json", "the body is not JSON")
    faults = [shapes.fault(item) for item in found[:20]]
    said = "; ".join(shapes.sentence(item) for item in found[:3])
    return problem(request, 422, "validation_failed", said, faults=faults)


async def on_http(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: unknown path, wrong method, wrong media type."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    code = FRAMEWORK.get(
        error.status_code, "internal_error" if error.status_code >= 500 else "validation_failed"
    )
    headers = {"Allow": ", ".join(_allowed(request))} if error.status_code == 405 else error.headers
    return problem(request, error.status_code, code, str(error.detail), headers=headers)


def _allowed(request: Request) -> list[str]:
    """The methods of a path: its routes are one per method, and the framework names those of one route."""
    found = [
        method
        for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
    return sorted([*found, "HEAD"]) if "GET" in found else found


async def on_bug(request: Request, error: Exception) -> Response:
    """Anything else is our mistake; it is logged with the request's id and nothing leaks."""
    structlog.get_logger("refi.web").error("unhandled", exc_info=error, path=request.scope["path"])
    return problem(request, 500, "internal_error", "an unexpected error; quote the request_id")


def install(app: FastAPI) -> None:
    """Register the handlers. `on_bug` is called by the outermost middleware, so that its answer has an id."""
    app.add_exception_handler(Refusal, on_refusal)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)


SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457 problem details. `code` is stable; `display_message` is for a person.",
    "type": "object",
    "required": [
        "type", "title", "status", "detail", "instance", "code", "errors", "request_id", "display_message",
    ],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code"],
                "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}},
            },
        },
        "request_id": {"type": "string"},
        "display_message": {"type": "string"},
    },
}  # fmt: skip


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses=`` of a router: these statuses answer with a problem."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": messages.STATUS[status], "content": content} for status in statuses}
