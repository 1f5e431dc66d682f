"""Payments hear of money that a loan does not take any more."""

from __future__ import annotations

from refi.db.work import IN_TURN, Work
from refi.events import MoneySetAside
from refi.payments import service as payments
from refi.payments.tables import Payment


async def money_set_aside(work: Work, event: MoneySetAside) -> None:
    """Send it back to who paid it. The event may come twice; a refund of what is not there is not planned."""
    payment = await work.session.get_one(Payment, event.payment, with_for_update=IN_TURN)
    if await payments.in_suspense(work, payment) >= event.amount:
        await payments.plan_refund(work, payment, event.amount)
