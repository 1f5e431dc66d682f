"""Borrowers: profile, consents, devices and bank accounts."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import distinct_on

from refi import clock, events, ids
from refi.borrowers import identity
from refi.borrowers.proof import AccountProof
from refi.borrowers.tables import BankAccount, Borrower, Consent, Device, FormerZone, Purpose
from refi.db.base import among
from refi.db.work import IN_TURN, Work
from refi.errors import Conflict, Fault, NotFound, Refused
from refi.ids import BorrowerId


class IdentityFixed(Conflict):
    """The national id was given before; only staff can correct it."""


class IdentityIncomplete(Refused):
    """Name and national id are needed before a card or an account can be proved the borrower's."""


class TimeZoneUnknown(Refused):
    """No such IANA time zone."""


async def by_phone(work: Work, number: str) -> Borrower | None:
    """The borrower with this phone (E.164), if any."""
    index = work.vault.index("phone", number)
    row: Borrower | None = await work.session.scalar(select(Borrower).where(Borrower.phone_index == index))
    return row


async def register(work: Work, number: str, *, made_up: bool = False) -> Borrower:
    """A new borrower with this phone (E.164), in the market's language and time zone."""
    borrower = Borrower(
        id=ids.new("bor"),
        phone_index=work.vault.index("phone", number),
        phone_sealed=work.vault.seal(number),
        locale=work.policy.market.default_locale,
        time_zone=work.policy.market.time_zone,
        made_up=made_up,
        version=1,
        created_at=work.now,
    )
    work.session.add(borrower)
    await work.session.flush()
    return borrower


async def get(work: Work, borrower_id: BorrowerId) -> Borrower:
    """The borrower, or `NotFound`."""
    borrower = await work.session.get(Borrower, borrower_id)
    if borrower is None:
        raise NotFound("no such borrower")
    return borrower


async def several(work: Work, borrower_ids: Collection[str]) -> dict[str, Borrower]:
    """These borrowers, by id."""
    rows = await work.session.scalars(select(Borrower).where(among(Borrower.id, borrower_ids)))
    return {row.id: row for row in rows}


async def lock(work: Work, borrower_id: BorrowerId) -> Borrower:
    """The borrower's row, locked: acts that count a borrower's exposure take turns here."""
    borrower = await work.session.get(Borrower, borrower_id, with_for_update=IN_TURN)
    if borrower is None:
        raise NotFound("no such borrower")
    return borrower


async def update_profile(
    work: Work,
    borrower_id: BorrowerId,
    *,
    name: str | None = None,
    national_id: str | None = None,
    monthly_income: int | None = None,
    locale: str | None = None,
    time_zone: str | None = None,
) -> Borrower:
    """Change what is given. A national id is given once: changing it later is `IdentityFixed`."""
    borrower = await lock(work, borrower_id)
    if national_id is not None:
        number, born_on = identity.national_id(national_id, work.on)
        index = work.vault.index("national_id", number)
        if borrower.national_id_index not in (None, index):
            raise IdentityFixed("the national id was given before; ask us to correct it", allowed=[])
        borrower.national_id_index = index
        borrower.national_id_sealed = work.vault.seal(number)
        borrower.born_on = born_on
    if name is not None:
        borrower.name_sealed = work.vault.seal(name)
    if monthly_income is not None:
        borrower.monthly_income = monthly_income
    if locale is not None:
        borrower.locale = locale
    if time_zone is not None:
        wanted = _zone(time_zone)
        if wanted != borrower.time_zone:
            work.session.add(FormerZone(borrower_id=borrower.id, until=work.now, zone=borrower.time_zone))
        borrower.time_zone = wanted
    borrower.version += 1
    return borrower


async def holder(work: Work, borrower_id: BorrowerId) -> tuple[str, str]:
    """Name and national id of the borrower, or `IdentityIncomplete` naming what is missing."""
    borrower = await get(work, borrower_id)
    if borrower.name_sealed is None or borrower.national_id_sealed is None:
        named = (("name", borrower.name_sealed), ("national_id", borrower.national_id_sealed))
        missing = [Fault(f"/{field}", "missing") for field, value in named if value is None]
        raise IdentityIncomplete("complete the profile first: PATCH /v1/me", faults=missing)
    return work.vault.open(borrower.name_sealed), work.vault.open(borrower.national_id_sealed)


def _zone(name: str) -> str:
    try:
        return clock.zone(name).key
    except ValueError:
        raise TimeZoneUnknown(
            "no such IANA time zone", faults=[Fault("/time_zone", "time_zone_unknown")]
        ) from None


async def record_consent(
    work: Work, borrower_id: BorrowerId, purpose: Purpose, text_version: str, *, granted: bool
) -> Consent:
    """Append to the consent ledger."""
    row = Consent(
        id=ids.new("cns"),
        borrower_id=borrower_id,
        purpose=purpose,
        granted=granted,
        text_version=text_version,
        on=work.on,
        at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    return row


async def consents(work: Work, borrower_id: BorrowerId) -> dict[Purpose, Consent]:
    """The newest entry of each purpose."""
    return {row.purpose: row for row in (await consents_of(work, [borrower_id]))[borrower_id]}


async def consents_of(work: Work, borrower_ids: Collection[str]) -> dict[str, list[Consent]]:
    """For each of the borrowers the newest entry of each purpose."""
    rows = await work.session.scalars(
        select(Consent)
        .where(among(Consent.borrower_id, borrower_ids))
        .ext(distinct_on(Consent.borrower_id, Consent.purpose))
        .order_by(Consent.borrower_id, Consent.purpose, Consent.id.desc())
    )
    found: dict[str, list[Consent]] = {borrower_id: [] for borrower_id in borrower_ids}
    for row in rows:
        found[row.borrower_id].append(row)
    return found


async def consented(work: Work, borrower_id: BorrowerId) -> frozenset[Purpose]:
    """The purposes that the borrower agrees to now."""
    return frozenset(p for p, row in (await consents(work, borrower_id)).items() if row.granted)


async def add_device(work: Work, borrower_id: BorrowerId, platform: str, token: str) -> Device:
    """Remember a push target; the same token twice is one device."""
    index = work.vault.index("device", token)
    await lock(work, borrower_id)
    row = await work.session.scalar(
        select(Device).where(Device.borrower_id == borrower_id, Device.token_index == index)
    )
    if row is None:
        row = Device(
            id=ids.new("dev"),
            borrower_id=borrower_id,
            platform=platform,
            token_sealed=work.vault.seal(token),
            token_index=index,
            created_at=work.now,
        )
        work.session.add(row)
    return row


async def devices(work: Work, borrower_id: BorrowerId) -> Sequence[Device]:
    """The borrower's push targets, newest first."""
    rows = await work.session.scalars(
        select(Device).where(Device.borrower_id == borrower_id).order_by(Device.id.desc())
    )
    return rows.all()


async def forget_device(
    work: Work, borrower_id: BorrowerId, token: str, reason: str, *, spared: str | None = None
) -> str | None:
    """Remove a push target that its provider no longer knows, unless its platform is ``spared``; its id."""
    found: str | None = await work.session.scalar(
        delete(Device)
        .where(
            Device.borrower_id == borrower_id,
            Device.token_index == work.vault.index("device", token),
            Device.platform != (spared or ""),
        )
        .returning(Device.id)
    )
    if found is not None:
        work.announce(events.DeviceGone(found, borrower_id, reason))
    return found


async def push_targets(work: Work, borrower_ids: Collection[str]) -> dict[str, str]:
    """The sealed token of each borrower's newest push target; who has none is left out."""
    rows = await work.session.scalars(
        select(Device)
        .where(among(Device.borrower_id, borrower_ids))
        .ext(distinct_on(Device.borrower_id))
        .order_by(Device.borrower_id, Device.id.desc())
    )
    return {row.borrower_id: row.token_sealed for row in rows}


async def add_bank_account(
    work: Work, borrower_id: BorrowerId, bank: str, proof: AccountProof
) -> BankAccount:
    """Keep a bank account as the provider's token; the same account again updates its proof."""
    await lock(work, borrower_id)
    row = await work.session.scalar(
        select(BankAccount).where(BankAccount.borrower_id == borrower_id, BankAccount.token == proof.token)
    )
    if row is None:
        row = BankAccount(
            id=ids.new("bacc"),
            borrower_id=borrower_id,
            bank=bank,
            token=proof.token,
            last4=proof.last4,
            verified=proof.verified,
            created_at=work.now,
        )
        work.session.add(row)
    row.verified = proof.verified
    return row


async def bank_accounts(work: Work, borrower_id: BorrowerId) -> Sequence[BankAccount]:
    """The borrower's bank accounts, newest first."""
    return await work.rows.select(BankAccount, "WHERE borrower_id = $1 ORDER BY id DESC", borrower_id)


async def bank_account(work: Work, borrower_id: BorrowerId, account_id: str) -> BankAccount:
    """One of the borrower's own bank accounts, or `NotFound`."""
    row = await work.rows.get(BankAccount, account_id)
    if row is None or row.borrower_id != borrower_id:
        raise NotFound("no such bank account")
    return row
