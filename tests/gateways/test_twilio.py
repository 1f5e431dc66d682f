"""Every documented answer of Twilio's Messages API, and what the channel makes of it."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from refi.gateways.twilio import Twilio
from refi.notifications.channels import Answer, Channel, ChannelUnavailable, NotSent, Refused, Sent, Unknown
from tests.gateways.given import outgoing

HOOK = "https://refi.test/hooks/v1/messages/twilio"
BASE = "https://api.twilio.test"
ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "token-of-the-tests"
CREDENTIAL = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
SID = "SM00000000000000000000000000000001"
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
CREATED = {
    "sid": SID, "status": "queued", "error_code": None, "error_message": None, "num_segments": "1",
    "to": "+8613800000000", "from": "+14155550100", "body": "x",
}  # fmt: skip


def no(code: int, status: int = 400) -> httpx.Response:
    body = {
        "code": code,
        "message": "…",
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return httpx.Response(status, json=body)


FILTERED = {"status": "failed", "error_code": 30007}
UNTIL = {"Retry-After": "Sun, 22 Nov 2026 02:01:30 GMT", "Date": "Sun, 22 Nov 2026 02:00:00 GMT"}


@contextlib.asynccontextmanager
async def account(sender: str = "+14155550100") -> AsyncIterator[tuple[respx.MockRouter, Twilio]]:
    router = respx.MockRouter(base_url=BASE, assert_all_called=False)
    transport = httpx.MockTransport(router.async_handler)
    async with httpx.AsyncClient(base_url=BASE, transport=transport) as client:
        yield router, Twilio(client, ACCOUNT, TOKEN, sender, lambda key: f"{HOOK}?message={key}")


async def sent(response: httpx.Response | Exception) -> Answer:
    async with account() as (router, channel):
        route = router.post(PATH).mock(side_effect=[response])
        answer = await channel.send(outgoing())
        assert route.call_count == 1, "an SMS is never sent twice"
        return answer


async def test_an_sms_as_it_goes_over_the_wire() -> None:
    async with account() as (router, twilio):
        route = router.post(PATH).mock(return_value=httpx.Response(201, json=CREATED))
        channel: Channel = twilio
        assert await channel.send(outgoing(text="明天到期 & more=1")) == Sent(SID)
    request = route.calls.last.request
    assert request.headers["authorization"] == CREDENTIAL
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.content.decode(), strict_parsing=True) == {
        "To": ["+8613800000000"], "From": ["+14155550100"], "Body": ["明天到期 & more=1"],
        "StatusCallback": [f"{HOOK}?message=msg_1"],
    }  # fmt: skip
    assert (channel.name, channel.deduplicates, channel.can_ask) == ("sms", False, False)
    assert channel.opt_out_url("msg_1") is None


async def test_a_messaging_service_may_be_the_sender() -> None:
    async with account("MG00000000000000000000000000000001") as (router, channel):
        route = router.post(PATH).mock(return_value=httpx.Response(201, json=CREATED))
        await channel.send(outgoing())
    form = parse_qs(route.calls.last.request.content.decode())
    assert form["MessagingServiceSid"] == ["MG00000000000000000000000000000001"]
    assert "From" not in form


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (httpx.Response(201, json=CREATED), Sent(SID)),
        (httpx.Response(201, json=CREATED | {"status": "accepted"}), Sent(SID)),
        (httpx.Response(201, json=CREATED | {"sid": "MM" + SID[2:]}), Sent("MM" + SID[2:])),
        (
            httpx.Response(201, json=CREATED | {"status": "failed", "error_code": 30007}),
            Refused("twilio_30007"),
        ),
        # numbers that take no message
        (no(21211), Refused("twilio_21211")),
        (no(21408), Refused("twilio_21408")),
        (no(21610), Refused("twilio_21610")),
        (no(21612), Refused("twilio_21612")),
        (no(21614), Refused("twilio_21614")),
        (no(21617), Refused("twilio_21617")),
        # what is wrong with us
        (no(21212), NotSent("twilio_21212")),
        (no(21606), NotSent("twilio_21606")),
        (no(21703), NotSent("twilio_21703")),
        (no(20003, 401), NotSent("http_401")),
        (no(20005, 403), NotSent("http_403")),
        (no(20404, 404), NotSent("http_404")),
        # too fast
        (no(20429, 429), NotSent("http_429")),
        (httpx.Response(429, headers={"Retry-After": "7"}), NotSent("http_429", 7.0)),
        (httpx.Response(429, headers=UNTIL), NotSent("http_429", 90.0)),
        # nobody can tell
        (httpx.Response(500, json={"code": 20500}), Unknown("http_500")),
        (httpx.Response(503, headers={"Retry-After": "1"}), Unknown("http_503")),
        (httpx.Response(504, text="<html>"), Unknown("http_504")),
        (httpx.Response(302, headers={"Location": "https://elsewhere.test"}), Unknown("http_302")),
        (httpx.Response(201, text="<html>"), Unknown("unreadable_answer")),
        (httpx.Response(201, json=[]), Unknown("unreadable_answer")),
        (httpx.Response(201, json={"status": "queued"}), Unknown("unreadable_answer")),
        (httpx.Response(201, json=CREATED | {"sid": 1}), Unknown("unreadable_answer")),
        (httpx.Response(201, json=CREATED | {"sid": "CA1"}), Unknown("answer_about_something_else")),
        (httpx.Response(201, content=b" " * (2 << 20)), Unknown("unreadable_answer")),
        (httpx.Response(400, text="no"), Unknown("unreadable_answer")),
        (httpx.Response(400, json={"code": "21211"}), Unknown("unreadable_answer")),
        (httpx.ReadTimeout("slow"), Unknown("ReadTimeout")),
        (httpx.RemoteProtocolError("cut"), Unknown("RemoteProtocolError")),
        (httpx.WriteError("cut"), Unknown("WriteError")),
        # nothing left
        (httpx.ConnectError("no"), NotSent("ConnectError")),
        (httpx.ConnectTimeout("slow"), NotSent("ConnectTimeout")),
    ],
)
async def test_every_answer(response: httpx.Response | Exception, answer: Answer) -> None:
    assert await sent(response) == answer


async def test_it_cannot_be_asked() -> None:
    async with account() as (router, channel):
        with pytest.raises(ChannelUnavailable):
            await channel.find("msg_1")
        assert not router.calls
