"""Staff correct money: take a payment off its loan, cancel a loan before anything was paid out."""

from __future__ import annotations

from dataclasses import dataclass

from refi import events, ids
from refi.db.work import IN_TURN, Work
from refi.errors import Conflict, NotFound
from refi.ids import LoanId, PaymentId
from refi.ledger import service as ledger
from refi.ledger.entries import Kind
from refi.loans import service as loans
from refi.loans.act_service import ProposalWaits, write
from refi.loans.acts import ActKind, Happened
from refi.loans.states import LoanStatus
from refi.loans.tables import Loan
from refi.payments import payout_service as payouts
from refi.payments import service as payments
from refi.payments.states import (
    PAYMENT_MOVES,
    AlreadyReversed,
    PaymentStatus,
)
from refi.payments.tables import Payment
from refi.schedules.contract import State
from refi.staff import service as staff
from refi.staff.approvals import ReasonRequired
from refi.staff.roles import Permission, ScopeMissing
from refi.staff.tables import Approval
from refi.states import move
from refi.web.deps import StaleVersion, check_version, etag

ACT = "payment_reversal"
"""The kind of proposal that a second person answers; ``refi.runtime`` maps it to `act`."""


class NothingOnTheLoan(Conflict):
    """No part of the payment is on its loan: it was set aside, or the loan was cancelled."""


@dataclass(frozen=True, slots=True)
class Reversed:
    """A payment that is, would be, or is proposed to be taken off its loan; the loan before and after."""

    payment: Payment
    loan: Loan
    before: State
    after: State
    approval: Approval | None = None
    done: bool = False


async def look(work: Work, payment_id: PaymentId) -> Reversed:
    """What taking the payment off its loan would do today. Raises what `reverse` raises; stores nothing."""
    payment = await payments.payment(work, payment_id)
    loan = await work.session.get_one(Loan, payment.loan_id)
    return await _look(work, payment, loan)


async def _look(work: Work, payment: Payment, loan: Loan) -> Reversed:
    if payment.status is PaymentStatus.REVERSED:
        raise AlreadyReversed("the payment was taken back before")
    move(PAYMENT_MOVES, payment.status, PaymentStatus.REVERSED)
    movements = await ledger.of_loan(work, loan.id)
    taken = (*ledger.live(movements, Kind.REPAYMENT), *ledger.live(movements, Kind.RECOVERY))
    if loan.status is LoanStatus.CANCELLED or not any(row.source == payment.id for row in taken):
        raise NothingOnTheLoan("nothing of it is on the loan")
    account = await loans.account(work, loan)
    before, after = account.state(work.on), account.undone(payment.id, work.on).state(work.on)
    return Reversed(payment, loan, before, after)


async def reverse(work: Work, payment_id: PaymentId, reason: str, seen: str | None) -> Reversed:
    """Take a payment off its loan: the money waits in suspense and goes back to who paid it.

    One that is older than the policy allows is proposed to a second person. ``seen`` is the loan's ETag, if
    the caller looked. Raises `ReasonRequired`, `AlreadyReversed`, `NothingOnTheLoan` or `StaleVersion`.
    """
    if not reason.strip():
        raise ReasonRequired("say why")
    payment, loan = await _lock(work, payment_id)
    if seen is not None:
        check_version(seen, loan.version)
    found = await _look(work, payment, loan)
    age = (work.on - (payment.effective_on or work.on)).days
    if age <= work.policy.changes.reverse_alone_days:
        await _carry_out(work, payment, loan, reason, by=str(work.actor))
        await staff.record(work, ACT, payment.id, {"loan": loan.id, "reason": reason})
        return Reversed(payment, loan, found.before, found.after, done=True)
    if await staff.pending(work, ACT, payment.id) is not None:
        raise ProposalWaits("taking this payment off its loan waits for a second person already")
    approval = await staff.propose(
        work,
        ACT,
        payment.id,
        {"loan": loan.id, "reason": reason},
        version_seen=loan.version,
        permission=Permission.SECOND_MONEY,
        amount=payment.amount,
    )
    return Reversed(payment, loan, found.before, found.after, approval=approval)


async def _lock(work: Work, payment_id: str) -> tuple[Payment, Loan]:
    """Payment, then loan: the order in which the provider's news locks them."""
    payment = await work.session.get(Payment, payment_id, with_for_update=IN_TURN, populate_existing=True)
    if payment is None:
        raise NotFound("no such payment")
    return payment, await loans.lock(work, LoanId(payment.loan_id))


async def _carry_out(
    work: Work, payment: Payment, loan: Loan, reason: str, *, by: str, approval: Approval | None = None
) -> None:
    payment.status = move(PAYMENT_MOVES, payment.status, PaymentStatus.REVERSED)
    payment.reason = reason
    settled = await loans.release_receipt(work, loan, payment.id)
    arguments = {"payment": payment.id, "amount": payment.amount}
    act = Happened(ids.new("lact"), ActKind.PAYMENT_REVERSAL, work.on, arguments)
    await write(work, loan, act, reason, by=by, approval=approval)
    if (rest := await payments.not_sent_back(work, payment)) > 0:
        await payments.plan_refund(work, payment, rest)
    for source, amount in settled.surplus.items():
        await payments.plan_refund(work, await work.session.get_one(Payment, source), amount)
    work.announce(events.PaymentReversed(payment.id, payment.borrower_id, loan.id, payment.amount, work.on))


async def lock_subject(work: Work, approval: Approval) -> None:
    """Payment and loan are locked before the proposal about them."""
    await _lock(work, approval.subject)


async def carry_out(work: Work, approval: Approval) -> None:
    """The second person agrees; they need the authority for the amount, and the loan as it was seen."""
    payment, loan = await _lock(work, approval.subject)
    if loan.version != approval.version_seen:
        raise StaleVersion("the loan has changed since it was proposed", current=etag(loan.version))
    limit = work.policy.changes.second(work.actor.roles)
    if approval.amount is not None and approval.amount > limit:
        raise ScopeMissing("the amount is above your authority", limit=limit)
    await _look(work, payment, loan)
    reason = str(approval.arguments["reason"])
    await _carry_out(work, payment, loan, reason, by=f"staff:{approval.maker}", approval=approval)


async def lay_down(work: Work, approval: Approval) -> None:
    """The second person disagrees: the payment stays; the answer is in the record of acts."""
    await staff.record(work, "payment_reversal_declined", approval.subject, {"approval": approval.id})


act = staff.Act(lock_subject, carry_out, lay_down)


async def cancel(work: Work, loan_id: LoanId, reason: str, seen: str) -> Loan:
    """Cancel a loan of which nothing was ordered from the provider yet; the borrower owes nothing.

    Raises `ReasonRequired`, `StaleVersion`, `PayoutUnderWay`, and `LoanNotActive` for one that was paid out.
    """
    if not reason.strip():
        raise ReasonRequired("say why")
    payout, loan = await payouts.lock_last(work, loan_id)
    check_version(seen, loan.version)
    payouts.call_off(payout, loan, "cancelled")
    await loans.cancel(work, loan, reason)
    act = Happened(ids.new("lact"), ActKind.CANCELLATION, work.on, {})
    await write(work, loan, act, reason, by=str(work.actor))
    await staff.record(work, "loan_cancellation", loan.id, {"reason": reason})
    return loan
