"""Many borrowers at once, by COPY: complete profile, consents, a bank account.

For seeding and for taking over a book. What the one-by-one service would check has been checked by the
caller; what the tables check, they check here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from refi import ids
from refi.borrowers.proof import AccountProof
from refi.borrowers.tables import Purpose
from refi.db.work import Work

BORROWERS = (
    *("id", "phone_index", "phone_sealed", "name_sealed", "national_id_index", "national_id_sealed"),
    *("born_on", "monthly_income", "locale", "time_zone", "made_up", "version", "created_at"),
)
CONSENTS = ("id", "borrower_id", "purpose", "granted", "text_version", "business_date", "at")
BANK_ACCOUNTS = ("id", "borrower_id", "bank", "token", "last4", "verified", "created_at")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A borrower to be: phone in E.164, national id normalized, income in minor units a month."""

    phone: str
    name: str
    national_id: str
    born_on: date
    monthly_income: int
    consents: tuple[Purpose, ...]
    text_version: str
    bank: str
    account: AccountProof
    made_up: bool = False


async def known_phones(work: Work, phones: Sequence[str]) -> set[str]:
    """Which of ``phones`` (E.164) borrowers have."""
    by_index = {work.vault.index("phone", phone): phone for phone in phones}
    rows = await (await work.raw()).fetch(
        "SELECT phone_index FROM borrowers WHERE phone_index = ANY($1)", list(by_index)
    )
    return {by_index[row["phone_index"]] for row in rows}


async def add(work: Work, newcomers: Sequence[Newcomer]) -> list[str]:
    """Make a borrower of every newcomer; their ids in the same order.

    A phone that somebody has raises the database's unique violation, and nobody of this transaction is added.
    """
    made = [ids.new("bor") for _ in newcomers]
    raw = await work.raw()
    pairs = list(zip(made, newcomers, strict=True))
    await raw.copy_records_to_table(
        "borrowers", columns=BORROWERS, records=[_borrower(work, key, one) for key, one in pairs]
    )
    await raw.copy_records_to_table(
        "consents",
        columns=CONSENTS,
        records=[
            (ids.new("cns"), key, purpose.value, True, one.text_version, work.on, work.now)
            for key, one in pairs
            for purpose in one.consents
        ],
    )
    await raw.copy_records_to_table(
        "bank_accounts",
        columns=BANK_ACCOUNTS,
        records=[
            (
                *(ids.new("bacc"), key, one.bank, one.account.token, one.account.last4),
                *(one.account.verified, work.now),
            )
            for key, one in pairs
        ],
    )
    return made


def _borrower(work: Work, key: str, one: Newcomer) -> tuple[object, ...]:
    vault, market = work.vault, work.policy.market
    return (
        *(key, vault.index("phone", one.phone), vault.seal(one.phone), vault.seal(one.name)),
        *(vault.index("national_id", one.national_id), vault.seal(one.national_id)),
        *(one.born_on, one.monthly_income, market.default_locale, market.time_zone),
        *(one.made_up, 1, work.now),
    )
