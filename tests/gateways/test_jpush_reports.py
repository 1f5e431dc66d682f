"""Every documented answer of JPush's report API: counts of a hundred pushes, and why one did not arrive."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import respx

from refi.gateways.jpush_reports import AT_ONCE, OVER, JPushReports
from refi.ids import MessageId
from refi.notifications.channels import DEVICE_GONE, Fate, Pushed, Reported, Reports, ReportsUnavailable

BASE = "https://report.jpush.test"
APP_KEY, SECRET = "7d431e42dfa6a6d693ac2d04", "secret-of-the-tests"
CREDENTIAL = "Basic " + base64.b64encode(f"{APP_KEY}:{SECRET}".encode()).decode()
NOON = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)  # half past midnight of the 23rd in Beijing
YOUNG, OLD = timedelta(minutes=2), OVER
RECEIPTS = (
    "jpush_received",
    "android_pns_received",
    "ios_apns_received",
    "ios_msg_received",
    "hmos_hmpns_received",
    "quickapp_jpush_received",
)
HANDED_ON = ("android_pns_sent", "ios_apns_sent", "wp_mpns_sent", "hmos_hmpns_sent", "quickapp_pns_sent")
NOTHING = dict.fromkeys((*RECEIPTS, *HANDED_ON))


def pushed(provider_id: str = "1613113584", age: timedelta = OLD, number: int = 1) -> Pushed:
    return Pushed(MessageId(f"msg_{number}"), provider_id, f"rid-{number}", NOON, age)


def no(code: int, status: int, **headers: str) -> httpx.Response:
    body = {"error": {"code": code, "message": "…"}}
    return httpx.Response(status, json=body, headers=headers)


@dataclass
class Scene:
    router: respx.MockRouter
    reports: Reports

    def counts(self, *answers: httpx.Response | Exception) -> respx.Route:
        return self.router.get("/v3/received/detail").mock(side_effect=list(answers))

    def count(self, **counts: Any) -> respx.Route:
        return self.counts(httpx.Response(200, json=[{"msg_id": "1613113584", **NOTHING, **counts}]))

    def statuses(self, *answers: httpx.Response | Exception) -> respx.Route:
        return self.router.post("/v3/status/message").mock(side_effect=list(answers))


@contextlib.asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    router = respx.MockRouter(base_url=BASE, assert_all_called=False)
    transport = httpx.MockTransport(router.async_handler)
    async with httpx.AsyncClient(base_url=BASE, transport=transport) as client:
        yield Scene(router, JPushReports(client, APP_KEY, SECRET))


@pytest.mark.parametrize("name", RECEIPTS)
@pytest.mark.parametrize("age", [YOUNG, OLD])
async def test_a_receipt_of_whichever_line_is_a_delivery(name: str, age: timedelta) -> None:
    async with scene() as here:
        here.count(**{name: 1})
        [found] = await here.reports.fates([pushed(age=age)])
    assert (found.id, found.fate, found.reason) == ("msg_1", Fate.DELIVERED, None)
    assert found.said[name] == 1


@pytest.mark.parametrize("name", HANDED_ON)
async def test_what_a_phones_maker_took_over_is_neither_delivered_nor_lost(name: str) -> None:
    async with scene() as here:
        here.count(**{name: 1})
        status = here.statuses(httpx.Response(500))
        assert await here.reports.fates([pushed()]) == []
        assert status.call_count == 0


async def test_nothing_yet_is_not_asked_further() -> None:
    async with scene() as here:
        here.count()
        status = here.statuses(httpx.Response(500))
        assert await here.reports.fates([pushed(age=OVER - timedelta(seconds=1))]) == []
        assert status.call_count == 0


@pytest.mark.parametrize(
    ("status", "fate", "reason"),
    [
        (0, Fate.DELIVERED, None),
        (1, Fate.UNDELIVERED, "not_received"),
        (2, Fate.UNDELIVERED, DEVICE_GONE),
    ],
)
async def test_nothing_at_the_end_of_its_life_is_asked_further(
    status: int, fate: Fate, reason: str | None
) -> None:
    async with scene() as here:
        counts = here.count()
        asked = here.statuses(httpx.Response(200, json={"rid-1": {"status": status}}))
        assert await here.reports.fates([pushed()]) == [
            Reported(MessageId("msg_1"), fate, reason, {"status": status})
        ]
    assert asked.calls.last.request.headers["authorization"] == CREDENTIAL
    assert json.loads(asked.calls.last.request.content) == {
        "msg_id": 1613113584,
        "registration_ids": ["rid-1"],
        "date": "2026-11-23",
    }
    assert counts.calls.last.request.headers["authorization"] == CREDENTIAL
    assert counts.calls.last.request.url.params["msg_ids"] == "1613113584"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={"rid-1": {"status": 3}}),  # not a target of this push
        httpx.Response(200, json={"rid-1": {"status": 4}}),  # an error of theirs
        httpx.Response(200, json={"rid-1": {"status": 99}}),
        httpx.Response(200, json={"rid-1": {"status": True}}),
        httpx.Response(200, json={"rid-1": {}}),
        httpx.Response(200, json={"rid-1": None}),
        httpx.Response(200, json={}),
        httpx.Response(200, json=[]),
        no(3002, 400),
        no(2003, 403),  # not granted to this application
    ],
)
async def test_no_answer_leaves_the_push_as_it_is(answer: httpx.Response) -> None:
    async with scene() as here:
        here.count()
        here.statuses(answer)
        assert await here.reports.fates([pushed()]) == []


FAILURES: list[tuple[httpx.Response | Exception, float | None]] = [
    (no(3001, 401), None),
    (no(2002, 429, **{"X-Rate-Limit-Reset": "23"}), 23.0),
    (no(2002, 429, **{"Retry-After": "5"}), 5.0),
    (no(2002, 429), None),
    (no(10, 500), None),
    (httpx.Response(503), None),
    (httpx.Response(200, text="<html>"), None),
    (httpx.ReadTimeout("slow"), None),
    (httpx.ConnectError("no"), None),
]


@pytest.mark.parametrize(("answer", "rest"), FAILURES)
async def test_an_outage_is_told_with_the_rest_it_asks_for(
    answer: httpx.Response | Exception, rest: float | None
) -> None:
    async with scene() as here:
        here.counts(answer)
        with pytest.raises(ReportsUnavailable) as raised:
            await here.reports.fates([pushed()])
        assert raised.value.facts.get("retry_after") == rest
    async with scene() as here:
        here.count()
        here.statuses(answer)
        with pytest.raises(ReportsUnavailable) as raised:
            await here.reports.fates([pushed()])
        assert raised.value.facts.get("retry_after") == rest


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={}),
        httpx.Response(200, json=["1613113584"]),
        no(2003, 403),
        no(3004, 400),
    ],
)
async def test_counts_that_are_none(answer: httpx.Response) -> None:
    async with scene() as here:
        here.counts(answer)
        with pytest.raises(ReportsUnavailable):
            await here.reports.fates([pushed()])


@pytest.mark.parametrize("value", ["1", True, -1, 0, 1.5, [1], None])
async def test_a_count_that_is_no_number_counts_nothing(value: object) -> None:
    async with scene() as here:
        here.count(jpush_received=value)
        assert await here.reports.fates([pushed(age=YOUNG)]) == []


async def test_a_hundred_in_a_question_and_ids_as_numbers() -> None:
    async with scene() as here:

        def each(request: httpx.Request) -> httpx.Response:
            ids = request.url.params["msg_ids"].split(",")
            assert len(ids) <= AT_ONCE
            return httpx.Response(200, json=[{"msg_id": int(one), "jpush_received": 1} for one in ids[1:]])

        route = here.router.get("/v3/received/detail").mock(side_effect=each)
        pushes = [pushed(str(10**9 + n), YOUNG, n) for n in range(250)]
        found = await here.reports.fates(pushes)
        assert route.call_count == 3
        assert len(found) == 247  # of the first of each hundred nothing is known yet


async def test_what_another_provider_carried_is_not_asked_about() -> None:
    async with scene() as here:
        route = here.counts(httpx.Response(500))
        assert await here.reports.fates([pushed("msg_01m8"), pushed("１２"), pushed("")]) == []
        assert route.call_count == 0
