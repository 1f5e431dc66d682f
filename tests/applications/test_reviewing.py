"""Referred applications over HTTP: the queue, what a reviewer sees, verdicts, the second pair of eyes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from refi.staff import service as staff
from refi.staff.roles import Role
from tests import given
from tests.given import Member, Person, Service


async def referred(service: Service, **changed: Any) -> tuple[Person, dict[str, Any], dict[str, Any]]:
    """A card holder without a declared income, their application, and its review as the queue shows it."""
    person = await given.a_card_holder(service, **{"monthly_income": None, **changed})
    answer = await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=person)
    auditor = await given.a_member(service, Role.AUDITOR)
    queue = (await service.get("/staff/v1/reviews", who=auditor)).json()["data"]
    return person, answer.json(), next(each for each in queue if each["application"] == answer.json()["id"])


async def contested(service: Service) -> tuple[Person, dict[str, Any], dict[str, Any]]:
    """A declined application that a person should look at."""
    person = await given.a_card_holder(service, monthly_income=0)
    made = (
        await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=person)
    ).json()
    await service.post(f"/v1/applications/{made['id']}/request-review", who=person)
    auditor = await given.a_member(service, Role.AUDITOR)
    return person, made, (await service.get("/staff/v1/reviews", who=auditor)).json()["data"][0]


async def decide(
    service: Service, review: dict[str, Any], who: Member, seen: str | None = None, **body: Any
) -> Any:
    headers = {"If_Match": seen or f'"v{review["version"]}"'}
    return await service.post(f"/staff/v1/reviews/{review['id']}/decide", body, who=who, **headers)


async def status(service: Service, person: Person, made: dict[str, Any]) -> Any:
    return (await service.get(f"/v1/applications/{made['id']}", who=person)).json()


async def test_a_reviewer_approves_and_the_borrower_has_an_offer(service: Service) -> None:
    person, made, review = await referred(service)
    reviewer = await given.a_member(service, Role.REVIEWER)
    answer = await decide(service, review, reviewer, outcome="approve", note="payslips seen, 8,500 a month")
    assert (answer.status_code, answer.json()["status"]) == (200, "decided")
    assert answer.headers["ETag"] == f'"v{answer.json()["version"]}"'
    followed = await status(service, person, made)
    assert (followed["status"], followed["decision"]["decided_by"]) == ("approved", "person")
    assert followed["offers"][0]["installment_amount"] == 207_058
    signed = await service.post(
        f"/v1/offers/{followed['offers'][0]['id']}/accept",
        {"agreement_hash": followed["offers"][0]["agreement_hash"]},
        who=person,
    )
    assert signed.status_code == 201


async def test_a_reviewer_approves_less_for_longer_but_never_more(service: Service) -> None:
    person, made, review = await referred(service)
    reviewer = await given.a_member(service, Role.REVIEWER)
    for body in ({"amount": 1_200_001}, {"term": 5}):
        more = await decide(service, review, reviewer, outcome="approve", **body)
        assert (more.status_code, more.json()["code"]) == (422, "validation_failed")
    tiny = await decide(service, review, reviewer, outcome="approve", amount=9_999)
    assert (tiny.status_code, tiny.json()["code"]) == (422, "amount_below_minimum")
    await decide(service, review, reviewer, outcome="approve", amount=800_000, term=12)
    (offer,) = (await status(service, person, made))["offers"]
    assert (offer["amount"], offer["term"]) == (800_000, 12)


async def test_a_reviewer_declines_with_reasons(service: Service) -> None:
    person, made, review = await referred(service)
    reviewer = await given.a_member(service, Role.REVIEWER)
    without = await decide(service, review, reviewer, outcome="decline")
    assert (without.status_code, without.json()["code"]) == (422, "reason_required")
    unknown = await decide(service, review, reviewer, outcome="decline", reasons=["bad_mood"])
    assert (unknown.status_code, unknown.json()["code"]) == (422, "validation_failed")
    reasons = ["suspected_fraud", "income_unverified"]
    assert (await decide(service, review, reviewer, outcome="decline", reasons=reasons)).status_code == 200
    followed = await status(service, person, made)
    shown = [(reason["code"], reason["rank"]) for reason in followed["decision"]["reasons"]]
    assert (followed["status"], shown) == ("declined", [("identity_unverified", 1), ("income_unverified", 2)])


async def test_a_question_goes_to_the_borrower_and_back(service: Service) -> None:
    person, made, review = await referred(service)
    reviewer = await given.a_member(service, Role.REVIEWER)
    question = "请上传最近三个月的工资流水"
    asked = await decide(service, review, reviewer, outcome="request_info", note=question)
    assert asked.json()["status"] == "info_requested"
    followed = await status(service, person, made)
    assert (followed["status"], followed["information_requested"]) == ("info_requested", question)
    assert (await service.get("/staff/v1/reviews", who=reviewer)).json()["data"] == []
    answered = await service.post(
        f"/v1/applications/{made['id']}/respond", {"message": "已上传", "monthly_income": 850_000}, who=person
    )
    assert (answered.json()["status"], answered.json()["monthly_income"]) == ("referred", 850_000)
    case = (await service.get(f"/staff/v1/reviews/{review['id']}", who=reviewer)).json()
    assert (case["status"], case["answer"]) == ("open", "已上传")
    assert case["facts"]["monthly_income"]["value"] == 850_000
    assert all(finding["effect"] == "passed" for finding in case["findings"])
    approved = await decide(service, case, reviewer, outcome="approve")
    assert approved.status_code == 200
    late = await service.post(f"/v1/applications/{made['id']}/respond", {"message": "!"}, who=person)
    assert (late.status_code, late.json()["code"]) == (409, "invalid_transition")


async def test_the_case_shows_what_the_decision_saw(service: Service) -> None:
    person, _, review = await referred(service)
    reviewer = await given.a_member(service, Role.REVIEWER)
    answer = await service.get(f"/staff/v1/reviews/{review['id']}", who=reviewer)
    case = answer.json()
    assert answer.headers["ETag"] == f'"v{case["version"]}"'
    assert case["facts"]["statement_balance"] == {
        "value": 1_200_000,
        "source": "statement",
        "as_of": "2026-11-12",
        "age_days": 10,
    }
    assert case["facts"]["monthly_income"] == {"value": None, "source": "borrower", "as_of": None}
    assert [f["rule"] for f in case["findings"] if f["effect"] != "passed"] == ["INCOME_DECLARED"]
    assert case["person"]["name"] == "张*"
    assert person.id == case["person"]["id"]
    assert [bill["statement_balance"] for bill in case["statements"]] == [1_200_000]
    assert sum(row["principal"] for row in case["schedule"]) == 1_200_000
    acts = await service.rows("SELECT act, subject FROM staff_acts WHERE act = 'review_viewed'")
    assert [tuple(act) for act in acts] == [("review_viewed", review["id"])]


async def test_versions(service: Service) -> None:
    _, _, review = await referred(service)
    reviewer = await given.a_member(service, Role.REVIEWER)
    path = f"/staff/v1/reviews/{review['id']}/decide"
    missing = await service.post(path, {"outcome": "approve"}, who=reviewer)
    assert (missing.status_code, missing.json()["code"]) == (428, "version_missing")
    stale = await decide(service, review, reviewer, seen='"v99"', outcome="approve")
    assert (stale.status_code, stale.json()["code"], stale.json()["current"]) == (
        412,
        "stale_version",
        '"v1"',
    )


async def test_the_queue_hands_each_review_to_one_person(service: Service) -> None:
    reviews = [(await referred(service))[2] for _ in range(3)]
    one, two = await given.a_member(service, Role.REVIEWER), await given.a_member(service, Role.REVIEWER)
    claims = await asyncio.gather(
        *(service.post("/staff/v1/reviews/next", who=who) for who in (one, two, one, two))
    )
    taken = [claim.json()["id"] for claim in claims if claim.status_code == 200]
    assert sorted(taken) == sorted(review["id"] for review in reviews)
    assert [claim.status_code for claim in claims].count(404) == 1
    mine = (await service.get("/staff/v1/reviews?state=mine", who=one)).json()["data"]
    theirs = (await service.get("/staff/v1/reviews?state=mine", who=two)).json()["data"]
    assert sorted(each["id"] for each in mine + theirs) == sorted(taken)
    foreign = await decide(service, theirs[0], one, outcome="approve")
    assert (foreign.status_code, foreign.json()["code"]) == (409, "invalid_transition")


async def test_the_queue_is_paged_by_what_is_due_first(service: Service) -> None:
    ids = [(await referred(service))[2]["id"] for _ in range(3)]
    auditor = await given.a_member(service, Role.AUDITOR)
    first = (await service.get("/staff/v1/reviews?limit=2", who=auditor)).json()
    assert ([each["id"] for each in first["data"]], first["has_more"]) == (ids[:2], True)
    rest = (await service.get(f"/staff/v1/reviews?limit=2&starting_after={ids[1]}", who=auditor)).json()
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (ids[2:], False)


async def test_roles(service: Service) -> None:
    person, _, review = await referred(service)
    collector = await given.a_member(service, Role.COLLECTOR)
    auditor = await given.a_member(service, Role.AUDITOR)
    answers = [
        await service.get("/staff/v1/reviews", who=collector),
        await service.post("/staff/v1/reviews/next", who=auditor),
        await service.get(f"/staff/v1/reviews/{review['id']}", who=collector),
        await decide(service, review, auditor, outcome="approve"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "scope_missing")] * 4
    assert (await service.get("/staff/v1/reviews", who=person)).status_code == 401


async def test_above_the_limit_a_second_person_decides(service: Service) -> None:
    person = await given.a_borrower(service, monthly_income=None)
    await given.a_card(service, person)
    await given.a_bill(service, person, statement_balance=2_500_000, minimum_payment=250_000)
    made = (
        await service.post("/v1/applications", {"statement": person.statement, "term": 12}, who=person)
    ).json()
    reviewer = await given.a_member(service, Role.REVIEWER)
    senior = await given.a_member(service, Role.SENIOR_REVIEWER)
    (review,) = (await service.get("/staff/v1/reviews", who=reviewer)).json()["data"]
    proposed = (await decide(service, review, reviewer, outcome="approve", note="income confirmed")).json()
    assert (proposed["status"], proposed["application_status"]) == ("awaiting_second", "referred")
    assert (await status(service, person, made))["offers"] == []
    path = f"/staff/v1/approvals/{proposed['approval']}"
    (waiting,) = (await service.get("/staff/v1/approvals", who=senior)).json()["data"]
    assert (waiting["id"], waiting["amount"], waiting["maker"]) == (
        proposed["approval"],
        2_500_000,
        reviewer.id,
    )
    refused = await service.post(f"{path}/approve", who=reviewer)
    assert (refused.status_code, refused.json()["code"]) == (403, "self_approval_forbidden")
    other = await given.a_member(service, Role.REVIEWER)
    junior = await service.post(f"{path}/approve", who=other)
    assert (junior.status_code, junior.json()["code"]) == (403, "scope_missing")
    agreed = await service.post(f"{path}/approve", who=senior)
    assert (agreed.status_code, agreed.json()["status"], agreed.json()["checker"]) == (
        200,
        "approved",
        senior.id,
    )
    followed = await status(service, person, made)
    assert (followed["status"], followed["offers"][0]["amount"]) == ("approved", 2_500_000)
    twice = await service.post(f"{path}/approve", who=senior)
    assert (twice.status_code, twice.json()["code"]) == (409, "invalid_transition")


async def test_overriding_the_engine_needs_words_and_a_second_person(service: Service) -> None:
    person, made, review = await contested(service)
    one = await given.a_member(service, Role.SENIOR_REVIEWER)
    two = await given.a_member(service, Role.SENIOR_REVIEWER)
    silent = await decide(service, review, one, outcome="approve")
    assert (silent.status_code, silent.json()["code"]) == (422, "reason_required")
    proposed = (await decide(service, review, one, outcome="approve", note="new job, contract seen")).json()
    assert proposed["status"] == "awaiting_second"
    again = await decide(service, proposed, two, outcome="decline", reasons=["income_unverified"])
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    path = f"/staff/v1/approvals/{proposed['approval']}"
    mute = await service.post(f"{path}/reject", who=two)
    assert (mute.status_code, mute.json()["code"]) == (422, "reason_required")
    rejected = await service.post(f"{path}/reject", {"note": "the contract is not signed"}, who=two)
    assert rejected.json()["status"] == "rejected"
    (back,) = (await service.get("/staff/v1/reviews", who=two)).json()["data"]
    assert (back["status"], back["proposal"], back["claimed_by"]) == ("open", None, None)
    upheld = await decide(service, back, two, outcome="decline", reasons=["income_insufficient"])
    assert upheld.json()["status"] == "decided"
    assert (await status(service, person, made))["status"] == "declined"


async def test_a_proposal_ends_with_its_application(service: Service) -> None:
    person, made, review = await contested(service)
    one = await given.a_member(service, Role.SENIOR_REVIEWER)
    two = await given.a_member(service, Role.SENIOR_REVIEWER)
    proposed = (await decide(service, review, one, outcome="approve", note="new job, contract seen")).json()
    left = await service.post(f"/v1/applications/{made['id']}/withdraw", who=person)
    assert left.status_code == 200
    late = await service.post(f"/staff/v1/approvals/{proposed['approval']}/approve", who=two)
    assert (late.status_code, late.json()["code"]) == (409, "invalid_transition")
    assert (await status(service, person, made))["status"] == "withdrawn"


async def test_two_verdicts_at_once_count_once(service: Service) -> None:
    person, made, review = await referred(service)
    people = [await given.a_member(service, Role.REVIEWER) for _ in range(4)]
    answers = await asyncio.gather(*(decide(service, review, who, outcome="approve") for who in people))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    assert len((await status(service, person, made))["offers"]) == 1


async def test_leaving_while_a_second_person_agrees_ends_one_way(service: Service) -> None:
    one = await given.a_member(service, Role.SENIOR_REVIEWER)
    two = await given.a_member(service, Role.SENIOR_REVIEWER)
    for _ in range(4):
        person, made, review = await contested(service)
        proposed = (
            await decide(service, review, one, outcome="approve", note="new job, contract seen")
        ).json()
        agreed, left = await asyncio.gather(
            service.post(f"/staff/v1/approvals/{proposed['approval']}/approve", who=two),
            service.post(f"/v1/applications/{made['id']}/withdraw", who=person),
        )
        assert (agreed.status_code, left.status_code) in {(200, 200), (409, 200)}
        followed = await status(service, person, made)
        assert followed["status"] == "withdrawn"
        assert [offer["status"] for offer in followed["offers"]] == ["withdrawn"] * (
            agreed.status_code == 200
        )


async def test_two_seniors_at_once_approve_once(service: Service) -> None:
    person, made, review = await contested(service)
    one = await given.a_member(service, Role.SENIOR_REVIEWER)
    checkers = [await given.a_member(service, Role.SENIOR_REVIEWER) for _ in range(4)]
    proposed = (await decide(service, review, one, outcome="approve", note="new job, contract seen")).json()
    answers = await asyncio.gather(
        *(service.post(f"/staff/v1/approvals/{proposed['approval']}/approve", who=who) for who in checkers)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert len((await status(service, person, made))["offers"]) == 1


async def test_every_act_is_in_an_unbroken_record(service: Service) -> None:
    _, _, review = await referred(service)
    reviewer = await given.a_member(service, Role.REVIEWER)
    auditor = await given.a_member(service, Role.AUDITOR)
    await service.post("/staff/v1/reviews/next", who=reviewer)
    (held,) = (await service.get("/staff/v1/reviews?state=mine", who=reviewer)).json()["data"]
    await decide(service, held, reviewer, outcome="decline", reasons=["income_unverified"])
    told = (await service.get(f"/staff/v1/audit?subject={review['id']}", who=auditor)).json()["data"]
    assert [act["act"] for act in told] == ["review_decline", "review_claimed"]
    assert all(act["actor"] == f"staff:{reviewer.id}" for act in told)
    async with service.database.work(given.SYSTEM, reading=True) as work:
        assert await staff.broken_acts(work) == []


@pytest.mark.parametrize(
    "body", [{}, {"outcome": "maybe"}, {"outcome": "approve", "amount": 0}, {"outcome": 1}]
)
async def test_malformed_verdicts(service: Service, body: dict[str, Any]) -> None:
    _, _, review = await referred(service)
    reviewer = await given.a_member(service, Role.REVIEWER)
    answer = await decide(service, review, reviewer, **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
