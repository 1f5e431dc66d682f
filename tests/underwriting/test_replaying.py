"""Decisions in the database: kept with what decided, made again to the letter, watched by shadows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from refi import policies
from refi.applications import lending_service
from refi.applications import service as applications
from refi.applications.tables import Application
from refi.cards import service as cards
from refi.db.work import SYSTEM
from refi.ids import CardId, StatementId
from refi.policies import Challenger, Policy
from refi.schedules.dates import add_months
from refi.underwriting import replay_service, shipped_service
from refi.underwriting.replay_service import Replayed
from refi.underwriting.strategy import Strategy
from tests import given
from tests.given import Person, Service

CN = policies.load("cn")
ON = date(2026, 11, 22)


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    async with given.running(database_url) as running:
        yield running


async def billed(service: Service, *, paid: int = 200_000, limit: int = 5_000_000, **changed: Any) -> Person:
    """A card holder with six bills and a limit: 651 points by default."""
    person = await given.a_borrower(service, **changed)
    await given.a_card(service, person)
    async with service.database.work(SYSTEM) as work:
        (await cards.own_card(work, person.id, CardId(person.card))).credit_limit = limit
    for months in range(5, -1, -1):
        dated = add_months(date(2026, 11, 12), -months)
        await given.a_bill(
            service,
            person,
            statement_date=dated,
            due_date=add_months(date(2026, 12, 2), -months),
            statement_balance=1_200_000 - 20_000 * months,
            payments_since_last=paid,
        )
    return person


async def apply(service: Service, person: Person, policy: Policy = CN) -> Application:
    async with replace(service.database, policy=policy).work(SYSTEM) as work:
        return await applications.submit(work, person.id, StatementId(person.statement), term=6)


async def replayed(service: Service, other: Strategy | None = None) -> Replayed:
    async with service.database.work(SYSTEM, reading=True) as work:
        return await replay_service.replay(work, ON, ON, other)


def watched(mode: Any, share: str = "1.0") -> Policy:
    arm = Challenger(name="cn-cautious", mode=mode, share=Decimal(share))
    rules = CN.underwriting.model_copy(update={"challengers": (arm,)})
    return CN.model_copy(update={"underwriting": rules, "version": f"with-{mode}"})


async def test_a_decision_made_again_is_the_same_to_the_letter(service: Service) -> None:
    await apply(service, await billed(service))
    await apply(service, await billed(service, monthly_income=280_000))
    await apply(service, await given.a_card_holder(service, monthly_income=None))
    found = await replayed(service)
    assert (found.decisions, found.differing, found.unreplayable) == (3, [], [])


async def test_the_score_and_its_contributions_are_in_the_record(service: Service) -> None:
    made = await apply(service, await billed(service))
    ((record, strategy, model),) = await service.rows(
        "SELECT record, strategy, model_version FROM decisions WHERE subject = :id", id=made.id
    )
    assert record["scored"]["score"] == 651
    assert {each["name"] for each in record["scored"]["contributions"]} >= {"headroom", "payments"}
    assert record["facts"]["bills"]["source"] == "statement"
    assert model == "cn-2026-11"
    ((body,),) = await service.rows("SELECT body FROM strategies WHERE fingerprint = :f", f=strategy)
    assert body["scorecard"]["version"] == "cn-2026-11"


async def test_another_strategy_shows_exactly_who_would_change(service: Service) -> None:
    stays = await apply(service, await billed(service, monthly_income=900_000))
    changes = await apply(service, await billed(service, monthly_income=480_000))
    found = await replayed(service, shipped_service.strategy_of(policies.challenger("cn", "cn-cautious")))
    assert found.decisions == 2
    assert [(each.application, each.was, each.would_be) for each in found.changes] == [
        (changes.id, "approved", "referred")
    ]
    assert found.moves == {"approved -> approved": 1, "approved -> referred": 1}
    assert stays.id not in {each.application for each in found.changes}


async def test_the_same_strategy_changes_nobody(service: Service) -> None:
    await apply(service, await billed(service, monthly_income=480_000))
    found = await replayed(service, shipped_service.strategy_of(CN))
    assert (found.decisions, found.changes) == (1, [])


async def test_a_shadow_is_recorded_and_affects_nobody(service: Service) -> None:
    made = await apply(service, await billed(service, monthly_income=480_000), watched("shadow"))
    assert made.status == "approved"
    rows = await service.rows("SELECT arm, outcome, decision_id FROM shadow_decisions")
    assert rows == [("cn-cautious", "referred", made.decision_id)]


async def test_a_challenger_decides_for_its_share(service: Service) -> None:
    made = await apply(service, await billed(service, monthly_income=480_000), watched("challenger"))
    assert made.status == "referred"
    ((version, arm),) = await service.rows("SELECT policy_version, record->>'arm' FROM decisions")
    assert (version, arm) == ("cn-2026-11.1-cautious", "cn-cautious")
    assert (await replayed(service)).differing == []
    nobody = await apply(service, await billed(service, monthly_income=480_000), watched("challenger", "0"))
    assert nobody.status == "approved"


async def test_a_counter_offer_over_http(service: Service) -> None:
    person = await billed(service, monthly_income=280_000)
    answer = await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=person)
    made = answer.json()
    assert (made["status"], made["term"], made["decision"]["counter_offer"]) == ("approved", 6, True)
    assert [each["code"] for each in made["decision"]["reasons"]] == ["excessive_obligations"]
    (offer,) = made["offers"]
    assert (offer["term"], offer["amount"]) == (12, 1_200_000)


async def test_what_is_lent_is_counted_once_a_day_and_added_to(service: Service) -> None:
    person = await given.a_card_holder(service)
    wish = {"statement": person.statement, "term": 6}
    made = await service.post("/v1/applications", wish, who=person)
    offer = made.json()["offers"][0]
    signed = await service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
    )
    assert signed.status_code == 201, signed.text
    async with service.database.work(SYSTEM) as work:
        before = await lending_service.lent(work, "CMB")
        await lending_service.take_snapshot(work, ON)
        after = await lending_service.lent(work, "CMB")
        elsewhere = await lending_service.lent(work, "ICBC")
    assert (before.portfolio, before.issuer) == (after.portfolio, after.issuer) == (1_200_000, 1_200_000)
    assert (elsewhere.portfolio, elsewhere.issuer) == (1_200_000, 0)


@pytest.mark.parametrize("table", ["strategies", "shadow_decisions", "decisions"])
async def test_what_decided_cannot_be_changed(service: Service, table: str) -> None:
    await apply(service, await billed(service), watched("shadow"))
    with pytest.raises(DBAPIError, match="append-only"):
        async with service.database.engine.begin() as connection:
            await connection.execute(text(f"DELETE FROM {table}"))
