"""Sign-in: send a code, trade it for tokens, rotate them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update

from refi import events, ids
from refi.borrowers import identity
from refi.borrowers import service as borrowers
from refi.borrowers.tables import Borrower
from refi.db.work import Work
from refi.ids import BorrowerId
from refi.sign_in import rules
from refi.sign_in.tables import OneTimeCode, RefreshToken


class CodeThrottled(Exception):
    """Too many codes went to this phone lately."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"wait {wait}")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh sign-in: who, and the refresh token that continues it."""

    borrower: Borrower
    refresh_token: str


async def send_code(work: Work, phone: str) -> None:
    """Make a one-time code for ``phone`` and let it be sent; says nothing about whether it is known."""
    number = identity.phone_number(phone, work.policy.market.phone_region)
    index = work.vault.index("phone", number)
    await (await work.raw()).execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", index)
    recent = await work.session.scalars(
        select(OneTimeCode.created_at).where(
            OneTimeCode.phone_index == index, OneTimeCode.created_at > work.wall - rules.CODE_WINDOW
        )
    )
    if wait := rules.may_send_in(list(recent), work.wall):
        raise CodeThrottled(wait)
    code = f"{secrets.randbelow(10**6):06d}"
    row = OneTimeCode(
        id=ids.new("otp"),
        phone_index=index,
        code_hash=work.vault.index("code", f"{index}:{code}"),
        created_at=work.wall,
        expires_at=work.wall + rules.CODE_LIFE,
    )
    work.session.add(row)
    known = await borrowers.by_phone(work, number)
    work.announce(
        events.OneTimeCodeIssued(
            row.id,
            work.vault.seal(number),
            work.vault.seal(code),
            known.locale if known else work.policy.market.default_locale,
        )
    )


async def redeem_code(work: Work, phone: str, code: str, life: timedelta) -> SignedIn | None:
    """Sign in, registering a new phone; None when the code is wrong, used, old or tried too often.

    A wrong try is counted, so the caller must commit either way.
    """
    number = identity.phone_number(phone, work.policy.market.phone_region)
    if not await spend_code(work, number, code):
        return None
    borrower = await borrowers.by_phone(work, number) or await borrowers.register(work, number)
    return SignedIn(borrower, _new_refresh(work, BorrowerId(borrower.id), ids.new("rtok"), life))


async def spend_code(work: Work, number: str, code: str) -> bool:
    """Whether ``code`` is the newest open code of ``number`` (E.164); it is used up by this.

    A wrong try is counted, so the caller must commit either way.
    """
    index = work.vault.index("phone", number)
    row = await work.session.scalar(
        select(OneTimeCode)
        .where(OneTimeCode.phone_index == index)
        .order_by(OneTimeCode.created_at.desc(), OneTimeCode.id.desc())
        .limit(1)
        .with_for_update()
    )
    if row is None or not rules.code_is_open(
        attempts=row.attempts, used=row.used_at is not None, expires_at=row.expires_at, now=work.wall
    ):
        return False
    row.attempts += 1
    if not hmac.compare_digest(row.code_hash, work.vault.index("code", f"{index}:{code}")):
        return False
    row.used_at = work.wall
    return True


async def rotate(work: Work, token: str, life: timedelta) -> SignedIn | None:
    """Trade a refresh token for a new one; None when it is worthless. Using one twice ends its chain."""
    row = await work.session.scalar(
        select(RefreshToken).where(RefreshToken.token_hash == _hash(token)).with_for_update()
    )
    if row is None:
        return None
    verdict = rules.judge_refresh(
        used=row.used_at is not None,
        revoked=row.revoked_at is not None,
        expires_at=row.expires_at,
        now=work.wall,
    )
    if verdict is rules.Verdict.STOLEN:
        await work.session.execute(
            update(RefreshToken).where(RefreshToken.family == row.family).values(revoked_at=work.wall)
        )
    if verdict is not rules.Verdict.GOOD:
        return None
    row.used_at = work.wall
    borrower = await borrowers.get(work, BorrowerId(row.borrower_id))
    return SignedIn(borrower, _new_refresh(work, BorrowerId(borrower.id), row.family, life))


def _new_refresh(work: Work, borrower_id: BorrowerId, family: str, life: timedelta) -> str:
    token = secrets.token_urlsafe(32)
    work.session.add(
        RefreshToken(
            id=ids.new("rtok"),
            family=family,
            borrower_id=borrower_id,
            token_hash=_hash(token),
            created_at=work.wall,
            expires_at=work.wall + life,
        )
    )
    return token


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
