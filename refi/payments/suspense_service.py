"""The queue of what fits nowhere: an item is opened when something does, and closed when it was mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select

from refi import events, ids
from refi.db.work import IN_TURN, Work
from refi.errors import NotFound
from refi.payments.states import Call, RefundStatus
from refi.payments.suspense import SUSPENSE_MOVES, WAITING, SuspenseKind, SuspenseStatus
from refi.payments.tables import Order, Payment, Payout, Refund, SuspenseItem
from refi.staff import service as staff
from refi.states import move

ORDERS: dict[str, type[Order]] = {"pay": Payment, "pout": Payout, "refd": Refund}


async def open_item(
    work: Work,
    key: str,
    kind: SuspenseKind,
    *,
    amount: int,
    currency: str,
    effective_on: date,
    **about: str | None,
) -> SuspenseItem:
    """Put something into the queue, once per ``key``; what was settled and comes up again is open again."""
    raw = await work.raw()
    await raw.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 3))", key)
    row = await work.session.scalar(
        select(SuspenseItem)
        .where(SuspenseItem.key == key)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if row is not None:
        if row.status in (SuspenseStatus.SETTLED, SuspenseStatus.REFUNDING):
            row.status, row.closed_at = move(SUSPENSE_MOVES, row.status, SuspenseStatus.OPEN), None
        return row
    row = SuspenseItem(
        id=ids.new("susp"),
        key=key,
        kind=kind,
        status=SuspenseStatus.OPEN,
        amount=amount,
        currency=currency,
        effective_on=effective_on,
        opened_on=work.on,
        created_at=work.now,
        **about,
    )
    work.session.add(row)
    await work.session.flush()
    work.announce(events.SuspenseOpened(row.id, kind.value, amount, currency))
    return row


def end_item(work: Work, row: SuspenseItem, to: SuspenseStatus, note: str | None = None) -> None:
    """Close a locked item as ``to``."""
    row.status = move(SUSPENSE_MOVES, row.status, to)
    row.closed_at, row.note = work.now, note or row.note
    work.announce(events.SuspenseClosed(row.id, to.value))


async def item(work: Work, item_id: str) -> SuspenseItem:
    """One item; `NotFound`."""
    row = await work.session.get(SuspenseItem, item_id)
    if row is None:
        raise NotFound("no such suspense item")
    return row


async def lock(work: Work, item_id: str) -> SuspenseItem:
    """One item, locked after the payment or order that it is about: the provider's news goes the same way."""
    about = await work.session.execute(
        select(SuspenseItem.payment_id, SuspenseItem.order_id).where(SuspenseItem.id == item_id)
    )
    found = about.one_or_none()
    if found is None:
        raise NotFound("no such suspense item")
    if found.payment_id is not None:
        await work.session.get_one(Payment, found.payment_id, with_for_update=IN_TURN, populate_existing=True)
    if found.order_id is not None:
        await lock_order(work, found.order_id)
    return await work.session.get_one(SuspenseItem, item_id, with_for_update=IN_TURN)


async def lock_order(work: Work, order_id: str) -> Order:
    """The payment, payout or refund of that id, locked."""
    table = ORDERS[order_id.partition("_")[0]]
    row: Order = await work.session.get_one(table, order_id, with_for_update=IN_TURN, populate_existing=True)
    return row


async def items(
    work: Work, *, waiting: bool, limit: int, starting_after: str | None = None
) -> Sequence[SuspenseItem]:
    """What waits (or what is done), oldest first."""
    ends = [each for each in SuspenseStatus if each not in WAITING]
    query = (
        select(SuspenseItem)
        .where(SuspenseItem.status.in_(WAITING if waiting else ends))
        .order_by(SuspenseItem.id)
        .limit(limit)
    )
    if starting_after is not None:
        query = query.where(SuspenseItem.id > starting_after)
    return (await work.session.scalars(query)).all()


async def count_waiting(work: Work) -> Counter[SuspenseKind]:
    """How many items of each kind wait."""
    rows = await work.session.execute(
        select(SuspenseItem.kind, func.count())
        .where(SuspenseItem.status.in_(WAITING))
        .group_by(SuspenseItem.kind)
    )
    return Counter({kind: int(number) for kind, number in rows})


async def plan_refund(work: Work, row: Refund) -> Refund:
    """Write a refund's intent; the job that calls the provider follows."""
    work.session.add(row)
    await work.session.flush()
    work.enqueue("send_order", {"id": row.id}, dedupe_key=f"send:{row.id}")
    return row


async def refund_failed(work: Work, row: Refund, reason: str) -> None:
    """Money that could not be sent back waits for a person; not if the bank took it back meanwhile."""
    if row.suspense_id is not None:
        again = await work.session.get_one(
            SuspenseItem, row.suspense_id, with_for_update=IN_TURN, populate_existing=True
        )
        if again.status is SuspenseStatus.REFUNDING:  # otherwise the bank took the payment back meanwhile
            again.status, again.said = move(SUSPENSE_MOVES, again.status, SuspenseStatus.OPEN), reason
        return
    payment = await work.session.get_one(
        Payment, row.payment_id, with_for_update=IN_TURN, populate_existing=True
    )
    if payment.returned_on is None:
        await open_item(
            work,
            f"refund:{row.id}",
            SuspenseKind.REFUND_FAILED,
            amount=row.amount,
            currency=row.currency,
            effective_on=row.ordered_on,
            provider_id=row.of,
            payment_id=payment.id,
            loan_id=payment.loan_id,
            said=reason,
        )


async def refund_done(work: Work, row: Refund) -> None:
    """Money was sent back: its item ends, and is owed to us if the bank had taken the payment back."""
    if row.payment_id is not None:
        payment = await work.session.get_one(
            Payment, row.payment_id, with_for_update=IN_TURN, populate_existing=True
        )
        if payment.returned_on is not None:
            await _owed_to_us(work, payment, row)
    if row.suspense_id is not None:
        found = await work.session.get_one(
            SuspenseItem, row.suspense_id, with_for_update=IN_TURN, populate_existing=True
        )
        if found.status is SuspenseStatus.REFUNDING:
            end_item(work, found, SuspenseStatus.REFUNDED)


async def payment_taken_back(work: Work, payment: Payment) -> None:
    """The bank took a payment back: what of it was refunded is owed to us, what was to be is not sent.

    The payment is locked. A refund that is being sent at this moment is seen to by `refund_done`.
    """
    planned = await work.session.scalars(
        select(Refund)
        .where(Refund.payment_id == payment.id, Refund.call == "planned")
        .order_by(Refund.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    for refund in planned.all():
        stop_refund(refund)
    done = await work.session.scalars(
        select(Refund)
        .where(Refund.payment_id == payment.id, Refund.status == RefundStatus.DONE)
        .order_by(Refund.id)
    )
    for refund in done.all():
        await _owed_to_us(work, payment, refund)
    waiting = await work.session.scalars(
        select(SuspenseItem)
        .where(
            SuspenseItem.payment_id == payment.id,
            SuspenseItem.kind == SuspenseKind.REFUND_FAILED,
            SuspenseItem.status.in_(WAITING),
        )
        .order_by(SuspenseItem.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    for row in waiting.all():
        end_item(work, row, SuspenseStatus.SETTLED, "the bank took the payment back")
        await staff.withdraw_proposals(work, row.id)


def stop_refund(refund: Refund) -> None:
    """A refund that was not sent will not be: its payment was taken back."""
    refund.call, refund.status, refund.reason = Call.REFUSED, RefundStatus.FAILED, "payment_returned"


async def _owed_to_us(work: Work, payment: Payment, refund: Refund) -> None:
    await open_item(
        work,
        f"returned:{refund.id}",
        SuspenseKind.REFUNDED_AND_RETURNED,
        amount=refund.amount,
        currency=refund.currency,
        effective_on=payment.returned_on or work.on,
        provider_id=payment.provider_id,
        payment_id=payment.id,
        loan_id=payment.loan_id,
        said=payment.reason,
    )


async def contradicted(work: Work, row: Order, said: str) -> None:
    """An order whose key stands for another amount at the provider: nobody asks again by itself."""
    row.call, row.reason = Call.CONTRADICTED, said
    await open_item(
        work,
        f"order:{row.id}",
        SuspenseKind.ORDER_CONTRADICTED,
        amount=row.amount,
        currency=row.currency,
        effective_on=row.ordered_on,
        order_id=row.id,
        provider_id=row.provider_id,
        said=said,
    )
