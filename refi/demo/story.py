"""One borrower's life, told with the service's own answers: from a card bill to a paid-off loan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from refi.demo.walker import Walker, eventually
from refi.seeding.made_up import Person

Say = Callable[[str], None]
BALANCE = 1_200_000
BILLS = (
    (1_150_000, 60_000),
    (1_180_000, 118_000),
    (1_190_000, 119_000),
    (1_185_000, 119_500),
    (1_195_000, 120_000),
)
"""Five earlier bills, oldest first: what was billed, and what had been paid since the bill before."""
TERM = 3
INCOME = 2_000_000


def yuan(amount: int) -> str:
    """Fen as yuan."""
    return f"¥{amount // 100:,}.{amount % 100:02d}"


def percent(rate: str) -> str:
    """A rate, a decimal string, in percent."""
    return f"{Decimal(rate) * 100:.2f} %"


async def tell(walker: Walker, person: Person, say: Say) -> str:
    """Walk the main road as ``person`` and say what happens; answers the loan's id.

    Raises:
        Unexpected, NeverHappened: the road is broken.
    """
    today = await walker.business_date()
    say(f"[b]{today}[/b]  {person.name} signs in with a one-time code, consents, and links card and account")
    await walker.sign_in(person.phone)
    await walker.introduce(person.name, person.national_id, INCOME)
    await walker.link(person.issuer, person.card_number, 3_000_000, person.bank, person.account_number)
    card = walker.seen["card"]
    proved = f"{card['issuer']} ****{card['last4']}"
    say(f"            {proved}: payable {card['payable']} (the provider confirmed it)")
    statement = await _bills(walker, today)
    loan_id = await _borrow(walker, statement, say)
    await _repay(walker, loan_id, say)
    await _suggestion(walker, say)
    return loan_id


async def _bills(walker: Walker, today: date) -> dict[str, Any]:
    for age, (balance, paid) in zip(range(len(BILLS), 0, -1), BILLS, strict=True):
        await walker.import_bill(balance, today - timedelta(days=10 + 30 * age), paid)
    return await walker.import_bill(BALANCE, today - timedelta(days=10), 119_500)


async def _borrow(walker: Walker, statement: dict[str, Any], say: Say) -> str:
    due, least = statement["due_date"], yuan(statement["minimum_payment"])
    say(f"            the bill: {yuan(BALANCE)}, due {due}, minimum {least}")
    quote = await walker.quote(statement["id"])
    minimum = quote["baselines"][1]
    interest = yuan(minimum["total_interest"])
    say(f"            only the minimum: {minimum['months']} months and {interest} of interest")
    for plan in quote["plans"]:
        payment, interest = yuan(plan["installment_amount"]), yuan(plan["total_interest"])
        saved = yuan(plan["saving_same_payment"])
        say(
            f"            {plan['term']:>2} × {payment}: interest {interest}, "
            f"{saved} less than paying the same to the card"
        )
    quoted = next(plan for plan in quote["plans"] if plan["term"] == TERM)
    listed = [each["annual_rate"] for each in quoted["rates_by_band"]]
    say(
        f"            quoted at {percent(quoted['apr'])} a year; what the bills tell puts the offer between "
        f"{percent(min(listed))} and {percent(max(listed))}"
    )
    application = await walker.apply(statement["id"], TERM)
    decision = application["decision"]
    say(f"            decision: [b]{decision['outcome']}[/b] under policy {decision['policy_version']}")
    offer = application["offers"][0]
    rates = f"APR {percent(offer['apr'])}, effective {percent(offer['effective_annual_rate'])}"
    say(f"            offer, binding: {TERM} × {yuan(offer['installment_amount'])}, {rates}")
    less = yuan(offer["saving_same_payment"])
    say(
        f"            {less} less than paying the same to the card; agreement {offer['agreement_hash'][:16]}…"
    )
    signed = await walker.accept(offer)
    loan = await walker.loan_becomes(signed["id"], "active")
    paid = yuan(loan["principal"])
    say(f"            signed; {paid} went to the card issuer, {loan['id']} is [b]active[/b]")
    loan_id: str = loan["id"]
    return loan_id


async def _repay(walker: Walker, loan_id: str, say: Say) -> None:
    rows = (await walker.ask("GET", f"/v1/loans/{loan_id}/schedule"))["data"]
    for row in rows:
        due = date.fromisoformat(row["due_date"])
        await walker.advance(due - timedelta(days=1))
        reminder = await _newest_reminder(walker)
        say(f"[b]{due - timedelta(days=1)}[/b]  reminder: {reminder}")
        await walker.advance(due)
        payment = await walker.pay(loan_id, row["amount"])
        parts = ", ".join(f"{part['component']} {yuan(part['amount'])}" for part in payment["allocations"])
        left = (await walker.loan(loan_id))["balances"]["principal"]
        say(f"[b]{due}[/b]  paid {yuan(row['amount'])}: {parts}; principal left {yuan(left)}")
    loan = await walker.loan(loan_id)
    say(f"            the loan is [b]{loan['status']}[/b]")


async def _newest_reminder(walker: Walker) -> str:
    async def look() -> str | None:
        inbox = await walker.ask("GET", "/sandbox/v1/messages", params={"to": walker.phone})
        texts = [message["text"] for message in inbox["data"] if message["channel"] == "sms"]
        return texts[0] if texts else None

    return await eventually("a reminder", look)


async def _suggestion(walker: Walker, say: Say) -> None:
    await walker.advance(await walker.business_date() + timedelta(days=1))

    async def look() -> dict[str, Any] | None:
        found = (await walker.ask("GET", "/v1/suggestions"))["data"]
        return found[0] if found else None

    suggestion = await eventually("a suggestion", look)
    say(
        f"[b]{await walker.business_date()}[/b]  three installments on time, a revolver who consented: "
        f"a micro-loan of {yuan(suggestion['amount'])} over {suggestion['term']} months is suggested"
    )
