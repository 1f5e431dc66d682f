"""What happens to every request around its route: an id, a size limit, a count, a log line, no leak."""

from __future__ import annotations

import re

import structlog
from prometheus_client import Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from refi import clock, ids
from refi.web import problems

LARGEST_BODY = 1024 * 1024
HUNG_UP = 499
"""How a request is counted whose sender went away before its end (nginx's number); nobody sees it."""
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
"""What is counted by its name: a client may make up methods, the metrics must not grow with them."""

REQUESTS = Counter("refi_http_requests_total", "HTTP answers", ["method", "route", "status"])
SECONDS = Histogram("refi_http_request_seconds", "Time to answer", ["method", "route"])
log = structlog.get_logger("refi.http")


class BodyTooLarge(HTTPException):
    """More bytes came than a body may have (413); raised while the body is read."""

    def __init__(self) -> None:
        super().__init__(413, "the body is larger than 1 MiB")


class Requests:
    """Pure ASGI middleware: ``Request-Id``, 413 above 1 MiB, 500 without a leak, HEAD, metrics, log line."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"
        if method == "HEAD":
            scope = {**scope, "method": "GET"}  # the answer to GET, without its body
        request = Request(scope)
        given = request.headers.get("request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else ids.new("evt").replace("evt_", "req_")
        request.state.request_id = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started, status, bodiless = clock.monotonic(), 0, method == "HEAD"

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"request-id", request_id.encode()))
                if not any(name.lower() == b"cache-control" for name, _ in message["headers"]):
                    message["headers"].append((b"cache-control", b"no-store"))
            elif bodiless:
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._serve(request, scope, receive, answer)
        except ClientDisconnect:  # they hung up while sending: nobody to answer, nothing of ours is wrong
            status = HUNG_UP
        except Exception as error:
            if status:  # half an answer is out: nothing better can follow it
                raise
            refusal = await problems.on_bug(request, error)
            await refusal(scope, receive, answer)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            took = clock.monotonic() - started
            REQUESTS.labels(method, route, str(status)).inc()
            SECONDS.labels(method, route).observe(took)
            log.info("answered", method=method, route=route, status_code=status, ms=round(took * 1000, 1))

    async def _serve(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        if _declared(request) > LARGEST_BODY:
            refusal = await problems.on_http(request, BodyTooLarge())
            await refusal(scope, receive, send)
        else:
            await self.app(scope, _limited(receive), send)


def _declared(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 15 else 0


def _limited(receive: Receive) -> Receive:
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            raise BodyTooLarge
        return message

    return limited
