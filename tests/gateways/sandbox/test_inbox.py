"""The message inbox: once per id, newest first, and it can be asked."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime

from refi.gateways.sandbox.inbox import UNREACHABLE
from refi.notifications.channels import Refused, Sent, Unknown
from tests.gateways.given import outgoing
from tests.gateways.sandbox.conftest import World

TO = "+8613800000000"


async def test_newest_first_and_by_address(world: World) -> None:
    for number in range(3):
        assert isinstance(
            await world.sms.send(outgoing(f"msg_{number}", TO, "reminder", f"第{number}条")), Sent
        )
    await world.sms.send(outgoing("msg_9", "+8613900000000", "reminder", "other"))
    page = (await world.control.get("/messages", params={"to": TO, "limit": 2})).json()
    assert [item["text"] for item in page["data"]] == ["第2条", "第1条"]
    assert page["has_more"] is True
    assert page["data"][0].keys() >= {"id", "to", "channel", "template", "text", "sent_at"}
    assert (page["data"][0]["channel"], page["data"][0]["to"]) == ("sms", TO)
    after = {"to": TO, "starting_after": page["data"][-1]["id"]}
    rest = (await world.control.get("/messages", params=after)).json()
    assert [item["text"] for item in rest["data"]] == ["第0条"]
    assert rest["has_more"] is False
    everybody = (await world.control.get("/messages")).json()["data"]
    assert len(everybody) == 4


async def test_one_id_is_one_message(world: World) -> None:
    answers = await asyncio.gather(
        *(world.sms.send(outgoing("msg_1", TO, "otp", "123456")) for _ in range(20))
    )
    assert len(set(answers)) == 1
    assert await world.sms.find("msg_1") == answers[0]
    assert await world.sms.send(outgoing("msg_1", TO, "otp", "654321")) == Unknown("http_409")
    assert len((await world.control.get("/messages")).json()["data"]) == 1
    assert await world.sms.find("msg_2") is None


async def test_the_senders_time_is_kept_and_a_repeat_may_be_later(world: World) -> None:
    first = dataclasses.replace(outgoing("msg_1"), at=datetime(2027, 3, 23, 2, tzinfo=UTC))
    later = dataclasses.replace(first, at=datetime(2027, 3, 23, 3, tzinfo=UTC))
    assert await world.sms.send(first) == await world.sms.send(later)
    [kept] = (await world.control.get("/messages")).json()["data"]
    assert datetime.fromisoformat(kept["at"]) == first.at


async def test_nobody_there(world: World) -> None:
    assert await world.sms.send(outgoing("msg_1", UNREACHABLE, "otp", "1")) == Refused("unreachable")
    assert await world.sms.find("msg_1") is None


async def test_what_sms_needs_to_carry(world: World) -> None:
    text = "【还款】“明天”到期\n¥1,066.19 😀 <b>"
    assert isinstance(await world.sms.send(outgoing("msg_1", TO, "reminder", text)), Sent)
    assert (await world.control.get("/messages")).json()["data"][0]["text"] == text
    assert await world.sms.send(outgoing("msg_2", TO, "reminder", "a\x00b")) == Refused("validation_failed")
