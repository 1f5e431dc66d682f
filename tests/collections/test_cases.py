"""Cases over HTTP: what staff may do, what the gate refuses and logs, holds, help, complaints."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

import pytest

from refi.collections.cases import case_of, days_past_due, loan_of
from refi.ids import LoanId
from refi.staff.roles import Role
from tests.books import ON
from tests.given import Member, Person, a_member
from tests.notifications.test_sending import a_reminder, status
from tests.servicing import DUE, Desk, a_borrower, a_loan, day_before, statements

DAY = timedelta(days=1)
LATE = DUE + 9 * DAY
CALLED = {"channel": "phone", "result": "RPC"}


@dataclass
class Scene:
    desk: Desk
    person: Person
    loan: LoanId
    collector: Member
    lead: Member

    async def post(self, path: str, body: Any = None, who: Member | None = None) -> Any:
        return await self.desk.service.post(
            f"/staff/v1/cases/{case_of(self.loan)}/{path}", body, who=who or self.collector
        )

    async def case(self) -> Any:
        answer = await self.desk.service.get(f"/staff/v1/cases/{case_of(self.loan)}", who=self.collector)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def answer_approval(self, approval: str, verdict: str, who: Member) -> Any:
        path = f"/staff/v1/approvals/{approval}/{verdict}"
        return await self.desk.service.post(path, {"note": "seen"}, who=who)


@pytest.fixture
async def scene(desk: Desk) -> Scene:
    """A loan nine days late, a collector and a lead."""
    person = await a_borrower(desk)
    loan = await a_loan(desk, person)
    await desk.clock_at(LATE)
    collector = await a_member(desk.service, Role.COLLECTOR)
    return Scene(desk, person, loan, collector, await a_member(desk.service, Role.COLLECTIONS_LEAD))


def test_a_case_is_its_loan_under_another_name() -> None:
    loan = "loan_01m813dctze5rr20z25vfmr4vd"
    assert case_of(loan) == "case_01m813dctze5rr20z25vfmr4vd"
    assert loan_of(case_of(loan)) == loan
    assert (days_past_due(None, ON), days_past_due(ON, ON), days_past_due(ON, ON + 9 * DAY)) == (0, 0, 9)


async def test_the_worklist_and_the_case(scene: Scene) -> None:
    await a_loan(scene.desk, await a_borrower(scene.desk), credited_on=LATE)  # not late
    [line] = (await scene.desk.service.get("/staff/v1/worklist", who=scene.collector)).json()["data"]
    assert (line["loan"], line["days_past_due"], line["bucket"]) == (scene.loan, 9, "M1")
    assert (line["past_due"], line["penalties"]) == (408_027, 1_758)
    assert line["contact_now"]["phone"]["allowed"]
    after = {"limit": 1, "starting_after": line["id"]}
    page = await scene.desk.service.http.get("/staff/v1/worklist", params=after, headers=scene.collector.auth)
    assert page.json() == {"data": [], "has_more": False}
    case = await scene.case()
    assert case["phone"].count("*") == 4
    assert (case["promises"], case["holds"], case["contacts"]) == ([], [], [])
    [act] = await scene.desk.service.rows("SELECT act, subject FROM staff_acts WHERE act = 'case_viewed'")
    assert act.subject == case["id"]


async def test_a_page_of_the_worklist_costs_the_same_however_long_it_is(scene: Scene) -> None:
    async def page() -> tuple[int, int]:
        with statements(scene.desk.runtime) as sent:
            answer = await scene.desk.service.get("/staff/v1/worklist?limit=50", who=scene.collector)
        return len(answer.json()["data"]), len(sent)

    await page()  # types are looked up once a connection
    one, for_one = await page()
    for _ in range(6):
        person = await a_borrower(scene.desk)
        loan = await a_loan(scene.desk, person)
        await scene.desk.service.post(
            f"/staff/v1/cases/{case_of(loan)}/contacts", {**CALLED, "result": "DISP"}, who=scene.collector
        )
    seven, for_seven = await page()
    assert (one, seven) == (1, 7)
    assert 5 < for_one == for_seven < 20


async def test_who_may_do_what(scene: Scene) -> None:
    reviewer = await a_member(scene.desk.service, Role.REVIEWER)
    auditor = await a_member(scene.desk.service, Role.AUDITOR)
    assert (await scene.post("contacts", CALLED, reviewer)).json()["code"] == "scope_missing"
    assert (await scene.post("contacts", CALLED, auditor)).json()["code"] == "scope_missing"
    assert (await scene.desk.service.get("/staff/v1/worklist", who=reviewer)).status_code == 403
    assert (await scene.desk.service.get("/staff/v1/worklist", who=auditor)).status_code == 200
    assert (await scene.desk.service.get("/staff/v1/worklist", who=scene.person)).status_code == 401
    unknown = f"/staff/v1/cases/{case_of('loan_01m813dctze5rr20z25vfmr4vd')}/contacts"
    for path in (unknown, unknown.replace("case_", "loan_"), "/staff/v1/cases/case_1/contacts"):
        assert (await scene.desk.service.post(path, CALLED, who=scene.collector)).status_code == 404


async def test_a_contact_at_night_is_refused_and_logged(scene: Scene) -> None:
    await scene.desk.clock_at(LATE, time(23))
    refused = await scene.post("contacts", {**CALLED, "note": "tried"})
    assert refused.status_code == 403
    problem = refused.json()
    assert (problem["code"], problem["rule"], problem["rules"]) == (
        "contact_blocked", "quiet_hours", ["quiet_hours"],
    )  # fmt: skip
    assert problem["retry_at"] == "2027-01-01T00:00:00Z"
    [entry] = (await scene.case())["contacts"]
    assert (entry["outcome"], entry["rules"], entry["id"]) == ("refused", ["quiet_hours"], problem["contact"])
    assert entry["policy_version"] == scene.desk.runtime.database.policy.version
    assert not (await scene.case())["contact_now"]["phone"]["allowed"]


async def test_twenty_collectors_at_once_and_never_a_fourth_call(scene: Scene) -> None:
    answers = await asyncio.gather(*(scene.post("contacts", CALLED) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [403] * 17
    blocked = next(answer.json() for answer in answers if answer.status_code == 403)
    assert blocked["rule"] == "connected_calls_per_day"
    rows = await scene.desk.service.rows("SELECT outcome FROM contact_log")
    assert sorted(row.outcome for row in rows) == ["made"] * 3 + ["refused"] * 17


async def test_the_same_contact_sent_twice_is_one(scene: Scene) -> None:
    path = f"/staff/v1/cases/{case_of(scene.loan)}/contacts"
    first = await scene.desk.service.post(path, CALLED, who=scene.collector, key="one")
    again = await scene.desk.service.post(path, CALLED, who=scene.collector, key="one")
    assert (first.json(), again.headers["Idempotent-Replayed"]) == (again.json(), "true")
    assert len(await scene.desk.service.rows("SELECT id FROM contact_log")) == 1


@pytest.mark.parametrize(
    ("result", "kind"), [("STOP", "asked_to_stop"), ("DISP", "dispute"), ("HARD", "hardship")]
)
async def test_what_the_borrower_says_starts_a_hold_at_once(scene: Scene, result: str, kind: str) -> None:
    said = await scene.post("contacts", {**CALLED, "result": result, "note": "in their words"})
    assert said.status_code == 201, said.text
    [hold] = (await scene.case())["holds"]
    assert (hold["id"], hold["kind"], hold["until"]) == (said.json()["hold"], kind, None)
    assert hold["loan"] == (scene.loan if kind == "dispute" else None)
    blocked = (await scene.post("contacts", CALLED)).json()
    assert (blocked["rule"], blocked["retry_at"]) == (f"collection_stopped_{kind}", None)
    inbound = {**CALLED, "direction": "in", "result": result}
    assert (await scene.post("contacts", inbound)).json()["hold"] is None  # it stands already
    assert len((await scene.case())["holds"]) == 1


async def test_words_count_even_when_the_call_should_not_have_been(scene: Scene) -> None:
    await scene.desk.clock_at(LATE, time(23))
    assert (await scene.post("contacts", {**CALLED, "result": "STOP"})).status_code == 403
    assert [hold["kind"] for hold in (await scene.case())["holds"]] == ["asked_to_stop"]


async def test_a_dispute_of_one_loan_leaves_the_other(scene: Scene) -> None:
    other = await a_loan(scene.desk, scene.person, credited_on=ON)
    await scene.post("contacts", {**CALLED, "result": "DISP"})
    path = f"/staff/v1/cases/{case_of(other)}/contacts"
    assert (await scene.desk.service.post(path, CALLED, who=scene.collector)).status_code == 201


HOSTILE = [
    {}, {"channel": "phone"}, {"channel": "pigeon", "result": "RPC"}, {"channel": "phone", "result": "SENT"},
    {"channel": "sms", "result": "NOANS"},
    {**CALLED, "number": "１３８００１３８０００"}, {**CALLED, "number": "12345"},
    {**CALLED, "note": ""}, {**CALLED, "note": "\x00"}, {**CALLED, "person": "neighbor"}, {**CALLED, "x": 1},
    {**CALLED, "answers": "'; DROP"}, {**CALLED, "direction": "sideways"}, {**CALLED, "note": "x" * 5000},
]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: str(body)[:50])
async def test_contacts_that_make_no_sense(scene: Scene, body: Any) -> None:
    answer = await scene.post("contacts", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert await scene.desk.service.rows("SELECT id FROM contact_log") == []


async def test_a_hold_of_thirty_days_alone_and_longer_with_a_second(scene: Scene) -> None:
    body = {"kind": "legal", "reason": "in court", "until": (LATE + 31 * DAY).isoformat()}
    placed = (await scene.post("hold", body)).json()
    assert (placed["until"], placed["approval"][:5]) == ((LATE + 30 * DAY).isoformat(), "appr_")
    assert (await scene.answer_approval(placed["approval"], "approve", scene.collector)).status_code == 403
    agreed = await scene.answer_approval(placed["approval"], "approve", scene.lead)
    assert agreed.status_code == 200, agreed.text
    [hold] = (await scene.case())["holds"]
    assert hold["until"] == body["until"]
    blocked = (await scene.post("contacts", CALLED)).json()
    assert blocked["retry_at"] == "2027-02-01T00:00:00Z"
    await scene.desk.clock_at(LATE + 32 * DAY)
    assert (await scene.case())["holds"] == []
    assert (await scene.post("contacts", CALLED)).status_code == 201


async def test_a_lead_does_not_second_their_own_hold(scene: Scene) -> None:
    placed = (
        await scene.post("hold", {"kind": "deceased", "reason": "a daughter called"}, scene.lead)
    ).json()
    refused = await scene.answer_approval(placed["approval"], "approve", scene.lead)
    assert refused.json()["code"] == "self_approval_forbidden"
    other = await a_member(scene.desk.service, Role.COLLECTIONS_LEAD)
    assert (await scene.answer_approval(placed["approval"], "reject", other)).status_code == 200
    assert (await scene.case())["holds"][0]["until"] == (LATE + 30 * DAY).isoformat()


async def test_a_short_hold_needs_nobody_and_a_lead_lifts_it(scene: Scene) -> None:
    body = {"kind": "dispute", "reason": "wrong amount", "until": (LATE + 7 * DAY).isoformat()}
    placed = (await scene.post("hold", body)).json()
    assert (placed["approval"], placed["loan"]) == (None, scene.loan)
    lift = f"holds/{placed['id']}/lift"
    assert (await scene.post(lift, {"reason": "explained"})).json()["code"] == "scope_missing"
    assert (await scene.post(lift, {"reason": "explained"}, scene.lead)).json()[
        "lifted_on"
    ] == LATE.isoformat()
    again = await scene.post(lift, {"reason": "explained"}, scene.lead)
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    assert (await scene.post("contacts", CALLED)).status_code == 201
    for until in ((LATE - DAY).isoformat(), "2027-02-30", "１", 5):
        assert (await scene.post("hold", {**body, "until": until})).status_code == 422


async def test_a_lifted_hold_is_not_lengthened_by_a_late_yes(scene: Scene) -> None:
    placed = (await scene.post("hold", {"kind": "legal", "reason": "in court"})).json()
    await scene.post(f"holds/{placed['id']}/lift", {"reason": "settled"}, scene.lead)
    late = await scene.answer_approval(placed["approval"], "approve", scene.lead)
    assert late.status_code == 409
    assert (await scene.case())["holds"] == []


async def test_help_from_the_asking_to_the_answer(scene: Scene) -> None:
    path, service = f"/v1/loans/{scene.loan}/hardship", scene.desk.service
    asked = await service.post(path, {"reason": "失业", "proposal": "half"}, who=scene.person)
    assert asked.status_code == 201, asked.text
    assert (asked.json()["status"], asked.json()["case"]) == ("requested", case_of(scene.loan))
    again = await service.post(path, {"reason": "again"}, who=scene.person)
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    stranger = await a_borrower(scene.desk)
    assert (await service.post(path, {"reason": "x"}, who=stranger)).status_code == 404
    assert (await scene.post("contacts", CALLED)).json()["rule"] == "collection_stopped_hardship"
    answering = {**CALLED, "answers": asked.json()["id"]}
    assert (await scene.post("contacts", answering)).status_code == 201  # they asked us to
    assert (await scene.post("hardship/answer", {"outcome": "agreed", "text": "ok"})).status_code == 403
    answered = await scene.post("hardship/answer", {"outcome": "agreed", "text": "三个月减半"}, scene.lead)
    assert answered.json()["status"] == "agreed"
    assert (
        await scene.post("hardship/answer", {"outcome": "agreed", "text": "x"}, scene.lead)
    ).status_code == 404
    [shown] = (await service.get(path, who=scene.person)).json()["data"]
    assert (shown["answer"], shown["status"]) == ("三个月减半", "agreed")
    assert (await scene.post("contacts", CALLED)).status_code == 201
    assert (await scene.post("contacts", answering)).status_code == 404  # it waits no more
    sealed = await service.rows("SELECT reason_sealed FROM help_requests")
    assert "失业" not in sealed[0].reason_sealed


async def test_a_complaint_stops_collection_until_it_is_answered(scene: Scene) -> None:
    service = scene.desk.service
    body = {"text": "打电话给我邻居", "loan": scene.loan}
    first = await service.post("/v1/complaints", body, who=scene.person)
    second = await service.post("/v1/complaints", {"text": "and again"}, who=scene.person)
    assert (first.status_code, second.json()["loan"]) == (201, None)
    stranger = await a_borrower(scene.desk)
    assert (await service.post("/v1/complaints", body, who=stranger)).status_code == 404
    assert (await service.get("/v1/complaints", who=stranger)).json()["data"] == []
    assert (await scene.post("contacts", CALLED)).json()["rule"] == "collection_stopped_complaint"
    waiting = (await service.get("/staff/v1/complaints", who=scene.collector)).json()["data"]
    assert [each["id"] for each in waiting] == [first.json()["id"], second.json()["id"]]
    for number, complaint in enumerate(waiting):
        path = f"/staff/v1/complaints/{complaint['id']}/answer"
        assert (await service.post(path, {"text": "sorry"}, who=scene.collector)).status_code == 403
        assert (await service.post(path, {"text": "sorry"}, who=scene.lead)).json()["answer"] == "sorry"
        assert (await service.post(path, {"text": "sorry"}, who=scene.lead)).status_code == 409
        assert (await scene.post("contacts", CALLED)).status_code == (403 if number == 0 else 201)
    for hostile in ({}, {"text": ""}, {"text": "x" * 5000}, {"text": "\x00"}, {"text": 5}):
        assert (await service.post("/v1/complaints", hostile, who=scene.person)).status_code == 422


async def test_a_promise_that_staff_writes_down(scene: Scene) -> None:
    body = {"amount": 408_027, "on": (LATE + 3 * DAY).isoformat()}
    assert (await scene.post("promises", body)).status_code == 201
    assert (await scene.post("promises", body)).status_code == 409
    case = await scene.case()
    assert [each["status"] for each in case["promises"]] == ["pending"]
    assert case["stops"] == {"promise": body["on"]}
    blocked = (await scene.post("contacts", CALLED)).json()
    assert (blocked["rule"], blocked["retry_at"]) == ("collection_stopped_promise", "2027-01-04T00:00:00Z")
    events = await scene.desk.service.rows("SELECT actor FROM events WHERE type = 'PromiseMade'")
    assert events[0].actor == f"staff:{scene.collector.id}"


async def test_a_hold_between_planning_and_sending_stops_the_message(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person)
    [row] = await desk.service.rows("SELECT loan_id FROM message_subjects")
    await desk.clock_at(day_before(DUE))
    path = f"/v1/loans/{row.loan_id}/hardship"
    assert (await desk.service.post(path, {"reason": "ill"}, who=person)).status_code == 201
    await desk.send(message_id)
    assert await status(desk, message_id) == ("skipped", "reminder_stopped_hardship")
    [entry] = await desk.service.rows("SELECT outcome, rules FROM contact_log")
    assert (entry.outcome, entry.rules) == ("refused", "reminder_stopped_hardship")
    assert await desk.inbox() == []
