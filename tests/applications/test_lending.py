"""What is lent, brought up to date by each day's changes, is what a count of everything would say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from refi.business_day import DAY, close_until
from refi.close import STEPS
from refi.db.work import SYSTEM, BusinessDayClosing
from refi.ids import LoanId
from refi.loans import service as loans
from refi.schedules.contract import Receipt
from tests import given
from tests.books import ON
from tests.given import Service

EVERYTHING = """
    SELECT coalesce(sum(l.principal), 0)::bigint AS lent FROM loans l JOIN offers o ON o.loan_id = l.id
    WHERE l.status IN ('pending_disbursement', 'active')"""


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    async with given.running(database_url) as made:
        yield made


async def a_signed_loan(service: Service) -> LoanId:
    person = await given.a_card_holder(service)
    made = await service.post("/v1/applications", {"statement": person.statement, "term": 3}, who=person)
    offer = made.json()["offers"][0]
    signed = await service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
    )
    assert signed.status_code == 201, signed.text
    return LoanId(signed.json()["id"])


async def test_each_day_changes_it_by_what_changed(service: Service) -> None:
    """Signed, paid out, cancelled, paid off, reopened: each day the count is that of everything."""
    database, paid = service.database, dict[LoanId, str]()
    book = [await a_signed_loan(service) for _ in range(4)]
    counted = []
    for day in range(6):
        on = ON + day * DAY
        async with database.work(SYSTEM) as work:
            for loan_id in {0: book[:1], 1: book[1:3]}.get(day, []):
                await loans.activate(work, loan_id, credited_on=on, cause=f"pout_{loan_id}")
            if day == 1:
                await loans.cancel(work, await loans.lock(work, book[3]), "payout_failed")
            if day in (2, 4):
                receipt = Receipt(f"pay_{day}", on, 5_000_000)
                await loans.post_receipt(work, await loans.lock(work, book[0]), receipt)
                paid[book[0]] = receipt.id
            if day == 3:
                await loans.take_back_receipt(work, await loans.lock(work, book[0]), paid[book[0]])
        await close_until(database, STEPS, on + DAY)
        [kept] = await service.rows(
            "SELECT principal FROM lent_snapshots WHERE issuer = '' AND taken_on = :on", on=on
        )
        [everything] = await service.rows(EVERYTHING)
        assert kept.principal == everything.lent
        counted.append(kept.principal // 1_200_000)
    assert counted == [4, 3, 2, 3, 2, 2]


async def test_a_day_without_a_count_has_everything_counted(service: Service) -> None:
    await a_signed_loan(service)
    await close_until(service.database, STEPS, ON + DAY)
    await service.turn_to(ON + timedelta(days=5))
    await close_until(service.database, STEPS, ON + timedelta(days=6))
    rows = await service.rows("SELECT taken_on, principal FROM lent_snapshots WHERE issuer = '' ORDER BY 1")
    assert [row.principal for row in rows] == [1_200_000, 1_200_000]


async def test_between_cut_off_and_turn_nothing_is_signed_or_posted(service: Service) -> None:
    """Whoever tries is told to come back; nothing is written, and the same again works later."""
    loan_id = await a_signed_loan(service)
    person = await given.a_card_holder(service)
    made = await service.post("/v1/applications", {"statement": person.statement, "term": 3}, who=person)
    offer = made.json()["offers"][0]
    async with service.database.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE business_clock SET closing = true")
    path, body = f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}
    refused = await service.post(path, body, who=person, key="once")
    assert (refused.status_code, refused.json()["code"]) == (503, "business_day_closing")
    with pytest.raises(BusinessDayClosing):
        async with service.database.work(SYSTEM) as work:
            await loans.activate(work, loan_id, credited_on=ON, cause="pout_1")
    assert await service.rows("SELECT id FROM movements") == []
    async with service.database.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE business_clock SET closing = false")
    assert (await service.post(path, body, who=person, key="once")).status_code == 201
