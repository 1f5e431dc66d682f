"""Every error body is a problem: whole, in the caller's language, with its request's id, without a leak."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import pytest
from fastapi import FastAPI
from pydantic import Field, model_validator
from sqlalchemy import text

import refi
from refi import runtime, settings
from refi.api.app import create_app
from refi.api.middleware import Requests
from refi.db.work import BusinessDayClosing
from refi.errors import Conflict, Fault, Forbidden, NotFound, Refusal, Refused, Unavailable
from refi.web import messages, problems, shapes
from refi.web.deps import SeenVersion, check_version, etag
from refi.web.fields import Amount, Body, BusinessDate
from refi.web.route import PublicRoute
from tests.given import Service, a_borrower

WHOLE = {
    "type", "title", "status", "detail", "instance", "code", "errors", "request_id", "display_message",
}  # fmt: skip


class Thing(Body):
    """A body."""

    amount: Amount


class Shape(Body):
    """A body of several kinds of fields."""

    amount: Amount
    on: BusinessDate | None = None
    terms: Annotated[tuple[int, ...], Field(min_length=1, strict=False)] = (3,)
    kind: Literal["a", "b"] = "a"

    @model_validator(mode="after")
    def _not_thirteen(self) -> Shape:
        if self.amount == 13:
            raise ValueError("thirteen is not taken")
        return self


class Blocked(Forbidden):
    """A rule blocks it."""

    code = "contact_blocked"


REFUSALS: dict[str, Refusal] = {
    "missing": NotFound("no such thing"),
    "conflict": Conflict("not now", allowed=["withdraw"]),
    "refused": Refused("not that", faults=[Fault("/amount", "odd")]),
    "forbidden": Blocked("not at night", rule="quiet_hours", retry_at="2026-11-23T00:00:00Z"),
    "unavailable": Unavailable("the provider is down"),
    "closing": BusinessDayClosing("the day is turning"),
    "limited": problems.RateLimited("too many", retry_after=37),
}


def made_app() -> FastAPI:
    """An application with the service's error handling and routes that refuse, fail and read."""
    app = FastAPI(redirect_slashes=False)
    problems.install(app)
    app.add_middleware(Requests)
    app.router.route_class = PublicRoute

    @app.get("/refusals/{name}")
    async def refuse(name: str) -> None:
        raise REFUSALS[name]

    @app.get("/bug")
    async def bug() -> None:
        secret = "13800138000"
        raise RuntimeError(f"row of +86{secret} with card 6225880137706868 is broken")

    @app.post("/things")
    async def make(body: Thing) -> Thing:
        return body

    @app.post("/shapes")
    async def shape(body: Shape) -> None:
        pass

    @app.get("/things")
    async def read() -> dict[str, int]:
        return {"amount": 1}

    @app.post("/versions/{version}")
    async def decide(version: int, seen: SeenVersion) -> dict[str, str]:
        check_version(seen, version)
        return {"seen": seen}

    return app


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(made_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://refi.test") as client:
        yield client


def whole(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body.keys() >= WHOLE
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:refi:problem:{code}")
    assert body["request_id"] == answer.headers["request-id"]
    assert body["title"] == messages.title(code)
    return body


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("missing", 404, "not_found"),
        ("conflict", 409, "invalid_transition"),
        ("refused", 422, "validation_failed"),
        ("forbidden", 403, "contact_blocked"),
        ("unavailable", 503, "dependency_unavailable"),
        ("closing", 503, "business_day_closing"),
        ("limited", 429, "rate_limited"),
    ],
)
async def test_each_family_has_its_status(http: httpx.AsyncClient, name: str, status: int, code: str) -> None:
    answer = await http.get(f"/refusals/{name}")
    body = whole(answer, status, code)
    assert body["detail"] == str(REFUSALS[name])
    assert body["instance"] == f"/refusals/{name}"
    assert ("retry-after" in answer.headers) == (status in (429, 503))


async def test_facts_faults_and_retry_after_come_along(http: httpx.AsyncClient) -> None:
    assert (await http.get("/refusals/conflict")).json()["allowed"] == ["withdraw"]
    assert (await http.get("/refusals/refused")).json()["errors"] == [{"pointer": "/amount", "code": "odd"}]
    forbidden = (await http.get("/refusals/forbidden")).json()
    assert (forbidden["rule"], forbidden["retry_at"]) == ("quiet_hours", "2026-11-23T00:00:00Z")
    assert (await http.get("/refusals/limited")).headers["retry-after"] == "37"
    assert int((await http.get("/refusals/closing")).headers["retry-after"]) >= 1


async def test_a_key_in_flight_says_when_to_come_again(service: Service) -> None:
    person = await a_borrower(service)
    body, path = {"purpose": "marketing", "text_version": "1"}, "/v1/consents"
    lock = "SELECT pg_advisory_lock(hashtextextended('borrower:' || CAST(:who AS text) || :rest, 0))"
    rest = f" POST {path}\x01one-key"
    async with service.database.engine.connect() as other:
        await other.execute(text(lock), {"who": person.id, "rest": rest})
        busy = await service.post(path, body, who=person, key="one-key")
        whole(busy, 409, "idempotency_key_in_flight")
        assert int(busy.headers["retry-after"]) >= 1
        await other.rollback()
        await other.execute(
            text(lock.replace("advisory_lock", "advisory_unlock")), {"who": person.id, "rest": rest}
        )
    assert (await service.post(path, body, who=person, key="one-key")).status_code == 201


async def test_what_the_framework_refuses(http: httpx.AsyncClient) -> None:
    whole(await http.get("/nowhere"), 404, "not_found")
    whole(await http.get("/things/"), 404, "not_found")
    json_type = {"content-type": "application/json"}
    whole(await http.post("/things", content=b"{", headers=json_type), 400, "malformed_json")
    whole(await http.post("/things", content=b"<a/>", headers={"content-type": "text/xml"}), 415,
          "unsupported_media_type")  # fmt: skip
    large = await http.post("/things", content=b" " * (2**20 + 1), headers=json_type)
    whole(large, 413, "body_too_large")
    body = whole(await http.post("/things", json={"amount": 1.5, "more": 1}), 422, "validation_failed")
    assert {fault["pointer"] for fault in body["errors"]} == {"/amount", "/more"}


@pytest.mark.parametrize(
    ("sent", "said", "faults"),
    [
        (None, "the body is missing", [("", "missing")]),
        ([], "the body must be a JSON object", [("", "not_an_object")]),
        ("text", "the body must be a JSON object", [("", "not_an_object")]),
        ({}, "/amount: is missing", [("/amount", "missing")]),
        ({"amount": 0}, "/amount: must be at least 1", [("/amount", "greater_than_equal")]),
        ({"amount": 1.5}, "/amount: must be a whole number", [("/amount", "int_type")]),
        ({"amount": 1, "more": 1}, "/more: is not known here", [("/more", "extra_forbidden")]),
        ({"amount": 1, "on": "soon"}, "/on: must be a date, YYYY-MM-DD", [("/on", "not_valid")]),
        ({"amount": 1, "on": 7}, "/on: must be a date, YYYY-MM-DD", [("/on", "date_type")]),
        ({"amount": 1, "terms": []}, "/terms: must list at least 1", [("/terms", "too_short")]),
        ({"amount": 1, "terms": 3}, "/terms: must be a list", [("/terms", "list_type")]),
        ({"amount": 1, "kind": "c"}, "/kind: must be 'a' or 'b'", [("/kind", "literal_error")]),
        ({"amount": 13}, "thirteen is not taken", [("", "not_valid")]),
    ],
)
async def test_a_wrong_shape_is_told_in_words_of_ours(
    http: httpx.AsyncClient, sent: Any, said: str, faults: list[tuple[str, str]]
) -> None:
    answer = await (http.post("/shapes") if sent is None else http.post("/shapes", json=sent))
    body = whole(answer, 422, "validation_failed")
    assert body["detail"] == said
    assert [(fault["pointer"], fault["code"]) for fault in body["errors"]] == faults


def test_every_kind_of_fault_has_words() -> None:
    for kind, words in shapes.WORDS.items():
        named = {"loc": ("body", "x"), "type": kind, "ctx": dict.fromkeys(re.findall(r"{(\w+)}", words), 7)}
        assert shapes.sentence(named).startswith("/x: ")
    unheard = {"loc": ("query", "x"), "type": "something_new", "msg": "Input should be"}
    assert shapes.sentence(unheard) == "/query/x: is not what the documentation asks for"


async def test_a_body_that_grows_too_large_while_it_is_read(http: httpx.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 2**16

    answer = await http.post("/things", content=parts(), headers={"content-type": "application/json"})
    whole(answer, 413, "body_too_large")


async def test_the_largest_body_is_read(http: httpx.AsyncClient) -> None:
    body = b'{"amount": 7' + b" " * (2**20 - 13) + b"}"
    assert len(body) == 2**20
    assert (await http.post("/things", content=body, headers={"content-type": "application/json"})).is_success


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"])
async def test_another_method_names_those_that_work(http: httpx.AsyncClient, method: str) -> None:
    answer = await http.request(method, "/things")
    whole(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


async def test_allow_of_the_service(service: Service) -> None:
    allowed = {
        "/v1/me": "GET, HEAD, PATCH",
        "/v1/cards": "GET, HEAD, POST",
        "/v1/auth/otp": "POST",
        "/v1/consents/contact": "DELETE",
    }
    for path, methods in allowed.items():
        answer = await service.http.put(path, json={})
        whole(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == methods


async def test_head_is_get_without_a_body(http: httpx.AsyncClient, service: Service) -> None:
    got, head = await http.get("/things"), await http.head("/things")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(got.content))
    missing = await http.head("/nowhere")
    assert (missing.status_code, missing.content) == (404, b"")
    assert missing.headers["request-id"]
    assert (await http.head("/bug")).status_code == 500
    person = await a_borrower(service)
    assert (await service.http.head("/v1/me", headers=person.auth)).status_code == 200


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("zh-CN", "未找到。"),
        ("zh-TW,en;q=0.5", "未找到。"),
        ("en", "We could not find it."),
        ("en-GB,zh;q=0.9", "We could not find it."),
        ("de", "We could not find it."),
        ("", "We could not find it."),
        (";;;q=q,,*", "We could not find it."),
    ],
)
async def test_the_display_message_follows_the_language(
    http: httpx.AsyncClient, language: str, message: str
) -> None:
    answer = await http.get("/nowhere", headers={"Accept-Language": language})
    assert answer.json()["display_message"] == message
    assert answer.json()["title"] == "Not found"


@pytest.mark.parametrize("path", ["/things", "/nowhere", "/bug", "/refusals/closing"])
async def test_a_request_id_is_taken_over_or_made(http: httpx.AsyncClient, path: str) -> None:
    given = await http.get(path, headers={"Request-Id": "client-7.a:b_C"})
    assert given.headers.get_list("request-id") == ["client-7.a:b_C"]
    made = (await http.get(path)).headers["request-id"]
    assert made.startswith("req_")
    assert made != (await http.get(path)).headers["request-id"]


@pytest.mark.parametrize(
    "hostile", [b"a\r\nSet-Cookie: a=b", b"a\nb", b"\xe9", b"a b", b"<i>", b"a" * 101, b""]
)
async def test_a_hostile_request_id_is_replaced(http: httpx.AsyncClient, hostile: bytes) -> None:
    answer = await http.get("/nowhere", headers={b"Request-Id": hostile})
    body = whole(answer, 404, "not_found")
    assert body["request_id"].startswith("req_")
    assert "set-cookie" not in answer.headers


async def test_too_large_has_an_id_too(http: httpx.AsyncClient) -> None:
    answer = await http.post("/things", content=b" " * 2**21, headers={"Request-Id": "big-1"})
    assert whole(answer, 413, "body_too_large")["request_id"] == "big-1"


async def test_nothing_is_cached(http: httpx.AsyncClient) -> None:
    for path in ("/things", "/nowhere", "/bug"):
        assert (await http.get(path)).headers["cache-control"] == "no-store"


async def test_instance_is_a_uri_reference_whatever_the_path(http: httpx.AsyncClient) -> None:
    for path in ("/%00", "/%ff", "/no/w h%E5%BC%A0", "/a%3Fb%23c", "/" + "a" * 10_000):
        answer = await http.get(path)
        instance = whole(answer, 404, "not_found")["instance"]
        assert instance.isascii()
        assert not set(instance) & set(" ?#\x00")


@pytest.mark.parametrize("host", ["[::1", "a b", "?#/", "]", "x" * 5000])
async def test_a_hostile_host_changes_nothing(http: httpx.AsyncClient, host: str) -> None:
    whole(await http.get("/nowhere", headers={"Host": host}), 404, "not_found")
    assert (await http.get("/things", headers={"Host": host})).status_code == 200


async def test_a_bug_is_logged_and_does_not_leak(http: httpx.AsyncClient, said: Any) -> None:
    answer = await http.get("/bug", headers={"Request-Id": "bug-1"})
    whole(answer, 500, "internal_error")
    for leak in ("RuntimeError", "row of", "13800138000", "Traceback", ".py"):
        assert leak not in answer.text
    entries = said()
    [bug] = [entry for entry in entries if entry["event"] == "unhandled"]
    assert (bug["request_id"], bug["level"], bug["path"]) == ("bug-1", "error", "/bug")
    assert "RuntimeError: row of *** with card *** is broken" in bug["exception"]
    assert all(number not in str(entries) for number in ("13800138000", "6225880137706868"))
    [answered] = [entry for entry in entries if entry["event"] == "answered"]
    assert (answered["status_code"], answered["request_id"]) == (500, "bug-1")


async def test_versions(http: httpx.AsyncClient) -> None:
    whole(await http.post("/versions/3"), 428, "version_missing")
    stale = whole(await http.post("/versions/3", headers={"If-Match": etag(2)}), 412, "stale_version")
    assert stale["current"] == '"v3"'
    for seen in (etag(3), f"W/{etag(3)}"):
        assert (await http.post("/versions/3", headers={"If-Match": seen})).status_code == 200
    for odd in ("v3", "*", '"v3', '"v03"', '"v３"'):
        whole(await http.post("/versions/3", headers={b"If-Match": odd.encode()}), 412, "stale_version")
    whole(await http.post("/versions/3", headers={"If-Match": "x" * 5000}), 422, "validation_failed")


def refusals_of_the_service() -> dict[str, str]:
    """Every ``code = "…"`` of the source, with where it stands."""
    found = {}
    for path in sorted(Path(refi.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == "code":
                        found[ast.literal_eval(part.value)] = f"{path.name}:{node.name}"
    return found


def test_every_code_has_words_in_both_languages() -> None:
    codes = refusals_of_the_service()
    assert len(codes) > 15
    without = {code: where for code, where in codes.items() if code not in messages.TITLES}
    assert not without
    for code, (title, english, chinese) in messages.TITLES.items():
        assert title[0].isupper(), code
        assert english.endswith("."), code
        assert chinese.endswith("。"), code


async def test_signing_in_wrongly_says_how(service: Service) -> None:
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer "}):
        answer = await service.http.get("/v1/me", headers=headers)
        whole(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_database_that_is_not_there_is_a_503(service: Service) -> None:
    person = await a_borrower(service)
    nowhere = "postgresql+asyncpg://nobody@127.0.0.1:1/none"
    broken = create_app(runtime.build(settings.read(database_url=nowhere)))
    transport = httpx.ASGITransport(broken)
    async with httpx.AsyncClient(transport=transport, base_url="http://refi.test") as http:
        for path in ("/v1/me", "/readyz"):
            answer = await http.get(path, headers=person.auth)
            whole(answer, 503, "dependency_unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        assert (await http.get("/livez")).status_code == 200
