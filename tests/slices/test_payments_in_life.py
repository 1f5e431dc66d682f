"""Payments as life brings them, on the whole stack, every book clean after each."""

from __future__ import annotations

from datetime import date

from tests.slices.news import lever, started, taken_in
from tests.slices.road import active, clean, newcomer
from tests.stack import Stack


async def test_a_debit_ordered_on_the_good_through_day_settles_that_quote(stack: Stack) -> None:
    """The bank takes two days; the quote was of the day on which the borrower ordered."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    await walker.advance(date(2026, 12, 5))
    quote = await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote")
    assert quote["good_through"] == "2026-12-05"
    await lever(stack, "hold", on=True)
    payment_id = await started(walker, loan_id, quote["total"], "payoff")
    await taken_in(stack, payment_id)
    await walker.advance(date(2026, 12, 7))
    await lever(stack, f"debits/{payment_id}/post", on="2026-12-07")
    loan = await walker.loan_becomes(loan_id, "paid_off")
    assert loan["closed_on"] == "2026-12-05"
    payment = await walker.ask("GET", f"/v1/payments/{payment_id}")
    assert payment["effective_on"] == "2026-12-07"
    assert sum(part["amount"] for part in payment["allocations"]) == quote["total"]
    await lever(stack, "hold", on=False)
    await clean(stack)


async def test_a_loan_that_pays_itself(stack: Stack) -> None:
    """Autopay from the first installment to the last; each debited once, each announced the day before."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    agreed = await walker.ask("PUT", f"/v1/loans/{loan_id}/autopay", {"day_offset": 1})
    assert agreed["active"]
    await walker.advance(date(2027, 2, 22))
    loan = await walker.loan_becomes(loan_id, "paid_off")
    assert loan["closed_on"] == "2027-02-21"
    history = (await walker.ask("GET", f"/v1/loans/{loan_id}/payments"))["data"]
    assert [(p["amount"], p["status"], p["effective_on"]) for p in history] == [
        (407_896, "posted", "2027-02-21"),  # 403,986 and interest of 30 of 31 days: 4,040 x 30 / 31
        (408_027, "posted", "2027-01-21"),
        (408_027, "posted", "2026-12-21"),
    ]
    told = (await walker.ask("GET", "/v1/messages?limit=100"))["data"]
    assert sum(message["template"] == "autopay_notice" for message in told) == 3
    await clean(stack)


async def test_a_loan_whose_account_is_always_empty(stack: Stack) -> None:
    """Three tries for each installment, then the borrower is late like anybody else."""
    walker = await newcomer(stack, account="6222021234560006")
    loan_id = await active(walker)
    await walker.ask("PUT", f"/v1/loans/{loan_id}/autopay", {})
    await walker.advance(date(2027, 1, 10))
    loan = await walker.loan(loan_id)
    assert (loan["status"], loan["days_past_due"]) == ("active", 19)
    shown = await walker.ask("GET", f"/v1/loans/{loan_id}/autopay")
    assert [(each["attempt"], each["planned_for"], each["reason"]) for each in shown["debits"]] == [
        (3, "2026-12-25", "insufficient_funds"),
        (2, "2026-12-23", "insufficient_funds"),
        (1, "2026-12-22", "insufficient_funds"),
    ]
    await clean(stack)
