"""Signs of fraud, and early warning."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as given_
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select

from refi import policies
from refi.applications import warning_jobs, warning_service
from refi.borrowers import service as borrowers
from refi.cards import service as cards
from refi.cards.proof import CardProof
from refi.db.work import SYSTEM
from refi.notifications.messages import Dropped, Wanted
from refi.notifications.tables import Message
from refi.policies import Policy
from refi.runtime import MESSAGE_KINDS
from refi.staff.roles import Role
from refi.underwriting import monitoring, shipped_service
from refi.underwriting.monitoring import Book, Period, moves, warnings
from refi.underwriting.signals import Seen, signals
from tests import given
from tests.books import ON
from tests.given import Member, Person, Service

POLICY = policies.load("cn")
RULES = POLICY.underwriting.warning
CARD = shipped_service.shipped("cn-2026-11")
QUIET = Book(1000, 10, {"": (0, 100)})


def period(score: int = 650, approved: int = 300, declined: int = 100, code: str = "card_overdue") -> Period:
    spread = Counter(score + k % 60 for k in range(approved + declined))
    return Period({"approved": approved, "declined": declined}, {code: declined}, spread)


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
    assert "outcome_mix" in names(period(approved=100, declined=300), period())
    assert "reason_mix" in names(period(code="no_benefit"), period())
    assert "first_payment_default" in names(period(), period(), Book(1000, 51, {}))
    assert "portfolio_limit" in names(period(), period(), Book(1000, 0, {"": (91, 100)}))
    lent = {"": (0, 100), "ICBC": (91, 100), "CMB": (90, 100)}
    assert names(period(), period(), Book(1000, 0, lent))[-1:] == ["issuer_limit.ICBC"]


def test_few_tell_nothing() -> None:
    few = Period({"declined": 10}, {"card_overdue": 10}, {300: 10})
    assert names(few, few, Book(10, 10, {"": (0, 100)})) == []
    assert moves(few, few, CARD, RULES) == []


def facts_of(**facts: Any) -> Period:
    return Period({"approved": 400}, facts=facts)


def test_each_fact_against_the_days_before() -> None:
    incomes = Counter(str(500_000 + 1000 * k) for k in range(400))
    higher = Counter(str(700_000 + 1000 * k) for k in range(400))
    assert names(facts_of(monthly_income=incomes), facts_of(monthly_income=incomes)) == []
    assert names(facts_of(monthly_income=higher), facts_of(monthly_income=incomes)) == [
        "monthly_income_against_before"
    ]
    untold = {None: 200, "600000": 200}
    assert names(facts_of(monthly_income=untold), facts_of(monthly_income={"600000": 400})) == [
        "monthly_income_against_before"
    ]
    issuers = facts_of(issuer={"ICBC": 380, "CMB": 20}), facts_of(issuer={"ICBC": 200, "CMB": 200})
    assert names(*issuers) == ["issuer_against_before"]
    told = next(each.told for each in moves(*issuers, CARD, RULES) if each.what == "issuer")
    assert told.psi == pytest.approx(
        (0.95 - 0.5) * math.log(0.95 / 0.5) + (0.05 - 0.5) * math.log(0.05 / 0.5)
    )
    assert (told.n, told.noise) == (400, pytest.approx(1 / 400 + 1 / 400))


def test_facts_and_characteristics_against_training() -> None:
    """People spread like those trained on tell nothing; others do, each by its own name."""
    spread = CARD.training["facts"]["utilization"]
    edges = [*spread["edges"], "2"]
    alike = {edge: n // 60 for edge, n in zip(edges, spread["counts"], strict=False)}
    assert names(facts_of(utilization=alike), facts_of()) == []
    assert names(facts_of(utilization={"0.99": 400}), facts_of()) == ["utilization_against_training"]
    weighed = CARD.segments["never_late"].weighed[0]
    people = Counter[int]()
    for each in weighed.bins:
        people[each.points] += each.people // 60
    key = ("never_late", weighed.name)
    assert names(Period({"approved": 400}, earned={key: people}), facts_of()) == []
    best = {key: {weighed.best: 400}}
    assert names(Period({"approved": 400}, earned=best), facts_of()) == [
        f"never_late.{weighed.name}_against_training"
    ]


@hypothesis_settings(deadline=None)
@given_(
    st.dictionaries(st.one_of(st.none(), st.integers(-5, 40).map(str)), st.integers(1, 90), max_size=30),
    st.dictionaries(st.one_of(st.none(), st.integers(-5, 40).map(str)), st.integers(1, 90), max_size=30),
)
def test_nobody_is_lost_between_bins(new: dict[str | None, int], old: dict[str | None, int]) -> None:
    rules = RULES.model_copy(update={"least_decisions": 1})
    found = moves(facts_of(exposure=new), facts_of(exposure=old), CARD, rules)
    told = [each.told for each in found if each.what == "exposure"]
    if new and old:
        assert [each.n for each in told] == [sum(new.values())]
        assert told[0].psi >= 0
        assert new != old or told[0].psi == 0


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


def watchful(**warning: Any) -> Policy:
    """A policy that looks at the first decision, and sees a full portfolio in any loan."""
    changed = {"least_decisions": 1, "psi": Decimal(99), "portfolio_used": Decimal(0), **warning}
    rules = POLICY.underwriting
    return POLICY.model_copy(
        update={
            "underwriting": rules.model_copy(
                update={"warning": rules.warning.model_copy(update=changed), "limits": rules.limits}
            )
        }
    )


async def warned(service: Service, on: date, policy: Policy) -> dict[str, Any]:
    async with service.database.work(SYSTEM) as work:
        work.policy = policy
        return await warning_service.warn(work, on)


async def a_loan(service: Service) -> None:
    person = await given.a_card_holder(service)
    offer = (await applied(service, person))["offers"][0]
    await service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
    )


async def test_an_alert_is_raised_once_and_stands_until_it_is_over(service: Service) -> None:
    assert await warned(service, ON, watchful()) == {"alerts": [], "new": 0}
    await a_loan(service)
    days = [ON + timedelta(days=k) for k in range(8)]
    assert await warned(service, ON, watchful()) == {"alerts": ["portfolio_limit"], "new": 1}
    assert await warned(service, days[1], watchful()) == {"alerts": ["portfolio_limit"], "new": 0}
    quiet = watchful(portfolio_used=Decimal(1))
    for day in days[2:4]:
        assert await warned(service, day, quiet) == {"alerts": [], "new": 0}
    assert await warned(service, days[4], watchful()) == {"alerts": ["portfolio_limit"], "new": 0}
    await warned(service, days[7], quiet)
    assert (await warned(service, days[7], watchful()))["new"] == 1
    rows = await service.rows("SELECT raised_on, last_seen_on, ended_on, figures FROM alerts ORDER BY id")
    assert [(row.raised_on, row.last_seen_on, row.ended_on) for row in rows] == [
        (days[0], days[4], days[7]),
        (days[7], days[7], None),
    ]
    assert rows[0].figures["lent"] == 1_200_000
    jobs = await service.rows("SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = 'tell_operators'")
    assert jobs[0][0] == 2


async def test_what_the_record_says_is_what_is_compared(service: Service) -> None:
    """Every fact, characteristic and figure comes out of the stored decisions as it went in."""
    for amount in (300_000, 600_000):
        person = await given.a_card_holder(service)
        await applied(service, person, amount=amount)
    async with service.database.work(SYSTEM, reading=True) as work:
        version = shipped_service.strategy_of(work.policy).card
        period = await warning_service._period(work, version and version.version, ON - timedelta(days=1), ON)
    assert period.outcomes == {"approved": 2}
    assert period.facts["wish.amount"] == {"300000": 1, "600000": 1}
    assert period.facts["monthly_income"] == {"850000": 2}
    assert period.facts["bureau"] == {"none": 2}
    assert period.facts["bureau.open_delinquencies"] == {None: 2}
    assert period.facts["statement_age"] == {"10": 2}
    assert {*monitoring.NUMBERS, *monitoring.LABELS} == set(period.facts)
    assert sum(period.scores.values()) == sum(next(iter(period.earned.values()), {}).values())


@pytest.fixture
async def operator(service: Service) -> Member:
    return await given.a_member(service, Role.OPERATOR)


async def test_staff_sees_and_acknowledges(service: Service, operator: Member) -> None:
    await a_loan(service)
    await warned(service, ON, watchful())
    [alert] = (await service.get("/staff/v1/alerts", who=operator)).json()["data"]
    assert (alert["name"], alert["ended_on"], alert["acknowledged_by"]) == ("portfolio_limit", None, None)
    path = f"/staff/v1/alerts/{alert['id']}"
    metrics = (await service.http.get("/metrics")).text
    assert 'refi_underwriting_alert{acknowledged="no",name="portfolio_limit"} 1.0' in metrics
    reviewer = await given.a_member(service, Role.REVIEWER)
    assert (await service.get("/staff/v1/alerts", who=reviewer)).status_code == 403
    auditor = await given.a_member(service, Role.AUDITOR)
    assert (await service.get(path, who=auditor)).json() == alert
    assert (await service.post(f"{path}/acknowledge", who=auditor)).status_code == 403
    seen = await service.post(f"{path}/acknowledge", {"note": "limit is raised on Monday"}, who=operator)
    assert seen.json()["note"] == "limit is raised on Monday"
    assert seen.json()["acknowledged_by"] == f"staff:{operator.id}"
    again = await service.post(f"{path}/acknowledge", who=operator)
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    assert (
        await service.get("/staff/v1/alerts/alrt_01m8xk3a0000000000000000000", who=operator)
    ).status_code == 404
    assert (await service.get("/staff/v1/alerts?state=ended", who=operator)).json()["data"] == []
    acts = await service.rows("SELECT act FROM staff_acts WHERE subject = :id", id=alert["id"])
    assert [row.act for row in acts] == ["alert_acknowledged"]


async def test_what_was_seen_or_is_over_is_not_told_any_more(service: Service, operator: Member) -> None:
    await a_loan(service)
    await warned(service, ON, watchful())
    [(alert,)] = await service.rows("SELECT id FROM alerts")
    await warning_jobs.tell(service.database, [("email", "duty@lender.example")], alert)

    async def wanted() -> object:
        async with service.database.work(SYSTEM) as work:
            [row] = await work.session.scalars(select(Message).where(Message.kind == warning_jobs.KIND))
            return (await MESSAGE_KINDS[row.kind](work, [row]))[row.id]

    assert await wanted() == Wanted()
    await service.post(f"/staff/v1/alerts/{alert}/acknowledge", who=operator)
    assert await wanted() == Dropped("acknowledged")
