"""Planning's two indexed columns find exactly whom the replayed contracts name, on random books."""

from __future__ import annotations

import random
from datetime import date, timedelta

from sqlalchemy import select

from refi.collections import ladder
from refi.collections import planning_service as planning
from refi.db.work import SYSTEM, Work
from refi.loans import service as loans
from refi.loans.tables import Loan
from tests.books import ON
from tests.proofs import Proof
from tests.servicing import Desk, a_borrower, a_loan, a_payment

AMOUNTS = (408_027, 200_000, 900_000, 50_000)


async def a_book(desk: Desk, dice: random.Random, borrowers: int) -> None:
    """Borrowers with one or two loans of the last weeks; some paid, early, late, in part or too much."""
    for _ in range(borrowers):
        person = await a_borrower(desk, device=dice.random() < 0.5)
        for _ in range(dice.choice((1, 1, 2))):
            loan_id = await a_loan(desk, person, credited_on=ON - timedelta(days=dice.randrange(45)))
            for days in sorted(dice.randrange(90) for _ in range(dice.randrange(4))):
                await desk.clock_at(ON + timedelta(days=days))
                await a_payment(desk, loan_id, dice.choice(AMOUNTS), ON + timedelta(days=days))


async def expected(work: Work, due_on: date, on: date) -> set[tuple[str, int]]:
    """The installments due on that day of which something scheduled is missing, by replay."""
    rows = (await work.session.scalars(select(Loan).where(Loan.status == "active"))).all()
    return {
        (loan.id, item.number)
        for loan, account in await loans.accounts(work, rows)
        for item in account.state(on).installments
        if item.due_date == due_on and item.unpaid > 0
    }


async def test_planning_agrees_with_the_contracts(desk: Desk, proof: Proof) -> None:
    dice = proof.random()
    await a_book(desk, dice, proof.size(small=6, full=60, of="borrowers"))
    found = 0
    for days in range(90, 200, proof.size(small=7, full=1, of="days between looks")):
        on = ON + timedelta(days=days)
        await desk.clock_at(on)
        async with desk.runtime.database.work(SYSTEM, reading=True) as work:
            for begun in ladder.begun(work.policy.ladder, on):
                told = await planning.find(work, begun, on, await planning.concerned(work, begun.due_on))
                got = {(about.loan_id, about.number) for one in told if one.wish for about in one.wish.about}
                assert got == await expected(work, begun.due_on, on), f"{begun.stage.name} on {on}"
                found += len(got)
    proof.record(installments_found=found)
