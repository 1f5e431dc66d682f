"""The life of messages on real sockets: delivered, bounced, throttled, garbled, written back, told twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from refi.demo.walker import Walker, eventually
from tests.slices.road import active, newcomer
from tests.stack import Stack, running_stack

SILENT, BOUNCES = "+19990000002", "+19990000001"


@pytest.fixture
async def told(database_url: str, tmp_path: Path) -> AsyncIterator[Stack]:
    async with running_stack(database_url, tmp_path, receipts=True, scheduler=True) as stack:
        yield stack


async def command(stack: Stack, path: str, **body: Any) -> Any:
    answer = await stack.client.post(f"/sandbox/v1/{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def newest(walker: Walker, **wanted: str) -> dict[str, Any] | None:
    for message in (await walker.ask("GET", "/v1/messages"))["data"]:
        if all(message[name] == value for name, value in wanted.items()):
            found: dict[str, Any] = message
            return found
    return None


async def stands(walker: Walker, **wanted: str) -> dict[str, Any]:
    """The newest message that stands as wanted, as soon as there is one."""
    return await eventually(f"a message with {wanted}", lambda: newest(walker, **wanted))


async def provider_log(stack: Stack) -> list[dict[str, Any]]:
    found = await stack.runtime.sandbox.ask("/messages", {"limit": "200"})
    return list(found["data"])


async def test_a_code_is_told_delivered(told: Stack) -> None:
    walker = await newcomer(told)
    await walker.ask("POST", "/v1/auth/otp", {"phone": walker.phone})
    await stands(walker, template="one_time_code", status="delivered")


@pytest.mark.parametrize(
    "fault",
    [
        {"mode": "error"},
        {"mode": "error", "retry_after": 1},
        {"mode": "error", "retry_after": 7},
        {"mode": "silent"},
        {"mode": "garbled"},
        {"mode": "timeout", "seconds": 0},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
async def test_every_fault_of_a_provider_ends_in_one_message(told: Stack, fault: dict[str, Any]) -> None:
    walker = await newcomer(told)
    before = len(await provider_log(told))
    await command(told, "faults", operation="messages", **fault)
    await walker.ask("POST", "/v1/auth/otp", {"phone": walker.phone})

    await stands(walker, template="one_time_code", status="delivered")
    assert len(await provider_log(told)) == before + 1


async def test_a_word_sent_back_is_confirmed(told: Stack) -> None:
    walker = await newcomer(told)
    await walker.ask("POST", "/v1/consents", {"purpose": "marketing", "text_version": "2026-11"})
    await command(told, "inbound-messages", sender=walker.phone, text="TD")
    await stands(walker, template="opted_out", status="delivered")
    consents = {item["purpose"]: item["granted"] for item in (await walker.ask("GET", "/v1/me"))["consents"]}
    assert consents["marketing"] is False


async def test_a_late_receipt_and_the_same_twice(told: Stack) -> None:
    walker = await newcomer(told)
    provider = told.runtime.sandbox
    await provider.command("/control/hold-receipts", {"on": True})
    await walker.ask("POST", "/v1/auth/otp", {"phone": walker.phone})
    message = await stands(walker, template="one_time_code", status="sent")
    await command(told, f"messages/{message['id']}/bounce")
    await stands(walker, id=message["id"], status="undelivered")
    news = (await provider.ask("/control/news", {"limit": "200"}))["data"]
    [event] = [item["id"] for item in news if item["type"] == "message.bounced"]
    await provider.command(f"/control/news/{event}/tell")
    await command(told, f"messages/{message['id']}/deliver")  # contradicts: it is parked, not believed

    async def parked() -> bool | None:
        async with told.runtime.database.engine.connect() as connection:
            rows = await connection.exec_driver_sql("SELECT 1 FROM message_news WHERE refusal IS NOT NULL")
            return len(rows.all()) == 1 or None

    await eventually("the news is parked", parked)
    assert (await newest(walker, id=message["id"]) or {})["status"] == "undelivered"


async def test_who_is_no_message_cannot_be_told_about(told: Stack) -> None:
    answer = await told.client.post("/sandbox/v1/messages/msg_00000000000000000000000000/deliver")
    assert answer.status_code == 404


async def test_the_inbox_dates_messages_by_the_clock_that_the_sandbox_moves(told: Stack) -> None:
    walker = await newcomer(told)
    loan = await walker.loan(await active(walker))
    eve = date.fromisoformat(loan["next_due_date"]) - timedelta(days=1)
    await walker.advance(eve)
    ours = await stands(walker, stage="T-1")

    inbox = (await walker.ask("GET", "/sandbox/v1/messages", params={"to": walker.phone}))["data"]
    [reminder] = [each for each in inbox if each["template"] == "due_tomorrow"]
    local = datetime.fromisoformat(reminder["sent_at"]).astimezone(ZoneInfo("Asia/Shanghai"))
    assert (local.date(), local.hour) == (eve, 10)
    assert reminder["sent_at"] == ours["sent_at"]


async def test_without_a_webhook_nothing_is_told(database_url: str, tmp_path: Path) -> None:
    async with running_stack(database_url, tmp_path) as stack:
        walker = await newcomer(stack)
        await walker.ask("POST", "/v1/auth/otp", {"phone": walker.phone})
        message = await stands(walker, template="one_time_code", status="sent")
        answer = await stack.client.post(f"/sandbox/v1/messages/{message['id']}/deliver")
        assert (answer.status_code, answer.json()["provider"]) == (409, "nobody_listens")
