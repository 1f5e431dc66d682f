"""Every documented answer of JPush's push API: repeats under one cid, throttles, refusals, doubt."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
import respx

from refi.gateways.jpush import CID_LIFE, FETCHED, LIFE, JPush
from refi.notifications.channels import Answer, Channel, ChannelUnavailable, NotSent, Refused, Sent, Unknown
from tests.gateways.given import outgoing

BASE = "https://api.jpush.test"
APP_KEY, SECRET = "7d431e42dfa6a6d693ac2d04", "secret-of-the-tests"
CREDENTIAL = "Basic " + base64.b64encode(f"{APP_KEY}:{SECRET}".encode()).decode()
DONE = {"sendno": "0", "msg_id": "18100287001425672"}


def no(code: int, status: int = 400, **headers: str) -> httpx.Response:
    body = {"error": {"code": code, "message": "…"}}
    return httpx.Response(status, json=body, headers=headers)


@dataclass
class Scene:
    router: respx.MockRouter
    channel: JPush
    now: list[float] = field(default_factory=lambda: [0.0])
    waits: list[float] = field(default_factory=list)

    def pushes(self, *responses: httpx.Response | Exception) -> respx.Route:
        return self.router.post("/v3/push").mock(side_effect=list(responses))


@contextlib.asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    router = respx.MockRouter(base_url=BASE, assert_all_called=False)
    numbers = itertools.count(1)

    def cids(request: httpx.Request) -> httpx.Response:
        count = int(request.url.params["count"])
        return httpx.Response(200, json={"cidlist": [f"{APP_KEY}-{next(numbers)}" for _ in range(count)]})

    router.get("/v3/push/cid").mock(side_effect=cids)
    made = Scene(router, None)  # type: ignore[arg-type]

    async def sleep(seconds: float) -> None:
        made.waits.append(seconds)

    async with httpx.AsyncClient(
        base_url=BASE, transport=httpx.MockTransport(router.async_handler)
    ) as client:
        made.channel = JPush(client, APP_KEY, SECRET, sleep=sleep, now=lambda: made.now[0])
        yield made


async def test_a_push_as_it_goes_over_the_wire() -> None:
    async with scene() as here:
        route = here.pushes(httpx.Response(200, json=DONE))
        channel: Channel = here.channel
        assert await channel.send(outgoing(to="13065ffa4e22d63efd2", subject="Refi", text="请打开")) == Sent(
            DONE["msg_id"]
        )
    request = route.calls.last.request
    assert request.headers["authorization"] == CREDENTIAL
    assert json.loads(request.content) == {
        "cid": f"{APP_KEY}-1",
        "platform": "all",
        "audience": {"registration_id": ["13065ffa4e22d63efd2"]},
        "notification": {
            "alert": "请打开",
            "android": {"alert": "请打开", "title": "Refi", "extras": {"message": "msg_1"}},
            "ios": {"alert": {"title": "Refi", "body": "请打开"}, "extras": {"message": "msg_1"}},
        },
        "options": {"time_to_live": LIFE, "apns_production": True},
    }
    assert (channel.name, channel.deduplicates, channel.can_ask) == ("push", False, False)
    assert channel.opt_out_url("msg_1") is None


async def test_each_push_has_a_cid_of_its_own_and_few_are_fetched() -> None:
    async with scene() as here:
        route = here.pushes(*(httpx.Response(200, json=DONE) for _ in range(FETCHED + 2)))
        for number in range(FETCHED + 1):
            await here.channel.send(outgoing(f"msg_{number}"))
        here.now[0] += CID_LIFE
        await here.channel.send(outgoing("msg_late"))
        used = [json.loads(call.request.content)["cid"] for call in route.calls]
        assert len(set(used)) == FETCHED + 2
        fetched = [call for call in here.router.calls if call.request.url.path == "/v3/push/cid"]
        assert len(fetched) == 3


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (httpx.Response(200, json=DONE), Sent("18100287001425672")),
        (httpx.Response(200, json={"sendno": 0, "msg_id": 42}), Sent("42")),
        (no(1011), Refused("no_such_device")),  # no such registration id, or it was inactive for too long
        (no(1003), Refused("jpush_1003")),
        (no(1005), Refused("jpush_1005")),
        (no(1008), NotSent("jpush_1008")),
        (no(1020), NotSent("jpush_1020")),
        (no(1004, 401), NotSent("http_401")),
        (no(2004, 403), NotSent("http_403")),
        (no(1001, 405), NotSent("http_405")),
        (httpx.Response(410), NotSent("http_410")),
        (no(2002, 429), NotSent("http_429")),
        (no(2002, 429, **{"X-Rate-Limit-Reset": "11"}), NotSent("http_429", 11.0)),
        (no(2002, 429, **{"Retry-After": "3", "X-Rate-Limit-Reset": "11"}), NotSent("http_429", 3.0)),
        (httpx.ConnectError("no"), NotSent("ConnectError")),
    ],
)
async def test_every_clear_answer(response: httpx.Response | Exception, answer: Answer) -> None:
    async with scene() as here:
        route = here.pushes(response)
        assert await here.channel.send(outgoing()) == answer
        assert route.call_count == 1


@pytest.mark.parametrize(
    ("response", "cause"),
    [
        (no(1000, 500), "http_500"),
        (no(1030), "jpush_1030"),
        (no(1009), "jpush_1009"),
        (httpx.Response(502, text="<html>"), "http_502"),
        (httpx.Response(503), "http_503"),
        (httpx.Response(200, text="ok"), "unreadable_answer"),
        (httpx.Response(200, json={"sendno": "0"}), "unreadable_answer"),
        (httpx.Response(200, json={"msg_id": True}), "unreadable_answer"),
        (httpx.Response(200, json=[1]), "unreadable_answer"),
        (httpx.Response(400, json={"code": 1011}), "unreadable_answer"),
        (httpx.Response(400, text="no"), "unreadable_answer"),
        (httpx.Response(201, json=DONE), "http_201"),
        (httpx.ReadTimeout("slow"), "ReadTimeout"),
        (httpx.RemoteProtocolError("cut"), "RemoteProtocolError"),
    ],
)
async def test_doubt_is_repeated_under_the_same_cid(response: httpx.Response | Exception, cause: str) -> None:
    async with scene() as here:
        route = here.pushes(response, httpx.Response(200, json=DONE))
        assert await here.channel.send(outgoing()) == Sent(DONE["msg_id"])
        assert len({json.loads(call.request.content)["cid"] for call in route.calls}) == 1
    async with scene() as here:
        route = here.pushes(*[response] * 3)
        assert await here.channel.send(outgoing()) == Unknown(cause)
        assert (route.call_count, here.waits) == (3, [0.5, 1.0])


async def test_turned_away_after_doubt_is_still_doubt() -> None:
    async with scene() as here:
        here.pushes(httpx.ReadTimeout("slow"), no(2002, 429))
        assert await here.channel.send(outgoing()) == Unknown("http_429")


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (httpx.Response(401), NotSent("http_401")),
        (httpx.Response(429, headers={"X-Rate-Limit-Reset": "20"}), NotSent("http_429", 20.0)),
        (httpx.Response(500), NotSent("http_500")),
        (httpx.Response(200, text="<html>"), NotSent("unreadable_answer")),
        (httpx.Response(200, json={"cidlist": []}), NotSent("unreadable_answer")),
        (httpx.Response(200, json={"cidlist": [1]}), NotSent("unreadable_answer")),
        (httpx.Response(200, json=[]), NotSent("unreadable_answer")),
        (httpx.ReadTimeout("slow"), NotSent("ReadTimeout")),
    ],
)
async def test_without_a_cid_nothing_is_pushed(response: httpx.Response | Exception, answer: Answer) -> None:
    async with scene() as here:
        here.router.get("/v3/push/cid").mock(side_effect=[response])
        route = here.pushes(httpx.Response(200, json=DONE))
        assert await here.channel.send(outgoing()) == answer
        assert route.call_count == 0


async def test_it_cannot_be_asked() -> None:
    async with scene() as here:
        with pytest.raises(ChannelUnavailable):
            await here.channel.find("msg_1")
