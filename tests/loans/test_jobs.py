"""The close's statements and the pure functions agree, on random books, on every day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest

from refi import close
from refi.db.work import SYSTEM
from refi.ids import LoanId
from refi.loans import delinquency, jobs
from refi.loans import service as loans
from refi.loans.account import Account
from refi.loans.delinquency import Standing, standing, standing_on
from refi.loans.states import LoanStatus
from refi.loans.tables import Loan
from refi.money import Rounding, round_exact
from refi.policies import load
from refi.schedules import arrears
from refi.schedules.arrears import days_past_due
from refi.schedules.contract import Mode, Receipt
from tests.books import ON
from tests.proofs import Proof
from tests.servicing import Desk, a_borrower, a_desk, a_loan

DAY = timedelta(days=1)
MODES = (Mode.DUE, Mode.DUE, Mode.DUE, Mode.PREPAY_SHORTEN, Mode.PREPAY_LOWER)


@dataclass
class Book:
    """Loans of one borrower on a desk, whose business day is closed again and again."""

    desk: Desk
    random: Random
    loans: dict[str, list[str]]
    received: int = 0

    async def live_a_day(self, on: date) -> None:
        """Some pay on time, some early or late, in part or too much; some payments come back."""
        for loan_id, sources in self.loans.items():
            if sources and self.random.random() < 0.02:
                async with self.desk.runtime.database.work(SYSTEM) as work:
                    loan = await loans.lock(work, LoanId(loan_id))
                    await loans.take_back_receipt(work, loan, sources.pop())
            elif self.random.random() < 0.05:
                await self._pay(loan_id, on)

    async def _pay(self, loan_id: str, on: date) -> None:
        async with self.desk.runtime.database.work(SYSTEM) as work:
            loan = await loans.lock(work, LoanId(loan_id))
            if loan.status is not LoanStatus.ACTIVE:
                return
            self.received += 1
            amount = self.random.choice([1, 100_000, 408_027, 408_027, 800_000])
            receipt = Receipt(f"pay_{self.received:026d}", on, amount, self.random.choice(MODES))
            await loans.post_receipt(work, loan, receipt)
            self.loans[loan_id].append(receipt.id)

    async def accounts(self) -> list[tuple[Loan, Account]]:
        """Every loan with its history."""
        async with self.desk.runtime.database.work(SYSTEM, reading=True) as work:
            rows = [await work.session.get_one(Loan, loan_id) for loan_id in self.loans]
            return await loans.accounts(work, rows)


async def a_book(desk: Desk, random: Random, size: int) -> Book:
    """``size`` loans of three to twelve months, paid out over the last half year."""
    person = await a_borrower(desk)
    made = {}
    for _ in range(size):
        credited_on = ON - timedelta(days=random.randrange(200))
        made[await a_loan(desk, person, term=random.choice([3, 6, 12]), credited_on=credited_on)] = list[
            str
        ]()
    return Book(desk, random, made)


async def test_a_season_of_closes_is_what_the_contracts_say_day_by_day(
    proof: Proof, cloned_database_url: str, tmp_path: Path
) -> None:
    """On each day the last snapshot is the replayed state, and each night's events are its changes."""
    size = proof.size(small=12, full=150, of="loans")
    days = proof.size(small=40, full=150, of="days")
    rules = load("cn").delinquency
    async with a_desk(cloned_database_url, tmp_path) as desk:
        book = await a_book(desk, proof.random(), size)
        for passed in range(days):
            await book.live_a_day(ON + passed * DAY)
            await reports_agree(book, ON + passed * DAY)
            await close.advance(desk.runtime, ON + (passed + 1) * DAY)
        snapshots = await desk.service.rows("SELECT * FROM loan_snapshots ORDER BY loan_id, business_date")
        told = await desk.service.rows(
            "SELECT subject, body FROM events WHERE type = 'LoanDelinquencyChanged' ORDER BY body->>'on'"
        )
        accounts = await book.accounts()
    changes = 0
    for loan, account in accounts:
        mine = [row for row in snapshots if row.loan_id == loan.id]
        for passed in range(days):
            on = ON + passed * DAY
            agrees(mine, account, on)
        nights = [event.body for event in told if event.subject == loan.id]
        assert nights == [night for d in range(days) if (night := changed_over(account, ON + d * DAY, loan))]
        changes += len(nights)
        assert len(mine) < days
    proof.record(snapshots=len(snapshots), changes=changes, receipts=book.received)
    assert changes
    assert {row.bucket for row in snapshots} <= {"current", *(band.name for band in rules.buckets)}


def agrees(snapshots: list[Any], account: Account, on: date) -> None:
    """The last snapshot until the day, carried to it, is the state of the contract on it."""
    row = [each for each in snapshots if each.business_date <= on][-1]
    state, rules = account.state(on), load("cn").delinquency
    found = standing(rules, state.days_past_due)
    assert Standing(row.bucket, row.asset_class, row.stage, row.accrues) == found
    assert row.unmet_on == state.unmet_on
    assert row.status == ("paid_off" if state.settled else "active")
    assert row.principal == account.owed(on).principal
    then = account.state(row.business_date)
    assert (row.days_past_due, row.past_due) == (then.days_past_due, then.balances.past_due)


def changed_over(account: Account, on: date, loan: Loan) -> dict[str, Any] | None:
    """What the close of ``on`` must announce, from the states at the ends of the day before and of it."""
    rules, state = load("cn").delinquency, account.state(on)
    known = account.state(on - DAY).unmet_on if on > ON else None  # of no loan before the first close
    before = standing_on(rules, known, on)
    after = standing_on(rules, state.unmet_on, on + DAY)
    if state.settled or before == after:
        return None
    return {
        "subject": loan.id,
        "borrower_id": loan.borrower_id,
        "on": (on + DAY).isoformat(),
        "days_past_due": days_past_due(state.unmet_on, on + DAY),
        "bucket_before": before.bucket,
        "bucket": after.bucket,
        "asset_class": after.asset_class,
        "stage": after.stage,
        "accrues": after.accrues,
    }


async def reports_agree(book: Book, on: date) -> None:
    """What the steps that only count say, against the same sums over replayed contracts."""
    async with book.desk.runtime.database.work(SYSTEM, rehearsing=True) as work:
        overdue, due = await jobs.became_overdue(work, on), await jobs.fall_due(work, on + DAY)
        changed = await jobs.change_delinquency(work, on)
    items = [
        (loan, item, account)
        for loan, account in await book.accounts()
        for item in account.state(on).installments
        if loan.status is LoanStatus.ACTIVE
    ]
    late = [(loan, item) for loan, item, _ in items if item.due_date == on and item.unpaid]
    exact = sum(
        (
            item.unpaid_principal * Fraction(loan.annual_rate * loan.penalty_multiple) / 365
            for loan, item in late
        ),
        start=Fraction(0),
    )
    assert overdue == {
        "installments": len(late),
        "money": {
            "overdue": sum(item.unpaid for _, item in late),
            "principal": sum(item.unpaid_principal for _, item in late),
            "penalty_a_day": round_exact(exact, Rounding.HALF_UP),
        },
    }
    tomorrow = {
        (loan.id, item.number): item.penalty
        for loan, account in await book.accounts()
        for item in account.state(on + DAY).installments
    }
    accrued = sum(tomorrow[loan.id, item.number] - item.penalty for loan, item in late)
    assert abs(accrued - exact) <= Fraction(len(late), 2)
    coming = [item for _, item, _ in items if item.due_date == on + DAY]
    assert due == {
        "installments": len(coming),
        "met": sum(item.unpaid == 0 for item in coming),
        "money": {"due": sum(item.unpaid for item in coming)},
    }
    nights = [
        (account.owed(on).principal, account.state(on + DAY).balances.past_due)
        for loan, account in await book.accounts()
        if loan.status is LoanStatus.ACTIVE and changed_over(account, on, loan)
    ]
    assert changed["loans"] == len(nights)
    money = changed["money"]
    assert money.get("loans", 0) == sum(principal for principal, _ in nights)
    assert money.get("past_due", 0) == sum(past_due for _, past_due in nights)


@pytest.mark.parametrize("market", ["cn", "us"])
def test_bands_cover_every_day_and_turn_where_the_standing_does(market: str) -> None:
    rules = load(market).delinquency
    found = delinquency.bands(rules)
    for days in range(500):
        held = [
            band.standing
            for band in found
            if band.from_days <= days and (band.below_days is None or days < band.below_days)
        ]
        assert held == [standing(rules, days)]
        assert rules.bucket(days) == arrears.bucket(days)
    turns = {turn.days: turn for turn in delinquency.turning(rules, ON)}
    for days in range(1, 500):
        before, after = standing(rules, days - 1), standing(rules, days)
        assert (before != after) == (days in turns)
        if before != after:
            assert (turns[days].before, turns[days].after) == (before, after)
            assert turns[days].unmet_on == ON - timedelta(days=days)


@pytest.mark.parametrize(
    ("days", "bucket", "asset_class", "stage", "accrues"),
    [
        (0, "current", "performing", 1, True), (1, "M1", "special_mention", 1, True),
        (30, "M1", "special_mention", 1, True), (31, "M2", "special_mention", 2, True),
        (90, "M3", "special_mention", 2, True), (91, "M4", "substandard", 3, False),
        (180, "M6", "substandard", 3, False), (181, "M7+", "substandard", 3, False),
        (271, "M7+", "doubtful", 3, False), (361, "M7+", "loss", 3, False),
    ],
)  # fmt: skip
def test_standing(days: int, bucket: str, asset_class: str, stage: int, accrues: bool) -> None:
    found = standing(load("cn").delinquency, days)
    assert found == Standing(bucket, asset_class, stage, accrues)
    assert standing_on(load("cn").delinquency, ON - timedelta(days=days), ON) == found
    assert standing_on(load("cn").delinquency, None, ON).bucket == "current"
