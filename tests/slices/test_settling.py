"""An act of the sandbox ends when the work that it set off is done, however slow the provider is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

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
    assert await settle(slow.runtime, within=20)
    await lever(slow, "hold", on=False)
    assert await settle(slow.runtime, within=20)


async def test_an_end_that_does_not_come_is_told(database_url: str, tmp_path: Path) -> None:
    async with running_stack(database_url, tmp_path, answer_delay=600) as never:
        await borrowed(await newcomer(never))
        assert not await settle(never.runtime, within=0.2)
