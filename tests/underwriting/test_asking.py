"""Questions to the bureau: only under consent, recorded, once in an answer's life, never in the way of a
decision."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from refi.borrowers import service as borrowers
from refi.borrowers.tables import Purpose
from refi.db.work import SYSTEM
from refi.underwriting import query_service
from refi.underwriting.bureau import BureauUnavailable, Identity, NoFile, Query, Report
from tests import given
from tests.given import Person, Service

ON = date(2026, 11, 22)


@dataclass
class Told:
    """A bureau that says what it is told to; an exception is raised."""

    report_: Any
    identity_: Any = None
    asked: list[Query] = field(default_factory=list)

    async def report(self, query: Query) -> Report | NoFile:
        self.asked.append(query)
        if isinstance(self.report_, Exception):
            raise self.report_
        return self.report_  # type: ignore[no-any-return]

    async def identity(self, query: Query) -> Identity:
        self.asked.append(query)
        answer: Identity = self.identity_ or Identity(query.on, True)
        return answer


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    async with given.running(database_url) as running:
        yield running


async def applied(service: Service, person: Person, bureau: Told) -> dict[str, Any]:
    service.app.state.bureau = bureau
    answer = await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=person)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def clean(**changed: Any) -> Report:
    figures: dict[str, Any] = {
        "as_of": ON, "open_delinquencies": 0, "collections_or_judgments": 0, "inquiries_six_months": 1,
        "oldest_account_months": 60, "monthly_obligations": None,
    }  # fmt: skip
    return Report(**{**figures, **changed})


async def test_the_report_decides_and_is_recorded(service: Service) -> None:
    person = await given.a_card_holder(service)
    made = await applied(service, person, Told(clean(open_delinquencies=2)))
    assert (made["status"], [r["code"] for r in made["decision"]["reasons"]]) == (
        "declined",
        ["delinquent_with_others"],
    )
    rows = await service.rows(
        "SELECT kind, outcome, usable_until, answer_sealed, consents.purpose FROM bureau_queries"
        " JOIN consents ON consents.id = consent_id ORDER BY bureau_queries.id"
    )
    assert [(row.kind, row.outcome, row.purpose) for row in rows] == [
        ("report", "answered", "bureau_query"),
        ("identity", "answered", "bureau_query"),
    ]
    assert rows[0].usable_until == ON + timedelta(days=30)
    assert "open_delinquencies" not in rows[0].answer_sealed


async def test_an_answer_is_used_again_and_not_beyond_its_life(service: Service) -> None:
    person, bureau = await given.a_card_holder(service), Told(clean())
    await applied(service, person, bureau)
    await applied(service, person, bureau)
    assert len(bureau.asked) == 2
    await service.turn_to(ON + timedelta(days=31))
    await applied(service, person, bureau)
    assert len(bureau.asked) == 3


@pytest.mark.parametrize("why", ["http_500", "circuit_open"])
async def test_a_silent_bureau_is_never_an_approval(service: Service, why: str) -> None:
    person = await given.a_card_holder(service)
    bureau = Told(BureauUnavailable("no answer", why=why))
    made = await applied(service, person, bureau)
    assert (made["status"], [r["code"] for r in made["decision"]["reasons"]]) == (
        "referred",
        ["no_credit_file"],
    )
    assert len(bureau.asked) == 1
    rows = await service.rows("SELECT kind, outcome, why FROM bureau_queries ORDER BY id")
    assert rows == [("report", "silent", why)]


async def test_once_the_bureau_answers_its_silence_is_forgotten(service: Service) -> None:
    person = await given.a_card_holder(service)
    await applied(service, person, Told(BureauUnavailable("no answer", why="http_500")))
    assert (await applied(service, person, Told(clean())))["status"] == "approved"


async def test_a_bureau_that_is_gone_is_asked_no_more_and_missed_no_longer(service: Service) -> None:
    person = await given.a_card_holder(service)
    await applied(service, person, Told(BureauUnavailable("no answer", why="http_500")))
    await service.turn_to(ON + timedelta(days=2))
    service.app.state.bureau = None
    answer = await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=person)
    assert answer.json()["status"] == "approved"


async def test_nobody_is_asked_without_consent(service: Service) -> None:
    person = await given.a_card_holder(service, consents=(Purpose.STATEMENT_READ,))
    service.app.state.bureau = bureau = Told(clean())
    answer = await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=person)
    assert (answer.status_code, answer.json()["code"]) == (422, "consent_missing")
    assert bureau.asked == []
    assert await service.rows("SELECT 1 FROM bureau_queries") == []


async def test_a_withdrawn_consent_ends_the_use_of_the_report(service: Service) -> None:
    person = await given.a_card_holder(service)
    await applied(service, person, Told(clean(open_delinquencies=2)))
    async with service.database.work(SYSTEM) as work:
        await borrowers.record_consent(work, person.id, Purpose.BUREAU_QUERY, "2026-11", granted=False)
        assert await query_service.usable(work, person.id) == query_service.Told(None, None)
        assert await query_service.open_query(work, person.id, "report") is None


async def test_the_register_says_it_is_somebody_else(service: Service) -> None:
    person = await given.a_card_holder(service)
    made = await applied(service, person, Told(clean(), Identity(ON, matches=False)))
    assert (made["status"], [r["code"] for r in made["decision"]["reasons"]]) == (
        "declined",
        ["identity_unverified"],
    )


async def test_no_file_is_known_and_not_held_against_anybody(service: Service) -> None:
    person = await given.a_card_holder(service)
    made = await applied(service, person, Told(NoFile(ON)))
    assert made["status"] == "approved"
    ((bureau,),) = await service.rows("SELECT record->'facts'->'bureau' FROM decisions")
    assert bureau == {"value": None, "source": "bureau", "as_of": "2026-11-22"}
