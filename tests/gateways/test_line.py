"""What is repeated, what is not, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from refi.gateways.calls import MOST_BYTES, Reply, Silence
from refi.gateways.line import Line, Patience, Spread, open_client
from refi.payments.processor import ANSWER_WITHIN
from tests.gateways.given import API_KEY, BASE, scripted

BEFORE_SENDING = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout]
PERHAPS_SENT = [
    httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.WriteError, httpx.CloseError,
    httpx.RemoteProtocolError,
]  # fmt: skip
OK = httpx.Response(202, json={"a": 1})


def test_an_order_is_over_before_its_key_may_be_given_up() -> None:
    assert Patience().worst < ANSWER_WITHIN.total_seconds()


async def test_an_order_carries_key_and_credential_and_exact_json() -> None:
    async with scripted() as given:
        route = given.router.post("/x").mock(return_value=OK)
        got = await given.line.order("/x", "pout_1", {"name": "张三", "amount": 1})
    request = route.calls.last.request
    assert got == Reply(202, b'{"a":1}')
    assert request.headers["idempotency-key"] == "pout_1"
    assert request.headers["authorization"] == f"Bearer {API_KEY}"
    assert request.headers["content-type"] == "application/json"
    assert request.content == '{"name": "张三", "amount": 1}'.encode()


async def test_an_order_with_nan_never_leaves() -> None:
    async with scripted() as given:
        route = given.router.post("/x").mock(return_value=OK)
        with pytest.raises(ValueError, match="JSON compliant"):
            await given.line.order("/x", "k", {"amount": float("nan")})
    assert not route.called


@pytest.mark.parametrize("error", BEFORE_SENDING)
async def test_an_order_that_never_left_is_repeated(error: type[httpx.HTTPError]) -> None:
    async with scripted() as given:
        route = given.router.post("/x").mock(side_effect=[error("no"), error("no"), OK])
        got = await given.line.order("/x", "k", {})
    assert got == Reply(202, b'{"a":1}')
    assert {call.request.headers["idempotency-key"] for call in route.calls} == {"k"}
    assert given.waits == [0.1, 0.2], "half of 0.2 and of 0.4 seconds: full jitter"


@pytest.mark.parametrize("error", BEFORE_SENDING)
async def test_an_order_that_never_leaves_was_not_sent(error: type[httpx.HTTPError]) -> None:
    async with scripted() as given:
        route = given.router.post("/x").mock(side_effect=error("no"))
        assert await given.line.order("/x", "k", {}) == Silence(error.__name__, sent=False)
    assert route.call_count == 3


@pytest.mark.parametrize("error", PERHAPS_SENT)
async def test_an_order_that_may_have_arrived_is_not_repeated(error: type[httpx.HTTPError]) -> None:
    async with scripted() as given:
        route = given.router.post("/x").mock(side_effect=[error("cut"), OK])
        assert await given.line.order("/x", "k", {}) == Silence(error.__name__, sent=True)
    assert route.call_count == 1
    assert given.waits == []


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429, 500, 502, 503, 504])
async def test_an_answered_order_is_not_repeated_without_retry_after(status: int) -> None:
    async with scripted() as given:
        route = given.router.post("/x").mock(return_value=httpx.Response(status))
        assert await given.line.order("/x", "k", {}) == Reply(status, b"", doubt=status == 503)
    assert route.call_count == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_later_please_is_waited_for(status: int) -> None:
    later = httpx.Response(status, headers={"Retry-After": "2"})
    async with scripted() as given:
        given.router.post("/x").mock(side_effect=[later, OK])
        got = await given.line.order("/x", "k", {})
    assert got == Reply(202, b'{"a":1}', doubt=status == 503)
    assert given.waits == [2.1]


async def test_much_later_is_left_to_the_caller() -> None:
    async with scripted() as given:
        route = given.router.post("/x").mock(return_value=httpx.Response(429, headers={"Retry-After": "6"}))
        assert await given.line.order("/x", "k", {}) == Reply(429, b"", retry_after=6.0)
    assert route.call_count == 1


async def test_doubt_stays_once_it_is_there() -> None:
    """A 503 may come from a proxy that had passed the order on: no later silence makes it unsent."""
    later = httpx.Response(503, headers={"Retry-After": "0"})
    async with scripted() as given:
        route = given.router.post("/x").mock(
            side_effect=[later, httpx.ConnectError("no"), httpx.ConnectError("no")]
        )
        assert await given.line.order("/x", "k", {}) == Silence("ConnectError", sent=True)
        assert route.call_count == 3
        route.mock(side_effect=[later, httpx.ReadTimeout("slow"), OK])
        assert await given.line.order("/x", "k", {}) == Silence("ReadTimeout", sent=True)
        assert route.call_count == 5
        route.mock(side_effect=[later, httpx.Response(429)])
        assert await given.line.order("/x", "k", {}) == Reply(429, b"", doubt=True)


@pytest.mark.parametrize("error", BEFORE_SENDING + PERHAPS_SENT)
async def test_a_question_is_repeated_after_any_silence(error: type[httpx.HTTPError]) -> None:
    async with scripted() as given:
        route = given.router.get("/x").mock(side_effect=[error("no"), error("no"), OK])
        assert await given.line.ask("/x", {"after": 1}) == Reply(202, b'{"a":1}')
    assert route.call_count == 3
    assert route.calls.last.request.url.params["after"] == "1"
    assert "idempotency-key" not in route.calls.last.request.headers


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_question_is_repeated_while_the_other_side_stumbles(status: int) -> None:
    async with scripted() as given:
        route = given.router.get("/x").mock(return_value=httpx.Response(status))
        assert await given.line.ask("/x") == Reply(status, b"")
    assert route.call_count == 3


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 409])
async def test_a_question_with_an_answer_is_asked_once(status: int) -> None:
    async with scripted() as given:
        route = given.router.get("/x").mock(return_value=httpx.Response(status))
        assert await given.line.ask("/x") == Reply(status, b"")
    assert route.call_count == 1


NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": " 3 "}, 3.0),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "３"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "9" * 400}, 999999999.0),
        ({"Retry-After": format_datetime(NOW + timedelta(seconds=40), usegmt=True)}, None),
        (
            {
                "Retry-After": format_datetime(NOW + timedelta(seconds=40), usegmt=True),
                "Date": format_datetime(NOW, usegmt=True),
            },
            40.0,
        ),
        (
            {
                "Retry-After": format_datetime(NOW - timedelta(seconds=40), usegmt=True),
                "Date": format_datetime(NOW, usegmt=True),
            },
            0.0,
        ),
    ],
)
async def test_retry_after_in_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    async with scripted(Patience(attempts=1)) as given:
        given.router.post("/x").mock(return_value=httpx.Response(429, headers=raw))
        got = await given.line.order("/x", "k", {})
    assert got == Reply(429, b"", retry_after=seconds)


async def test_an_endless_answer_is_no_answer() -> None:
    async with scripted() as given:
        given.router.post("/x").mock(return_value=httpx.Response(202, content=b" " * (MOST_BYTES + 1)))
        assert await given.line.order("/x", "k", {}) == Reply(202, b"")


async def test_nobody_listens_on_a_real_socket() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with open_client(url) as client:
            got = await Line(client, API_KEY, Patience(first_wait=0.001)).order("/x", "k", {})
    assert got == Silence("ConnectError", sent=False)


@contextlib.asynccontextmanager
async def _answering(first: bytes, then: int) -> AsyncIterator[str]:
    """A listener that answers ``first`` to anything, dribbles ``then`` bytes and hangs up; its URL."""
    over = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(first)
        for _ in range(then):
            writer.write(b" ")
            await asyncio.sleep(0.02)
        writer.close()
        over.set()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await over.wait()


@pytest.mark.parametrize(
    ("first", "then", "cause"),
    [
        (b"", 0, "RemoteProtocolError"),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{}", 0, "RemoteProtocolError"),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n{}", 25, "TimeoutError"),
    ],
    ids=["cut before the answer", "cut within the answer", "dribbling"],
)
async def test_a_cut_or_endless_answer_on_a_real_socket_was_perhaps_sent(
    first: bytes, then: int, cause: str
) -> None:
    patience = Patience(whole=0.3, read=0.2)
    async with _answering(first, then) as url, open_client(url, patience) as client:
        got = await Line(client, API_KEY, patience).order("/x", "k", {})
    assert got == Silence(cause, sent=True)


async def test_a_redirect_is_not_followed() -> None:
    """An order, and our credential, go to the provider and nowhere else."""
    away = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:9/x\r\nContent-Length: 0\r\n\r\n"
    async with _answering(away, 0) as url, open_client(url) as client:
        got = await Line(client, API_KEY).order("/x", "k", {})
    assert got == Reply(307, b"")


async def test_proxies_and_credentials_of_the_environment_are_ignored() -> None:
    async with open_client(BASE) as client:
        assert not client.trust_env


@pytest.mark.parametrize("connections", [1, 4, 5, 7])
async def test_a_client_of_few_connections_calls_too(connections: int) -> None:
    answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
    async with _answering(answer, 0) as url, open_client(url, connections=connections) as client:
        got = await Line(client, API_KEY).order("/x", "k", {})
    assert got == Reply(202, b"")


async def test_requests_at_the_same_time_are_spread_and_each_gets_its_own_answer() -> None:
    under_way: list[int] = [0, 0, 0]
    most: list[int] = [0, 0, 0]

    class Part(httpx.AsyncBaseTransport):
        def __init__(self, number: int) -> None:
            self.number = number
            self.closed = False

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            under_way[self.number] += 1
            most[self.number] = max(most[self.number], under_way[self.number])
            await asyncio.sleep(0.01)
            under_way[self.number] -= 1
            return httpx.Response(200, content=request.url.path.encode())

        async def aclose(self) -> None:
            self.closed = True

    parts = [Part(number) for number in range(3)]
    async with httpx.AsyncClient(base_url=BASE, transport=Spread(parts)) as client:
        answers = await asyncio.gather(*(client.get(f"/{number}") for number in range(9)))
    assert [answer.text for answer in answers] == [f"/{number}" for number in range(9)]
    assert most == [3, 3, 3]
    assert all(part.closed for part in parts)
