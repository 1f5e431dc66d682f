"""What notifications do when something happened elsewhere."""

from __future__ import annotations

from datetime import timedelta

from refi import events
from refi.borrowers import service as borrowers
from refi.db.work import Work
from refi.ids import BorrowerId
from refi.notifications import service as messages
from refi.notifications import templates
from refi.notifications.messages import ONE_TIME_CODE, Gate

CODE_LIFE = timedelta(minutes=5)


async def one_time_code_issued(work: Work, event: events.OneTimeCodeIssued) -> None:
    """Send the code. Whether the phone is known changes nothing but whose list it stands in."""
    number, code = work.vault.open(event.sealed_phone), work.vault.open(event.sealed_code)
    known = await borrowers.by_phone(work, number)
    values = {"code": code, "minutes": int(CODE_LIFE.total_seconds() // 60)}
    wish = messages.Plan(
        key=f"code:{event.subject}",
        kind=ONE_TIME_CODE,
        template="one_time_code",
        gate=Gate.ONE_TIME_CODE,
        channel="sms",
        locale=event.locale,
        borrower_id=None if known is None else BorrowerId(known.id),
        expires_at=work.wall + CODE_LIFE,
        to=number,
        text=templates.render(work.policy, "one_time_code", "sms", event.locale, values).text,
    )
    await messages.plan(work, [wish])
