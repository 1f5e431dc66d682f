"""Offers and applications end when their last day is over, once, and take their reviews with them."""

from __future__ import annotations

from datetime import date, timedelta

from refi.applications import jobs
from refi.applications.jobs import Expired
from refi.db.work import SYSTEM
from tests import given
from tests.given import Service


async def expire(service: Service) -> Expired:
    async with service.database.work(SYSTEM) as work:
        return await jobs.expire(work)


async def test_an_offer_ends_after_its_last_day(service: Service) -> None:
    person = await given.a_card_holder(service)
    body = {"statement": person.statement, "term": 6}
    made = (await service.post("/v1/applications", body, who=person)).json()
    await service.turn_to(date(2026, 11, 29))
    assert await expire(service) == Expired(0, 0)
    await service.turn_to(date(2026, 11, 30))
    assert await expire(service) == Expired(1, 1)
    assert await expire(service) == Expired(0, 0)
    ended = (await service.get(f"/v1/applications/{made['id']}", who=person)).json()
    assert (ended["status"], ended["offers"][0]["status"]) == ("expired", "expired")
    offer = made["offers"][0]
    late = await service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
    )
    assert (late.status_code, late.json()["code"]) == (409, "offer_expired")


async def test_what_was_signed_or_left_does_not_expire(service: Service) -> None:
    signer, leaver = await given.a_card_holder(service), await given.a_card_holder(service)
    for person, path in ((signer, "accept"), (leaver, "withdraw")):
        made = (
            await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=person)
        ).json()
        offer = made["offers"][0]
        if path == "accept":
            body = {"agreement_hash": offer["agreement_hash"]}
            await service.post(f"/v1/offers/{offer['id']}/accept", body, who=person)
        else:
            await service.post(f"/v1/applications/{made['id']}/withdraw", who=person)
    await service.turn_to(given.ON + timedelta(days=60))
    assert await expire(service) == Expired(0, 0)


async def test_an_application_that_nobody_decided_ends_with_its_review(service: Service) -> None:
    person = await given.a_card_holder(service, monthly_income=None)
    made = (
        await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=person)
    ).json()
    assert made["expires_on"] == "2026-12-22"
    await service.turn_to(date(2026, 12, 22))
    assert await expire(service) == Expired(0, 0)
    await service.turn_to(date(2026, 12, 23))
    assert await expire(service) == Expired(0, 1)
    assert [tuple(row) for row in await service.rows("SELECT status FROM reviews")] == [("closed",)]
