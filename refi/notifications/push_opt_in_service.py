"""Asking to allow push: decide, record, measure."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, text

from refi import ids
from refi.borrowers import service as borrowers
from refi.db.work import Work
from refi.errors import Conflict, NotFound
from refi.ids import BorrowerId
from refi.notifications import push_opt_in, turn_service
from refi.notifications.push_opt_in import Answer, Rate, Reason
from refi.notifications.tables import PushPrompt

MEASURED = text("""
    SELECT p.moment, count(*) AS asked, count(p.answer) AS answered,
        count(*) FILTER (WHERE p.answer = 'granted') AS granted,
        count(*) FILTER (WHERE EXISTS (
            SELECT FROM devices d WHERE d.borrower_id = p.borrower_id AND d.created_at >= p.asked_at
        )) AS reachable
    FROM push_prompts p WHERE p.experiment = :experiment GROUP BY p.moment
""")


class AlreadyAnswered(Conflict):
    """This question was answered before, otherwise."""


async def ask(work: Work, borrower_id: BorrowerId, moment: str) -> PushPrompt | Reason:
    """Decide whether to ask at this moment, and record it if so; else why not."""
    policy = work.policy.contact.push_opt_in
    await turn_service.take(work, borrower_id)
    last = await work.session.scalar(
        select(PushPrompt.asked_on)
        .where(PushPrompt.borrower_id == borrower_id)
        .order_by(PushPrompt.id.desc())
        .limit(1)
    )
    allowed = bool(await borrowers.devices(work, borrower_id))
    reason = push_opt_in.why_not(policy, borrower_id, moment, work.on, allowed=allowed, last_asked=last)
    if reason is not None:
        return reason
    row = PushPrompt(
        id=ids.new("push"),
        borrower_id=borrower_id,
        experiment=policy.experiment,
        arm=push_opt_in.arm_of(policy, borrower_id),
        moment=moment,
        asked_on=work.on,
        asked_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    return row


async def answer(work: Work, borrower_id: BorrowerId, prompt_id: str, said: Answer) -> PushPrompt:
    """Write the answer down; the same again changes nothing, another is `AlreadyAnswered`."""
    row = await work.session.get(PushPrompt, prompt_id, with_for_update=True)
    if row is None or row.borrower_id != borrower_id:
        raise NotFound("no such question")
    if row.answer not in (None, said.value):
        raise AlreadyAnswered(f"the answer was {row.answer}", allowed=[])
    if row.answer is None:
        at: datetime = work.now
        row.answer, row.answered_at = said.value, at
    return row


async def measured(work: Work) -> list[Rate]:
    """The rate at each moment of the experiment that runs now, in the policy's order."""
    policy = work.policy.contact.push_opt_in
    rows = (await work.session.execute(MEASURED, {"experiment": policy.experiment})).mappings()
    found = {row["moment"]: dict(row) for row in rows}
    none = {"asked": 0, "answered": 0, "granted": 0, "reachable": 0}
    return [
        push_opt_in.rate(**{"moment": arm.moment, **none, **found.get(arm.moment, {})}) for arm in policy.arms
    ]
