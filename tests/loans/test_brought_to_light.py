"""What random lives brought to light: a second life, transfers at once, an id with colons, a race."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from refi import ids
from refi.borrowers import service as borrowers
from refi.db.work import SYSTEM, Actor
from refi.events import MoneySetAside
from refi.ids import BorrowerId, LoanId
from refi.loans import act_service, reissue_service
from refi.loans import service as loans
from refi.loans.act_service import Wanted
from refi.loans.acts import ActKind
from refi.payments import handlers, news_service, suspense_act_service, suspense_service
from refi.payments.provider_events import EventType, ProviderEvent
from refi.payments.suspense import Remedy
from refi.payments.suspense_act_service import Said
from refi.staff.roles import Role
from tests.books import ON
from tests.loans.office import Office, a_signed_loan, findings
from tests.servicing import Desk, a_borrower, a_loan, a_payment

LEADS = frozenset({Role.COLLECTIONS_LEAD.value})
NOT_OURS = ("suspense_is_explained",)  # the payoff that came back was nobody's order


async def returned(desk: Desk, loan_id: LoanId) -> None:
    """The payoff comes back; what was repaid waits to be sent back."""
    async with desk.runtime.database.work(SYSTEM) as work:
        loan = await loans.lock(work, loan_id)
        await loans.cancel(work, loan, "returned", returned_by="pout_1")


async def paid_out_again(desk: Desk, loan_id: LoanId) -> None:
    """The payoff is sent once more and arrives today."""
    async with desk.runtime.database.work(SYSTEM) as work:
        await reissue_service.begin_again(work, await loans.lock(work, loan_id))
        await loans.activate(work, loan_id, credited_on=work.on, cause=ids.new("pout"))


async def test_what_was_repaid_before_the_second_payout_is_not_before_the_loan(
    desk: Desk, office: Office
) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    await a_payment(desk, loan_id, 408_027, ON)
    await returned(desk, loan_id)
    await desk.clock_at(ON + timedelta(days=3))
    await paid_out_again(desk, loan_id)
    loan = await office.loan(loan_id)
    assert (loan["status"], loan["balances"]["principal"]) == ("active", 1_200_000)
    assert loan["disbursed_on"] == "2026-11-25"
    await a_payment(desk, loan_id, 408_027, ON + timedelta(days=3))
    assert (await office.loan(loan_id))["balances"]["principal"] == 803_973  # 408,027 less a month's interest
    assert await findings(desk, but=NOT_OURS) == []


async def test_a_payout_dated_before_the_signing_counts_from_the_signing(desk: Desk, office: Office) -> None:
    person = await a_borrower(desk)
    loan_id = await a_signed_loan(desk, person)
    rows = await desk.service.rows("SELECT id FROM payouts")
    news = ProviderEvent(
        id="evt_1", type=EventType.PAYOUT_DELIVERED, provider_id="p_1", amount=1_200_000, currency="CNY",
        effective_on=ON - timedelta(days=1), key=rows[0].id,
    )  # fmt: skip
    async with desk.runtime.database.work(SYSTEM) as work:
        await news_service.book_news(work, news)
    await a_payment(desk, loan_id, 408_027, ON - timedelta(days=1))
    assert (await office.loan(loan_id))["disbursed_on"] == "2026-11-22"
    await returned(desk, loan_id)
    async with desk.runtime.database.work(SYSTEM) as work:
        await reissue_service.begin_again(work, await loans.lock(work, loan_id))
    assert (await office.loan(loan_id))["status"] == "pending_disbursement"


async def test_transfers_for_one_loan_take_turns(desk: Desk) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    async with asyncio.TaskGroup() as together:  # a deadlock would end the group
        for _ in range(12):
            together.create_task(a_payment(desk, loan_id, 1_000, ON))
    paid = await desk.service.rows("SELECT count(*) AS n FROM payments WHERE status = 'posted'")
    assert paid[0].n == 12
    assert await findings(desk) == []


async def test_rows_that_point_to_a_loan_do_not_wait_for_who_changes_it(desk: Desk) -> None:
    """Else two who lock different rows, and each write one that points to the other's, meet in a deadlock."""
    loan_id = await a_loan(desk, await a_borrower(desk))
    database = desk.runtime.database
    async with database.work(SYSTEM) as changing, database.work(SYSTEM) as pointing:
        loan = await loans.lock(changing, loan_id)
        await borrowers.lock(changing, BorrowerId(loan.borrower_id))
        await (await pointing.raw()).execute("SET LOCAL lock_timeout = '2s'")
        await news_service.new_transfer(pointing, loan, 5_000, "CNY")


async def test_who_matches_money_and_who_changes_its_loan_take_turns(desk: Desk, office: Office) -> None:
    """Both write into the one chain of acts of staff: after the rows that they wait for."""
    loan_id = await a_loan(desk, await a_borrower(desk))
    for number in range(6):
        news = ProviderEvent(
            id="evt_1", type=EventType.TRANSFER_RECEIVED, provider_id=f"in_{number}", amount=500,
            currency="CNY", effective_on=ON, reference="for nobody",
        )  # fmt: skip
        async with desk.runtime.database.work(SYSTEM) as work:
            await news_service.book_news(work, news)
    items = await desk.service.rows("SELECT id FROM suspense_items")

    async def match(item: str) -> None:
        async with desk.runtime.database.work(Actor("staff", "somebody")) as work:
            row = await suspense_service.lock(work, item)
            await suspense_act_service.mend(work, row, Said(Remedy.MATCH, "theirs", loan_id))

    async def waive() -> None:
        async with desk.runtime.database.work(Actor("staff", office.lead.id, LEADS)) as work:
            loan = await loans.lock(work, loan_id)
            wanted = Wanted(ActKind.WAIVE, {"amount": 10, "component": "interest"}, "by chance")
            await act_service.do(work, loan, wanted)

    async with asyncio.TaskGroup() as together:  # a deadlock would end the group
        for item in items:
            together.create_task(match(item.id))
            together.create_task(waive())
    assert len((await office.loan(loan_id))["acts"]) == 6
    assert await findings(desk) == []


async def test_an_audit_knows_a_provider_whose_ids_have_colons(desk: Desk) -> None:
    news = ProviderEvent(
        id="evt_1", type=EventType.TRANSFER_RECEIVED, provider_id="in:2026:1", amount=5_000, currency="CNY",
        effective_on=ON, reference="for nobody",
    )  # fmt: skip
    loan_id = await a_loan(desk, await a_borrower(desk))
    async with desk.runtime.database.work(SYSTEM) as work:
        await news_service.book_news(work, news)
    assert await findings(desk) == []
    waiting = await desk.service.rows("SELECT id FROM suspense_items")
    async with desk.runtime.database.work(Actor("staff", "somebody")) as work:
        row = await suspense_service.lock(work, waiting[0].id)
        await suspense_act_service.mend(work, row, Said(Remedy.MATCH, "theirs", loan_id))
    assert await findings(desk) == []


async def payout_news(desk: Desk, kind: EventType) -> None:
    """What the provider tells of the only payout."""
    [row] = await desk.service.rows("SELECT id FROM payouts")
    news = ProviderEvent(
        id=f"evt_{kind}", type=kind, provider_id="p_1", amount=1_200_000, currency="CNY", effective_on=ON,
        key=row.id,
    )  # fmt: skip
    async with desk.runtime.database.work(SYSTEM) as work:
        await news_service.book_news(work, news)


async def paid_off_and_more(desk: Desk) -> LoanId:
    """A loan of 12,000.00 that was paid off on its first day, with 5.00 too much: a refund is planned."""
    loan_id = await a_signed_loan(desk, await a_borrower(desk))
    await payout_news(desk, EventType.PAYOUT_DELIVERED)
    await a_payment(desk, loan_id, 1_200_500, ON)
    return loan_id


async def test_a_payoff_comes_back_while_an_excess_is_sent_back_again(desk: Desk) -> None:
    """What of a payment goes back is decided by one at a time: nothing is left lying, nothing sent twice."""
    await paid_off_and_more(desk)
    await desk.work_off(only="send_order")  # the provider never heard of this transfer: it refuses
    [item] = await desk.service.rows("SELECT id FROM suspense_items WHERE kind = 'refund_failed'")
    async with desk.runtime.database.work(Actor("staff", "somebody")) as sending:
        row = await suspense_service.lock(sending, item.id)
        await suspense_act_service.mend(sending, row, Said(Remedy.REFUND, "once more", None))
        coming = asyncio.create_task(payout_news(desk, EventType.PAYOUT_RETURNED))
        await asyncio.wait({coming}, timeout=0.5)
        assert not coming.done()
    await coming
    planned = await desk.service.rows("SELECT amount FROM refunds WHERE status = 'planned' ORDER BY amount")
    assert [row.amount for row in planned] == [500, 1_200_000]
    assert await findings(desk) == []


async def test_money_set_aside_is_sent_back_once_when_the_payoff_comes_back_meanwhile(desk: Desk) -> None:
    loan_id = await paid_off_and_more(desk)
    [payment] = await desk.service.rows("SELECT id, borrower_id FROM payments")
    # As if the excess had come to light later, by an act: set aside, its event not handled yet.
    await desk.service.rows("DELETE FROM refunds RETURNING id")
    async with desk.runtime.database.work(SYSTEM) as hearing:
        await handlers.money_set_aside(hearing, MoneySetAside(loan_id, payment.borrower_id, payment.id, 500))
        coming = asyncio.create_task(payout_news(desk, EventType.PAYOUT_RETURNED))
        await asyncio.wait({coming}, timeout=0.5)
        assert not coming.done()
    await coming
    planned = await desk.service.rows("SELECT amount FROM refunds ORDER BY amount")
    assert [row.amount for row in planned] == [500, 1_200_000]
    assert await findings(desk) == []
