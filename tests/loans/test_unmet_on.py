"""``loans.unmet_on``: the stored due date of the oldest unmet installment is what the contract says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from refi import audit
from refi.db.work import SYSTEM
from refi.ledger import service as ledger
from refi.ledger.entries import Kind
from refi.loans import service as loans
from refi.loans.states import LoanStatus
from refi.schedules.contract import Mode, Receipt
from tests.books import ON
from tests.proofs import Proof
from tests.servicing import DUE, Desk, a_borrower, a_desk, a_loan

DAY = timedelta(days=1)


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(database_url, tmp_path) as made:
        yield made


async def unmet_on(desk: Desk) -> list[date | None]:
    return [row.unmet_on for row in await desk.service.rows("SELECT unmet_on FROM loans ORDER BY id")]


async def receive(desk: Desk, loan_id: str, amount: int, on: date, mode: Mode = Mode.DUE) -> str:
    """Money for the loan, straight at the service of loans."""
    async with desk.runtime.database.work(SYSTEM) as work:
        loan = await loans.lock(work, loans.LoanId(loan_id))
        source = f"pay_{loan.version:03d}_{loan_id}"[:40]
        await loans.post_receipt(work, loan, Receipt(source, on, amount, mode))
    return source


async def test_it_moves_with_each_installment_that_is_met(desk: Desk) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    assert await unmet_on(desk) == [DUE]
    await receive(desk, loan_id, 408_000, ON)  # less than the first installment
    assert await unmet_on(desk) == [DUE]
    first = await receive(desk, loan_id, 27, ON)
    assert await unmet_on(desk) == [date(2027, 1, 22)]
    async with desk.runtime.database.work(SYSTEM) as work:
        await loans.take_back_receipt(work, await loans.lock(work, loan_id), first)
    assert await unmet_on(desk) == [DUE]
    await receive(desk, loan_id, 2_000_000, ON)
    assert await unmet_on(desk) == [None]


async def test_it_says_nothing_before_the_payoff_arrives_and_after_a_cancellation(desk: Desk) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    async with desk.runtime.database.work(SYSTEM) as work:
        loan = await loans.lock(work, loan_id)
        await loans.cancel(work, loan, "returned", returned_by="pout_1")
    assert await unmet_on(desk) == [None]


async def test_an_audit_names_a_loan_whose_copy_is_wrong(desk: Desk) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    async with desk.runtime.database.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE loans SET unmet_on = unmet_on + 1")
    report = await audit.run(desk.runtime.database, None)
    assert [(each.id, each.what) for each in report.findings if each.check == "derived_equals_stored"] == [
        (loan_id, "unmet since 2026-12-23, the contract says 2026-12-22")
    ]


async def test_random_histories_keep_it(proof: Proof, database_url: str, tmp_path: Path) -> None:
    """Payments on time, late, back-dated, ahead, returned: days past due is the day minus it."""
    random = proof.random()
    steps = proof.size(small=60, full=1_000, of="receipts and returns")
    async with a_desk(database_url, tmp_path) as desk:
        person = await a_borrower(desk)
        book = {await a_loan(desk, person, term=random.choice([3, 6, 12])): list[str]() for _ in range(6)}
        on = ON
        for _ in range(steps):
            on += timedelta(days=random.choice([0, 1, 9, 20]))
            await desk.service.turn_to(on)
            loan_id = random.choice(list(book))
            if book[loan_id] and random.random() < 0.3:
                source = book[loan_id].pop(random.randrange(len(book[loan_id])))
                async with desk.runtime.database.work(SYSTEM) as work:
                    loan = await loans.lock(work, loan_id)
                    held = ledger.live(await ledger.of_loan(work, loan_id), Kind.REPAYMENT)
                    if any(row.source == source for row in held):  # else it was released as surplus
                        await loans.take_back_receipt(work, loan, source)
                proof.fired("receipt taken back")
            elif await is_active(desk, loan_id):
                amount = random.choice([1, 100_000, 408_027, 250_000])
                back = max(ON, on - timedelta(days=random.choice([0, 0, 3, 40])))
                book[loan_id].append(await receive(desk, loan_id, amount, back, random.choice(list(Mode))))
        await agrees(desk, list(book), on)


async def is_active(desk: Desk, loan_id: str) -> bool:
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        return (await work.session.get_one(loans.Loan, loan_id)).status is LoanStatus.ACTIVE


async def agrees(desk: Desk, book: list[str], on: date) -> None:
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        for loan_id in book:
            loan = await work.session.get_one(loans.Loan, loan_id)
            account = await loans.account(work, loan)
            for day in (on, on + DAY, on + 30 * DAY, on + 400 * DAY):
                late = account.state(day).days_past_due
                assert late == max(0, (day - loan.unmet_on).days if loan.unmet_on else 0)
    report = await audit.run(desk.runtime.database, None)
    assert [each for each in report.findings if each.check == "derived_equals_stored"] == []
