"""The route class that owns a request's transaction.

It reads the bearer token, opens `Work` when the endpoint first asks for it, takes the Idempotency-Key inside
that transaction, runs the endpoint, stores the answer with its effect, and commits before a byte is sent. A
refusal or a crash rolls all of it back. An endpoint that must ask the outside world first simply does so
before it calls for its `Work`, so no transaction is open meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import quote

from fastapi import Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from refi.db import idempotency
from refi.db.work import ANYONE, Actor, Database, Key, Work
from refi.errors import Fault, Refused
from refi.web import shapes
from refi.web.strict_json import NotJson, StrictRequest, read
from refi.web.tokens import Tokens

KEY_HEADER = "Idempotency-Key"
LONGEST_KEY = 255
KEY_PATTERN = "^[!-~]+$"
STRICT = ("/v1/", "/staff/v1/")
"""Where a query parameter that there is not is refused; providers and tests of the sandbox may add theirs."""
PAGE = frozenset({"limit", "starting_after"})
_KEY = re.compile(rf"[!-~]{{1,{LONGEST_KEY}}}")


class KeyMissing(Refused):
    """A request that changes something came without an Idempotency-Key (400)."""

    code = "idempotency_key_missing"


class UnknownParameter(Refused):
    """The query names a parameter that the operation does not have: what was meant would be left undone."""


class _Replay(Exception):
    def __init__(self, answer: idempotency.Answer) -> None:
        self.answer = answer


class RequestWork:
    """The transaction of one request: opened on first use, finished by the route class."""

    def __init__(self, request: Request, actor: Actor, *, keyed: bool, reading: bool) -> None:
        self.request = request
        self.actor = actor
        self._reading = reading
        self._stack = AsyncExitStack()
        self._work: Work | None = None
        self._key = self._read_key() if keyed else None

    def _read_key(self) -> Key:
        text = self.request.headers.get(KEY_HEADER, "")
        if not _KEY.fullmatch(text):
            raise KeyMissing(
                f"send {KEY_HEADER}: 1 to {LONGEST_KEY} visible ASCII characters, new for each intent"
            )
        return Key(f"{self.actor} {self.request.method} {quote(self.request.scope['path'])}", text)

    async def open(self) -> Work:
        """The request's `Work`; begins the transaction and takes the key the first time."""
        if self._work is None:
            database: Database = self.request.app.state.database
            self._work = await self._stack.enter_async_context(
                database.work(
                    self.actor,
                    request_id=self.request.state.request_id,
                    reading=self._reading,
                    key=self._key,
                )
            )
            if self._key and (answer := idempotency.claimed(self._work, await self.request.body())):
                raise _Replay(answer)
        return self._work

    async def replay(self) -> None:
        """Answer what the key was answered with before, if it was, before anybody outside is asked.

        The look takes neither key nor lock; `open` decides between requests that run at once.
        """
        if self._key is not None and self._work is None:
            database: Database = self.request.app.state.database
            async with database.work(self.actor, reading=True) as work:
                stored = await idempotency.stored(work, self._key, await self.request.body())
            if stored is not None:
                raise _Replay(stored)

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, trace)

    async def store(self, response: Response) -> None:
        """Keep the answer of a keyed request with its effect; it commits with it."""
        if self._work is not None and self._key is not None and response.status_code < 400:
            answer = idempotency.Answer(
                response.status_code, response.headers.get("content-type", ""), bytes(response.body)
            )
            body = await self.request.body()
            await idempotency.store(self._work, self._key, body, answer)


def _is_preview(raw: bytes) -> bool:
    """Whether the body says ``"preview": true``; what cannot be read is refused later, by name."""
    try:
        said = read(raw)
    except NotJson:
        return False
    return isinstance(said, dict) and said.get("preview") is True


def _is_json(request: Request) -> bool:
    """Whether the body says that it is JSON; a request without a body says nothing."""
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return said == "application/json" or request.headers.get("content-length", "") in ("", "0")


def _query_of(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for each in dependant.dependencies:
        yield from _query_of(each)


def _require_known(given: Iterable[str], known: frozenset[str]) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        faults = [Fault(shapes.pointer(("query", name)), "extra_forbidden") for name in unknown[:20]]
        said = "; ".join(f"{fault.pointer}: is not known here" for fault in faults[:3])
        raise UnknownParameter(f"{said}; known: {', '.join(sorted(known)) or 'no parameter'}", faults=faults)


class PublicRoute(APIRoute):
    """No sign-in, no key: sign-in itself and quotes."""

    kind: ClassVar[str | None] = None
    keyed_methods: ClassVar[frozenset[str]] = frozenset()

    def keyed(self, method: str) -> bool:
        """Whether this method of the route takes an Idempotency-Key."""
        return method in self.keyed_methods and not getattr(self.endpoint, "unkeyed", False)

    def query(self) -> frozenset[str] | None:
        """The query parameters that the route takes; None where others are ignored.

        What answers with a list may be asked for a page of it, also where there never is more than one.
        """
        if not self.path.startswith(STRICT) or getattr(self.endpoint, "any_query", False):
            return None
        listed = "data" in getattr(self.response_model, "model_fields", ())
        return frozenset(_query_of(self.dependant)) | (PAGE if listed else frozenset())

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler inside the request's transaction."""
        original = super().get_route_handler()
        known = self.query()

        async def handler(given: Request) -> Response:
            request = StrictRequest(given.scope, given.receive)
            if self.body_field is not None and not _is_json(request):
                raise HTTPException(415, "send application/json")
            actor = ANYONE
            if self.kind is not None:
                tokens: Tokens = request.app.state.tokens
                actor = tokens.read(request.headers.get("authorization"), self.kind)
            if known is not None and request.scope["query_string"]:
                _require_known(request.query_params, known)
            keyed = self.keyed(request.method)
            reading = request.method == "GET" and not getattr(self.endpoint, "writes", False)
            if getattr(self.endpoint, "previews", False) and _is_preview(await request.body()):
                keyed, reading = False, True
            try:
                async with RequestWork(request, actor, keyed=keyed, reading=reading) as work:
                    request.state.work = work
                    response = await original(request)
                    await work.store(response)
            except _Replay as replay:
                answer = replay.answer
                headers = {"Idempotent-Replayed": "true"}
                return Response(answer.body, answer.status, headers, answer.content_type or None)
            return response

        return handler


class BorrowerRoute(PublicRoute):
    """A borrower's bearer token; every POST takes an Idempotency-Key."""

    kind = "borrower"
    keyed_methods = frozenset({"POST"})


class StaffRoute(BorrowerRoute):
    """A staff member's bearer token; every POST takes an Idempotency-Key."""

    kind = "staff"


def unkeyed(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a POST that changes nothing (a preview, a claim of work): it needs no key."""
    endpoint.unkeyed = True  # type: ignore[attr-defined]
    return endpoint


def writes(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a GET that records something (a viewed document): its transaction may write."""
    endpoint.writes = True  # type: ignore[attr-defined]
    return endpoint


def any_query(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Mark what is reached by a link in a letter: what mail programs add to its query is ignored."""
    endpoint.any_query = True  # type: ignore[attr-defined]
    return endpoint


def previews(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a POST whose body may say ``"preview": true``: then it only reads, and takes no key."""
    endpoint.previews = True  # type: ignore[attr-defined]
    return endpoint


# Dependencies are async although some await nothing: FastAPI runs plain functions in a thread, which costs
# more than most of them do.


async def current_work(request: Request) -> Work:
    """Dependency: the request's transaction."""
    work: RequestWork = request.state.work
    return await work.open()


async def current_actor(request: Request) -> Actor:
    """Dependency: who is signed in."""
    work: RequestWork = request.state.work
    return work.actor


async def work_opener(request: Request) -> Callable[[], Coroutine[Any, Any, Work]]:
    """Dependency: opens the transaction later, for an endpoint that first asks the outside world.

    A request that was answered before gets that answer now: nobody outside needs to be there for it.
    """
    work: RequestWork = request.state.work
    await work.replay()
    return work.open


CurrentWork = Annotated[Work, Depends(current_work)]
CurrentActor = Annotated[Actor, Depends(current_actor)]
OpenWork = Annotated[Callable[[], Coroutine[Any, Any, Work]], Depends(work_opener)]
