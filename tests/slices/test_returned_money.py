"""Money that comes back, comes unasked, or whose news or answers are lost: every book agrees in the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date

import pytest

from tests.books import ON
from tests.slices.news import (
    held,
    held_payout,
    lever,
    started,
)
from tests.slices.road import (
    active,
    cash_at_provider,
    clean,
    converged,
    newcomer,
    offered,
    one,
    rows,
    suspense,
    transferred,
)
from tests.stack import Stack


async def test_a_debit_returned_after_payoff_reopens_the_loan(stack: Stack) -> None:
    walker = await newcomer(stack)
    loan_id = await active(walker)
    await walker.advance(date(2026, 12, 5))
    quote = await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote")
    payment = await walker.pay(loan_id, quote["total"], mode="payoff")
    assert (await walker.loan(loan_id))["status"] == "paid_off"
    await clean(stack)
    await walker.advance(date(2026, 12, 8))
    await lever(stack, f"debits/{payment['id']}/return", on="2026-12-08")
    loan = await walker.loan_becomes(loan_id, "active")
    assert loan["balances"]["principal"] == 1_200_000
    assert loan["closed_on"] is None
    await clean(stack)
    again = await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote")
    assert (await walker.pay(loan_id, again["total"], mode="payoff"))["status"] == "posted"
    assert (await walker.loan(loan_id))["status"] == "paid_off"
    await clean(stack)


async def test_a_payout_returned_after_the_first_installment_makes_the_borrower_whole(stack: Stack) -> None:
    walker = await newcomer(stack)
    loan_id = await active(walker)
    first = (await walker.ask("GET", f"/v1/loans/{loan_id}/schedule"))["data"][0]
    await walker.advance(date.fromisoformat(first["due_date"]))
    payment = await walker.pay(loan_id, first["amount"])
    payout_id = await one(stack.runtime.database, "SELECT id FROM payouts")
    await lever(stack, f"payouts/{payout_id}/return", on=first["due_date"])
    loan = await walker.loan_becomes(loan_id, "cancelled")
    assert loan["balances"]["total"] == 0
    await clean(stack)
    refunds = await rows(stack.runtime.database, "SELECT payment_id, amount, status FROM refunds")
    assert [tuple(row) for row in refunds] == [(payment["id"], first["amount"], "done")]
    assert await suspense(stack) == 0
    assert [(kind, amount) for kind, _, amount in await cash_at_provider(stack)] == [
        ("payout", 1_200_000),
        ("debit", first["amount"]),
        ("payout_return", 1_200_000),
        ("refund", first["amount"]),
    ]


async def test_a_payout_returned_after_payoff_makes_the_borrower_whole(stack: Stack) -> None:
    """Everything was repaid, early and with a rebate, and then the issuer sends the payoff back."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    assert (await walker.pay(loan_id, 500_000))["status"] == "posted"
    await walker.advance(date(2026, 12, 5))
    rest = (await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote"))["total"]
    assert (await walker.pay(loan_id, rest, mode="payoff"))["status"] == "posted"
    payout_id = await one(stack.runtime.database, "SELECT id FROM payouts")
    await lever(stack, f"payouts/{payout_id}/return", on="2026-12-05")
    await walker.loan_becomes(loan_id, "cancelled")
    await clean(stack)
    refunds = await rows(stack.runtime.database, "SELECT amount, status FROM refunds ORDER BY amount")
    assert [tuple(row) for row in refunds] == [(500_000, "done"), (rest, "done")]
    assert await suspense(stack) == 0


async def test_everything_comes_back_at_once(stack: Stack) -> None:
    """The issuer returns the payoff while the bank returns both debits: in any order the books agree."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    paid = [await walker.pay(loan_id, amount) for amount in (300_000, 200_000)]
    payout_id = await one(stack.runtime.database, "SELECT id FROM payouts")
    returns = [f"payouts/{payout_id}/return", *(f"debits/{payment['id']}/return" for payment in paid)]
    await asyncio.gather(*(lever(stack, path) for path in returns))
    await walker.loan_becomes(loan_id, "cancelled")
    await clean(stack)
    statuses = "SELECT DISTINCT status FROM payments"
    assert [row.status for row in await rows(stack.runtime.database, statuses)] == ["reversed"]
    lines = await cash_at_provider(stack)
    cash = sum(amount * (1 if kind in ("debit", "payout_return") else -1) for kind, _, amount in lines)
    assert await suspense(stack) == cash


async def test_the_providers_day_is_not_always_ours(stack: Stack) -> None:
    """A day ahead, or before the loan began: the row keeps their day, the loan counts what it can."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    ahead = await held(stack, walker, loan_id, 100_000)
    await lever(stack, f"debits/{ahead}/post", on="2026-11-23")
    sent = {"amount": 50_000, "currency": "CNY", "on": "2026-11-20", "reference": loan_id}
    await lever(stack, "transfers", **sent)
    await clean(stack)
    history = (await walker.ask("GET", f"/v1/loans/{loan_id}/payments"))["data"]
    assert {p["effective_on"] for p in history} == {"2026-11-23", "2026-11-20"}
    counted = "SELECT DISTINCT effective_on FROM movements"
    assert [row.effective_on for row in await rows(stack.runtime.database, counted)] == [ON]
    assert sum(p["amount"] for p in history) == 150_000


async def test_a_transfer_for_nobody_waits_in_suspense(stack: Stack) -> None:
    for reference in (None, "rent for december", "loan_01h455vb4pex5vsknk084sn02q", "pay_x", "支付"):
        await transferred(stack, 12_345, reference)
    await clean(stack)
    assert await one(stack.runtime.database, "SELECT count(*) FROM unmatched_receipts") == 5
    assert await suspense(stack) == 5 * 12_345


async def test_a_transfer_of_too_much_is_booked_and_the_excess_goes_back(stack: Stack) -> None:
    walker = await newcomer(stack)
    loan_id = await active(walker)
    owed = (await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote"))["total"]
    body = {"amount": owed, "source": {"type": "transfer"}, "mode": "payoff"}
    announced = await walker.ask("POST", f"/v1/loans/{loan_id}/payments", body)
    await transferred(stack, owed + 7_777, announced["id"])
    await walker.loan_becomes(loan_id, "paid_off")
    await transferred(stack, 5_000, loan_id)
    await clean(stack)
    assert await suspense(stack) == 0
    refunds = [amount for kind, _, amount in await cash_at_provider(stack) if kind == "refund"]
    assert refunds == [7_777, 5_000]
    history = (await walker.ask("GET", f"/v1/loans/{loan_id}/payments"))["data"]
    assert [(p["amount"], p["status"]) for p in history] == [(5_000, "posted"), (owed + 7_777, "posted")]


async def test_a_debit_that_the_bank_declines_changes_nothing_and_may_be_tried_again(stack: Stack) -> None:
    walker = await newcomer(stack, account="6222021234560006")
    loan_id = await active(walker)
    before = (await walker.loan(loan_id))["balances"]
    payment = await walker.pay(loan_id, 500_000)
    assert (payment["status"], payment["reason"]) == ("failed", "insufficient_funds")
    again = await walker.pay(loan_id, 1_200_000)
    assert again["status"] == "failed"
    assert (await walker.loan(loan_id))["balances"] == before
    await clean(stack)
    assert [kind for kind, _, _ in await cash_at_provider(stack)] == ["payout"]


async def test_news_that_never_comes_is_asked_for(quick: Stack) -> None:
    """Moved and untold: a payout, a debit, and a debit of which only the return was told."""
    walker = await newcomer(quick)
    loan_id, payout_id = await held_payout(quick, walker)
    await lever(quick, f"payouts/{payout_id}/lose")
    await walker.loan_becomes(loan_id, "active")
    untold = await held(quick, walker, loan_id, 100_000)
    await lever(quick, f"debits/{untold}/lose")
    await converged(quick.runtime)
    assert (await walker.ask("GET", f"/v1/payments/{untold}"))["status"] == "posted"
    returned = await held(quick, walker, loan_id, 200_000)
    await lever(quick, f"debits/{returned}/lose")
    await lever(quick, f"debits/{returned}/return")
    await clean(quick)
    assert (await walker.ask("GET", f"/v1/payments/{returned}"))["status"] == "reversed"
    assert (await walker.loan(loan_id))["status"] == "active"


@pytest.mark.parametrize("mode", ["error", "timeout", "silent"])
async def test_lost_answers_converge_by_asking(quick: Stack, mode: str) -> None:
    """A payout, a debit and a refund whose answers are lost at once: each happens, none twice."""
    paying, overpaying, borrowing = [await newcomer(quick, number) for number in (1, 2, 3)]
    first, second = await asyncio.gather(active(paying), active(overpaying))
    offer = await offered(borrowing)
    for operation in ("payouts", "debits", "refunds", "operations"):
        await lever(quick, "faults", operation=operation, mode=mode, calls=1, seconds=0.2)
    third = (await borrowing.accept(offer))["id"]
    payment_id = await started(paying, first, 300_000)
    owed = (await overpaying.ask("GET", f"/v1/loans/{second}/payoff-quote"))["total"]
    await transferred(quick, owed + 99, second)
    await borrowing.loan_becomes(third, "active")
    await converged(quick.runtime, within=40)
    assert (await paying.ask("GET", f"/v1/payments/{payment_id}"))["status"] == "posted"
    await clean(quick)
    lines = await cash_at_provider(quick)
    assert Counter(kind for kind, _, _ in lines) == {"payout": 3, "debit": 1, "transfer": 1, "refund": 1}
    assert len({(kind, cause) for kind, cause, _ in lines}) == len(lines)
    assert (await quick.runtime.sandbox.ask("/control/faults", {}))["data"] == []
