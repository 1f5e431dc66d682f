"""What bounced is told once more by the next channel: a message of its own, at most one after each.

A device that the push provider no longer knows is removed first: the next reminder does not try it again.
"""

from __future__ import annotations

import structlog

from refi.borrowers import service as borrowers
from refi.db.work import Work
from refi.ids import BorrowerId, LoanId, MessageId
from refi.notifications import service as messages
from refi.notifications import subjects_service
from refi.notifications.channels import DEVICE_GONE, NO_SUCH_DEVICE
from refi.notifications.messages import FOLLOWED_UP
from refi.notifications.tables import Message

FOLLOWS = "follows:"
"""How the plan key of a follow-up begins; the message that it follows comes after it."""
DEAD = {DEVICE_GONE: None, NO_SUCH_DEVICE: "ios"}
"""Reasons that end a device, with the platform of which they do not prove it."""

log = structlog.get_logger("refi.notifications")


async def follow_up(work: Work, row: Message) -> MessageId | None:
    """Plan the same for the next channel, after ``row`` (locked) could not be delivered, if there is one.

    Next is the first of the channels that its rule named after it, else that ``messages.instead`` names, by
    which none of its installments was told of at that stage. It lapses with the stage, and is asked about
    and judged like any other when it is claimed.
    """
    await _forget_device(work, row)
    if row.gate not in FOLLOWED_UP or row.borrower_id is None or row.stage is None:
        return None
    about = await subjects_service.of(work, MessageId(row.id))
    told = {row.channel, *await subjects_service.told_by(work, MessageId(row.id))}
    left = [channel for channel in _after(work, row) if channel not in told]
    if not left or not about:
        return None
    wish = messages.Plan(
        key=f"{FOLLOWS}{row.id}",
        kind=row.kind,
        template=row.template,
        gate=row.gate,
        channel=left[0],
        fallbacks=tuple(left[1:]),
        locale=row.locale,
        borrower_id=BorrowerId(row.borrower_id),
        stage=row.stage,
        lapses_on=row.lapses_on,
        expires_at=row.expires_at,
        about=tuple(
            messages.About(LoanId(loan_id), number, due_on)
            for loan_id, number, due_on in sorted({(one.loan_id, one.number, one.due_on) for one in about})
        ),
        origin=None if row.ladder is None else messages.Origin(row.ladder, str(row.arm), str(row.rule)),
    )
    made = await messages.write(work, [wish])
    return made[0] if made else None


async def _forget_device(work: Work, row: Message) -> None:
    """Remove the device to which a push could not be sent because there is none."""
    reason = str(row.reason)
    if row.channel != "push" or reason not in DEAD or row.borrower_id is None or row.to_sealed is None:
        return
    token = work.vault.open(row.to_sealed)
    gone = await borrowers.forget_device(
        work, BorrowerId(row.borrower_id), token, reason, spared=DEAD[reason]
    )
    if gone is not None:
        log.info("device_gone", id=gone, reason=reason, message=row.id)


def _after(work: Work, row: Message) -> tuple[str, ...]:
    """The channels that may follow: a follow-up has its own list and asks the policy no second time."""
    named = tuple(row.fallbacks.split())
    if named or row.plan_key.startswith(FOLLOWS):
        return named
    return next((others for name, others in work.policy.messages.instead.items() if name == row.channel), ())
