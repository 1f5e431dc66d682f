"""Every answer of the message inbox, and what the channel makes of it."""

from __future__ import annotations

import httpx
import pytest

from refi.gateways.line import Patience
from refi.gateways.messages_http import MessagesHttp
from refi.notifications.channels import Answer, Channel, ChannelUnavailable, NotSent, Refused, Sent, Unknown
from tests.gateways.given import outgoing, scripted

ONCE = Patience(attempts=1)
TAKEN = {"id": "sms_9", "key": "msg_1", "status": "sent"}


async def send(channel: Channel) -> Answer:
    return await channel.send(outgoing())


async def sent(response: httpx.Response | Exception) -> Answer:
    async with scripted(ONCE) as given:
        given.router.post("/messages").mock(side_effect=[response])
        return await send(MessagesHttp(given.line, "sms"))


async def test_a_message_as_it_goes_over_the_wire() -> None:
    async with scripted(ONCE) as given:
        route = given.router.post("/messages").mock(return_value=httpx.Response(202, json=TAKEN))
        channel = MessagesHttp(given.line, "push")
        assert await send(channel) == Sent("sms_9")
    assert (channel.name, channel.deduplicates, channel.can_ask) == ("push", True, True)
    request = route.calls.last.request
    assert request.headers["idempotency-key"] == "msg_1"
    assert httpx.Response(200, content=request.content).json() == {
        "channel": "push", "to": "+8613800000000", "template": "reminder", "subject": None,
        "text": "明天到期", "at": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (httpx.Response(200, json=TAKEN), Sent("sms_9")),
        (httpx.Response(422, json={"code": "unreachable"}), Refused("unreachable")),
        (httpx.Response(422, text="no"), Unknown("unreadable_answer")),
        (httpx.Response(401), NotSent("http_401")),
        (httpx.Response(429, headers={"Retry-After": "60"}), NotSent("http_429", 60.0)),
        (httpx.Response(409, json={"code": "idempotency_key_reused"}), Unknown("http_409")),
        (httpx.Response(500, text="<html>"), Unknown("http_500")),
        (httpx.Response(500, json=TAKEN), Unknown("http_500")),
        (httpx.Response(202, json=TAKEN | {"key": "msg_2"}), Unknown("answer_about_something_else")),
        (httpx.Response(202, json={"key": "msg_1"}), Unknown("unreadable_answer")),
        (httpx.Response(202, text="ok"), Unknown("unreadable_answer")),
        (httpx.ConnectError("no"), NotSent("ConnectError")),
        (httpx.ReadTimeout("slow"), Unknown("ReadTimeout")),
    ],
)
async def test_every_answer(response: httpx.Response | Exception, answer: Answer) -> None:
    assert await sent(response) == answer


async def test_turned_away_after_doubt_is_unknown() -> None:
    later = httpx.Response(503, headers={"Retry-After": "0"})
    async with scripted() as given:
        given.router.post("/messages").mock(side_effect=[later, httpx.Response(403)])
        assert await send(MessagesHttp(given.line, "sms")) == Unknown("http_403")


async def found(response: httpx.Response | Exception) -> Sent | None:
    async with scripted(ONCE) as given:
        given.router.get("/messages/msg_1").mock(side_effect=[response])
        return await MessagesHttp(given.line, "sms").find("msg_1")


async def test_asking_about_a_message() -> None:
    assert await found(httpx.Response(200, json=TAKEN)) == Sent("sms_9")
    assert await found(httpx.Response(404, json={"code": "message_not_found", "key": "msg_1"})) is None


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(404, text="<html>"),
        httpx.Response(404, json={"code": "not_found", "key": "msg_1"}),
        httpx.Response(404, json={"code": "message_not_found", "key": "msg_2"}),
        httpx.Response(200, json=TAKEN | {"key": "msg_2"}),
        httpx.Response(200, json={"key": "msg_1"}),
        httpx.Response(500, json=TAKEN),
        httpx.ReadTimeout("slow"),
    ],
)
async def test_no_usable_answer_is_not_never_seen(response: httpx.Response | Exception) -> None:
    with pytest.raises(ChannelUnavailable):
        await found(response)
