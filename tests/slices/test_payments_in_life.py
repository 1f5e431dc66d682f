"""Payments as life brings them, on the whole stack, every book clean after each."""

from __future__ import annotations

from datetime import date

from refi import audit
from tests.slices.news import body_of, lever, started, taken_in, tell
from tests.slices.road import active, clean, converged, newcomer, one, rows, suspense, transferred
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


async def test_paid_twice_by_mistake(stack: Stack) -> None:
    """The second transfer meets the coming installments; a third, after everything is paid, goes back."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    await walker.advance(date(2026, 12, 22))
    for _ in range(2):
        await transferred(stack, 408_027, loan_id)
    loan = await walker.loan(loan_id)
    assert (loan["balances"]["principal"], loan["next_due_date"]) == (403_986, "2027-02-22")
    quote = await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote")
    assert (quote["total"], quote["unearned_credit"]) == (395_946, 8_040)  # 403,986 less interest paid ahead
    await transferred(stack, 408_027, loan_id)
    assert (await walker.loan_becomes(loan_id, "paid_off"))["balances"]["total"] == 0
    await clean(stack)
    history = (await walker.ask("GET", f"/v1/loans/{loan_id}/payments"))["data"]
    back = [[(each["amount"], each["status"]) for each in payment["refunds"]] for payment in history]
    assert back == [[(12_081, "done")], [], []]
    assert await suspense(stack) == 0


async def test_money_for_a_cancelled_loan_goes_back(stack: Stack) -> None:
    """By transfer it is booked and refunded; a debit is not even started."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    payout_id = await one(stack.runtime.database, "SELECT id FROM payouts")
    await lever(stack, f"payouts/{payout_id}/return")
    await walker.loan_becomes(loan_id, "cancelled")
    await transferred(stack, 33_333, loan_id)
    await clean(stack)
    payment = (await walker.ask("GET", f"/v1/loans/{loan_id}/payments"))["data"][0]
    assert (payment["status"], payment["allocations"]) == ("posted", [])
    assert [(each["amount"], each["status"]) for each in payment["refunds"]] == [(33_333, "done")]
    assert await suspense(stack) == 0
    for source in ("bank_debit", "transfer"):
        body = {"amount": 100, "source": {"type": source}}
        refused = await walker.send("POST", f"/v1/loans/{loan_id}/payments", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "loan_not_active")


async def test_a_chargeback_two_months_after_the_loan_was_paid_off(stack: Stack) -> None:
    """The debit of the first installment comes back: the later ones turn out to have met older debts.

    By hand, in fen. Penalty is 18 % simple over 365 days. 22 January: 408,027 = penalty of 31 days on 396,027
    (6,054) + interest 12,000 + principal 389,973; 6,054 of the first installment stay. 22 February: 408,026 =
    that, its penalty 93, and of the second: penalty 6,115, interest 8,040, principal 387,724; 12,263 stay.
    """
    walker = await newcomer(stack)
    loan_id = await active(walker)
    paid = []
    for due, amount in (("2026-12-22", 408_027), ("2027-01-22", 408_027), ("2027-02-22", 408_026)):
        await walker.advance(date.fromisoformat(due))
        paid.append(await walker.pay(loan_id, amount))
    assert (await walker.loan(loan_id))["status"] == "paid_off"
    letter = f"/v1/loans/{loan_id}/documents/settlement-letter"
    assert (await walker.send("GET", letter)).status_code == 200
    await walker.advance(date(2027, 4, 22))
    await lever(stack, f"debits/{paid[0]['id']}/return", on="2027-04-22")
    loan = await walker.loan_becomes(loan_id, "active")
    await clean(stack)
    assert loan["next_due_date"] is None
    assert loan["balances"]["past_due"] == 12_263 + 408_026
    assert loan["days_past_due"] == 90  # since 22 January
    assert loan["balances"]["principal"] == 12_263 + 403_986
    assert (await walker.send("GET", letter)).status_code == 409
    lines = (await walker.ask("GET", f"/v1/loans/{loan_id}/transactions?limit=100"))["data"]
    kept = {line["id"]: line for line in lines}
    undone = [line for line in lines if line["reverses"]]
    assert undone
    for line in undone:
        assert kept[line["reverses"]]["amount"] == line["amount"]
    quote = await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote")
    assert (await walker.pay(loan_id, quote["total"], mode="payoff"))["status"] == "posted"
    assert (await walker.loan(loan_id))["status"] == "paid_off"
    await clean(stack)


async def test_an_excess_that_could_not_go_back_is_not_sent_twice(stack: Stack) -> None:
    """Its refund was refused and waits for a person when the issuer returns the payoff."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    owed = (await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote"))["total"]
    news = body_of(
        type="transfer.received", key=None, provider_id="tr_unheard", amount=owed + 700, reference=loan_id
    )
    assert (await tell(stack, news)).status_code == 202
    await walker.loan_becomes(loan_id, "paid_off")
    await converged(stack.runtime)
    payout_id = await one(stack.runtime.database, "SELECT id FROM payouts")
    await lever(stack, f"payouts/{payout_id}/return")
    await walker.loan_becomes(loan_id, "cancelled")
    await converged(stack.runtime)
    asked = await rows(stack.runtime.database, "SELECT amount FROM refunds ORDER BY id")
    assert [row.amount for row in asked] == [700, owed]  # both refused: the provider never heard of it
    waiting = "SELECT amount FROM suspense_items WHERE status = 'open' ORDER BY id"
    assert [row.amount for row in await rows(stack.runtime.database, waiting)] == [700, owed]
    report = await audit.run(stack.runtime.database, stack.runtime.processor)
    assert {found.check for found in report.findings} == {"provider_cash_book"}
