"""A payoff that fails, comes back or is not wanted any more: nobody owes for it, and it may be sent again."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from refi.demo.walker import Walker
from tests.slices.news import held_payout, lever
from tests.slices.office import a_clerk
from tests.slices.road import (
    active,
    borrowed,
    cash_at_provider,
    clean,
    newcomer,
    one,
    rows,
    suspense,
)
from tests.stack import Stack

BAD, GOOD = "6225880137760006", "6225880137706868"


async def answer(walker: Walker, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """What was answered, whatever it is."""
    said = await walker.send(method, path, body)
    return said.status_code, said.json()


async def another_card(walker: Walker, number: str = GOOD) -> str:
    """One more card of the borrower's own; its id."""
    linked = await walker.ask("POST", "/v1/cards", {"issuer": "ICBC", "number": number})
    card_id: str = linked["id"]
    return card_id


async def test_a_failed_payoff_is_sent_to_another_card(stack: Stack) -> None:
    walker = await newcomer(stack, card=BAD)
    loan_id = await borrowed(walker)
    await walker.loan_becomes(loan_id, "cancelled")
    await clean(stack)
    await walker.advance(date(2026, 11, 25))
    card_id = await another_card(walker)
    payout = await walker.ask("POST", f"/v1/loans/{loan_id}/payouts", {"card": card_id})
    assert payout["amount"] == 1_200_000
    loan = await walker.loan_becomes(loan_id, "active")
    assert (loan["disbursed_on"], loan["balances"]["total"]) == ("2026-11-25", 1_200_000)
    schedule = (await walker.ask("GET", f"/v1/loans/{loan_id}/schedule"))["data"]
    assert [row["due_date"] for row in schedule] == ["2026-12-25", "2027-01-25", "2027-02-25"]
    history = (await walker.ask("GET", f"/v1/loans/{loan_id}/payouts"))["data"]
    assert [(each["status"], each["reason"]) for each in history] == [
        ("delivered", None), ("failed", "card_closed"),
    ]  # fmt: skip
    await clean(stack)


async def test_a_payoff_returned_after_the_first_installment_begins_anew_at_no_cost(stack: Stack) -> None:
    """The installment is refunded, the days of the first life cost nothing, and the second life is whole."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    await walker.advance(date(2026, 12, 22))
    paid = await walker.pay(loan_id, 408_027)
    payout_id = await one(stack.runtime.database, "SELECT id FROM payouts")
    await lever(stack, f"payouts/{payout_id}/return", on="2026-12-22")
    await walker.loan_becomes(loan_id, "cancelled")
    await clean(stack)
    assert await suspense(stack) == 0
    card_id = await another_card(walker, "6225880137706876")
    await walker.ask("POST", f"/v1/loans/{loan_id}/payouts", {"card": card_id})
    loan = await walker.loan_becomes(loan_id, "active")
    assert (loan["disbursed_on"], loan["balances"]["total"], loan["days_past_due"]) == (
        "2026-12-22",
        1_200_000,
        0,
    )
    await clean(stack)
    shown = await walker.ask("GET", f"/v1/payments/{paid['id']}")
    assert [(each["amount"], each["status"]) for each in shown["refunds"]] == [(408_027, "done")]
    await walker.advance(date(2027, 1, 22))
    assert (await walker.pay(loan_id, 408_027))["status"] == "posted"
    assert (await walker.loan(loan_id))["balances"]["principal"] == 803_973
    second = await one(stack.runtime.database, "SELECT id FROM payouts WHERE status = 'delivered'")
    await lever(stack, f"payouts/{second}/return", on="2027-01-22")
    await walker.loan_becomes(loan_id, "cancelled")
    await clean(stack)
    lines = await cash_at_provider(stack)
    signs = {"payout": -1, "refund": -1, "debit": 1, "payout_return": 1}
    assert sum(signs[kind] * amount for kind, _, amount in lines) == 0


async def test_staff_send_it_once_more_by_two(stack: Stack) -> None:
    walker = await newcomer(stack)
    loan_id = await active(walker)
    payout_id = await one(stack.runtime.database, "SELECT id FROM payouts")
    await lever(stack, f"payouts/{payout_id}/return")
    version = (await walker.loan_becomes(loan_id, "cancelled"))["version"]
    maker, checker = await a_clerk(stack), await a_clerk(stack)
    path, seen = f"/staff/v1/loans/{loan_id}/payouts", {"If-Match": f'"v{version}"'}
    asked = await maker.send("POST", path, {"reason": "the issuer was down"}, **seen)
    assert asked.status_code == 202, asked.text
    again = await maker.send("POST", path, {"reason": "the issuer was down"}, **seen)
    assert (again.status_code, again.json()["why"]) == (409, "proposed")
    stale = await maker.send("POST", path, {"reason": "x"}, **{"If-Match": '"v0"'})
    assert stale.status_code == 412
    assert (await maker.approve(asked.json()["approval"])).json()["code"] == "self_approval_forbidden"
    assert (await checker.approve(asked.json()["approval"])).status_code == 200
    await walker.loan_becomes(loan_id, "active")
    shown = (await maker.ask(path))["data"]
    assert [each["status"] for each in shown] == ["delivered", "returned"]
    await clean(stack)


async def test_what_is_under_way_is_neither_withdrawn_nor_sent_twice(stack: Stack) -> None:
    walker, stranger = await newcomer(stack), await newcomer(stack, 2, card="6225880137706876")
    loan_id, payout_id = await held_payout(stack, walker)
    path = f"/v1/loans/{loan_id}"
    status, said = await answer(walker, "POST", f"{path}/cancel")
    assert (status, said["code"]) == (409, "invalid_transition")
    card = {"card": walker.seen["card"]["id"]}
    status, said = await answer(walker, "POST", f"{path}/payouts", card)
    assert (status, said["why"]) == (409, "payout_not_failed")
    for method, tail, body in (("POST", "cancel", None), ("POST", "payouts", card), ("GET", "payouts", None)):
        assert (await answer(stranger, method, f"{path}/{tail}", body))[0] == 404
    await lever(stack, f"payouts/{payout_id}/fail")
    await walker.loan_becomes(loan_id, "cancelled")
    theirs = {"card": stranger.seen["card"]["id"]}
    assert (await answer(walker, "POST", f"{path}/payouts", theirs))[0] == 404
    for wrong in ({}, {"bank_account": walker.seen["account"]["id"]}):
        assert (await answer(walker, "POST", f"{path}/payouts", wrong))[0] == 422
    await lever(stack, "hold", on=False)
    twice = await asyncio.gather(*(answer(walker, "POST", f"{path}/payouts", card) for _ in range(4)))
    assert sorted(status for status, _ in twice) == [201, 409, 409, 409]
    await walker.loan_becomes(loan_id, "active")
    await clean(stack)
    counted = "SELECT status FROM payouts ORDER BY id"
    assert [row.status for row in await rows(stack.runtime.database, counted)] == ["failed", "delivered"]


@pytest.mark.parametrize("days", [14, 15])
async def test_it_is_sent_again_for_two_weeks_and_no_longer(stack: Stack, days: int) -> None:
    walker = await newcomer(stack, card=BAD)
    loan_id = await borrowed(walker)
    await walker.loan_becomes(loan_id, "cancelled")
    await walker.advance(date.fromordinal(date(2026, 11, 22).toordinal() + days))
    card_id = await another_card(walker)
    status, said = await answer(walker, "POST", f"/v1/loans/{loan_id}/payouts", {"card": card_id})
    assert (status, said.get("why")) == ((201, None) if days == 14 else (409, "too_late"))


async def test_a_card_that_cannot_be_paid_is_refused(stack: Stack) -> None:
    walker = await newcomer(stack, card=BAD)
    loan_id = await borrowed(walker)
    await walker.loan_becomes(loan_id, "cancelled")
    closed = await another_card(walker, "6225880100060004")
    status, said = await answer(walker, "POST", f"/v1/loans/{loan_id}/payouts", {"card": closed})
    assert (status, said["code"]) == (409, "card_not_payable")
    await clean(stack)
