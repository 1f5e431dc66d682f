"""The main road over HTTP: a bill becomes a loan, the loan is repaid, the books balance at each step."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from refi import audit
from refi.demo.walker import Walker
from tests.given import national_id
from tests.stack import Stack

CARD, ACCOUNT = "6225880137706868", "6222021234567890128"


async def clean(stack: Stack) -> None:
    report = await audit.run(stack.runtime.database, stack.runtime.processor)
    assert report.findings == ()
    assert report.skipped == {}


async def newcomer(stack: Stack, number: int = 1) -> Walker:
    walker = stack.walker()
    await walker.sign_in(f"+86138001{number:05d}")
    await walker.introduce("张伟", national_id(number), 2_000_000)
    await walker.link("CMB", CARD, 3_000_000, "ICBC", ACCOUNT)
    return walker


async def borrowed(stack: Stack, walker: Walker, *, balance: int = 1_200_000, term: int = 3) -> str:
    today = await walker.business_date()
    await walker.import_bill(balance, today - timedelta(days=41), paid=100_000)
    bill = await walker.import_bill(balance, today - timedelta(days=10), paid=150_000)
    application = await walker.apply(bill["id"], term)
    assert application["status"] == "approved", application
    signed = await walker.accept(application["offers"][0])
    assert signed["status"] == "pending_disbursement"
    loan_id: str = signed["id"]
    return loan_id


async def test_the_main_road(stack: Stack) -> None:
    walker = await newcomer(stack)
    assert walker.seen["card"]["payable"]
    assert walker.seen["account"]["verified"]
    loan_id = await borrowed(stack, walker)
    loan = await walker.loan_becomes(loan_id, "active")
    assert loan["balances"]["principal"] == loan["balances"]["total"] == 1_200_000
    await clean(stack)

    schedule = (await walker.ask("GET", f"/v1/loans/{loan_id}/schedule"))["data"]
    assert sum(row["principal"] for row in schedule) == 1_200_000
    assert [row["amount"] for row in schedule][:2] == [408_027, 408_027]
    assert schedule[0]["due_date"] == "2026-12-22"

    for row in schedule:
        await walker.advance(date.fromisoformat(row["due_date"]))
        payment = await walker.pay(loan_id, row["amount"])
        assert payment["status"] == "posted", payment
        assert sum(part["amount"] for part in payment["allocations"]) == row["amount"]
        await clean(stack)

    loan = await walker.loan(loan_id)
    assert loan["status"] == "paid_off"
    assert loan["balances"]["total"] == 0
    assert loan["closed_on"] == schedule[-1]["due_date"]


async def told(walker: Walker) -> list[dict[str, Any]]:
    """Reminders by SMS and push. Those in the app lapse within a day or two, which a jump may skip."""
    listed: list[dict[str, Any]] = (await walker.ask("GET", "/v1/messages"))["data"]
    return [each for each in listed if each["stage"] and each["channel"] != "inbox"]


async def test_reminders_reach_the_inbox_once_and_stop_after_payment(stack: Stack) -> None:
    walker = await newcomer(stack)
    loan_id = await borrowed(stack, walker)
    await walker.loan_becomes(loan_id, "active")
    schedule = (await walker.ask("GET", f"/v1/loans/{loan_id}/schedule"))["data"]
    due = [date.fromisoformat(row["due_date"]) for row in schedule]

    await walker.advance(due[0] - timedelta(days=1))
    messages = await told(walker)
    assert [(m["channel"], m["status"]) for m in messages] == [("sms", "sent")]

    await walker.advance(due[0] + timedelta(days=1))
    messages = await told(walker)
    assert sorted(m["channel"] for m in messages) == ["push", "sms"]

    overdue = await walker.loan(loan_id)
    assert overdue["days_past_due"] == 1
    assert overdue["bucket"] == "M1"
    late_charge = overdue["balances"]["penalties"]
    assert late_charge > 0
    await walker.pay(loan_id, overdue["balances"]["past_due"] + late_charge)
    assert (await walker.loan(loan_id))["days_past_due"] == 0

    await walker.pay(loan_id, schedule[1]["amount"])
    await walker.advance(due[1] + timedelta(days=2))
    assert len(await told(walker)) == 2
    await clean(stack)


async def test_a_suggestion_after_the_third_on_time_installment_becomes_a_loan(stack: Stack) -> None:
    walker = await newcomer(stack)
    for months in range(6, 1, -1):
        on = await walker.business_date() - timedelta(days=10 + 30 * months)
        await walker.import_bill(900_000, on, paid=100_000)
    loan_id = await borrowed(stack, walker, term=6)
    await walker.loan_becomes(loan_id, "active")
    schedule = (await walker.ask("GET", f"/v1/loans/{loan_id}/schedule"))["data"]
    for row in schedule[:3]:
        await walker.advance(date.fromisoformat(row["due_date"]))
        await walker.pay(loan_id, row["amount"])
    await walker.advance(await walker.business_date() + timedelta(days=1))
    suggestions = (await walker.ask("GET", "/v1/suggestions"))["data"]
    assert [s["product"] for s in suggestions] == ["micro_loan"]
    application = await walker.ask("POST", f"/v1/suggestions/{suggestions[0]['id']}/accept", {})
    assert application["product"] == "micro_loan"
    assert application["status"] in ("approved", "referred")
    await clean(stack)


async def test_a_payoff_settles_the_loan_early(stack: Stack) -> None:
    walker = await newcomer(stack)
    loan_id = await borrowed(stack, walker, term=6)
    await walker.loan_becomes(loan_id, "active")
    await walker.advance(date(2026, 12, 5))
    quote = await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote")
    assert quote["principal"] == 1_200_000
    assert quote["total"] == quote["principal"] + quote["accrued_interest"]
    payment = await walker.pay(loan_id, quote["total"], mode="payoff")
    assert payment["status"] == "posted"
    assert (await walker.loan(loan_id))["status"] == "paid_off"
    await clean(stack)
