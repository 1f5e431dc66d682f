"""The record of acts: complete, readable by auditors, and it shows when somebody tampers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from refi.db.work import SYSTEM
from refi.staff import audit
from refi.staff import service as staff
from refi.staff.audit import GENESIS, Entry, broken_links, digest
from refi.staff.roles import Role
from tests import given
from tests.given import Service


def chain(length: int) -> list[tuple[Entry, str]]:
    made: list[tuple[Entry, str]] = []
    previous = GENESIS
    for number in range(1, length + 1):
        entry = Entry(
            number, "2026-11-22T04:00:00", "2026-11-22", "staff:a", "x", "rev_1", {"n": number}, previous
        )
        previous = digest(entry)
        made.append((entry, previous))
    return made


def test_an_honest_chain_is_whole() -> None:
    assert broken_links([]) == []
    assert broken_links(chain(5)) == []


@hypothesis_given(st.integers(1, 6), st.data())
def test_any_change_shows(length: int, data: st.DataObject) -> None:
    made = chain(length)
    place = data.draw(st.integers(0, length - 1))
    entry, stored = made[place]
    changes: list[dict[str, Any]] = [
        {"actor": "staff:b"},
        {"act": "y"},
        {"details": {}},
        {"on": "2026-11-23"},
        {"previous": "1" * 64},
    ]
    made[place] = (replace(entry, **data.draw(st.sampled_from(changes))), stored)
    assert broken_links(made) == [place + 1]


def test_an_entry_left_out_or_hashed_anew_shows() -> None:
    made = chain(4)
    assert broken_links(made[:1] + made[2:]) == [3, 4]
    forged = replace(made[1][0], act="forged")
    assert broken_links([made[0], (forged, digest(forged)), *made[2:]]) == [3]


async def test_acts_at_once_are_numbered_without_gaps(service: Service) -> None:
    async def act(k: int) -> None:
        async with service.database.work(SYSTEM) as work:
            await staff.record(work, "tested", f"rev_{k}", {"k": k, "text": "结清"})

    await asyncio.gather(*(act(k) for k in range(12)))
    assert [row[0] for row in await service.rows("SELECT number FROM staff_acts ORDER BY 1")] == list(
        range(1, 13)
    )
    async with service.database.work(SYSTEM, reading=True) as work:
        assert await staff.broken_acts(work) == []


async def test_the_table_refuses_changes_and_a_forced_one_shows(service: Service) -> None:
    await given.a_member(service, Role.ADMIN)
    await given.a_member(service, Role.ADMIN)
    for statement in ("UPDATE staff_acts SET act = 'x'", "DELETE FROM staff_acts"):
        with pytest.raises(Exception, match="append-only"):
            await service.rows(statement)
    async with service.database.engine.begin() as connection:
        await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        await connection.exec_driver_sql("UPDATE staff_acts SET subject = 'staff_x' WHERE number = 1")
    async with service.database.work(SYSTEM, reading=True) as work:
        assert await staff.broken_acts(work) == [1]


async def test_auditors_read_it_page_by_page(service: Service) -> None:
    auditor = await given.a_member(service, Role.AUDITOR)
    for _ in range(3):
        await given.a_member(service, Role.REVIEWER)
    first = (await service.get("/staff/v1/audit?limit=3", who=auditor)).json()
    assert ([act["number"] for act in first["data"]], first["has_more"]) == ([4, 3, 2], True)
    rest = await service.get(f"/staff/v1/audit?limit=3&starting_after={first['data'][-1]['id']}", who=auditor)
    assert ([act["number"] for act in rest.json()["data"]], rest.json()["has_more"]) == ([1], False)
    assert rest.json()["data"][0]["previous_hash"] == audit.GENESIS
    reviewer = await given.a_member(service, Role.REVIEWER)
    assert (await service.get("/staff/v1/audit", who=reviewer)).status_code == 403
