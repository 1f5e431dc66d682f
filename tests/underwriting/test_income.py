"""Verified income: what counts, what a rule makes of it, who may verify, and with what evidence."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from refi import policies
from refi.policies.deciding import Income
from refi.staff.roles import Role
from refi.underwriting import affordability, shipped_service
from refi.underwriting.decision import Outcome, decide
from refi.underwriting.facts import Fact, Facts, Source
from refi.underwriting.strategy import Strategy
from tests import given
from tests.applications.test_reviewing import decide as verdict
from tests.applications.test_reviewing import referred
from tests.given import Member, Person, Service
from tests.underwriting.given import ON, facts, report
from tests.underwriting.test_asking import Told, applied

CN = shipped_service.strategy_of(policies.load("cn"))
RULES = CN.policy.underwriting.income
assert RULES is not None
PDF = base64.b64encode(b"%PDF-1.7 a payslip").decode()


def verified(income: int | None, days_old: int = 0, **changed: Any) -> Facts:
    told = Fact(income, Source.STAFF, None if income is None else ON - timedelta(days=days_old))
    return replace(facts(**changed), verified_income=told)


def with_rules(**changed: Any) -> Strategy:
    rules = CN.policy.underwriting
    income = rules.income.model_copy(update=changed) if rules.income else None
    return Strategy(
        CN.policy.model_copy(update={"underwriting": rules.model_copy(update={"income": income})}), CN.card
    )


def codes(told: Facts, strategy: Strategy = CN) -> tuple[str, list[str]]:
    made = decide(told, strategy)
    return made.outcome.value, [reason.code for reason in made.reasons]


def test_what_counts() -> None:
    half = RULES.model_copy(update={"declared_counts": Decimal("0.5")})
    cases: list[tuple[Facts, Income | None, int | None]] = [
        (facts(monthly_income=850_001), None, 850_001),
        (facts(monthly_income=850_001), half, 425_000),
        (verified(700_000), half, 700_000),
        (verified(700_000, RULES.verified_fresh_days), half, 700_000),
        (verified(700_000, RULES.verified_fresh_days + 1), half, 425_000),
        (verified(700_000), None, 850_000),
        (verified(700_000, monthly_income=None), half, 700_000),
        (facts(monthly_income=None), half, None),
        (facts(monthly_income=10**14), half, 5 * 10**13),
    ]
    for told, rules, counted in cases:
        assert affordability.counted_income(told, rules) == counted


def test_a_verified_income_decides_what_can_be_carried() -> None:
    """The installment of 2,070.58: half of 4,141.16 and 0.7 of 2,957.97 a month."""
    assert codes(verified(800_000)) == ("approved", [])
    assert codes(verified(400_000, monthly_income=410_000)) == ("referred", ["excessive_obligations"])
    assert codes(verified(410_000, monthly_income=480_000))[0] == "referred"
    assert codes(verified(430_000, monthly_income=480_000)) == ("approved", [])
    assert codes(verified(800_000, monthly_income=None)) == ("approved", [])
    assert codes(verified(0))[1][0] == "income_insufficient"


def test_told_much_more_than_was_verified() -> None:
    assert codes(verified(800_000, monthly_income=960_000)) == ("approved", [])
    assert codes(verified(800_000, monthly_income=960_001)) == ("referred", ["income_unverified"])
    assert codes(verified(800_000, days_old=181, monthly_income=960_001)) == ("approved", [])


def test_a_large_amount_needs_a_verified_income() -> None:
    strict = with_rules(refer_unverified_above=1_000_000)
    assert codes(facts(), strict) == ("referred", ["income_unverified"])
    assert codes(verified(850_000), strict) == ("approved", [])
    assert codes(verified(850_000, days_old=400), strict) == ("referred", ["income_unverified"])
    assert codes(facts(wish={"amount": 900_000}), strict) == ("approved", [])


def test_a_strategy_of_before_asks_nobody() -> None:
    rules = CN.policy.underwriting.model_copy(update={"income": None})
    before = Strategy(CN.policy.model_copy(update={"underwriting": rules}), CN.card)
    made = decide(verified(0), before)
    assert made.outcome is Outcome.APPROVED
    assert "INCOME_VERIFIED" not in {finding.rule for finding in made.findings}
    assert "INCOME_VERIFIED" in {finding.rule for finding in decide(verified(0), CN).findings}


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    async with given.running(database_url) as running:
        yield running


async def a_payslip(service: Service, person: Person, application: str) -> str:
    body = {"kind": "payslip", "name": "slip.pdf", "content_type": "application/pdf", "content": PDF}
    answer = await service.post(f"/v1/applications/{application}/documents", body, who=person)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


async def verify(service: Service, review: dict[str, Any], who: Member, **body: Any) -> Any:
    seen = {"If_Match": f'"v{review["version"]}"'}
    return await service.post(f"/staff/v1/reviews/{review['id']}/verify-income", body, who=who, **seen)


async def test_staff_verifies_with_evidence_and_the_engine_looks_again(service: Service) -> None:
    person, made, review = await referred(service)
    slip = await a_payslip(service, person, made["id"])
    reviewer = await given.a_member(service, Role.REVIEWER)
    told = {"monthly_income": 850_000, "as_of": "2026-10-31", "documents": [slip]}
    done = await verify(service, review, reviewer, **told)
    assert done.status_code == 201, done.text
    assert (done.json()["outcome"], done.json()["verified_by"]) == ("approved", f"staff:{reviewer.id}")
    case = (await service.get(f"/staff/v1/reviews/{review['id']}", who=reviewer)).json()
    assert case["facts"]["verified_income"] == {
        "value": 850_000, "source": "staff", "as_of": "2026-10-31", "age_days": 22,
    }  # fmt: skip
    found = {each["rule"]: each for each in case["findings"]}
    assert found["INCOME_VERIFIED"]["seen"]["verified"] == 850_000
    assert found["OBLIGATIONS_SHARE"]["seen"]["monthly_income"] == 850_000
    stale = await verdict(service, review, reviewer, outcome="approve")
    assert stale.status_code == 412
    again = {**review, "version": case["version"]}
    assert (await verdict(service, again, reviewer, outcome="approve")).json()["status"] == "decided"
    acts = await service.rows("SELECT details FROM staff_acts WHERE act = 'income_verified'")
    assert acts[0].details["documents"] == [slip]
    bill = await given.a_bill(service, person, statement_date=date(2026, 11, 20))
    later = (await service.post("/v1/applications", {"statement": bill, "term": 12}, who=person)).json()
    records = await service.rows("SELECT record FROM decisions WHERE subject = :id", id=later["id"])
    assert records[0].record["facts"]["verified_income"]["value"] == 850_000


async def test_who_verifies_what_and_on_which_evidence(service: Service) -> None:
    person, made, review = await referred(service)
    slip = await a_payslip(service, person, made["id"])
    other, theirs, _ = await referred(service)
    foreign = await a_payslip(service, other, theirs["id"])
    reviewer = await given.a_member(service, Role.REVIEWER)
    good: dict[str, Any] = {"monthly_income": 850_000, "as_of": "2026-10-31", "documents": [slip]}
    refused = {
        404: [{**good, "documents": [foreign]}, {**good, "documents": ["doc_01m8xk3a00e1t8h5qv5m1zj9xg"]}],
        422: [
            {**good, "documents": []},
            {**good, "as_of": "2026-11-23"},
            {**good, "as_of": "2025-11-23"},
            {**good, "monthly_income": -1},
            {**good, "monthly_income": 10**30},
            {**good, "monthly_income": "850000"},
            {**good, "note": "?"},
        ],
    }
    for status, bodies in refused.items():
        for body in bodies:
            answer = await verify(service, review, reviewer, **body)
            assert answer.status_code == status, (body, answer.text)
    clerk = await given.a_member(service, Role.AUDITOR)
    assert (await verify(service, review, clerk, **good)).status_code == 403
    stale = await verify(service, {**review, "version": 99}, reviewer, **good)
    assert stale.status_code == 412
    assert await service.rows("SELECT 1 FROM income_verifications") == []
    assert (await verify(service, review, reviewer, **good)).status_code == 201
    colleague = await given.a_member(service, Role.REVIEWER)
    [(version,)] = await service.rows("SELECT version FROM reviews WHERE id = :id", id=review["id"])
    taken = await verify(service, {**review, "version": version}, colleague, **good)
    assert (taken.status_code, taken.json()["code"]) == (409, "invalid_transition")
    for act in ("UPDATE income_verifications SET monthly_income = 1", "DELETE FROM income_verifications"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with service.database.engine.begin() as connection:
                await connection.execute(text(act))


async def test_the_bureau_verifies_too_and_the_newer_evidence_counts(service: Service) -> None:
    person = await given.a_card_holder(service)
    told = replace(report(), verified_monthly_income=300_000)
    made = await applied(service, person, Told(told))
    assert made["status"] == "referred"
    assert [each["code"] for each in made["decision"]["reasons"]] == [
        "excessive_obligations",
        "income_unverified",
    ]
    rows = await service.rows("SELECT record FROM decisions WHERE subject = :id", id=made["id"])
    assert rows[0].record["facts"]["verified_income"] == {
        "value": 300_000, "source": "bureau", "as_of": "2026-11-22",
    }  # fmt: skip
    slip = await a_payslip(service, person, made["id"])
    reviewer = await given.a_member(service, Role.REVIEWER)
    review = (await service.get("/staff/v1/reviews", who=reviewer)).json()["data"][0]
    old = {"monthly_income": 900_000, "as_of": "2026-10-31", "documents": [slip]}
    done = await verify(service, review, reviewer, **old)
    assert done.json()["outcome"] == "referred"
    newer = {**old, "as_of": "2026-11-22"}
    done = await verify(service, {**review, "version": done.json()["review_version"]}, reviewer, **newer)
    assert done.json()["outcome"] == "approved"
