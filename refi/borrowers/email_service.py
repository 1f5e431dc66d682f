"""A borrower's e-mail address: said, proved by a code that was sent there, and only then written to."""

from __future__ import annotations

import hmac
import math
import re
import secrets
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import select

from refi import events
from refi.borrowers import service as borrowers
from refi.borrowers.tables import EmailAddress
from refi.db.base import among
from refi.db.work import Work
from refi.errors import Fault, NotFound, Refused
from refi.ids import BorrowerId

CODE_LIFE = timedelta(minutes=30)
BETWEEN_CODES = timedelta(minutes=1)
MOST_TRIES = 5
_ADDRESS = re.compile(
    r"(?=.{6,200}$)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
)


class EmailRefused(Refused):
    """Not an address that letters can be sent to (422)."""

    code = "validation_failed"


class EmailThrottled(Exception):
    """A code was sent a moment ago."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"wait {wait}")
        self.seconds = math.ceil(wait.total_seconds())


async def of_borrower(work: Work, borrower_id: BorrowerId) -> EmailAddress | None:
    """What the borrower said, proved or not."""
    row: EmailAddress | None = await work.session.get(EmailAddress, borrower_id)
    return row


async def proved(work: Work, borrower_ids: Collection[str]) -> dict[str, str]:
    """The sealed address that may be written to about each borrower's affairs; who has none is left out."""
    rows = await work.session.scalars(
        select(EmailAddress).where(
            among(EmailAddress.borrower_id, borrower_ids), EmailAddress.verified_at.is_not(None)
        )
    )
    return {row.borrower_id: row.email_sealed for row in rows}


async def give(work: Work, borrower_id: BorrowerId, email: str) -> EmailAddress:
    """Take down an address and let a code be sent there; the same proved address again changes nothing.

    Raises `EmailRefused`, `EmailThrottled`.
    """
    if not _ADDRESS.fullmatch(email):
        raise EmailRefused("not an e-mail address", faults=[Fault("/email", "email_malformed")])
    borrower = await borrowers.lock(work, borrower_id)
    row = await of_borrower(work, borrower_id)
    if row is not None and row.verified_at is not None and work.vault.open(row.email_sealed) == email:
        return row
    if row is not None and (wait := row.asked_at + BETWEEN_CODES - work.wall) > timedelta(0):
        raise EmailThrottled(wait)
    if row is None:
        row = EmailAddress(borrower_id=borrower_id)
        work.session.add(row)
    code = f"{secrets.randbelow(10**6):06d}"
    row.email_sealed = work.vault.seal(email)
    row.verified_at, row.tries = None, 0
    row.code_index = work.vault.index("email_code", f"{borrower_id}:{code}")
    row.asked_at, row.code_until = work.wall, work.wall + CODE_LIFE
    work.announce(events.EmailGiven(borrower_id, row.email_sealed, work.vault.seal(code), borrower.locale))
    return row


async def prove(work: Work, borrower_id: BorrowerId, code: str) -> EmailAddress | None:
    """The address is the borrower's if this is the code; None when it is wrong, old or tried too often.

    A wrong try is counted, so the caller must commit either way. Raises `NotFound` without an address.
    """
    await borrowers.lock(work, borrower_id)
    row = await of_borrower(work, borrower_id)
    if row is None:
        raise NotFound("no e-mail address was given")
    expected, until = row.code_index, row.code_until
    if expected is None or until is None or work.wall >= until or row.tries >= MOST_TRIES:
        return None
    row.tries += 1
    if not hmac.compare_digest(work.vault.index("email_code", f"{borrower_id}:{code}"), expected):
        return None
    row.verified_at, row.code_index, row.code_until = work.wall, None, None
    return row
