"""Money that came too much, too late or for nobody, and contradicted orders: seen, mended, never lost."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from refi import audit, events
from refi.db.work import SYSTEM
from refi.demo.walker import Walker
from refi.ledger import service as ledger
from refi.ledger.accounts import Account
from refi.payments import jobs
from refi.staff.roles import Role
from tests.slices.news import body_of, lever, started, tell
from tests.slices.office import Clerk, a_clerk
from tests.slices.road import (
    active,
    clean,
    converged,
    newcomer,
    one,
    rows,
    suspense,
    transferred,
    until_found,
)
from tests.stack import Stack


async def only(clerk: Clerk, kind: str) -> dict[str, Any]:
    """The only thing that waits, of that kind."""
    found = await clerk.waiting()
    assert [item["kind"] for item in found] == [kind]
    return found[0]


async def losses(stack: Stack) -> int:
    async with stack.runtime.database.work(SYSTEM, reading=True) as work:
        return (await ledger.trial_balance(work))[Account.OPERATING_LOSSES]


async def test_money_for_nobody_is_sent_back(stack: Stack) -> None:
    clerk = await a_clerk(stack)
    await transferred(stack, 12_345, "rent")
    item = await only(clerk, "unmatched")
    assert (item["amount"], item["reference"], item["owed_to_us"]) == (12_345, "rent", False)
    assert item["remedies"] == ["match", "refund"]
    await clean(stack)
    answer = await clerk.mend(item, "refund")
    assert (answer.status_code, answer.json()["status"]) == (200, "refunding"), answer.text
    await clean(stack)
    assert await clerk.waiting() == []
    assert (await clerk.ask(f"/staff/v1/suspense/{item['id']}"))["status"] == "refunded"
    assert await suspense(stack) == 0
    again = await clerk.mend(await clerk.ask(f"/staff/v1/suspense/{item['id']}"), "refund")
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    announced = "SELECT type FROM events WHERE type LIKE 'Suspense%' ORDER BY id"
    told = [row.type for row in await rows(stack.runtime.database, announced)]
    assert told == [events.SuspenseOpened.__name__, events.SuspenseClosed.__name__]


async def test_money_for_nobody_is_matched_by_two_people(stack: Stack) -> None:
    """Above one person's authority; booked on the day on which the money left the borrower."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    maker, checker = await a_clerk(stack), await a_clerk(stack, Role.COLLECTIONS_LEAD)
    await transferred(stack, 408_027, "张伟 还款")
    await walker.advance(date(2026, 12, 30))
    owed = (await walker.loan(loan_id))["days_past_due"]
    assert owed == 8
    item = await only(maker, "unmatched")
    path = f"/staff/v1/suspense/{item['id']}/match"
    wish = {"loan": loan_id, "reason": "see", "preview": True}
    shown = await maker.send("POST", path, wish, **{"If-Match": '"v1"'})
    assert shown.status_code == 200, shown.text
    assert sum(part["amount"] for part in shown.json()["allocations"]) == 408_027
    said = await maker.mend(item, "match", loan=loan_id)
    assert (said.status_code, said.json()["status"]) == (200, "awaiting_second"), said.text
    approval = said.json()["approval"]
    assert (await maker.approve(approval)).json()["code"] == "self_approval_forbidden"
    stale = await maker.mend(item, "match", loan=loan_id)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert (await walker.loan(loan_id))["days_past_due"] == 8
    agreed = await checker.approve(approval)
    assert agreed.status_code == 200, agreed.text
    loan = await walker.loan(loan_id)
    assert (loan["days_past_due"], loan["balances"]["principal"]) == (0, 803_973)
    payment = (await walker.ask("GET", f"/v1/loans/{loan_id}/payments"))["data"][0]
    assert (payment["status"], payment["effective_on"]) == ("posted", "2026-11-22")
    await clean(stack)
    assert await suspense(stack) == 0


async def test_a_second_person_who_disagrees_leaves_the_item_open(stack: Stack) -> None:
    walker = await newcomer(stack)
    loan_id = await active(walker)
    maker, checker = await a_clerk(stack), await a_clerk(stack)
    await transferred(stack, 300_000, None)
    said = await maker.mend(await only(maker, "unmatched"), "refund")
    assert (await checker.approve(said.json()["approval"], "reject")).status_code == 200
    item = await only(maker, "unmatched")
    assert (item["status"], item["approval"]) == ("open", None)
    for wrong, code in (("loan_01h455vb4pex5vsknk084sn02q", "not_found"), ("nobody", "not_found")):
        answer = await maker.mend(item, "match", loan=wrong)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    blank = await maker.mend(item, "refund", reason="  ")
    assert (blank.status_code, blank.json()["code"]) == (422, "reason_required")
    unfit = await maker.mend(item, "settle")
    assert (unfit.status_code, unfit.json()["allowed"]) == (409, ["match", "refund"])
    reviewer = await a_clerk(stack, Role.REVIEWER)
    assert (await reviewer.mend(item, "refund")).status_code == 403
    owed = (await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote"))["total"]
    await walker.pay(loan_id, owed, mode="payoff")
    closed = await maker.mend(item, "match", loan=loan_id)
    assert (closed.status_code, closed.json()["code"]) == (409, "loan_not_active")
    await clean(stack)


async def test_two_clerks_at_once_send_it_back_once(stack: Stack) -> None:
    clerks = [await a_clerk(stack) for _ in range(4)]
    await transferred(stack, 50_000, None)
    item = await only(clerks[0], "unmatched")
    answers = await asyncio.gather(*(clerk.mend(item, "refund") for clerk in clerks))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    await clean(stack)
    assert await one(stack.runtime.database, "SELECT count(*) FROM refunds") == 1


async def test_a_refund_that_the_provider_refuses_waits_for_a_person(stack: Stack) -> None:
    """The provider never heard of this transfer: its cash book is right not to have it."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    owed = (await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote"))["total"]
    clerk = await a_clerk(stack)
    news = body_of(
        type="transfer.received", key=None, provider_id="tr_by_hand", amount=owed + 700, reference=loan_id
    )
    assert (await tell(stack, news)).status_code == 202
    await converged(stack.runtime)
    item = await only(clerk, "refund_failed")
    assert (item["amount"], item["said"], item["remedies"]) == (700, "receipt_unknown", ["refund"])
    assert (await clerk.mend(item, "refund")).json()["status"] == "refunding"
    await converged(stack.runtime)
    again = await only(clerk, "refund_failed")
    assert (again["id"], again["status"], await suspense(stack)) == (item["id"], "open", 700)
    report = await audit.run(stack.runtime.database, stack.runtime.processor)
    assert {found.check for found in report.findings} == {"provider_cash_book"}


async def test_what_was_refunded_and_then_returned_is_owed_to_us(stack: Stack) -> None:
    """The issuer returns the payoff, the debit is refunded, and then the bank takes the debit back too."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    maker, checker = await a_clerk(stack), await a_clerk(stack)
    payment = await walker.pay(loan_id, 200_000)
    payout_id = await one(stack.runtime.database, "SELECT id FROM payouts")
    await lever(stack, f"payouts/{payout_id}/return")
    await walker.loan_becomes(loan_id, "cancelled")
    await clean(stack)
    await lever(stack, f"debits/{payment['id']}/return")
    await converged(stack.runtime)
    item = await only(maker, "refunded_and_returned")
    assert (item["amount"], item["owed_to_us"], item["payment"]) == (200_000, True, payment["id"])
    assert await suspense(stack) == -200_000
    await clean(stack)
    said = await maker.mend(item, "settle", reason="the borrower has moved abroad")
    assert said.json()["status"] == "awaiting_second"
    assert await suspense(stack) == -200_000
    assert (await checker.approve(said.json()["approval"])).status_code == 200
    assert (await suspense(stack), await losses(stack)) == (0, 200_000)
    await clean(stack)


@pytest.mark.parametrize("together", [True, False], ids=["both-at-once", "after-the-refund-was-tried"])
async def test_a_payment_taken_back_before_its_refund_was_sent_is_not_refunded(
    quick: Stack, together: bool
) -> None:
    """The refund waits for an outage to end; meanwhile the bank takes the money back."""
    walker = await newcomer(quick)
    database = quick.runtime.database
    loan_id = await active(walker)
    payment = await walker.pay(loan_id, 200_000)
    await lever(quick, "faults", operation="refunds", mode="timeout", calls=1, seconds=1.0)
    payout_id = await one(database, "SELECT id FROM payouts")
    if together:
        await asyncio.gather(
            lever(quick, f"payouts/{payout_id}/return"), lever(quick, f"debits/{payment['id']}/return")
        )
    else:
        await lever(quick, f"payouts/{payout_id}/return")
        await until_found(database, "SELECT id FROM refunds WHERE call IN ('calling', 'unknown')")
        await lever(quick, f"debits/{payment['id']}/return")
    await walker.loan_becomes(loan_id, "cancelled")
    await clean(quick)
    lines = await rows(database, "SELECT status FROM refunds")
    clerk = await a_clerk(quick)
    owed = [item["amount"] for item in await clerk.waiting()]
    assert await suspense(quick) == -sum(owed)
    assert [row.status for row in lines] in ([], ["failed"], ["done"])


async def test_money_in_another_currency_is_a_matter_for_two_people(stack: Stack) -> None:
    maker, checker = await a_clerk(stack), await a_clerk(stack)
    news = body_of(type="transfer.received", key=None, currency="EUR", provider_id="tr_eur", amount=9_900)
    assert (await tell(stack, news)).status_code == 202
    await converged(stack.runtime)
    item = await only(maker, "news_refused")
    assert (item["amount"], item["currency"]) == (9_900, "EUR")
    assert "other" in item["said"] or "EUR" in item["said"]
    retried = await maker.mend(item, "retry")
    assert retried.status_code == 200, retried.text
    await converged(stack.runtime)
    item = await only(maker, "news_refused")
    said = await maker.mend(item, "settle", reason="the provider sent it back by hand")
    assert (await checker.approve(said.json()["approval"])).status_code == 200
    assert await maker.waiting() == []
    await clean(stack)


async def contradicted(stack: Stack, walker: Walker, loan_id: str) -> str:
    """A debit of 1,000.00 that the provider holds, of which our row says another amount."""
    await lever(stack, "hold", on=True)
    payment_id = await started(walker, loan_id, 100_000)
    await converged_call(stack, payment_id, "accepted")
    database = stack.runtime.database
    async with database.engine.begin() as connection:  # a row that a mistake of ours has changed
        await connection.exec_driver_sql(
            f"UPDATE payments SET amount = 100001, call = 'unknown' WHERE id = '{payment_id}'"
        )
    await jobs.resolve_order(database, stack.runtime.processor, payment_id)
    return payment_id


async def test_a_contradicted_debit_that_is_given_up_holds_up_nothing(stack: Stack) -> None:
    """Two people settle it: the payment has failed, and the borrower can pay off again."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    maker, checker = await a_clerk(stack), await a_clerk(stack)
    payment_id = await contradicted(stack, walker, loan_id)
    said = await maker.mend(await only(maker, "order_contradicted"), "settle", reason="stopped by hand")
    assert (await checker.approve(said.json()["approval"])).status_code == 200
    shown = await walker.ask("GET", f"/v1/payments/{payment_id}")
    assert shown["status"] == "failed"
    assert "has another amount" in shown["reason"]
    await lever(stack, f"debits/{payment_id}/fail")
    await lever(stack, "hold", on=False)
    owed = (await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote"))["total"]
    assert (await walker.pay(loan_id, owed, mode="payoff"))["status"] == "posted"
    await converged(stack.runtime)
    waiting = [item["kind"] for item in await maker.waiting()]
    assert waiting in ([], ["news_refused"])  # the provider's own words about another amount


async def test_an_order_whose_key_stands_for_another_amount_is_parked(stack: Stack) -> None:
    walker = await newcomer(stack)
    loan_id = await active(walker)
    clerk = await a_clerk(stack)
    payment_id, database = await contradicted(stack, walker, loan_id), stack.runtime.database
    item = await only(clerk, "order_contradicted")
    assert (item["order"], item["remedies"]) == (payment_id, ["retry", "settle"])
    assert await one(database, "SELECT call FROM payments") == "contradicted"
    before = await one(database, "SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = 'resolve_order'")
    for _ in range(3):
        await jobs.sweep(database, stack.runtime.waits)
    after = await one(database, "SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = 'resolve_order'")
    assert after == before
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE payments SET amount = 100000 WHERE id = '{payment_id}'")
    assert (await clerk.mend(item, "retry")).json()["status"] == "settled"
    await lever(stack, f"debits/{payment_id}/post")
    await lever(stack, "hold", on=False)
    await clean(stack)
    assert (await walker.ask("GET", f"/v1/payments/{payment_id}"))["status"] == "posted"
    assert await clerk.waiting() == []


async def converged_call(stack: Stack, payment_id: str, call: str) -> None:
    """Wait until the order has got that far."""
    for _ in range(200):
        if (
            await one(stack.runtime.database, "SELECT call FROM payments WHERE id = :id", id=payment_id)
            == call
        ):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{payment_id} is not {call}")
