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
EMAIL_CODE_LIFE = timedelta(minutes=30)


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


async def email_given(work: Work, event: events.EmailGiven) -> None:
    """Send a code to the address, so that it can be proved the borrower's."""
    number = work.vault.open(event.sealed_code)
    values = {"code": number, "minutes": int(EMAIL_CODE_LIFE.total_seconds() // 60)}
    words = templates.render(work.policy, "email_code", "email", event.locale, values)
    wish = messages.Plan(
        key=f"email_code:{work.vault.index('email_code', event.sealed_code)}",
        kind=ONE_TIME_CODE,
        template="email_code",
        gate=Gate.ONE_TIME_CODE,
        channel="email",
        locale=event.locale,
        borrower_id=BorrowerId(event.subject),
        expires_at=work.wall + EMAIL_CODE_LIFE,
        to=work.vault.open(event.sealed_email),
        text=words.text,
        subject=words.subject,
    )
    await messages.plan(work, [wish])
