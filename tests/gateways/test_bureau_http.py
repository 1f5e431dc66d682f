"""Every answer of a bureau, and that nothing but an answer about this very person is taken for one."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from refi.gateways.breaker import Tolerance
from refi.gateways.bureau_http import BureauHttp
from refi.gateways.line import Line, Patience
from refi.gateways.sandbox.bureau import router_of
from refi.underwriting.bureau import BureauUnavailable, Identity, NoFile, Query, Report
from tests.gateways.given import scripted

ON = date(2026, 11, 22)
ASKED = Query("bq_1", "110101199003071234", "张三", "cns_1", ON)
ONCE = Patience(attempts=1, whole=0.2)
REPORTS, CHECKS = "/bureau/v1/reports", "/bureau/v1/identity-checks"
GOOD: dict[str, Any] = {
    "reference": "bq_1",
    "national_id": "110101199003071234",
    "as_of": "2026-11-22",
    "found": True,
    "open_delinquencies": 0,
    "collections_or_judgments": 0,
    "inquiries_six_months": 2,
    "oldest_account_months": 40,
    "monthly_obligations": 120_000,
    "something_new": "ignored",
}


def said(**changed: Any) -> httpx.Response:
    return httpx.Response(200, json={**GOOD, **changed})


async def hang(_: httpx.Request) -> httpx.Response:
    await asyncio.sleep(5)
    return said()


async def test_a_report_as_it_goes_over_the_wire() -> None:
    async with scripted(ONCE) as given:
        route = given.router.post(REPORTS).mock(return_value=said())
        told = await BureauHttp(given.line).report(ASKED)
    assert told == Report(ON, 0, 0, 2, 40, 120_000)
    request = route.calls.last.request
    assert request.headers["idempotency-key"] == "bq_1"
    assert httpx.Response(200, content=request.content).json() == {
        "reference": "bq_1", "national_id": "110101199003071234", "name": "张三", "consent": "cns_1",
        "asked_on": "2026-11-22",
    }  # fmt: skip


async def test_there_is_no_file() -> None:
    async with scripted(ONCE) as given:
        empty = {key: GOOD[key] for key in ("reference", "national_id", "as_of")}
        given.router.post(REPORTS).mock(return_value=httpx.Response(200, json={**empty, "found": False}))
        assert await BureauHttp(given.line).report(ASKED) == NoFile(ON)


@pytest.mark.parametrize("matches", [True, False])
async def test_an_identity_check(matches: bool) -> None:
    async with scripted(ONCE) as given:
        given.router.post(CHECKS).mock(return_value=said(matches=matches))
        assert await BureauHttp(given.line).identity(ASKED) == Identity(ON, matches)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.Response(500), "http_500"),
        (httpx.Response(502, text="<html>"), "http_502"),
        (httpx.Response(503, headers={"Retry-After": "3600"}), "http_503"),
        (httpx.Response(429), "http_429"),
        (httpx.Response(401), "http_401"),
        (httpx.Response(404), "http_404"),
        (httpx.Response(422, json={"code": "validation_failed"}), "http_422"),
        (httpx.Response(204), "http_204"),
        (httpx.ConnectError("refused"), "ConnectError"),
        (httpx.ReadTimeout("slow"), "ReadTimeout"),
        (httpx.RemoteProtocolError("cut"), "RemoteProtocolError"),
        (hang, "TimeoutError"),
        (httpx.Response(200, text=""), "garbage"),
        (httpx.Response(200, content=b"\x00\xff"), "garbage"),
        (httpx.Response(200, json=[]), "garbage"),
        (httpx.Response(200, content=b"[" * 10_000), "garbage"),
        (httpx.Response(200, json={**GOOD, "open_delinquencies": "0"}), "garbage"),
        (said(open_delinquencies=-1), "garbage"),
        (said(monthly_obligations=10**30), "garbage"),
        (said(monthly_obligations=1.5), "garbage"),
        (said(as_of="yesterday"), "garbage"),
        (said(open_delinquencies=None), "incomplete_report"),
        (said(national_id="110101199003071235"), "another_person"),
        (said(reference="bq_2"), "another_person"),
        (said(as_of="2026-11-23"), "from_the_future"),
    ],
)
async def test_what_is_no_answer(answer: Any, why: str) -> None:
    async with scripted(ONCE) as given:
        given.router.post(REPORTS).mock(side_effect=answer if callable(answer) else [answer, answer])
        with pytest.raises(BureauUnavailable) as refused:
            await BureauHttp(given.line).report(ASKED)
    assert refused.value.facts["why"] == why


async def test_a_silent_bureau_is_asked_once_more_under_the_same_reference() -> None:
    async with scripted(ONCE) as given:
        route = given.router.post(REPORTS).mock(side_effect=[httpx.ReadTimeout("slow"), said()])
        assert isinstance(await BureauHttp(given.line).report(ASKED), Report)
    assert [call.request.headers["idempotency-key"] for call in route.calls] == ["bq_1", "bq_1"]


async def test_a_failing_bureau_is_left_alone_and_tried_again() -> None:
    now = [0.0]
    async with scripted(ONCE) as given:
        route = given.router.post(REPORTS).mock(return_value=httpx.Response(500))
        bureau = BureauHttp(given.line, Tolerance(failures=2, rest=30.0), lambda: now[0])
        for _ in range(5):
            with pytest.raises(BureauUnavailable):
                await bureau.report(ASKED)
        assert (route.call_count, bureau.state) == (4, "open")
        now[0] = 31.0
        route.mock(return_value=said())
        assert isinstance(await bureau.report(ASKED), Report)
        assert bureau.state == "closed"


async def test_a_no_of_the_bureau_does_not_open_the_circuit() -> None:
    async with scripted(ONCE) as given:
        given.router.post(REPORTS).mock(return_value=said(national_id="x"))
        bureau = BureauHttp(given.line, Tolerance(failures=1))
        for _ in range(3):
            with pytest.raises(BureauUnavailable):
                await bureau.report(ASKED)
        assert bureau.state == "closed"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("张三", Report(ON, 0, 0, 1, 60, None)),
        ("张逾期", Report(ON, 1, 0, 1, 60, None)),
        ("张失信", Report(ON, 0, 1, 1, 60, None)),
        ("张频繁", Report(ON, 0, 0, 9, 60, None)),
        ("张查无", NoFile(ON)),
        ("张他人", "another_person"),
        ("张乱码", "garbage"),
        ("张故障", "http_500"),
    ],
)
async def test_the_sandbox_bureau_speaks_the_contract(name: str, told: Any) -> None:
    app = FastAPI()
    app.include_router(router_of())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bureau.test") as client:
        bureau = BureauHttp(Line(client, "key", ONCE))
        query = Query("bq_1", "110101199003071234", name, "cns_1", ON)
        if isinstance(told, str):
            with pytest.raises(BureauUnavailable) as refused:
                await bureau.report(query)
            assert refused.value.facts["why"] == told
        else:
            assert await bureau.report(query) == told
            assert (await bureau.identity(query)).matches
