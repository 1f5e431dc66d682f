"""What a borrower owes us and how they paid us counts in the next decision."""

from __future__ import annotations

from datetime import date
from typing import Any

from refi.db.work import SYSTEM
from refi.ids import LoanId
from refi.loans import service as loans
from tests import given
from tests.given import Person, Service


async def signed(service: Service, person: Person, **body: Any) -> str:
    """A loan that the borrower signed today; its id."""
    application = {"statement": person.statement, "term": 6, **body}
    offer = (await service.post("/v1/applications", application, who=person)).json()["offers"][0]
    answer = await service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
    )
    loan: str = answer.json()["id"]
    return loan


async def apply_again(service: Service, person: Person, **bill: Any) -> tuple[str, list[str], dict[str, Any]]:
    await given.a_card(service, person)
    await given.a_bill(service, person, minimum_payment=0, **bill)
    body = {"statement": person.statement, "term": 12}
    made = (await service.post("/v1/applications", body, who=person)).json()
    reasons = [reason["code"] for reason in made["decision"]["reasons"]]
    rows = await service.rows("SELECT record FROM decisions WHERE subject = :id", id=made["id"])
    return made["status"], reasons, rows[0].record["facts"]


async def test_a_loan_under_way_is_exposure_and_obligation(service: Service) -> None:
    person = await given.a_card_holder(service, monthly_income=850_000)
    await signed(service, person)
    status, reasons, facts = await apply_again(service, person, statement_balance=19_000_000)
    assert status == "declined"
    assert "policy_exposure_limit" in reasons
    assert facts["exposure"]["value"] == 1_200_000
    assert facts["loan_installments"]["value"] == 207_058


async def test_open_offers_are_promises(service: Service) -> None:
    person = await given.a_card_holder(service, monthly_income=5_000_000)
    await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=person)
    await service.post("/v1/applications", {"statement": person.statement, "term": 12}, who=person)
    _, _, facts = await apply_again(service, person)
    assert facts["exposure"]["value"] == 2_400_000


async def test_late_with_us_is_declined(service: Service) -> None:
    person = await given.a_card_holder(service, monthly_income=5_000_000)
    loan_id = await signed(service, person)
    async with service.database.work(SYSTEM) as work:
        await loans.activate(work, LoanId(loan_id), credited_on=given.ON, cause="pout_test")
    await service.turn_to(date(2026, 12, 23))
    status, reasons, facts = await apply_again(
        service, person, statement_date=date(2026, 12, 20), due_date=date(2027, 1, 9)
    )
    assert (status, reasons) == ("declined", ["poor_performance_with_us"])
    assert (facts["days_past_due"]["value"], facts["worst_days_past_due"]["value"]) == (1, 1)


async def test_a_cancelled_loan_leaves_nothing_behind(service: Service) -> None:
    person = await given.a_card_holder(service, monthly_income=5_000_000)
    statement = person.statement
    loan_id = await signed(service, person)
    async with service.database.work(SYSTEM) as work:
        await loans.cancel(work, await loans.lock(work, LoanId(loan_id)), "payout_failed")
    person.statement = statement
    again = await service.post("/v1/applications", {"statement": statement, "term": 6}, who=person)
    assert (again.status_code, again.json()["status"]) == (201, "approved")
    rows = await service.rows("SELECT record FROM decisions WHERE subject = :id", id=again.json()["id"])
    assert rows[0].record["facts"]["exposure"]["value"] == 0
