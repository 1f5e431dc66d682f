"""Documents over HTTP: whose they are, when they are there, and that the past does not change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from refi.db.work import SYSTEM
from refi.ids import LoanId
from refi.loans import service as loans
from refi.payments import news_service
from refi.payments.tables import Payment
from refi.staff.roles import Role
from tests import given
from tests.books import ON
from tests.given import Person
from tests.servicing import DUE, Desk, a_borrower, a_loan, a_payment

PDF = "application/pdf"


async def fetched(desk: Desk, person: Any, loan_id: str, kind: str, **asked: str) -> Any:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return await desk.service.get(f"/v1/loans/{loan_id}/documents/{kind}?{query}", who=person)


async def listed(desk: Desk, person: Person, loan_id: str) -> dict[str, bool]:
    answer = await desk.service.get(f"/v1/loans/{loan_id}/documents", who=person)
    assert answer.status_code == 200, answer.text
    return {each["kind"]: each["ready"] for each in answer.json()["data"]}


async def test_the_settlement_letter_is_there_when_nothing_is_owed(desk: Desk) -> None:
    person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    assert await listed(desk, person, loan_id) == {
        "agreement": True,
        "statement-of-account": True,
        "settlement-letter": False,
    }
    early = await fetched(desk, person, loan_id, "settlement-letter")
    assert (early.status_code, early.json()["code"]) == (409, "invalid_transition")
    await a_payment(desk, loan_id, 1_200_000, ON)
    letter = await fetched(desk, person, loan_id, "settlement-letter", locale="zh-CN")
    assert (letter.status_code, letter.headers["content-type"]) == (200, PDF)
    assert letter.content.startswith(b"%PDF-")
    assert (
        await fetched(desk, person, loan_id, "settlement-letter", locale="zh-CN")
    ).content == letter.content
    assert (await fetched(desk, person, loan_id, "settlement-letter", locale="en")).content != letter.content


async def test_a_statement_of_a_past_day_does_not_change(desk: Desk) -> None:
    """Neither by later payments nor when an earlier one is taken back."""
    person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    await a_payment(desk, loan_id, 100_000, ON)
    before = await fetched(desk, person, loan_id, "statement-of-account", as_of=ON.isoformat())
    assert before.status_code == 200, before.text
    await desk.clock_at(DUE)
    await a_payment(desk, loan_id, 300_000, DUE)
    row = (await desk.service.rows("SELECT id FROM payments ORDER BY id"))[0]
    async with desk.runtime.database.work(SYSTEM) as work:
        payment = await work.session.get_one(Payment, row.id)
        await news_service.reverse(work, payment, "returned_by_bank", DUE)
    again = await fetched(desk, person, loan_id, "statement-of-account", as_of=ON.isoformat())
    assert again.content == before.content
    today = await fetched(desk, person, loan_id, "statement-of-account")
    assert today.content != before.content


async def test_what_no_document_is(desk: Desk) -> None:
    person, other = await a_borrower(desk), await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    for kind in ("statement-of-account", "agreement", "settlement-letter"):
        assert (await fetched(desk, other, loan_id, kind)).status_code == 404
    assert (await desk.service.get(f"/v1/loans/{loan_id}/documents", who=other)).status_code == 404
    for asked in (
        {"as_of": (ON - timedelta(days=1)).isoformat()},
        {"as_of": (ON + timedelta(days=1)).isoformat()},
        {"as_of": "22.11.2026"},
        {"locale": "fr"},
    ):
        wrong = await fetched(desk, person, loan_id, "statement-of-account", **asked)
        assert (wrong.status_code, wrong.json()["code"]) == (422, "validation_failed"), asked
    assert (await fetched(desk, person, loan_id, "nothing")).status_code == 422


async def test_staff_read_documents_and_it_is_recorded(desk: Desk) -> None:
    person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    lead = await given.a_member(desk.service, Role.COLLECTIONS_LEAD)
    reviewer = await given.a_member(desk.service, Role.REVIEWER)
    path = f"/staff/v1/loans/{loan_id}/documents"
    assert (await desk.service.get(path, who=lead)).json()["data"][0]["url"] == f"{path}/agreement"
    theirs = await fetched(desk, person, loan_id, "statement-of-account")
    ours = await desk.service.get(f"{path}/statement-of-account", who=lead)
    assert (ours.status_code, ours.content) == (200, theirs.content)
    no = await desk.service.get(f"{path}/statement-of-account", who=reviewer)
    assert (no.status_code, no.json()["code"]) == (403, "scope_missing")
    acts = await desk.service.rows("SELECT actor, subject FROM staff_acts WHERE act = 'document_viewed'")
    assert [tuple(row) for row in acts] == [(f"staff:{lead.id}", loan_id)]


async def test_a_loan_that_is_not_paid_out_has_only_its_agreement(desk: Desk) -> None:
    person = await given.a_card_holder(desk.service)
    body = {"statement": person.statement, "term": 3}
    application = (await desk.service.post("/v1/applications", body, who=person)).json()
    offer = application["offers"][0]
    signed = await desk.service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
    )
    loan_id = signed.json()["id"]
    early = await fetched(desk, person, loan_id, "statement-of-account")
    assert (early.status_code, early.json()["code"]) == (409, "invalid_transition")
    agreement = await fetched(desk, person, loan_id, "agreement")
    assert (agreement.status_code, agreement.headers["content-type"]) == (200, PDF)
    async with desk.runtime.database.work(SYSTEM) as work:
        await loans.activate(work, LoanId(loan_id), credited_on=ON, cause="pout_x")
    await desk.clock_at(DUE)
    assert (await fetched(desk, person, loan_id, "agreement")).content == agreement.content
