"""Promises to pay: make one, cancel it, settle those whose day is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select

from refi import events, ids
from refi.collections import promises
from refi.collections.promises import MOVES, PromisePending, PromiseStatus
from refi.collections.tables import Promise
from refi.db.base import among
from refi.db.runs import Report
from refi.db.work import Work
from refi.errors import Fault, NotFound
from refi.ids import LoanId
from refi.loans import service as loans
from refi.loans.states import LoanNotActive, LoanStatus
from refi.loans.tables import Loan
from refi.notifications import turn_service
from refi.payments.states import AmountBelowMinimum, AmountExceedsPayoff
from refi.states import move

PROMISABLE = frozenset({LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF})

DUE = """
    SELECT p.id, p.loan_id, p.borrower_id, p.amount, p.tolerance, l.status, (
        SELECT coalesce(sum(m.amount), 0)::bigint FROM movements m
        WHERE m.loan_id = p.loan_id AND m.kind IN ('repayment', 'recovery')
        AND m.effective_on <= p.promised_on
        AND NOT EXISTS (SELECT FROM movements u WHERE u.reverses = m.id)
        AND p.made_at <= (
            SELECT min(f.posted_at) FROM movements f
            WHERE f.loan_id = m.loan_id AND f.source = m.source AND f.kind IN ('repayment', 'recovery')
        )
    ) AS received
    FROM promises p JOIN loans l ON l.id = p.loan_id
    WHERE p.status = 'pending' AND p.promised_on <= $1 ORDER BY p.id FOR UPDATE OF p
"""
"""Promises whose day is over with the money that came since: live receipts, each by when it first came (one
that is booked anew because an earlier one arrived late has not come again)."""

SETTLED = """
    UPDATE promises SET status = $2, received = $3, settled_on = $4, version = version + 1 WHERE id = $1
"""


async def make(work: Work, loan_id: LoanId, amount: int, on: date) -> Promise:
    """Promise ``amount`` by the end of ``on`` for a loan that the caller may speak for.

    Raises `LoanNotActive`, `PromiseDateRefused`, `AmountBelowMinimum`, `AmountExceedsPayoff` and
    `PromisePending`.
    """
    loan = await _in_turn(work, loan_id)
    if loan.status not in PROMISABLE:
        raise LoanNotActive(f"nothing can be promised for a loan that is {loan.status.value}")
    promises.check_day(work.policy.collections, work.on, on)
    await _check_amount(work, loan, amount, on)
    before = await of_loan(work, loan.id)
    if any(row.status is PromiseStatus.PENDING for row in before):
        raise PromisePending("this loan has a promise already", allowed=[PromiseStatus.CANCELLED.value])
    row = Promise(
        id=ids.new("prom"),
        loan_id=loan.id,
        borrower_id=loan.borrower_id,
        amount=amount,
        tolerance=work.policy.collections.promise_tolerance,
        on=on,
        status=PromiseStatus.PENDING,
        stops_contact=promises.is_trusted(work.policy.collections, [each.status for each in before]),
        made_by=str(work.actor),
        made_on=work.on,
        made_at=work.now,
        version=1,
    )
    work.session.add(row)
    await work.session.flush()
    work.announce(events.PromiseMade(row.id, row.borrower_id, row.loan_id, amount, on))
    return row


async def _check_amount(work: Work, loan: Loan, amount: int, on: date) -> None:
    """At least the smallest payment, at most what is owed on that day."""
    owed = (await loans.account(work, loan)).owed(on).total
    smallest = min(work.policy.product.minimum_payment_amount, owed)
    if amount < smallest:
        raise AmountBelowMinimum("that is too little", faults=[Fault("/amount", "amount_below_minimum")])
    if amount > owed:
        raise AmountExceedsPayoff(
            "that is more than will be owed", faults=[Fault("/amount", "amount_exceeds_payoff")], payoff=owed
        )


async def cancel(work: Work, loan_id: LoanId, promise_id: str) -> Promise:
    """Take a waiting promise back: contact about the loan is possible again."""
    await _in_turn(work, loan_id)
    row = await work.session.get(Promise, promise_id, with_for_update=True, populate_existing=True)
    if row is None or row.loan_id != loan_id:
        raise NotFound("no such promise")
    row.status = move(MOVES, row.status, PromiseStatus.CANCELLED)
    row.settled_on = work.on
    row.version += 1
    await work.session.flush()
    work.announce(events.PromiseCancelled(row.id, row.borrower_id, row.loan_id))
    return row


async def _in_turn(work: Work, loan_id: LoanId) -> Loan:
    """The loan, locked after the borrower's turn is taken: the order in which a claim takes them."""
    loan = await work.session.get(Loan, loan_id)
    if loan is None:
        raise NotFound("no such loan")
    await turn_service.take(work, loan.borrower_id)
    return await loans.lock(work, loan_id)


async def of_loan(work: Work, loan_id: str) -> Sequence[Promise]:
    """The loan's promises, newest first."""
    rows = await work.session.scalars(
        select(Promise).where(Promise.loan_id == loan_id).order_by(Promise.id.desc())
    )
    return rows.all()


async def waiting(work: Work, loan_ids: Sequence[str]) -> dict[str, Promise]:
    """The promise that waits for its day, by loan."""
    rows = await work.session.scalars(
        select(Promise).where(among(Promise.loan_id, loan_ids), Promise.status == PromiseStatus.PENDING)
    )
    return {row.loan_id: row for row in rows}


async def settle(work: Work, on: date) -> Report:
    """Settle every promise whose day is over at the end of ``on``; counts and money, minor units.

    Found by index, whatever the size of the book; what each became is `refi.collections.promises.became`.
    """
    raw = await work.raw()
    counts = {status.value: 0 for status in sorted(MOVES[PromiseStatus.PENDING])}
    money = {"promised": 0, "received": 0}
    writes = []
    for row in await raw.fetch(DUE, on):
        status = promises.became(
            promised=row["amount"],
            tolerance=row["tolerance"],
            received=row["received"],
            loan=LoanStatus(row["status"]),
        )
        counts[status.value] += 1
        money["promised"] += row["amount"]
        money["received"] += row["received"]
        writes.append((row["id"], status.value, row["received"], on))
        work.announce(
            events.PromiseSettled(
                row["id"], row["borrower_id"], row["loan_id"], status.value, row["received"], on
            )
        )
    if writes:
        await raw.executemany(SETTLED, writes)
    return {**counts, "money": money}
