"""Autopay: the mandate, the debits planned under it, and the last look before each is sent.

A try is unique by (loan, due date, number of the try), so it is made once whoever plans it. Its debit is
decided under the lock of its loan, and looked at again under that lock when the provider is about to be
called: a payment of the borrower's own, a revoked mandate or a closed loan in between lowers or stops it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import insert, select

from refi import events, ids
from refi.db.work import IN_TURN, Work
from refi.errors import Fault, NotFound, Refused
from refi.ids import BorrowerId, LoanId
from refi.loans import hold_service
from refi.loans import service as loans
from refi.loans.states import LoanNotActive, LoanStatus
from refi.loans.tables import Loan
from refi.payments import service as payments
from refi.payments.autopay import TRY_MOVES, TryStatus, next_try, wanted
from refi.payments.states import Call, PaymentStatus
from refi.payments.tables import AutopayMandate, AutopayTry, Payment, SourceType
from refi.schedules.contract import Mode
from refi.states import move

HELD = "hold_"
"""How the reason begins for which nothing is taken while a hold stands."""
NOT_ENDED = (LoanStatus.PENDING_DISBURSEMENT, LoanStatus.ACTIVE)

PLAN = """
    INSERT INTO autopay_tries (loan_id, due_on, attempt, number, planned_for, status, created_at)
    SELECT l.id, i.due_on, 1, min(i.number), $1, 'planned', $3
    FROM installments i JOIN loans l ON l.id = i.loan_id JOIN autopay_mandates m ON m.loan_id = l.id
    WHERE i.due_on BETWEEN $1 AND $1 + $2::int AND i.due_on <= $1 + m.day_offset
    AND m.revoked_at IS NULL AND l.status = 'active' AND l.unmet_on <= i.due_on
    AND ($4::text IS NULL OR l.id = $4)
    GROUP BY l.id, i.due_on ON CONFLICT DO NOTHING"""


class OffsetRefused(Refused):
    """The debit would begin longer before the due date than the policy allows."""


@dataclass(frozen=True, slots=True)
class Debit:
    """What a try would take now, or why it takes nothing."""

    amount: int
    account: str | None
    refusal: str | None = None


async def set_mandate(
    work: Work, borrower_id: BorrowerId, loan_id: LoanId, account: str | None, day_offset: int
) -> AutopayMandate:
    """Agree to debits ``day_offset`` days before installments are due; replaces what was agreed before."""
    loan = await loans.lock(work, loan_id)
    if loan.borrower_id != borrower_id:
        raise NotFound("no such loan")
    if loan.status not in NOT_ENDED:
        raise LoanNotActive(f"a loan that is {loan.status.value} is not debited")
    longest = work.policy.payments.autopay.longest_offset
    if day_offset > longest:
        raise OffsetRefused(
            "too long before the due date", faults=[Fault("/day_offset", "out_of_range")], longest=longest
        )
    account_id = await payments.account_to_debit(work, borrower_id, account)
    before = await mandate(work, loan_id)
    if before is not None:
        if (before.bank_account_id, before.day_offset) == (account_id, day_offset):
            return before
        _end(work, before, "replaced")
        await work.session.flush()
    row = AutopayMandate(
        id=ids.new("mand"),
        loan_id=loan.id,
        borrower_id=borrower_id,
        bank_account_id=account_id,
        day_offset=day_offset,
        created_on=work.on,
        created_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    work.announce(events.AutopaySet(row.id, borrower_id, loan.id, day_offset))
    if await plan(work, work.on, loan_id):
        ask(work, work.on, loan.id, loan.id)
    return row


async def mandate(work: Work, loan_id: str) -> AutopayMandate | None:
    """The mandate in force, if any."""
    row: AutopayMandate | None = await work.session.scalar(
        select(AutopayMandate).where(AutopayMandate.loan_id == loan_id, AutopayMandate.revoked_at.is_(None))
    )
    return row


async def revoke(work: Work, borrower_id: BorrowerId, loan_id: LoanId) -> AutopayMandate:
    """The borrower takes the mandate back: nothing that is not at the provider yet is debited."""
    loan = await loans.lock(work, loan_id)
    if loan.borrower_id != borrower_id:
        raise NotFound("no such loan")
    row = await mandate(work, loan_id)
    if row is not None:
        _end(work, row, "revoked_by_borrower")
        return row
    last: AutopayMandate | None = await work.session.scalar(
        select(AutopayMandate)
        .where(AutopayMandate.loan_id == loan_id)
        .order_by(AutopayMandate.id.desc())
        .limit(1)
    )
    if last is None:
        raise NotFound("no autopay was agreed for this loan")
    return last


def _end(work: Work, row: AutopayMandate, reason: str) -> None:
    row.revoked_at, row.reason = work.now, reason
    work.announce(events.AutopayEnded(row.id, row.borrower_id, row.loan_id, reason))


async def tries_of(work: Work, loan_id: str, limit: int = 20) -> Sequence[AutopayTry]:
    """The newest tries of a loan, newest first."""
    rows = await work.session.scalars(
        select(AutopayTry)
        .where(AutopayTry.loan_id == loan_id)
        .order_by(AutopayTry.due_on.desc(), AutopayTry.attempt.desc())
        .limit(limit)
    )
    return rows.all()


async def plan(work: Work, on: date, loan_id: str | None = None) -> int:
    """Plan the first tries that begin by ``on``, set-based; how many. Planning again plans nothing twice.

    The cost follows the installments due within the longest offset, found by index.
    """
    raw = await work.raw()
    await work.session.flush()
    longest = work.policy.payments.autopay.longest_offset
    done: str = await raw.execute(PLAN, on, longest, work.now, loan_id)
    return int(done.split()[-1])


def ask(work: Work, on: date, first: str, last: str) -> None:
    """Ask for the tries of the loans from ``first`` to ``last`` to be ordered."""
    work.enqueue(
        "autopay",
        {"on": on.isoformat(), "first": first, "last": last},
        dedupe_key=f"autopay:{on}:{first}",
    )


async def order(work: Work, loan_id: str, due_on: date, attempt: int) -> None:
    """Make the debit of a planned try, once, or skip it and say why."""
    loan = await loans.lock(work, LoanId(loan_id))
    row = await work.session.get_one(
        AutopayTry, (loan_id, due_on, attempt), with_for_update=IN_TURN, populate_existing=True
    )
    if row.status is not TryStatus.PLANNED:
        return
    found = await debit(work, loan, due_on)
    if found.refusal is not None:
        row.reason = found.refusal
        if not found.refusal.startswith(HELD):  # what is held is looked at again when the next day opens
            row.status = move(TRY_MOVES, row.status, TryStatus.SKIPPED)
        return
    payment = Payment(
        id=ids.new("pay"),
        loan_id=loan.id,
        borrower_id=loan.borrower_id,
        amount=found.amount,
        currency=loan.currency,
        source_type=SourceType.BANK_DEBIT,
        bank_account_id=found.account,
        mode=Mode.DUE.value,
        status=PaymentStatus.PENDING,
        call=Call.PLANNED,
        ordered_on=work.on,
        created_at=work.now,
    )
    work.session.add(payment)
    await work.session.flush()
    row.status, row.payment_id = move(TRY_MOVES, row.status, TryStatus.ORDERED), payment.id
    work.enqueue("send_order", {"id": payment.id}, dedupe_key=f"send:{payment.id}")


async def debit(work: Work, loan: Loan, due_on: date, *, besides: int = 0) -> Debit:
    """What to take from the locked loan's borrower now for what is due by ``due_on``, or why nothing.

    ``besides``: the amount of the debit that asks, which is not yet another one under way.
    """
    agreed = await mandate(work, loan.id)
    if agreed is None:
        return Debit(0, None, "mandate_revoked")
    if loan.status is not LoanStatus.ACTIVE:
        return Debit(0, None, "loan_not_active")
    standing = await hold_service.stops(work, loan.borrower_id, [loan.id])
    if stopped := [kind for kind in work.policy.payments.autopay.stopped_by if kind in standing]:
        return Debit(0, None, f"{HELD}{stopped[0]}")
    account = await loans.account(work, loan)
    amount = wanted(
        account.state(work.on),
        due_on,
        payoff_total=account.payoff(work.on).total,
        pending=await payments.pending_debits(work, LoanId(loan.id)) - besides,
        minimum=work.policy.product.minimum_payment_amount,
    )
    return Debit(amount, agreed.bank_account_id, None if amount else "nothing_to_take")


async def look_again(work: Work, payment: Payment) -> str | None:
    """Just before the provider is called: why this debit of ours is not sent, or None.

    The payment is locked. It may become smaller, never larger; one that a borrower started is not touched.
    """
    row = await _try_of(work, payment.id)
    if row is None:
        return None
    loan = await loans.lock(work, LoanId(payment.loan_id))
    found = await debit(work, loan, row.due_on, besides=payment.amount)
    if found.refusal is not None:
        row.status, row.reason = move(TRY_MOVES, row.status, TryStatus.SKIPPED), found.refusal
        return found.refusal
    payment.amount = min(payment.amount, found.amount)
    payment.bank_account_id, payment.ordered_on = found.account, work.on
    return None


async def failed(work: Work, payment: Payment, reason: str) -> None:
    """A debit of ours failed or came back: plan the next try, end the mandate, or leave it at that."""
    row = await _try_of(work, payment.id)
    if row is None:
        return
    row.reason = reason
    rules = work.policy.payments.autopay
    agreed = await mandate(work, payment.loan_id)
    if reason in rules.ending and agreed is not None:
        if agreed.bank_account_id == payment.bank_account_id:
            _end(work, agreed, reason)
        return
    first = await work.session.get_one(AutopayTry, (row.loan_id, row.due_on, 1))
    following = next_try(rules, tries=row.attempt, first_on=first.planned_for, reason=reason, on=work.on)
    if following is not None and agreed is not None:
        await work.session.execute(
            insert(AutopayTry).values(
                loan_id=row.loan_id,
                due_on=row.due_on,
                attempt=row.attempt + 1,
                number=row.number,
                planned_for=following,
                status=TryStatus.PLANNED,
                created_at=work.now,
            )
        )


async def _try_of(work: Work, payment_id: str) -> AutopayTry | None:
    """The try that a payment was made for; once ordered it is changed under the payment's lock alone."""
    row: AutopayTry | None = await work.session.scalar(
        select(AutopayTry).where(AutopayTry.payment_id == payment_id)
    )
    return row
