"""Whatever is sent: a 4xx problem, and the database as it was. Never a 500, never half an effect.

The walk of `tests.api.walk` prepares one of everything; then each operation's own good request is spoiled in
one place at a time: each field of its body, its bytes, its ids, its query, its headers.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import text

from refi.api.settling import settle
from tests import given
from tests.api.contract import operations, require_problem
from tests.api.walk import Done, Walk, walk
from tests.given import Service
from tests.postgres import RunServer
from tests.stack import running_stack

RAW_NUMBERS = ("NaN", "Infinity", "-Infinity", "1" + "0" * 10_000, "1e400", "-0.0", "01", "0x10", "1_000")
WRONG_TYPES: tuple[Any, ...] = (
    "12",
    1.0,
    1.5,
    1e3,
    True,
    [],
    {},
    [1],
    {"amount": 1},
    "１２",
    "",
    "NaN",
    10**30,
)
HOSTILE_TEXT = ("\x00", "a\x00b", "\ud800", "a\udfffb", "x" * 1_000_000)
CODES = {"malformed_json", "validation_failed"}
PASSWORD = ["password"]
"""Any text may be a wrong password: the wrong try is counted, which is a change."""
HOSTILE_IDS = (
    "\x00", "１２", "a" * 10_000, "../../me", "loan_", "loan_" + "z" * 26,
    "LOAN_01M80VN8AFE5B9B0CD3ZQKM8RQ",
    "'; DROP TABLE loans; --", "😀", "%", "%00", "?", "#", "null", "-1", " ",
)  # fmt: skip
HOSTILE_QUERIES = {
    "limit": ("-1", "0", "101", "１０", "1_0", "+5", " 5", "5.0", "1e1", "", "9" * 10_000, "\x00", "a"),
    "starting_after": ("\x00", "a" * 10_000, "LOAN", "é", "", "' OR 1=1", "😀"),
    "on": ("", "１", "2026-13-01", "2026-02-30", "20261122", "2026-11-22T00:00:00", "0001-01-01",
           "9999-12-31",
           "\x00", "-1", "2026-1-1", "a" * 10_000),
    "locale": ("", "zh", "de", "EN", "\x00", "a" * 10_000),
    "as_of": ("", "１", "2026-13-01", "2026-02-30", "20261122", "2026-11-22T00:00:00", "0001-01-01",
              "9999-12-31", "\x00", "-1", "2026-1-1", "a" * 10_000),
    "state": ("", "all", "\x00", "OPEN", "a" * 10_000),
    "status": ("", "all", "\x00", "PENDING", "a" * 10_000),
    "subject": ("", "\x00", "'", "A", "a" * 10_000, "é"),
    "to": ("a" * 10_000,),
}  # fmt: skip
HOSTILE_KEYS = (
    None,
    b"",
    b" ",
    b"a b",
    "é".encode(),
    "é".encode("latin-1"),
    b"\x7f",
    b"a\tb",
    b"k" * 256,
    b"k" * 60_000,
)


@dataclass
class Prey:
    """The service without worker and provider, on the walk's database, and the walk's good requests."""

    service: Service
    here: Walk
    counter: itertools.count[int]

    @property
    def document(self) -> dict[str, Any]:
        return self.here.judge.document

    async def send(
        self, label: str, content: bytes | None, *, path: str | None = None, query: str = "", **changed: Any
    ) -> httpx.Response:
        """The good request of an operation with other bytes, path, query or headers (None leaves one out)."""
        done = self.here.done[label]
        method, template = label.split(" ")
        headers: dict[str, Any] = {"Content-Type": "application/json", **done.headers}
        if "Idempotency-Key" in headers:
            headers["Idempotency-Key"] = f"hostile-{next(self.counter)}"
        headers.update({name.replace("_", "-"): value for name, value in changed.items()})
        url = path or template.format(**done.path)
        return await self.service.http.request(
            method,
            f"{url}?{query}" if query else url,
            content=content,
            headers={name: value for name, value in headers.items() if value is not None},
        )

    async def digest(self) -> dict[str, str]:
        """Every table's content, jobs included, as one digest each."""
        found = {}
        async with self.service.database.engine.connect() as connection:
            tables = await connection.execute(
                text(
                    "SELECT schemaname || '.' || tablename FROM pg_tables"
                    " WHERE schemaname IN ('public', 'queue') AND tablename <> 'alembic_version'"
                )
            )
            for (table,) in tables.all():
                rows = await connection.execute(text(f"SELECT CAST(t AS text) FROM {table} t"))
                whole = "\n".join(sorted(row[0] for row in rows))
                found[table] = hashlib.sha256(whole.encode()).hexdigest()
        return found


@pytest.fixture(scope="module")
async def prey(run_server: RunServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prey]:
    """One of everything, at rest, on a database that these tests share: none of them may change it."""
    name = run_server.clone()
    url = run_server.url(name)
    async with running_stack(url, tmp_path_factory.mktemp("provider"), receipts=True) as stack:
        here = await walk(stack)
        assert await settle(stack.runtime, within=20)
    async with given.running(url) as service:
        yield Prey(service, here, itertools.count())
    run_server.drop(name)


def bodies(prey: Prey) -> dict[str, Done]:
    """The good requests that carry a documented JSON body."""
    described = operations(prey.document)
    return {
        label: done
        for label, done in prey.here.done.items()
        if "requestBody" in described[label] and isinstance(done.body, dict)
    }


def resolved(prey: Prey, schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = prey.document["components"]["schemas"]
    some: list[dict[str, Any]] = [each for each in schema.get("anyOf", [schema]) if each != {"type": "null"}]
    return found[some[0]["$ref"].rpartition("/")[2]] if "$ref" in some[0] else some[0]


def fields(prey: Prey, label: str) -> Iterator[tuple[list[str | int], dict[str, Any]]]:
    """Every field of a body, the nested ones too, as its way in and its schema."""
    body = operations(prey.document)[label]["requestBody"]["content"]["application/json"]["schema"]
    waiting: list[tuple[list[str | int], dict[str, Any]]] = [([], resolved(prey, body))]
    while waiting:
        way, schema = waiting.pop()
        for name, each in schema.get("properties", {}).items():
            inner = resolved(prey, each)
            yield [*way, name], inner
            if "properties" in inner:
                waiting.append(([*way, name], inner))
            elif "properties" in (item := resolved(prey, inner.get("items", {}))):
                waiting.append(([*way, name, 0], item))


def spoiled(body: Any, way: list[str | int], value: Any) -> Any:
    """``body`` with ``value`` at ``way``; what is missing on the way is made."""
    if not way:
        return value
    if isinstance(way[0], int):
        items = list(body) if isinstance(body, list) and body else [{}]
        items[way[0]] = spoiled(items[way[0]], way[1:], value)
        return items
    return {**(body or {}), way[0]: spoiled((body or {}).get(way[0]), way[1:], value)}


def wrong_for(schema: dict[str, Any]) -> Iterator[Any]:
    """Values that a field of this schema must not take."""
    yield from (value for value in WRONG_TYPES if not fits(schema, value))
    if schema.get("type") == "string":
        yield from HOSTILE_TEXT
    if schema.get("type") == "integer":
        yield schema["minimum"] - 1
        yield schema["maximum"] + 1


def fits(schema: dict[str, Any], value: Any) -> bool:
    """Whether the document allows the value there, as far as `WRONG_TYPES` goes."""
    if "type" not in schema:
        return True  # anything at all, passed over
    if schema["type"] == "string":
        closed = {"enum", "const", "format"} & schema.keys()
        if closed or not isinstance(value, str):
            return False
        short = len(value) < schema.get("minLength", 0)
        return not short and re.search(schema.get("pattern", ""), value) is not None
    if schema["type"] == "boolean":
        return value is True
    if schema["type"] == "object":
        return value == {} and not schema.get("required")
    return schema["type"] == "array" and value == [] and not schema.get("minItems")


def pointer(way: list[str | int]) -> str:
    return "".join(f"/{part}" for part in way)


async def test_every_field_of_every_body(prey: Prey) -> None:
    """Wrong types, floats, full-width digits, NUL, surrogates, too long, too large: named and refused."""
    before, sent = await prey.digest(), 0
    for label, done in bodies(prey).items():
        for way, schema in fields(prey, label):
            for value in wrong_for(schema):
                if way == PASSWORD and value in HOSTILE_TEXT:
                    continue
                answer = await prey.send(label, json.dumps(spoiled(done.body, way, value)).encode())
                problem = require_problem(answer)
                sent += 1
                told = (
                    f"{label} {pointer(way)} = {str(value)[:40]!r}: {answer.status_code} {answer.text[:300]}"
                )
                if value in HOSTILE_TEXT and answer.status_code == 404:
                    continue  # text that is looked up and not kept: the id of another thing
                assert (answer.status_code, problem["code"]) == (422, "validation_failed"), told
                named = [fault["pointer"] for fault in problem["errors"]]
                assert any(each.startswith(pointer(way[:1])) for each in named), told
    print(f"{sent} spoiled fields")
    assert sent > 1_000
    assert await prey.digest() == before


async def test_numbers_that_are_none(prey: Prey) -> None:
    """NaN, infinities and 10,000 digits, in place of each number, as raw bytes."""
    before = await prey.digest()
    for label, done in bodies(prey).items():
        for way, schema in fields(prey, label):
            if schema.get("type") != "integer":
                continue
            for number in RAW_NUMBERS:
                raw = json.dumps(spoiled(done.body, way, "@@")).replace('"@@"', number)
                answer = await prey.send(label, raw.encode())
                assert answer.status_code in (400, 422), f"{label} {pointer(way)} {number[:20]} {answer.text}"
                assert require_problem(answer)["code"] in CODES
    assert await prey.digest() == before


def hostile_bytes(good: dict[str, Any]) -> dict[str, tuple[bytes, set[int]]]:
    """Bodies that are wrong as a whole, by name, and what may be answered."""
    plain = json.dumps(good).encode()
    name = next(iter(good), "surprise")
    more = b"," if good else b""
    twice = plain[:-1] + more + json.dumps({name: good.get(name)})[1:].encode()
    return {
        "extra field": (json.dumps({**good, "surprise": 1}).encode(), {422}),
        "extra field with NUL": (json.dumps({**good, "\x00": 1}).encode(), {422}),
        "extra field with a surrogate": (json.dumps({**good, "\ud800": 1}).encode(), {422}),
        "a field twice": (twice if good else b'{"a": 1, "a": 1}', {400}),
        "BOM": (b"\xef\xbb\xbf" + plain, {400}),
        "UTF-16": (plain.decode().encode("utf-16"), {400}),
        "UTF-32": (plain.decode().encode("utf-32"), {400}),
        "latin-1": (json.dumps({**good, name: "é"}, ensure_ascii=False).encode("latin-1"), {400}),
        "invalid UTF-8": (plain[:-1] + b', "x": "\xff\xfe"}', {400}),
        "cut off": (plain[:-1], {400}),
        "two documents": (plain + plain, {400}),
        "a comment": (plain + b" // thanks", {400}),
        "single quotes": (b"{'a': 1}", {400}),
        "100,000 deep": (b"[" * 100_000, {400}),
        "100,000 deep and closed": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, {400}),
        "900 deep inside": (plain[:-1] + more + b'"deep":' + b"[" * 900 + b"]" * 900 + b"}", {422}),
        "list": (b"[]", {422}),
        "list of it": (b"[" + plain + b"]", {422}),
        "string": (b'"amount"', {422}),
        "number": (b"1", {422}),
        "NUL bytes": (b"\x00" * 10, {400}),
        "spaces": (b" " * 1000, {400}),
        "2 MiB": (b'{"a": "' + b"x" * 2**21 + b'"}', {413}),
        "60,000 fields": (json.dumps({f"k{i}": i for i in range(60_000)}).encode(), {400}),
        "900 fields": (json.dumps({f"k{i}": i for i in range(900)}).encode(), {422}),
    }  # fmt: skip


async def test_every_body_as_a_whole(prey: Prey) -> None:
    before = await prey.digest()
    for label, done in bodies(prey).items():
        for name, (content, expected) in hostile_bytes(done.body).items():
            answer = await prey.send(label, content)
            assert answer.status_code in expected, (
                f"{label} {name} → {answer.status_code} {answer.text[:300]}"
            )
            require_problem(answer)
    assert await prey.digest() == before


async def test_a_body_grows_while_it_is_sent(prey: Prey) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 2**16

    before = await prey.digest()
    for label in bodies(prey):
        answer = await prey.send(label, parts())  # type: ignore[arg-type]
        assert answer.status_code == 413, f"{label} → {answer.text}"
        require_problem(answer)
    assert await prey.digest() == before


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/jsonp", "application/json5", "é", ";;;", "*/*", "application/problem+json"],
)  # fmt: skip
async def test_another_media_type(service: Service, content_type: str | None) -> None:
    person = await given.a_borrower(service)
    headers = {**person.auth, "Idempotency-Key": "k"}
    if content_type is not None:
        headers["Content-Type"] = content_type
    raw = {name.encode(): value.encode() for name, value in headers.items()}
    body = b'{"purpose": "marketing", "text_version": "1"}'
    answer = await service.http.post("/v1/consents", content=body, headers=raw)
    assert (answer.status_code, require_problem(answer)["code"]) == (415, "unsupported_media_type")


async def test_ids_that_are_none(prey: Prey) -> None:
    """In place of each id of each path: not found, never a crash. Other people's are not found either."""
    before, sent = await prey.digest(), 0
    foreign = prey.here.borrowers["fang"]
    for label, done in prey.here.done.items():
        template = label.split(" ")[1]
        for name in done.path:
            for hostile in (*HOSTILE_IDS, foreign):
                ids = {**done.path, name: quote(hostile, safe="")}
                content = None if done.body is None else json.dumps(done.body).encode()
                answer = await prey.send(label, content, path=template.format(**ids))
                told = f"{label} {name}={hostile[:30]!r} → {answer.status_code} {answer.text[:200]}"
                assert answer.status_code in ((404,) if name.endswith("_id") else (404, 422)), told
                require_problem(answer)
                sent += 1
    assert sent > 300
    assert await prey.digest() == before


async def test_queries_that_are_none(prey: Prey) -> None:
    before, sent = await prey.digest(), 0
    for label, described in operations(prey.document).items():
        for parameter in described.get("parameters", []):
            if parameter["in"] != "query":
                continue
            for hostile in HOSTILE_QUERIES[parameter["name"]]:
                query = f"{parameter['name']}={quote(hostile, safe='')}"
                answer = await prey.send(label, None, query=query)
                told = f"{label}?{query[:60]} → {answer.status_code} {answer.text[:200]}"
                assert answer.status_code == 422, told
                require_problem(answer)
                sent += 1
    assert sent > 100
    assert await prey.digest() == before


async def test_keys_that_are_none(prey: Prey) -> None:
    before, sent = await prey.digest(), 0
    for label, done in prey.here.done.items():
        if "Idempotency-Key" in done.headers:
            for hostile in HOSTILE_KEYS:
                body = {**done.body, "preview": False} if done.previews else done.body
                content = None if body is None else json.dumps(body).encode()
                answer = await prey.send(label, content, Idempotency_Key=hostile)
                told = f"{label} {hostile!r:.30} → {answer.status_code} {answer.text[:200]}"
                assert answer.status_code == 400, told
                assert require_problem(answer)["code"] == "idempotency_key_missing"
                sent += 1
    assert sent > 100
    assert await prey.digest() == before


async def test_other_headers(prey: Prey) -> None:
    """None of these may matter."""
    long = "x" * 60_000
    for name, value in {
        "Accept-Language": long, "Accept": "text/html", "Cookie": long, "X-Forwarded-For": "' OR 1=1",
        "Request-Id": long, "User-Agent": "\x7f", "X-HTTP-Method-Override": "DELETE", "Origin": "null",
        "Content-Type": "nonsense", "If-None-Match": "*", "Range": "bytes=0-1", "Expect": "nothing",
    }.items():  # fmt: skip
        answer = await prey.send("GET /v1/loans", None, **{name.replace("-", "_"): value})
        assert answer.status_code == 200, f"{name}: {answer.text}"
        assert answer.json()["data"]


async def test_a_webhook_of_any_bytes_is_refused(prey: Prey) -> None:
    before = await prey.digest()
    for name, (content, _) in hostile_bytes({}).items():
        if name != "2 MiB":
            answer = await prey.service.http.post("/hooks/v1/payments", content=content)
            assert (answer.status_code, name) == (401, name)
            require_problem(answer)
    assert await prey.digest() == before
