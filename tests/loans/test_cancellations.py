"""Staff cancel a loan whose payoff the provider does not know yet: nothing is owed, nothing is sent."""

from __future__ import annotations

import asyncio

import httpx

from refi.staff.roles import Role
from tests import given
from tests.loans.office import WHY, Office, a_signed_loan, findings
from tests.servicing import Desk, a_borrower


async def cancelled(
    office: Office, loan_id: str, *, reason: str = WHY, key: str | None = None, version: str = '"v1"'
) -> httpx.Response:
    """Cancel it as the lead."""
    path = f"/staff/v1/loans/{loan_id}/cancel"
    return await office.desk.service.post(
        path, {"reason": reason}, who=office.lead, key=key, If_Match=version
    )


async def payout(desk: Desk) -> tuple[str, str, str | None]:
    """How the payoff stands."""
    rows = await desk.service.rows("SELECT status, call, reason FROM payouts")
    return (rows[0].status, rows[0].call, rows[0].reason)


async def test_staff_cancel_before_the_payoff_is_sent(desk: Desk, office: Office) -> None:
    person = await a_borrower(desk)
    loan_id = await a_signed_loan(desk, person)
    done = await cancelled(office, loan_id, reason="signed by mistake")
    assert done.status_code == 200, done.text
    assert done.json() == {"id": loan_id, "status": "cancelled", "version": 2}
    assert done.headers["ETag"] == '"v2"'
    loan = await office.loan(loan_id)
    assert (loan["status"], loan["balances"]["total"], loan["closed_on"]) == ("cancelled", 0, "2026-11-22")
    assert [(act["kind"], act["reason"]) for act in loan["acts"]] == [("cancellation", "signed by mistake")]
    assert await payout(desk) == ("failed", "refused", "cancelled")
    assert "send_order" in await desk.work_off(
        only="send_order"
    )  # the job was there, and found it called off
    assert await payout(desk) == ("failed", "refused", "cancelled")
    assert await desk.service.rows("SELECT id FROM movements") == []
    acts = await desk.service.rows(
        "SELECT act, details ->> 'reason' FROM staff_acts WHERE subject = :id", id=loan_id
    )
    assert [tuple(row) for row in acts] == [("loan_cancellation", "signed by mistake")]
    told = await desk.service.rows("SELECT body ->> 'reason' FROM events WHERE type = 'LoanCancelled'")
    assert [row[0] for row in told] == ["signed by mistake"]
    seen = (await desk.service.get(f"/v1/loans/{loan_id}", who=person)).json()
    assert (seen["status"], seen["balances"]["total"]) == ("cancelled", 0)
    assert await findings(desk) == []


async def test_it_is_cancelled_once_and_as_it_was_seen(desk: Desk, office: Office) -> None:
    loan_id = await a_signed_loan(desk, await a_borrower(desk))
    stale = await cancelled(office, loan_id, version='"v7"')
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    first, second = await cancelled(office, loan_id, key="k"), await cancelled(office, loan_id, key="k")
    assert (first.status_code, second.content) == (200, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    again = await cancelled(office, loan_id, version='"v2"')
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    assert len((await office.loan(loan_id))["acts"]) == 1


async def test_what_the_provider_may_know_is_not_cancelled(desk: Desk, office: Office) -> None:
    loan_id = await a_signed_loan(desk, await a_borrower(desk))
    await desk.work_off(only="send_order")
    late = await cancelled(office, loan_id)
    assert (late.status_code, late.json()["code"]) == (409, "invalid_transition")
    loan = await office.loan(loan_id)
    assert (loan["status"], loan["acts"]) == ("pending_disbursement", [])
    assert (await payout(desk))[0] == "sent"


async def test_cancelling_and_sending_at_once_agree_on_one_end(desk: Desk, office: Office) -> None:
    person = await a_borrower(desk)
    for _ in range(5):
        await desk.service.rows("DELETE FROM queue.pgqueuer RETURNING 1")
        loan_id = await a_signed_loan(desk, person)
        answer, _ = await asyncio.gather(cancelled(office, loan_id), desk.work_off(only="send_order"))
        rows = await desk.service.rows("SELECT status, call FROM payouts WHERE loan_id = :id", id=loan_id)
        status = (await office.loan(loan_id))["status"]
        if answer.status_code == 200:
            assert (status, tuple(rows[0])) == ("cancelled", ("failed", "refused"))
        else:
            assert (status, tuple(rows[0])) == ("pending_disbursement", ("sent", "accepted"))


async def test_only_who_corrects_money_cancels(desk: Desk, office: Office) -> None:
    loan_id = await a_signed_loan(desk, await a_borrower(desk))
    collector = await given.a_member(desk.service, Role.COLLECTOR)
    path = f"/staff/v1/loans/{loan_id}/cancel"
    refused = await desk.service.post(path, {"reason": WHY}, who=collector, If_Match='"v1"')
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    unseen = await desk.service.post(path, {"reason": WHY}, who=office.lead)
    assert (unseen.status_code, unseen.json()["code"]) == (428, "version_missing")
    nobody = await cancelled(office, "loan_01h455vb4pex5vsknk084sn02q")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "not_found")
    assert (await office.loan(loan_id))["status"] == "pending_disbursement"


async def test_what_staff_called_off_is_not_sent_again(desk: Desk, office: Office) -> None:
    loan_id = await a_signed_loan(desk, await a_borrower(desk))
    assert (await cancelled(office, loan_id)).status_code == 200
    path = f"/staff/v1/loans/{loan_id}/payouts"
    again = await desk.service.post(path, {"reason": WHY}, who=office.lead, If_Match='"v2"')
    assert (again.status_code, again.json()["why"]) == (409, "called_off")
