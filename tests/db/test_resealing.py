"""A data key is retired: everything is sealed anew, and the old key is not needed any more."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from refi import settings
from refi.borrowers import service as borrowers
from refi.db import resealing
from refi.db.vault import VaultRefused
from refi.db.work import SYSTEM
from refi.runtime import Runtime, build
from refi.staff import service as staff
from refi.staff.roles import Role
from tests.books import opened

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def keyed(url: str, *keys: str) -> Runtime:
    return build(settings.read(database_url=url, data_keys=",".join(keys)))


async def phones(runtime: Runtime) -> list[str]:
    async with runtime.database.work(SYSTEM, reading=True) as work:
        rows = await work.session.scalars(text("SELECT phone_sealed FROM borrowers ORDER BY id"))
        return [work.vault.open(row) for row in rows]


@pytest.mark.parametrize("batch", [1, 2, 500])
async def test_an_old_key_is_retired(database_url: str, batch: int) -> None:
    before, both, after = keyed(database_url, OLD), keyed(database_url, NEW, OLD), keyed(database_url, NEW)
    await opened(before.database.engine)
    numbers = [f"+86170000000{n:02d}" for n in range(5)]
    async with before.database.work(SYSTEM) as work:
        for number in numbers:
            await borrowers.register(work, number)
        await staff.hire(work, "anna", "a long enough one", [Role.AUDITOR], totp_secret="JBSWY3DPEHPK3PXP")

    with pytest.raises(VaultRefused):
        await phones(after)
    for _ in range(2):  # a second run finds the same rows and harms nothing
        done = await resealing.reseal(both.database, batch=batch)
        assert {name: count for name, count in done.items() if count} == {"borrowers": 5, "staff_members": 1}
    assert await phones(after) == numbers
    with pytest.raises(VaultRefused):
        await phones(before)
    for runtime in (before, both, after):
        await runtime.close()
