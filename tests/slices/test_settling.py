"""An act of the sandbox ends when the work that it set off is done, however slow the provider is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from refi import clock
from refi.api.settling import settle
from tests.slices.news import lever
from tests.slices.road import borrowed, newcomer
from tests.stack import Stack, running_stack

SLOW = 0.4


@pytest.fixture
async def slow(database_url: str, tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack whose provider takes its time to answer."""
    async with running_stack(database_url, tmp_path, answer_delay=SLOW) as running:
        yield running


async def test_a_script_may_look_at_once(slow: Stack) -> None:
    """A payoff, a debit and its return: each is there when the call that set it off has answered."""
    walker = await newcomer(slow)
    loan_id = await borrowed(walker)
    today = await walker.business_date()
    await walker.advance(today + timedelta(days=1))
    assert (await walker.loan(loan_id))["status"] == "active"
    body = {"amount": 100_000, "source": {"type": "bank_debit"}, "mode": "due"}
    payment = await walker.ask("POST", f"/v1/loans/{loan_id}/payments", body)
    for act, status in (("post", "posted"), ("return", "reversed")):
        await walker.ask("POST", f"/sandbox/v1/payments/{payment['id']}/{act}", {})
        assert (await walker.ask("GET", f"/v1/payments/{payment['id']}"))["status"] == status


async def test_what_waits_for_a_lever_is_not_waited_for(slow: Stack) -> None:
    walker = await newcomer(slow)
    await lever(slow, "hold", on=True)
    await borrowed(walker)
    began = clock.monotonic()
    assert await settle(slow.runtime, within=20)
    assert clock.monotonic() - began < 10
    await lever(slow, "hold", on=False)
    assert await settle(slow.runtime, within=20)


async def test_an_end_that_does_not_come_is_told(slow: Stack) -> None:
    walker = await newcomer(slow)
    await borrowed(walker)
    assert not await settle(slow.runtime, within=0.05)
    assert await settle(slow.runtime, within=20)


async def test_what_comes_back_comes_back_today(slow: Stack) -> None:
    """A return is dated when its lever is pulled; an order not answered yet is answered first."""
    walker = await newcomer(slow)
    loan_id = await borrowed(walker)
    [payout] = (await walker.ask("GET", f"/v1/loans/{loan_id}/payouts"))["data"]
    await walker.ask("POST", f"/sandbox/v1/payouts/{payout['id']}/deliver", {})
    body = {"amount": 100_000, "source": {"type": "bank_debit"}}
    at_once = await walker.ask("POST", f"/v1/loans/{loan_id}/payments", body)
    await walker.ask("POST", f"/sandbox/v1/payments/{at_once['id']}/return", {})
    later = await walker.ask("POST", f"/v1/loans/{loan_id}/payments", body)
    today = await walker.business_date() + timedelta(days=3)
    await walker.advance(today)
    await walker.ask("POST", f"/sandbox/v1/payments/{later['id']}/return", {})
    found = [await walker.ask("GET", f"/v1/payments/{each['id']}") for each in (at_once, later)]
    assert [each["status"] for each in found] == ["reversed", "reversed"]
    assert [each["returned_on"] for each in found] == [found[0]["effective_on"], today.isoformat()]
    await walker.ask("POST", f"/sandbox/v1/payouts/{payout['id']}/return", {})
    [payout] = (await walker.ask("GET", f"/v1/loans/{loan_id}/payouts"))["data"]
    assert (payout["status"], payout["returned_on"]) == ("returned", today.isoformat())
    assert (await walker.ask("GET", f"/v1/loans/{loan_id}/schedule"))["data"] == []


async def test_money_that_left_the_payer_earlier_or_in_another_currency(slow: Stack) -> None:
    walker = await newcomer(slow)
    loan_id = await borrowed(walker)
    began = await walker.business_date()
    today = began + timedelta(days=5)
    await walker.advance(today)
    money = {"amount": 100, "reference": loan_id}
    for more in ({"effective_on": (began + timedelta(days=1)).isoformat()}, {}, {"currency": "USD"}):
        await walker.ask("POST", "/sandbox/v1/transfers", {**money, **more})
    found = (await walker.ask("GET", f"/v1/loans/{loan_id}/payments"))["data"]
    days = [today.isoformat(), (began + timedelta(days=1)).isoformat()]
    assert [each["effective_on"] for each in found] == days
    refused = {"effective_on": (today + timedelta(days=1)).isoformat()}
    answer = await slow.client.post("/sandbox/v1/transfers", json={**money, **refused})
    assert answer.json()["errors"] == [{"pointer": "/effective_on", "code": "in_the_future"}]
