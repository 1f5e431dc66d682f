"""Random lives: after every event what is stored of a loan is what its history makes of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from refi import ids
from refi.db.work import SYSTEM, Work
from refi.errors import Refusal
from refi.ids import LoanId
from refi.loans import act_service, replaying
from refi.loans import service as loans
from refi.loans.act_service import Wanted
from refi.loans.acts import ActKind
from refi.loans.replay_service import stored_loan
from refi.loans.states import LoanStatus
from refi.loans.tables import Loan
from refi.schedules.contract import Mode, Receipt
from tests.loans.office import findings
from tests.proofs import Proof
from tests.servicing import ON, Desk, a_borrower, a_loan

OPEN = (LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF)
NOT_OURS = ("suspense_is_explained",)  # nobody here plans refunds
LONGEST_LIFE = 40


class PowerCut(Exception):
    """The transaction ends here, and is tried again."""


@dataclass
class Life:
    """A loan and what may still be taken back on it."""

    random: Random
    loan_id: LoanId
    receipts: list[str] = field(default_factory=list)
    acts: list[str] = field(default_factory=list)
    events: int = 0
    over: bool = False


async def receive(work: Work, loan: Loan, life: Life) -> None:
    """Money: some, exactly enough, or too much; now or dated back; for what is due or ahead of it."""
    owed = (await loans.account(work, loan)).payoff(work.on).total
    part = life.random.choice((0.05, 0.2, 0.34, 0.34, 0.5, 1.0, 1.3))
    amount = max(1, int(owed * part) + life.random.randint(-3, 3))
    back = life.random.choice((0, 0, 0, 1, 9, 40))
    on = max(work.on - timedelta(days=back), loan.credited_on or work.on)
    mode = life.random.choice((Mode.DUE, Mode.DUE, Mode.DUE, Mode.PREPAY_LOWER, Mode.PREPAY_SHORTEN))
    source = ids.new("pay")
    await loans.post_receipt(work, loan, Receipt(source, on, amount, mode))
    life.receipts.append(source)


async def take_back(work: Work, loan: Loan, life: Life) -> None:
    """The bank, or staff, take money off the loan."""
    source = life.random.choice(life.receipts)
    account = await loans.account(work, loan)
    if source in {receipt.id for receipt in account.receipts}:
        await life.random.choice((loans.take_back_receipt, loans.release_receipt))(work, loan, source)
    life.receipts.remove(source)


def wanted(work: Work, loan: Loan, life: Life) -> Wanted:
    """Something that staff might want, possible or not."""
    random = life.random
    later = (work.on + timedelta(days=random.randint(1, 45))).isoformat()
    choices: list[tuple[ActKind, dict[str, Any]]] = [
        (ActKind.DEFER, {"months": random.randint(1, 3)}),
        (ActKind.DEFER, {"months": 1, "interest_free": True}),
        (ActKind.DUE_DATE_CHANGE, {"first_due_date": later}),
        (ActKind.RE_AGE, {}),
        (ActKind.RE_AGE, {"installments": random.randint(1, 9), "first_due_date": later}),
        (ActKind.EXTEND, {"installments": random.randint(1, 18)}),
        (ActKind.EXTEND, {"installments": random.randint(3, 12), "annual_rate": "0.06"}),
        (ActKind.WAIVE, {"amount": random.randint(1, 50_000), "component": "penalty"}),
        (ActKind.WAIVE, {"amount": random.randint(1, 50_000), "component": "interest"}),
        (ActKind.WAIVE, {"amount": random.randint(1, loan.principal), "component": "principal"}),
    ]
    if loan.unmet_on is not None and (work.on - loan.unmet_on).days > 60:
        choices += [(ActKind.CHARGE_OFF, {})] * 6
    if life.acts and random.random() < 0.3:
        return Wanted(ActKind.REVERSAL, {}, "in error", undoes=random.choice(life.acts))
    kind, arguments = random.choice(choices)
    return Wanted(kind, arguments, "by chance")


async def happen(work: Work, loan: Loan, life: Life) -> None:
    """One event of a life."""
    chance = life.random.random()
    if loan.status in OPEN and chance < 0.45:
        await receive(work, loan, life)
    elif life.receipts and chance < 0.6:
        await take_back(work, loan, life)
    elif chance > 0.995 or (life.events > LONGEST_LIFE and chance > 0.7):
        await loans.cancel(work, loan, "returned", returned_by="pout_1")
        life.over = True
    else:
        act = await act_service.perform(work, loan, wanted(work, loan, life), by="staff:by_chance")
        life.acts.append(act.id)


async def live(desk: Desk, life: Life, proof: Proof) -> None:
    """One event, perhaps cut off before it commits and tried again; then the loan is recomputed."""
    cut, state = life.random.random() < 0.1, life.random.getstate()
    kept = list(life.receipts), list(life.acts)
    for last in (False, True) if cut else (True,):
        life.random.setstate(state)
        life.receipts, life.acts = list(kept[0]), list(kept[1])
        try:
            async with desk.runtime.database.work(SYSTEM) as work:
                loan = await loans.lock(work, life.loan_id)
                await happen(work, loan, life)
                if not last:
                    raise PowerCut
        except PowerCut:
            proof.fired("transaction cut off before its commit")
        except Refusal as refusal:
            life.receipts, life.acts = kept
            proof.fired(f"refused: {type(refusal).__name__}")
    life.events += 1
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        stored = await stored_loan(work, life.loan_id)
        assert stored is not None
        assert replaying.differences(stored, work.on) == [], life.loan_id
        life.over = life.over or (stored.status not in OPEN and not life.receipts)


async def digest(desk: Desk, lives: list[Life]) -> str:
    """The books without ids and instants, loan by loan in the order in which they began."""
    told = []
    for life in lives:
        row: dict[str, Any] = {}
        for name, query in {
            "loan": "SELECT status, unmet_on, closed_on, acts, version FROM loans WHERE id = :id",
            "plan": "SELECT number, due_on, principal, interest, unpaid FROM installments WHERE loan_id = :id"
            " ORDER BY number",
            "acts": "SELECT kind, arguments, effective_on, version FROM loan_acts WHERE loan_id = :id"
            " ORDER BY number",
            "books": "SELECT debit, credit, sum(amount)::bigint FROM transfers WHERE loan_id = :id"
            " GROUP BY debit, credit ORDER BY debit, credit",
        }.items():
            row[name] = [
                [str(value) for value in line] for line in await desk.service.rows(query, id=life.loan_id)
            ]
        told.append(row)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


async def lived(desk: Desk, proof: Proof, slots: int, rounds: int, at_once: int) -> str:
    """Rounds of events, one a loan, many loans at once, days passing in between; the digest of the books."""
    person, chance = await a_borrower(desk), proof.random()
    lives: list[Life] = []
    on, gate = ON, asyncio.Semaphore(at_once)

    async def begin(seed: int) -> Life:
        random = Random(seed)
        await desk.clock_at(on)
        loan_id = await a_loan(
            desk,
            person,
            principal=random.randint(100, 3_000_000),
            term=random.choice((3, 6, 12)),
            credited_on=on,
        )
        return Life(random, loan_id)

    async def turn(life: Life) -> None:
        async with gate:
            await live(desk, life, proof)

    current: list[Life] = []
    for _ in range(rounds):
        await desk.clock_at(on)
        current = [life for life in current if not life.over]
        while len(current) < slots:
            current.append(await begin(chance.getrandbits(48)))
            lives.append(current[-1])
        async with asyncio.TaskGroup() as together:
            for life in current:
                together.create_task(turn(life))
        on += timedelta(days=chance.choice((0, 1, 5, 13, 31)))
    proof.record(events=sum(life.events for life in lives), loans=len(lives), last_day=date.isoformat(on))
    return await digest(desk, lives)


async def test_random_lives_are_explained_by_their_history(desk: Desk, proof: Proof) -> None:
    slots = proof.size(small=24, full=400, of="loans at a time")
    rounds = proof.size(small=20, full=2_500, of="rounds of one event a loan")
    at_once = proof.size(small=4, full=4, of="events at once")
    first = await lived(desk, proof, slots, rounds, at_once)
    assert await findings(desk, but=NOT_OURS) == []
    proof.record(digest=first)


async def test_the_same_seed_makes_the_same_books(desk: Desk, proof: Proof) -> None:
    slots = proof.size(small=6, full=100, of="loans at a time")
    rounds = proof.size(small=8, full=200, of="rounds of one event a loan")
    one = await lived(desk, proof, slots, rounds, 1)
    assert await lived(desk, proof, slots, rounds, 4) == one
    proof.record(digest=one)
