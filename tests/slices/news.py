"""Webhooks made by hand, with any body, signature and time; and orders that the provider holds back."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import httpx
from standardwebhooks import Webhook

from refi import clock, ids
from refi.demo.walker import Walker, eventually
from refi.settings import SANDBOX_WEBHOOK_SECRET
from tests.slices.road import offered, one
from tests.stack import Stack

HOOK = "/hooks/v1/payments"
STATE = (
    "loans", "installments", "movements", "payments", "payouts", "refunds", "unmatched_receipts",
)  # fmt: skip


def body_of(**said: Any) -> dict[str, Any]:
    """A debit's good news about nobody, unless said otherwise."""
    return {
        "id": ids.new("evt"),
        "type": "debit.posted",
        "key": ids.new("pay"),
        "provider_id": "db_by_hand",
        "amount": 100_000,
        "currency": "CNY",
        "effective_on": "2026-11-22",
        "reason": None,
        "reference": None,
        **said,
    }


def headers_of(
    event_id: str, content: str, *, secret: str = SANDBOX_WEBHOOK_SECRET, at: datetime | None = None
) -> dict[str, str]:
    """Standard Webhooks headers over ``content``."""
    sent_at = at or clock.utc_now()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, sent_at, content),
        "content-type": "application/json",
    }


async def tell(stack: Stack, body: dict[str, Any], **how: Any) -> httpx.Response:
    """Send a signed webhook, whatever its body says."""
    content = json.dumps(body)
    headers = headers_of(str(body["id"]), content, **how)
    return await stack.client.post(HOOK, content=content.encode(), headers=headers)


async def provider_said(stack: Stack, kind: str, key: str) -> dict[str, Any]:
    """The provider's own news of ``kind`` about our order ``key``, told or kept back."""
    news = (await stack.runtime.sandbox.ask("/control/news", {"limit": "1000"}))["data"]
    found = [json.loads(item["body"]) for item in news if item["type"] == kind]
    return next(body for body in found if body["key"] == key)


async def lever(stack: Stack, path: str, **said: Any) -> dict[str, Any]:
    """Pull a lever of the provider, without waiting for what follows."""
    answer: dict[str, Any] = await stack.runtime.sandbox.command(f"/control/{path}", said)
    return answer


async def state(stack: Stack) -> dict[str, Any]:
    """Everything that money or a mistake about it could change."""
    database = stack.runtime.database
    return {
        table: await one(database, f"SELECT json_agg(t ORDER BY t::text)::text FROM {table} t")
        for table in STATE
    }


def minutes_ago(minutes: float) -> datetime:
    """An instant of the wall clock."""
    return clock.utc_now() - timedelta(minutes=minutes)


async def started(walker: Walker, loan_id: str, amount: int, mode: str = "due") -> str:
    """A debit under way; its id."""
    body = {"amount": amount, "source": {"type": "bank_debit"}, "mode": mode}
    payment = await walker.ask("POST", f"/v1/loans/{loan_id}/payments", body)
    assert payment["status"] == "pending"
    payment_id: str = payment["id"]
    return payment_id


async def held(stack: Stack, walker: Walker, loan_id: str, amount: int) -> str:
    """A debit that the provider has taken in and does not answer."""
    await lever(stack, "hold", on=True)
    payment_id = await started(walker, loan_id, amount)
    await taken_in(stack, payment_id)
    return payment_id


async def held_payout(stack: Stack, walker: Walker) -> tuple[str, str]:
    """A signed loan whose payoff the provider has taken in and does not answer; loan and payout id."""
    offer = await offered(walker)
    await lever(stack, "hold", on=True)
    loan_id = (await walker.accept(offer))["id"]
    payout_id = await one(stack.runtime.database, "SELECT id FROM payouts WHERE loan_id = :id", id=loan_id)
    await taken_in(stack, payout_id)
    return loan_id, payout_id


async def taken_in(stack: Stack, order_id: str) -> None:
    """Wait until the provider has an order."""
    table = "payouts" if order_id.startswith("pout") else "payments"

    async def look() -> str | None:
        call = await one(stack.runtime.database, f"SELECT call FROM {table} WHERE id = :id", id=order_id)
        return call if call == "accepted" else None

    await eventually(f"{order_id} is ordered", look)
