"""The demo's borrower is a good client: it asks again as the service tells it to, and only then."""

from __future__ import annotations

import httpx
import pytest

from refi.demo.walker import Unexpected, Walker


def answering(*answers: httpx.Response) -> tuple[Walker, list[httpx.Request]]:
    """A walker whose service gives these answers in turn, and the requests that it makes."""
    left, asked = list(answers), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return left.pop(0)

    transport = httpx.MockTransport(answer)
    return Walker(httpx.AsyncClient(transport=transport, base_url="http://refi.test")), asked


def refused(code: str) -> httpx.Response:
    return httpx.Response(503, json={"code": code}, headers={"Retry-After": "0"})


async def test_what_a_close_puts_off_is_sent_again_under_the_same_key() -> None:
    closing = [refused("business_day_closing") for _ in range(2)]
    walker, asked = answering(*closing, httpx.Response(201, json={"id": "loan_1"}))
    assert await walker.ask("POST", "/v1/offers/off_1/accept", {}) == {"id": "loan_1"}
    assert len(asked) == 3
    assert len({request.headers["Idempotency-Key"] for request in asked}) == 1


async def test_any_other_refusal_is_told_at_once() -> None:
    walker, asked = answering(refused("dependency_unavailable"))
    with pytest.raises(Unexpected):
        await walker.ask("POST", "/v1/offers/off_1/accept", {})
    assert len(asked) == 1


async def test_a_close_without_an_end_is_told_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refi.demo.walker.WAITS_FOR", -1)
    walker, asked = answering(refused("business_day_closing"))
    with pytest.raises(Unexpected):
        await walker.ask("GET", "/v1/loans")
    assert len(asked) == 1
