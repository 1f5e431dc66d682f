"""Signs of fraud, and early warning."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from refi import policies
from refi.applications import warning_service
from refi.borrowers import service as borrowers
from refi.cards import service as cards
from refi.cards.proof import CardProof
from refi.db.work import SYSTEM
from refi.underwriting import shipped_service
from refi.underwriting.monitoring import Book, Period, warnings
from refi.underwriting.signals import Seen, signals
from tests import given
from tests.given import ON, Person, Service

POLICY = policies.load("cn")
RULES = POLICY.underwriting.warning
CARD = shipped_service.shipped("cn-2026-11")
QUIET = Book(1000, 10, 0, 100)


def period(score: int = 650, approved: int = 300, declined: int = 100, code: str = "card_overdue") -> Period:
    spread = [score + k % 60 for k in range(approved + declined)]
    return Period(spread, {"approved": approved, "declined": declined}, {code: declined})


def names(now: Period, before: Period, book: Book = QUIET) -> list[str]:
    return [each.name for each in warnings(now, before, book, CARD, RULES)]


def test_signals_by_hand() -> None:
    rules = POLICY.underwriting.velocity
    assert signals(Seen(0, 0, 0, 0, 1, 1), rules) == ()
    assert signals(Seen(1, 1, 1, 1, rules.applications, rules.amounts_per_bill), rules) == (
        "same_device", "same_card", "same_account", "same_national_id", "burst", "amount_probing",
    )  # fmt: skip


def test_what_moved_is_told_with_its_figures() -> None:
    assert "score_against_training" in names(period(300), period(300))
    assert "score_against_before" in names(period(500), period(650))
    assert "approval_share" in names(period(approved=200, declined=200), period())
    assert "reason_mix" in names(period(code="no_benefit"), period())
    assert "first_payment_default" in names(period(), period(), Book(1000, 51, 0, 100))
    assert "portfolio_limit" in names(period(), period(), Book(1000, 0, 91, 100))


def test_few_tell_nothing() -> None:
    few = Period([300] * 10, {"declined": 10}, {"card_overdue": 10})
    assert names(few, few, Book(10, 10, 0, 100)) == []


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    async with given.running(database_url) as running:
        yield running


async def applied(service: Service, person: Person, **body: Any) -> dict[str, Any]:
    wish = {"statement": person.statement, "term": 6, **body}
    answer = await service.post("/v1/applications", wish, who=person)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_device_that_somebody_else_uses_is_looked_at(service: Service) -> None:
    first, second = await given.a_card_holder(service), await given.a_card_holder(service)
    async with service.database.work(SYSTEM) as work:
        for person in (first, second):
            await borrowers.add_device(work, person.id, "android", "one-and-the-same")
    made = await applied(service, second)
    assert made["status"] == "referred"
    assert [each["code"] for each in made["decision"]["reasons"]] == ["identity_unverified"]


async def test_a_card_that_somebody_else_linked_is_looked_at(service: Service) -> None:
    first, second = await given.a_borrower(service), await given.a_borrower(service)
    async with service.database.work(SYSTEM) as work:
        for person in (first, second):
            proof = CardProof("tok_same", "1234", True)
            person.card = (await cards.link(work, person.id, "CMB", proof)).id
    await given.a_bill(service, second)
    assert (await applied(service, second))["status"] == "referred"


async def test_probing_amounts_is_looked_at(service: Service) -> None:
    person = await given.a_card_holder(service)
    outcomes = [(await applied(service, person, amount=100_000 * k))["status"] for k in range(1, 6)]
    assert outcomes == ["approved", "approved", "approved", "referred", "referred"]


async def test_an_alert_is_raised_once_a_day(service: Service) -> None:
    tight = POLICY.underwriting.warning.model_copy(update={"least_decisions": 1, "psi": 0})
    async with service.database.work(SYSTEM) as work:
        work.policy = POLICY.model_copy(
            update={
                "underwriting": POLICY.underwriting.model_copy(
                    update={
                        "warning": tight.model_copy(update={"portfolio_used": 0}),
                        "limits": POLICY.underwriting.limits,
                    }
                )
            }
        )
        assert (await warning_service.warn(work, ON))["alerts"] == []
    person = await given.a_card_holder(service)
    offer = (await applied(service, person))["offers"][0]
    await service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
    )
    for _ in range(2):
        async with service.database.work(SYSTEM) as work:
            rules = POLICY.underwriting.model_copy(
                update={"warning": tight.model_copy(update={"portfolio_used": 0})}
            )
            work.policy = POLICY.model_copy(update={"underwriting": rules})
            assert (await warning_service.warn(work, ON))["alerts"] == ["portfolio_limit"]
    rows = await service.rows("SELECT name, figures FROM alerts")
    assert [(row.name, row.figures["lent"]) for row in rows] == [("portfolio_limit", 1_200_000)]
