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
