"""The route that owns a request's transaction: one commit before the answer, keys, strict JSON."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Response
from hypothesis import given as given_values
from hypothesis import strategies as st

from refi.borrowers import service as borrowers
from refi.borrowers.tables import Purpose
from refi.errors import Conflict
from refi.ids import BorrowerId
from refi.web import problems
from refi.web.fields import Body, Text
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork, OpenWork, unkeyed, writes
from refi.web.strict_json import MOST_KEYS, NotJson, read
from tests import given
from tests.given import Person, Service
from tests.web.conftest import Said

CONSENT, BODY = "/v1/consents", {"purpose": "contact", "text_version": "1"}


class Note(Body):
    """A body."""

    text: Text = "1"


def tried_routes() -> APIRouter:
    """Endpoints that write a consent and then do something odd."""
    router = APIRouter(prefix="/tried", route_class=BorrowerRoute)

    async def effect(work: CurrentWork, actor: CurrentActor, note: str) -> None:
        await borrowers.record_consent(work, BorrowerId(actor.id), Purpose.CONTACT, note, granted=True)

    @router.post("/refuses")
    async def refuses(body: Note, work: CurrentWork, actor: CurrentActor) -> None:
        await effect(work, actor, body.text)
        raise Conflict("after the effect")

    @router.post("/breaks")
    async def breaks(body: Note, work: CurrentWork, actor: CurrentActor) -> None:
        await effect(work, actor, body.text)
        raise RuntimeError("after the effect")

    @router.post("/answers-no")
    async def answers_no(body: Note, work: CurrentWork, actor: CurrentActor) -> Response:
        await effect(work, actor, body.text)
        return Response(status_code=418)

    @router.post("/cannot-be-shown", response_model=Note)
    async def cannot_be_shown(body: Note, work: CurrentWork, actor: CurrentActor) -> Any:
        await effect(work, actor, body.text)
        return {"text": 7}

    @router.post("/never-opens")
    async def never_opens(body: Note, open_work: OpenWork) -> Note:
        assert callable(open_work)
        return body

    @router.post("/preview")
    @unkeyed
    async def preview(body: Note) -> Note:
        return body

    @router.get("/reads")
    async def reads(work: CurrentWork, actor: CurrentActor) -> None:
        await effect(work, actor, "read")

    @router.get("/records")
    @writes
    async def records(work: CurrentWork, actor: CurrentActor) -> None:
        await effect(work, actor, "recorded")

    return router


@pytest.fixture
def tried(service: Service) -> Service:
    service.app.include_router(tried_routes(), responses=problems.responses(409))
    return service


async def effects(service: Service) -> list[str]:
    return [row.text_version for row in await service.rows("SELECT text_version FROM consents ORDER BY id")]


async def keys(service: Service) -> int:
    return len(await service.rows("SELECT key FROM stored_answers"))


async def nobody_consents(service: Service) -> Person:
    return await given.a_borrower(service, consents=())


@pytest.mark.parametrize(
    ("path", "status"), [("/tried/refuses", 409), ("/tried/breaks", 500), ("/tried/cannot-be-shown", 500)]
)
async def test_what_does_not_succeed_leaves_nothing(tried: Service, path: str, status: int) -> None:
    person = await nobody_consents(tried)
    for _ in range(2):
        answer = await tried.post(path, {"text": "x"}, who=person, key="same")
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await effects(tried), await keys(tried)) == ([], 0)


async def test_an_answer_that_is_a_refusal_commits_and_is_not_kept(tried: Service) -> None:
    person = await nobody_consents(tried)
    for _ in range(2):
        assert (await tried.post("/tried/answers-no", who=person, key="same")).status_code == 418
    assert (await effects(tried), await keys(tried)) == (["1", "1"], 0)


async def test_reading_cannot_write_unless_it_says_so(tried: Service) -> None:
    person = await nobody_consents(tried)
    assert (await tried.get("/tried/reads", who=person)).status_code == 500
    assert (await tried.get("/tried/records", who=person)).status_code == 200
    assert await effects(tried) == ["recorded"]


async def test_who_needs_a_key(tried: Service) -> None:
    person = await nobody_consents(tried)
    for path in ("/tried/never-opens", CONSENT):
        answer = await tried.http.post(path, json=BODY if path == CONSENT else {}, headers=person.auth)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    assert (await tried.http.post("/tried/preview", json={}, headers=person.auth)).status_code == 200
    assert await effects(tried) == []


@pytest.mark.parametrize(
    ("path", "unknown"),
    [
        ("/v1/me?verbose=1", ["/query/verbose"]),
        ("/v1/applications?limit=5&page=2&limit=5&Limit=1", ["/query/page", "/query/Limit"]),
        ("/v1/suggestions?=", ["/query/"]),
        ("/v1/messages?a%2Fb~=1", ["/query/a~1b~0"]),
        ("/v1/messages?%00=1", ["/query/"]),
    ],
)
async def test_a_parameter_that_there_is_not(service: Service, path: str, unknown: list[str]) -> None:
    person = await given.a_borrower(service)
    answer = await service.get(path, who=person)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.json()["errors"] == [{"pointer": each, "code": "extra_forbidden"} for each in unknown]
    assert f"{unknown[0]}: is not known here" in answer.json()["detail"]
    assert (await service.http.get(path)).status_code == 401
    for good in ("/v1/me?", "/v1/applications?limit=5", "/v1/cards?limit=20", "/v1/bank-accounts?limit=1"):
        assert (await service.get(good, who=person)).status_code == 200


async def test_a_write_with_a_parameter_does_nothing(service: Service) -> None:
    person = await nobody_consents(service)
    answer = await service.post(f"{CONSENT}?preview=true", BODY, who=person, key="one")
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/query/preview"]
    assert (await effects(service), await keys(service)) == ([], 0)


async def test_a_link_in_a_letter_may_be_longer(service: Service) -> None:
    for method in ("GET", "POST"):
        answer = await service.http.request(method, "/v1/opt-out/none?utm_source=mail")
        assert (answer.status_code, answer.json()["detail"]) == (404, "no such link")


async def test_the_same_key_is_answered_word_for_word(service: Service) -> None:
    person = await nobody_consents(service)
    first = await service.post(CONSENT, BODY, who=person, key="one")
    again = await service.post(CONSENT, BODY, who=person, key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["request-id"] != first.headers["request-id"]
    other = await service.post(CONSENT, {**BODY, "text_version": "2"}, who=person, key="one")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await effects(service) == ["1"]


async def test_spelling_of_the_body_does_not_matter(service: Service) -> None:
    person = await nobody_consents(service)
    headers = {**person.auth, "Idempotency-Key": "one", "Content-Type": "application/json; charset=utf-8"}
    spelled = (
        b'{"purpose":"contact","text_version":"1"}',
        b' { "text_version" : "\\u0031", "purpose":"contact"}\n',
    )
    answers = [await service.http.post(CONSENT, content=each, headers=headers) for each in spelled]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content


async def test_a_key_is_of_one_caller_and_path(service: Service) -> None:
    one, two = await nobody_consents(service), await nobody_consents(service)
    answers = [
        await service.post(CONSENT, BODY, who=one, key="one"),
        await service.post(CONSENT, BODY, who=two, key="one"),
        await service.post("/v1/devices", {"platform": "ios", "token": "push-token"}, who=one, key="one"),
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert all("idempotent-replayed" not in answer.headers for answer in answers)


async def test_one_key_many_times_at_once_is_one_effect(service: Service) -> None:
    person = await nobody_consents(service)
    answers = await asyncio.gather(*(service.post(CONSENT, BODY, who=person, key="one") for _ in range(30)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    busy = [answer for answer in answers if answer.status_code == 409]
    assert {answer.json()["code"] for answer in busy} <= {"idempotency_key_in_flight"}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in busy)
    assert await effects(service) == ["1"]


async def test_a_refused_key_may_be_mended(service: Service) -> None:
    person = await nobody_consents(service)
    wrong = await service.post(CONSENT, {**BODY, "purpose": "everything"}, who=person, key="one")
    assert wrong.status_code == 422
    assert (await service.post(CONSENT, BODY, who=person, key="one")).status_code == 201


async def test_who_is_nobody_learns_nothing_of_the_body(service: Service) -> None:
    for body in (BODY, {"nonsense": 1}):
        answer = await service.http.post(CONSENT, json=body, headers={"Idempotency-Key": "one"})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_hanging_up_is_no_bug(service: Service, said: Said) -> None:
    """A client that goes away while it sends its body: nothing is answered, kept, or called our failure."""
    person = await nobody_consents(service)
    coming = [
        {"type": "http.request", "body": b'{"purpose":', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []
    headers = {**person.auth, "Idempotency-Key": "one", "Content-Type": "application/json"}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": CONSENT, "raw_path": CONSENT.encode(), "query_string": b"", "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("refi.test", 80),
    }  # fmt: skip

    async def receive() -> Any:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await service.app(scope, receive, send)
    assert [each["status"] for each in sent if "status" in each] in ([], [400])
    assert [line["event"] for line in said() if line["level"] == "error"] == []
    assert (await service.post(CONSENT, BODY, who=person, key="one")).status_code == 201
    assert await effects(service) == ["1"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given_values(VALUES)
def test_what_is_json_is_read_as_it_is(value: Any) -> None:
    assert read(json.dumps(value).encode()) == value
    assert read(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) == value


@given_values(st.binary(max_size=60))
def test_other_bytes_are_refused_and_nothing_else_happens(raw: bytes) -> None:
    try:
        value = read(raw)
    except NotJson:
        return
    assert value == json.loads(raw.decode())


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "Expecting value"),
        (b'{"a": 1, "a": 1}', "twice"),
        (b'[{"b": {"a": 1, "a": 2}}]', "twice"),
        (b'{"a": 1, "\\u0061": 2}', "twice"),
        (b"NaN", "NaN is not"),
        (b'{"a": -Infinity}', "-Infinity is not"),
        (b"\xef\xbb\xbf{}", "Unexpected UTF-8 BOM"),
        ("{}".encode("utf-16"), "UTF-8"),
        ('{"a": 1}'.encode("utf-32-le"), "property name"),
        (b'"\xff"', "UTF-8"),
        (b"[" * 100_000, "deeply"),
        (b"1" * 10_000, "digits"),
        (json.dumps(dict.fromkeys(map(str, range(MOST_KEYS + 1)))).encode(), "more than"),
        (b"{'a': 1}", "property name"),
        (b"{} {}", "Extra data"),
    ],
)
def test_what_is_not_json(raw: bytes, why: str) -> None:
    with pytest.raises(NotJson, match=why):
        read(raw)


async def test_the_media_type_may_carry_a_charset_in_any_case(service: Service) -> None:
    person = await nobody_consents(service)
    for number, kind in enumerate(
        ("application/json;charset=UTF-8", "APPLICATION/JSON", "application/json ; a=b")
    ):
        headers = {**person.auth, "Idempotency-Key": f"k{number}", "Content-Type": kind}
        answer: httpx.Response = await service.http.post(CONSENT, content=json.dumps(BODY), headers=headers)
        assert answer.status_code == 201, (kind, answer.text)
