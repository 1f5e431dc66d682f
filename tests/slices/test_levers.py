"""The levers of the sandbox: what the provider does when told, and the day on which it happened."""

from __future__ import annotations

from datetime import timedelta

from tests.slices.road import borrowed, newcomer
from tests.stack import Stack


async def test_what_comes_back_comes_back_today(stack: Stack) -> None:
    """A return is dated when its lever is pulled; an order not answered yet is answered first."""
    walker = await newcomer(stack)
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


async def test_money_that_left_the_payer_earlier(stack: Stack) -> None:
    walker = await newcomer(stack)
    loan_id = await borrowed(walker)
    began = await walker.business_date()
    today = began + timedelta(days=5)
    await walker.advance(today)
    money = {"amount": 100, "reference": loan_id}
    for more in ({"effective_on": (began + timedelta(days=1)).isoformat()}, {"currency": "CNY"}):
        await walker.ask("POST", "/sandbox/v1/transfers", {**money, **more})
    found = (await walker.ask("GET", f"/v1/loans/{loan_id}/payments"))["data"]
    days = [today.isoformat(), (began + timedelta(days=1)).isoformat()]
    assert [each["effective_on"] for each in found] == days
    tomorrow = (today + timedelta(days=1)).isoformat()
    for wrong, code in (
        ({"effective_on": tomorrow}, "in_the_future"),
        ({"currency": "USD"}, "other_currency"),
    ):
        answer = await stack.client.post("/sandbox/v1/transfers", json={**money, **wrong})
        assert answer.json()["errors"] == [{"pointer": f"/{next(iter(wrong))}", "code": code}]
