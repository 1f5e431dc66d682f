"""Payments taken off their loan by staff; loans cancelled before their payout; what the close proposes."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from refi.cli.replay import _replayed
from refi.db.work import SYSTEM
from refi.loans import proposing_jobs, replaying
from refi.loans.replay_service import stored_loan, stored_loans
from refi.payments import returning_service
from refi.payments.tables import Payment
from tests.books import ON
from tests.loans.office import WHY, Office, findings
from tests.servicing import DUE, Desk, a_borrower, a_loan, a_payment

LEVEL = 408_027


async def only_payment(desk: Desk) -> str:
    rows = await desk.service.rows("SELECT id FROM payments ORDER BY id DESC LIMIT 1")
    return str(rows[0].id)


async def test_a_payment_is_taken_off_its_loan_and_goes_back(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    await a_payment(desk, loan_id, LEVEL, ON)
    payment = await only_payment(desk)
    shown = (await office.reverse(payment, preview=True)).json()
    assert (shown["outcome"], shown["status"]) == ("preview", "posted")
    assert shown["after"]["balances"]["principal"] == 1_200_000
    done = (await office.reverse(payment)).json()
    assert (done["outcome"], done["status"], done["approval"]) == ("done", "reversed", None)
    assert done["after"] == shown["after"]
    loan = await office.loan(loan_id)
    assert (loan["balances"]["principal"], loan["unmet_on"]) == (1_200_000, "2026-12-22")
    assert [entry["text"] for entry in loan["history"]][-2:] == [
        f"payment {payment} of 4,080.27 taken off the loan",
        "4,080.27 was taken off the loan and waits to go back",
    ]
    refunds = await desk.service.rows("SELECT payment_id, amount, status FROM refunds")
    assert [tuple(row) for row in refunds] == [(payment, LEVEL, "planned")]
    again = await office.reverse(payment)
    assert (again.status_code, again.json()["code"]) == (409, "already_reversed")
    assert await findings(desk) == []


async def test_an_older_payment_needs_two_people(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    await a_payment(desk, loan_id, LEVEL, ON)
    payment = await only_payment(desk)
    await desk.clock_at(ON + timedelta(days=2))
    asked = (await office.reverse(payment)).json()
    assert (asked["outcome"], asked["status"]) == ("awaiting_second", "posted")
    twice = await office.reverse(payment)
    assert (twice.status_code, twice.json()["code"]) == (409, "invalid_transition")
    assert (await office.approve(asked["approval"], who=office.lead)).status_code == 403
    assert (await office.approve(asked["approval"])).status_code == 200
    assert (await office.loan(loan_id))["balances"]["principal"] == 1_200_000
    assert await findings(desk) == []


async def test_reversals_that_are_refused(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    await a_payment(desk, loan_id, 1_200_000, ON)
    await a_payment(desk, loan_id, 5_000, ON)
    nothing = await office.reverse(await only_payment(desk))  # it came when the loan was closed
    assert (nothing.status_code, nothing.json()["code"]) == (409, "invalid_transition")
    first = str((await desk.service.rows("SELECT id FROM payments ORDER BY id LIMIT 1"))[0].id)
    blank = await office.reverse(first, reason=" ")
    assert (blank.status_code, blank.json()["code"]) == (422, "reason_required")
    nobody = await office.reverse("pay_01h455vb4pex5vsknk084sn02q")
    assert nobody.status_code == 404
    answers = await asyncio.gather(*(office.reverse(first) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert (await office.loan(loan_id))["status"] == "active"
    assert await findings(desk) == []


async def test_the_bank_takes_back_what_staff_had_taken_off(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    await a_payment(desk, loan_id, LEVEL, ON)
    payment = await only_payment(desk)
    await office.reverse(payment)
    async with desk.runtime.database.work(SYSTEM) as work:
        row = await work.session.get_one(Payment, payment, with_for_update=True)
        await returning_service.reverse(work, row, "chargeback", ON)
    assert await findings(desk) == []
    balance = await desk.service.rows(
        "SELECT coalesce(sum(CASE WHEN credit = 'suspense' THEN amount ELSE -amount END), 0) AS held"
        " FROM transfers WHERE 'suspense' IN (debit, credit)"
    )
    assert balance[0].held == 0


async def test_a_chargeback_from_before_a_charge_off_raises_what_was_lost(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    await desk.clock_at(DUE)
    await a_payment(desk, loan_id, LEVEL, DUE)
    payment = await only_payment(desk)
    await desk.clock_at(DUE + timedelta(days=220))
    await office.do(loan_id, "charge-off")
    lost = "SELECT sum(CASE WHEN debit = 'credit_losses' THEN amount ELSE -amount END)::bigint AS lost"
    lost += " FROM transfers WHERE 'credit_losses' IN (debit, credit)"
    assert (await desk.service.rows(lost))[0].lost == 803_973
    async with desk.runtime.database.work(SYSTEM) as work:
        row = await work.session.get_one(Payment, payment, with_for_update=True)
        await returning_service.reverse(work, row, "chargeback", work.on)
    assert (await desk.service.rows(lost))[0].lost == 1_200_000
    assert (await office.loan(loan_id))["status"] == "charged_off"
    assert await findings(desk) == []


async def test_excess_stays_out_of_the_loan_whatever_is_taken_back(desk: Desk, office: Office) -> None:
    """What was too much when it came went back to its payer: it cannot pay for a chargeback later."""
    loan_id = await a_loan(desk, await a_borrower(desk))
    await a_payment(desk, loan_id, LEVEL, ON)
    first = await only_payment(desk)
    await a_payment(desk, loan_id, 1_000_000, ON)
    assert (await office.loan(loan_id))["status"] == "paid_off"
    async with desk.runtime.database.work(SYSTEM) as work:
        row = await work.session.get_one(Payment, first, with_for_update=True)
        await returning_service.reverse(work, row, "chargeback", work.on)
    loan = await office.loan(loan_id)
    assert (loan["status"], loan["balances"]["principal"]) == ("active", 428_067)  # 200.40 interest is ahead
    assert await findings(desk) == []


async def test_the_close_proposes_what_is_past_due_too_long(desk: Desk, office: Office) -> None:
    late = await a_loan(desk, await a_borrower(desk))
    other = await a_loan(desk, await a_borrower(desk))
    await a_payment(desk, other, LEVEL, ON)
    eve = DUE + timedelta(days=179)
    for on, count in ((eve - timedelta(days=1), 0), (eve, 1), (eve + timedelta(days=1), 0), (eve, 0)):
        await desk.clock_at(on)
        async with desk.runtime.database.work(SYSTEM) as work:
            report = await proposing_jobs.propose_charge_offs(work, on)
        assert report == {"proposed": count, "withdrawn": 0, "money": {"principal": 1_200_000 * count}}
    await desk.clock_at(eve + timedelta(days=1))
    listed = (await desk.service.get("/staff/v1/approvals", who=office.other)).json()["data"]
    assert [(each["kind"], each["subject"], each["maker"]) for each in listed] == [
        ("loan_charge_off", late, "refi")
    ]
    assert (await office.approve(listed[0]["id"])).status_code == 200
    loan = await office.loan(late)
    assert loan["status"] == "charged_off"
    assert (loan["acts"][0]["actor"], loan["acts"][0]["reason"]) == (
        "system:refi", "180 days past due on 2027-06-20",
    )  # fmt: skip
    assert await findings(desk) == []


async def closed(desk: Desk, on: date) -> tuple[int, int]:
    """What the close of a day proposes, and withdraws."""
    await desk.clock_at(on)
    async with desk.runtime.database.work(SYSTEM) as work:
        report = await proposing_jobs.propose_charge_offs(work, on)
    return report["proposed"], report["withdrawn"]


async def proposals(desk: Desk) -> list[tuple[str, str]]:
    rows = await desk.service.rows(
        "SELECT status, arguments ->> 'reason' FROM approvals WHERE kind = 'loan_charge_off'"
        " ORDER BY created_at, id"
    )
    return [(row[0], row[1]) for row in rows]


async def test_a_loan_that_jumps_past_the_day_is_proposed_on_the_day_of_the_jump(
    desk: Desk, office: Office
) -> None:
    """Deferred by two months; once that is taken back, the first due date is 200 days ago."""
    loan_id = await a_loan(desk, await a_borrower(desk))
    deferred = await office.do(loan_id, "modifications", type="defer", months=2)
    eve = DUE + timedelta(days=179)
    assert await closed(desk, eve) == (0, 0)
    later = eve + timedelta(days=20)
    await desk.clock_at(later)
    await office.do(loan_id, "waive", amount=1, component="penalty")
    assert await closed(desk, later) == (0, 0)
    day = later + timedelta(days=1)
    await desk.clock_at(day)
    act = (await office.loan(loan_id))["acts"][0]["id"]
    await office.do(loan_id, f"acts/{act}/reverse")
    assert deferred["status"] == "done"
    assert await closed(desk, day) == (1, 0)
    assert await closed(desk, day) == (0, 0)
    assert (await proposals(desk))[-1] == ("pending", f"201 days past due on {day + timedelta(days=1)}")


async def test_a_proposal_about_a_loan_that_has_changed_is_made_anew(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    eve = DUE + timedelta(days=179)
    assert await closed(desk, eve) == (1, 0)
    day = eve + timedelta(days=1)
    await desk.clock_at(day)
    await a_payment(desk, loan_id, 1_000, day)
    assert await closed(desk, day) == (1, 1)
    await desk.clock_at(day + timedelta(days=1))
    await a_payment(desk, loan_id, 600_000, day + timedelta(days=1))  # the oldest installment is met
    assert await closed(desk, day + timedelta(days=1)) == (0, 1)
    assert [status for status, _ in await proposals(desk)] == ["withdrawn", "withdrawn"]


async def test_a_declined_charge_off_is_proposed_again_after_the_days_of_the_policy(
    desk: Desk, office: Office
) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    again = desk.runtime.database.policy.delinquency.charge_off_again_days
    eve = DUE + timedelta(days=179)
    assert await closed(desk, eve) == (1, 0)
    day = eve + timedelta(days=1)
    await desk.clock_at(day)
    listed = (await desk.service.get("/staff/v1/approvals", who=office.other)).json()["data"]
    path = f"/staff/v1/approvals/{listed[0]['id']}/reject"
    assert (await desk.service.post(path, {"note": "in talks"}, who=office.other)).status_code == 200
    await a_payment(desk, loan_id, 1_000, day)  # changed on the day, and declined on it
    assert await closed(desk, day) == (0, 0)
    assert await closed(desk, day + timedelta(days=again - 2)) == (0, 0)
    assert await closed(desk, day + timedelta(days=again - 1)) == (1, 0)
    assert await closed(desk, day + timedelta(days=again)) == (0, 0)
    assert [status for status, _ in await proposals(desk)] == ["rejected", "pending"]


async def test_a_person_s_own_proposal_is_left_to_people(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    eve = DUE + timedelta(days=179)
    await desk.clock_at(eve)
    assert (await office.ask(loan_id, "charge-off")).json()["status"] == "awaiting_second"
    await a_payment(desk, loan_id, 1_000, eve)
    assert await closed(desk, eve) == (0, 0)
    assert [status for status, _ in await proposals(desk)] == ["pending"]


async def test_replay_shows_every_difference(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    await desk.clock_at(DUE)
    await a_payment(desk, loan_id, LEVEL, DUE)
    await office.do(loan_id, "modifications", type="defer", months=1)
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        stored = await stored_loan(work, loan_id)
        assert stored is not None
        assert [each.id for each in await stored_loans(work)] == [loan_id]
        answer = _replayed(stored, work.on)
    assert answer["differences"] == []
    assert [event["kind"] for event in answer["events"]] == ["Receipt", "Deferral"]
    changes = {
        "UPDATE loans SET unmet_on = '2026-12-23', changed_on = changed_on": "unmet since 2026-12-23",
        "UPDATE installments SET interest = interest + 1 WHERE number = 2": "installments 2 are stored",
        "UPDATE loans SET status = 'paid_off', unmet_on = NULL, closed_on = '2026-12-22'": "paid_off, the",
    }
    for change, said in changes.items():
        await desk.service.rows(f"{change} RETURNING 1")
        async with desk.runtime.database.work(SYSTEM, reading=True) as work:
            stored = await stored_loan(work, loan_id)
            assert stored is not None
            assert any(said in each for each in replaying.differences(stored, work.on)), said


@pytest.mark.parametrize("reason", ["", "   "])
async def test_a_loan_that_was_paid_out_is_not_cancelled(desk: Desk, office: Office, reason: str) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    version = f'"v{(await office.loan(loan_id))["version"]}"'
    path = f"/staff/v1/loans/{loan_id}/cancel"
    blank = await desk.service.post(path, {"reason": reason}, who=office.lead, If_Match=version)
    assert (blank.status_code, blank.json()["code"]) == (422, "reason_required")
    paid_out = await desk.service.post(path, {"reason": WHY}, who=office.lead, If_Match=version)
    assert (paid_out.status_code, paid_out.json()["code"]) == (409, "loan_not_active")
    assert date.fromisoformat((await office.loan(loan_id))["disbursed_on"]) == ON
