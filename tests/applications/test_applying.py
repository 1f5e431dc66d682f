"""From a bill to a signed loan over HTTP, and every way in which it does not get there."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from refi.applications.offers import agreement_hash
from refi.borrowers.tables import Purpose
from refi.staff.roles import Role
from tests import given
from tests.given import Person, Service


async def apply(service: Service, person: Person, **body: Any) -> dict[str, Any]:
    answer = await service.post(
        "/v1/applications", {"statement": person.statement, "term": 6, **body}, who=person
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def codes(application: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in application["decision"]["reasons"]]


async def test_a_clean_application_is_approved_with_the_golden_offer(service: Service) -> None:
    person = await given.a_card_holder(service)
    made = await apply(service, person)
    assert (made["status"], made["amount"], made["decision"]["outcome"]) == (
        "approved",
        1_200_000,
        "approved",
    )
    assert made["decision"]["reasons"] == []
    assert made["decision"]["policy_version"].startswith("cn-")
    (offer,) = made["offers"]
    assert (offer["status"], offer["annual_rate"], offer["installment_amount"]) == (
        "open",
        "0.120000",
        207_058,
    )
    assert (offer["total_cost"], offer["saving_same_payment"]) == (42_348, 23_549)
    assert offer["expires_at"] == "2026-11-29T16:00:00.000Z"
    again = await service.get(f"/v1/applications/{made['id']}", who=person)
    assert again.json() == made
    listed = await service.get("/v1/applications", who=person)
    assert listed.json() == {"data": [made], "has_more": False}


async def test_the_offer_is_the_exact_contract(service: Service) -> None:
    person = await given.a_card_holder(service)
    offer = (await apply(service, person, term=12))["offers"][0]
    shown = (await service.get(f"/v1/offers/{offer['id']}", who=person)).json()
    assert agreement_hash(shown["agreement"]) == shown["agreement_hash"] == offer["agreement_hash"]
    assert "等额本息" in shown["agreement_text"]
    english = (await service.get(f"/v1/offers/{offer['id']}", who=person, accept_language="en")).json()
    assert "equal installments" in english["agreement_text"]
    schedule = (await service.get(f"/v1/offers/{offer['id']}/schedule", who=person)).json()
    assert [row["amount"] for row in schedule["data"]] == [
        r["amount"] for r in shown["agreement"]["installments"]
    ]
    assert sum(row["principal"] for row in schedule["data"]) == 1_200_000
    assert schedule["data"][0]["due_date"] == "2026-12-22"


async def test_signing_makes_agreement_loan_and_payout_together(service: Service) -> None:
    person = await given.a_card_holder(service)
    made = await apply(service, person)
    offer = made["offers"][0]
    signed = await service.post(
        f"/v1/offers/{offer['id']}/accept",
        {"agreement_hash": offer["agreement_hash"]},
        who=person,
        key="sign",
    )
    assert signed.status_code == 201, signed.text
    loan = signed.json()
    assert (loan["status"], loan["principal"], loan["agreement_hash"]) == (
        "pending_disbursement",
        1_200_000,
        offer["agreement_hash"],
    )
    rows = await service.rows(
        "SELECT l.status, l.principal, a.hash, p.status, p.amount, p.destination FROM loans l"
        " JOIN agreements a ON a.id = l.agreement_id JOIN payouts p ON p.loan_id = l.id"
    )
    assert [tuple(row) for row in rows] == [
        ("pending_disbursement", 1_200_000, offer["agreement_hash"], "planned", 1_200_000, "card")
    ]
    followed = (await service.get(f"/v1/applications/{made['id']}", who=person)).json()
    assert (followed["status"], followed["offers"][0]["status"]) == ("accepted", "accepted")
    assert followed["offers"][0]["loan"] == loan["id"]
    replayed = await service.post(
        f"/v1/offers/{offer['id']}/accept",
        {"agreement_hash": offer["agreement_hash"]},
        who=person,
        key="sign",
    )
    assert (replayed.json(), replayed.headers["Idempotent-Replayed"]) == (loan, "true")
    twice = await service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
    )
    assert (twice.status_code, twice.json()["code"], twice.json()["allowed"]) == (
        409,
        "invalid_transition",
        [],
    )


async def test_twenty_signatures_at_once_make_one_loan(service: Service) -> None:
    person = await given.a_card_holder(service)
    offer = (await apply(service, person))["offers"][0]
    body = {"agreement_hash": offer["agreement_hash"]}
    answers = await asyncio.gather(
        *(service.post(f"/v1/offers/{offer['id']}/accept", body, who=person) for _ in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    assert (await service.rows("SELECT count(*) FROM loans"))[0][0] == 1
    assert (await service.rows("SELECT count(*) FROM payouts"))[0][0] == 1


async def test_two_offers_on_one_bill_pay_it_once(service: Service) -> None:
    person = await given.a_card_holder(service)
    first = (await apply(service, person, term=6))["offers"][0]
    second = (await apply(service, person, term=12))["offers"][0]
    for offer, status, code in ((first, 201, None), (second, 409, "statement_stale")):
        answer = await service.post(
            f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
        )
        assert (answer.status_code, answer.json().get("code")) == (status, code)
    more = await service.post("/v1/applications", {"statement": person.statement, "term": 3}, who=person)
    assert (more.status_code, more.json()["errors"][0]["code"]) == (422, "nothing_to_refinance")


async def test_part_of_a_bill_leaves_the_rest_for_another(service: Service) -> None:
    person = await given.a_card_holder(service, monthly_income=5_000_000)
    offer = (await apply(service, person, amount=700_000))["offers"][0]
    await service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
    )
    rest = await apply(service, person)
    assert (rest["status"], rest["amount"]) == ("approved", 500_000)


@pytest.mark.parametrize(
    ("change", "on", "status", "code"),
    [
        ({"agreement_hash": "0" * 64}, given.ON, 422, "validation_failed"),
        ({"agreement_hash": "short"}, given.ON, 422, "validation_failed"),
        ({}, date(2026, 11, 30), 409, "offer_expired"),
    ],
)
async def test_refused_signatures(
    service: Service, change: dict[str, Any], on: date, status: int, code: str
) -> None:
    person = await given.a_card_holder(service)
    offer = (await apply(service, person))["offers"][0]
    await service.turn_to(on)
    answer = await service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"], **change}, who=person
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await service.rows("SELECT count(*) FROM loans"))[0][0] == 0


async def test_a_card_that_lost_its_proof_is_not_paid(service: Service) -> None:
    person = await given.a_card_holder(service)
    offer = (await apply(service, person))["offers"][0]
    await service.rows("UPDATE cards SET payable = false RETURNING id")
    answer = await service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "card_not_payable")


async def test_a_bill_that_fell_due_is_not_paid(service: Service) -> None:
    person = await given.a_borrower(service)
    await given.a_card(service, person)
    await given.a_bill(service, person, due_date=date(2026, 11, 25))
    offer = (await apply(service, person))["offers"][0]
    await service.turn_to(date(2026, 11, 26))
    answer = await service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "statement_overdue")


@pytest.mark.parametrize(
    ("bill", "reason"),
    [
        ({"is_overdue": True}, "card_overdue"),
        ({"statement_date": date(2026, 10, 20), "due_date": date(2026, 12, 2)}, "statement_too_old"),
        ({"aprs": [{"type": "purchase_apr", "apr": "0.060000"}]}, "no_benefit"),
    ],
)
async def test_declined_bills_say_why_in_the_borrowers_language(
    service: Service, bill: dict[str, Any], reason: str
) -> None:
    person = await given.a_borrower(service)
    await given.a_card(service, person)
    await given.a_bill(service, person, **bill)
    made = await apply(service, person)
    assert (made["status"], codes(made), made["offers"]) == ("declined", [reason], [])
    assert not made["decision"]["reasons"][0]["text"].isascii()
    english = await service.get(f"/v1/applications/{made['id']}", who=person, accept_language="en")
    assert english.json()["decision"]["reasons"][0]["text"].isascii()


async def test_declined_cards_and_people(service: Service) -> None:
    stranger = await given.a_borrower(service)
    await given.a_card(service, stranger, payable=False, reason="holder_mismatch")
    await given.a_bill(service, stranger)
    assert codes(await apply(service, stranger)) == ["identity_unverified", "card_not_payable"]
    minor = await given.a_card_holder(service, born="20091123")
    made = await apply(service, minor)
    assert (made["status"], codes(made)) == ("declined", ["identity_unverified"])


@pytest.mark.parametrize(
    ("income", "status", "reasons"),
    [
        (None, "referred", ["income_unverified"]),
        (0, "declined", ["income_insufficient"]),
        (414_116, "approved", []),
        (400_000, "referred", ["excessive_obligations"]),
        (200_000, "declined", ["excessive_obligations"]),
        (10**12, "referred", ["income_unverified"]),
    ],
)
async def test_income(service: Service, income: int | None, status: str, reasons: list[str]) -> None:
    person = await given.a_card_holder(service, monthly_income=income)
    made = await apply(service, person)
    assert (made["status"], codes(made)) == (status, reasons)
    assert (await service.rows("SELECT count(*) FROM reviews"))[0][0] == (status == "referred")


async def test_income_told_with_the_application_counts(service: Service) -> None:
    person = await given.a_card_holder(service, monthly_income=None)
    assert (await apply(service, person, monthly_income=850_000))["status"] == "approved"


async def test_other_cards_and_loans_count_as_obligations(service: Service) -> None:
    person = await given.a_card_holder(service)
    main_statement = person.statement
    await given.a_card(service, person)
    await given.a_bill(service, person, minimum_payment=400_000, statement_balance=4_000_000)
    person.statement = main_statement
    assert codes(await apply(service, person)) == ["excessive_obligations"]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"term": 5}, "/term", "validation_failed"),
        ({"amount": 1_200_001}, "/amount", "validation_failed"),
        ({"amount": 9_999}, "/amount", "amount_below_minimum"),
        ({"amount": 0}, "/amount", "validation_failed"),
        ({"amount": 12.5}, "/amount", "validation_failed"),
        ({"amount": "1200000"}, "/amount", "validation_failed"),
        ({"amount": 10**30}, "/amount", "validation_failed"),
        ({"term": True}, "/term", "validation_failed"),
        ({"monthly_income": -1}, "/monthly_income", "validation_failed"),
        ({"favorite": 1}, "/favorite", "validation_failed"),
        ({"statement": None}, "/statement", "validation_failed"),
    ],
)
async def test_what_cannot_be_asked_for(
    service: Service, body: dict[str, Any], pointer: str, code: str
) -> None:
    person = await given.a_card_holder(service)
    answer = await service.post(
        "/v1/applications", {"statement": person.statement, "term": 6, **body}, who=person
    )
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, code)
    assert pointer in [error["pointer"] for error in problem["errors"]]
    assert (await service.rows("SELECT count(*) FROM applications"))[0][0] == 0


async def test_a_bill_with_nothing_on_it(service: Service) -> None:
    person = await given.a_borrower(service)
    await given.a_card(service, person)
    await given.a_bill(service, person, statement_balance=-500, minimum_payment=0)
    answer = await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=person)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "nothing_to_refinance")


async def test_nothing_is_looked_at_without_consent(service: Service) -> None:
    person = await given.a_card_holder(service, consents=(Purpose.STATEMENT_READ,))
    answer = await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=person)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["missing"]) == (
        422,
        "consent_missing",
        ["bureau_query"],
    )


async def test_other_peoples_things_are_not_found(service: Service) -> None:
    person, stranger = await given.a_card_holder(service), await given.a_borrower(service)
    made = await apply(service, person)
    offer = made["offers"][0]
    body = {"agreement_hash": offer["agreement_hash"]}
    answers = [
        await service.get(f"/v1/applications/{made['id']}", who=stranger),
        await service.post(f"/v1/applications/{made['id']}/withdraw", who=stranger),
        await service.post(f"/v1/applications/{made['id']}/request-review", who=stranger),
        await service.post(f"/v1/applications/{made['id']}/respond", who=stranger),
        await service.get(f"/v1/applications/{made['id']}/documents", who=stranger),
        await service.get(f"/v1/offers/{offer['id']}", who=stranger),
        await service.get(f"/v1/offers/{offer['id']}/schedule", who=stranger),
        await service.post(f"/v1/offers/{offer['id']}/accept", body, who=stranger),
        await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=stranger),
        await service.get("/v1/applications/app_nonsense", who=person),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 10
    assert (await service.get("/v1/applications", who=stranger)).json()["data"] == []
    assert (await service.get("/v1/applications")).status_code == 401


async def test_pages(service: Service) -> None:
    person = await given.a_card_holder(service)
    made = [await apply(service, person, amount=amount) for amount in (100_000, 200_000, 300_000)]
    first = (await service.get("/v1/applications?limit=2", who=person)).json()
    assert ([each["id"] for each in first["data"]], first["has_more"]) == (
        [made[2]["id"], made[1]["id"]],
        True,
    )
    rest = (await service.get(f"/v1/applications?limit=2&starting_after={made[1]['id']}", who=person)).json()
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == ([made[0]["id"]], False)


async def test_withdrawing_ends_offer_and_review(service: Service) -> None:
    person = await given.a_card_holder(service)
    made = await apply(service, person)
    left = (await service.post(f"/v1/applications/{made['id']}/withdraw", who=person)).json()
    assert (left["status"], left["offers"][0]["status"]) == ("withdrawn", "withdrawn")
    again = await service.post(f"/v1/applications/{made['id']}/withdraw", who=person)
    assert (again.status_code, again.json()["allowed"]) == (409, [])
    unsure = await given.a_card_holder(service, monthly_income=None)
    waiting = await apply(service, unsure)
    await service.post(f"/v1/applications/{waiting['id']}/withdraw", who=unsure)
    assert [tuple(row) for row in await service.rows("SELECT status FROM reviews")] == [("closed",)]


async def test_a_person_looks_at_a_decline_on_request(service: Service) -> None:
    person = await given.a_card_holder(service, monthly_income=0)
    made = await apply(service, person)
    path = f"/v1/applications/{made['id']}/request-review"
    asked = (await service.post(path, {"reason": "我上月换了工作"}, who=person)).json()
    assert (asked["status"], asked["decision"]["outcome"]) == ("referred", "declined")
    again = await service.post(path, who=person)
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")


PDF = "JVBERi0xLjQK"


async def test_documents_are_sealed(service: Service) -> None:
    person = await given.a_card_holder(service, monthly_income=None)
    made = await apply(service, person)
    path = f"/v1/applications/{made['id']}/documents"
    document = {"kind": "payslip", "name": "工资单.pdf", "content_type": "application/pdf", "content": PDF}
    sent = await service.post(path, document, who=person)
    assert (sent.status_code, sent.json()["size"], sent.json()["name"]) == (201, 9, "工资单.pdf")
    assert (await service.get(path, who=person)).json()["data"] == [sent.json()]
    stored = str(await service.rows("SELECT * FROM application_documents"))
    assert PDF not in stored
    assert "工资单" not in stored
    reviewer = await given.a_member(service, Role.REVIEWER)
    collector = await given.a_member(service, Role.COLLECTOR)
    (review,) = (await service.get("/staff/v1/reviews", who=reviewer)).json()["data"]
    view = f"/staff/v1/reviews/{review['id']}/documents/{sent.json()['id']}"
    assert (await service.get(view, who=reviewer)).json()["content"] == PDF
    assert (await service.get(view, who=collector)).status_code == 403
    acts = await service.rows("SELECT subject FROM staff_acts WHERE act = 'document_viewed'")
    assert [act.subject for act in acts] == [sent.json()["id"]]
    bad = [
        {**document, "content_type": "image/png"},
        {**document, "content": "JVBERi0xLjQ"},
        {**document, "kind": "spell"},
        {**document, "content": "JVBERi0x" * 120_000},
    ]
    for body in bad:
        assert (await service.post(path, body, who=person)).status_code == 422


async def test_decisions_cannot_be_changed(service: Service) -> None:
    person = await given.a_card_holder(service)
    await apply(service, person)
    for statement in ("UPDATE decisions SET outcome = 'declined'", "DELETE FROM decisions"):
        with pytest.raises(Exception, match="append-only"):
            await service.rows(statement)
