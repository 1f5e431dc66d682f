"""What staff do with what fits nowhere: match it to a loan, send it back, look again, settle it.

Money above the amount that one person may move alone, and every settlement, waits for a second person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from refi import ids
from refi.db.work import IN_TURN, Work
from refi.errors import Fault, NotFound
from refi.ids import LoanId
from refi.ledger import service as ledger
from refi.ledger.entries import Kind, Split
from refi.loans import service as loans
from refi.loans.states import LoanNotActive, LoanStatus
from refi.loans.tables import Loan
from refi.payments import news_service, previews, suspense_service
from refi.payments.previews import Preview
from refi.payments.states import (
    PAYOUT_MOVES,
    REFUND_MOVES,
    Call,
    PaymentStatus,
    PayoutStatus,
    RefundStatus,
)
from refi.payments.suspense import (
    SUSPENSE_MOVES,
    Remedy,
    SuspenseKind,
    SuspenseStatus,
    needs_second,
    require_remedy,
)
from refi.payments.tables import (
    Order,
    Payment,
    Payout,
    ProviderNews,
    Refund,
    SourceType,
    SuspenseItem,
    UnmatchedReceipt,
)
from refi.schedules.contract import Mode
from refi.staff import service as staff
from refi.staff.approvals import ReasonRequired
from refi.staff.roles import Permission
from refi.staff.tables import Approval
from refi.states import move
from refi.web.deps import StaleVersion, etag

ACT = "suspense"
"""The kind of proposal that a second person answers; ``refi.runtime`` maps it to `act`."""
GIVEN_UP = "contradicted"
"""Why an order failed that two people have given up."""


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody wants done with an item, and why; ``loan_id`` names whom it is matched to."""

    remedy: Remedy
    reason: str
    loan_id: str | None = None


async def mend(work: Work, row: SuspenseItem, said: Said) -> SuspenseItem:
    """Do what the acting member of staff wants with a locked item, or write it down for a second person.

    Raises `RemedyUnfit`, `InvalidTransition`, `ReasonRequired`, and what the remedy itself refuses.
    """
    require_remedy(row.kind, said.remedy)
    if not said.reason.strip():
        raise ReasonRequired("say why", faults=[Fault("/reason", "blank")])
    if not needs_second(said.remedy, row.amount, work.policy.payments.suspense_alone_up_to):
        await _apply(work, row, said)
        await staff.record(work, f"suspense_{said.remedy.value}", row.id, _public(said))
        return row
    if said.loan_id is not None:
        await _loan_for(work, row, said.loan_id)  # refused now rather than when the second person agrees
    row.status = move(SUSPENSE_MOVES, row.status, SuspenseStatus.AWAITING_SECOND)
    await work.session.flush()
    approval = await staff.propose(
        work,
        ACT,
        row.id,
        _public(said),
        version_seen=row.version,
        permission=Permission.SECOND_MONEY,
        amount=row.amount,
    )
    row.approval_id = approval.id
    await work.session.flush()
    return row


async def preview_match(work: Work, row: SuspenseItem, loan_id: str) -> tuple[Loan, Preview]:
    """What matching the item to that loan would do. Refuses what the match would."""
    require_remedy(row.kind, Remedy.MATCH)
    loan = await work.session.get(Loan, loan_id)
    if loan is None:
        raise NotFound("no such loan")
    _require_open(row, loan)
    counts_on = max(min(row.effective_on, work.on), loan.credited_on or work.on)
    return loan, previews.preview(await loans.account(work, loan), row.amount, Mode.DUE, counts_on)


def _public(said: Said) -> dict[str, Any]:
    return {"remedy": said.remedy.value, "reason": said.reason, "loan": said.loan_id}


async def _apply(work: Work, row: SuspenseItem, said: Said) -> None:
    if said.remedy is Remedy.MATCH:
        await _match(work, row, said)
    elif said.remedy is Remedy.REFUND:
        await _refund(work, row, said)
    elif said.remedy is Remedy.RETRY:
        await _look_again(work, row, said)
    else:
        await _settle(work, row, said)
    await work.session.flush()


async def _loan_for(work: Work, row: SuspenseItem, loan_id: str) -> Loan:
    loan = await loans.lock(work, LoanId(loan_id))
    _require_open(row, loan)
    return loan


def _require_open(row: SuspenseItem, loan: Loan) -> None:
    if loan.status not in (LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF) or loan.currency != row.currency:
        raise LoanNotActive(f"a {loan.currency} loan that is {loan.status.value} takes no {row.currency}")


async def _match(work: Work, row: SuspenseItem, said: Said) -> None:
    """The money was a repayment of that loan, of the day on which it left the borrower."""
    loan = await _loan_for(work, row, str(said.loan_id))
    suspense_service.end_item(work, row, SuspenseStatus.MATCHED, said.reason)
    row.loan_id = loan.id
    receipt = await work.session.get_one(UnmatchedReceipt, row.provider_id)
    cause = f"transfer:{receipt.provider_id}"
    booked = await ledger.of_cause(work, cause)
    await ledger.book(
        work,
        Kind.RECEIPT_MATCHED,
        Split(suspense=receipt.amount),
        cause=f"{cause}:matched",
        effective_on=work.on,
        reverses=booked.id,
    )
    payment = await _announced(work, loan, receipt)
    row.payment_id = payment.id
    await news_service.post(work, payment, receipt.provider_id, receipt.effective_on)


async def _announced(work: Work, loan: Loan, receipt: UnmatchedReceipt) -> Payment:
    """The transfer of that amount that the borrower had announced for the loan, or a new one."""
    row = await work.session.scalar(
        select(Payment)
        .where(
            Payment.loan_id == loan.id,
            Payment.source_type == SourceType.TRANSFER,
            Payment.status == PaymentStatus.PENDING,
            Payment.amount == receipt.amount,
        )
        .order_by(Payment.id)
        .limit(1)
        .with_for_update(key_share=True)
    )
    return row or await news_service.new_transfer(work, loan, receipt.amount, receipt.currency)


async def _refund(work: Work, row: SuspenseItem, said: Said) -> None:
    row.status, row.note = move(SUSPENSE_MOVES, row.status, SuspenseStatus.REFUNDING), said.reason
    await suspense_service.plan_refund(
        work,
        Refund(
            id=ids.new("refd"),
            payment_id=row.payment_id,
            suspense_id=row.id,
            amount=row.amount,
            currency=row.currency,
            of=str(row.provider_id),
            status=RefundStatus.PLANNED,
            call=Call.PLANNED,
            ordered_on=work.on,
            created_at=work.now,
        ),
    )


async def _look_again(work: Work, row: SuspenseItem, said: Said) -> None:
    """The cause was mended: ask the provider again, or hand its news out again; it may come back here."""
    suspense_service.end_item(work, row, SuspenseStatus.SETTLED, said.reason)
    if row.order_id is not None:
        order = await suspense_service.lock_order(work, row.order_id)
        if order.call is Call.CONTRADICTED:
            order.call, order.called_at = Call.UNKNOWN, work.wall
            work.enqueue("resolve_order", {"id": order.id}, dedupe_key=f"retry:{order.id}:{work.wall}")
        return
    news = await work.session.get_one(ProviderNews, row.news_id, with_for_update=IN_TURN)
    news.handled_at, news.refusal = None, None
    work.enqueue("provider_news", {"id": news.id}, dedupe_key=f"news:{news.id}:{work.wall}")


async def _settle(work: Work, row: SuspenseItem, said: Said) -> None:
    """Two people say that nothing more is to be done; what was owed to us is a loss of ours."""
    suspense_service.end_item(work, row, SuspenseStatus.SETTLED, said.reason)
    if row.order_id is not None:
        await _give_up(work, await suspense_service.lock_order(work, row.order_id))
    if row.kind is SuspenseKind.REFUNDED_AND_RETURNED:
        await ledger.book(
            work,
            Kind.SUSPENSE_WRITTEN_OFF,
            Split(suspense=row.amount),
            cause=f"{row.id}:written_off",
            source=row.payment_id,
            effective_on=work.on,
            loan_id=row.loan_id,
        )


async def _give_up(work: Work, order: Order) -> None:
    """An order that the provider contradicts is over: it holds up neither its loan nor its money any more."""
    if order.call is not Call.CONTRADICTED:
        return
    order.call = Call.REFUSED
    if isinstance(order, Payout):
        order.status = move(PAYOUT_MOVES, order.status, PayoutStatus.FAILED)
        await loans.cancel(work, await loans.lock(work, LoanId(order.loan_id)), GIVEN_UP)
    elif isinstance(order, Payment):
        await news_service.fail(work, order, GIVEN_UP)
    else:
        order.status = move(REFUND_MOVES, order.status, RefundStatus.FAILED)
        await suspense_service.refund_failed(work, order, GIVEN_UP)


async def lock_subject(work: Work, approval: Approval) -> None:
    """The item is locked before the proposal about it."""
    await suspense_service.lock(work, approval.subject)


async def carry_out(work: Work, approval: Approval) -> None:
    """The second person agrees."""
    row = await suspense_service.lock(work, approval.subject)
    if row.status is not SuspenseStatus.AWAITING_SECOND or row.approval_id != approval.id:
        raise StaleVersion("it has changed since it was proposed", current=etag(row.version))
    said = approval.arguments
    await _apply(work, row, Said(Remedy(said["remedy"]), said["reason"], said["loan"]))


async def lay_down(work: Work, approval: Approval) -> None:
    """The second person disagrees: the item waits again."""
    row = await suspense_service.lock(work, approval.subject)
    row.status = move(SUSPENSE_MOVES, row.status, SuspenseStatus.OPEN)
    row.approval_id = None
    await work.session.flush()


act = staff.Act(lock_subject, carry_out, lay_down)
