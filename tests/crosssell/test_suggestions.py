"""Suggestions on real rows: earned by the third installment on time, answered once, never pushed."""

from __future__ import annotations

import asyncio
from datetime import date, time, timedelta
from typing import Any

import pytest

from refi.borrowers import service as borrowers
from refi.borrowers.tables import Purpose
from refi.crosssell import service as suggestions
from refi.db.work import SYSTEM
from refi.ids import LoanId
from tests import given
from tests.given import Person
from tests.servicing import DUE, Desk, a_borrower, a_loan, a_payment

DUES = [DUE, date(2027, 1, 22), date(2027, 2, 22)]


async def a_revolver(desk: Desk, *, revolves: bool = True, marketing: bool = True) -> Person:
    """A borrower whose last six bills were paid in part, who agreed to marketing and has a bank account."""
    person = await a_borrower(desk)
    await given.a_card(desk.service, person)
    for month in range(6):
        dated = date(2026, 11, 12) - timedelta(days=30 * month)
        await given.a_bill(
            desk.service, person, statement_date=dated, due_date=dated + timedelta(days=20),
            statement_balance=900_000, payments_since_last=100_000 if revolves else 900_000,
        )  # fmt: skip
    await given.an_account(desk.service, person)
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.record_consent(work, person.id, Purpose.MARKETING, "1", granted=marketing)
    return person


async def pays(desk: Desk, loan_id: LoanId, upto: int, *, after: int = 0, late: int = 0) -> None:
    """The installments ``after`` … ``upto`` are paid on their due dates, or ``late`` days later."""
    [level] = await desk.service.rows(
        "SELECT principal + interest AS amount FROM installments WHERE loan_id = :id AND number = 1",
        id=loan_id,
    )
    for due_on in DUES[after:upto]:
        on = due_on + timedelta(days=late)
        await desk.clock_at(on)
        await a_payment(desk, loan_id, level.amount + 10_000 * bool(late), on)
        await desk.work_off()


async def listed(desk: Desk, person: Person) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = (await desk.service.get("/v1/suggestions", who=person)).json()["data"]
    return data


async def an_open_one(desk: Desk) -> tuple[Person, str]:
    person = await a_revolver(desk)
    await pays(desk, await a_loan(desk, person, term=6), 3)
    [suggestion] = await listed(desk, person)
    return person, suggestion["id"]


async def test_the_third_installment_on_time_earns_it(desk: Desk) -> None:
    person = await a_revolver(desk)
    loan_id = await a_loan(desk, person, term=6)
    await pays(desk, loan_id, 2)
    assert await listed(desk, person) == []
    await pays(desk, loan_id, 3, after=2)
    [suggestion] = await listed(desk, person)
    micro = desk.runtime.database.policy.crosssell.micro_loan
    assert suggestion["product"] == "micro_loan"
    assert (suggestion["amount"], suggestion["term"]) == (micro.amount, micro.term)
    assert suggestion["apr"] == "0.119989"
    assert suggestion["installment_amount"] == 51_765
    assert suggestion["expires_on"] == (DUES[2] + timedelta(days=micro.valid_days)).isoformat()
    assert suggestion["reason"] == "on_time_installments"


@pytest.mark.parametrize(
    ("who", "late"), [({"revolves": False}, 0), ({"marketing": False}, 0), ({}, 1)], ids=str
)
async def test_otherwise_there_is_none(desk: Desk, who: dict[str, bool], late: int) -> None:
    person = await a_revolver(desk, **who)
    await pays(desk, await a_loan(desk, person, term=6), 3, late=late)
    assert await listed(desk, person) == []


async def test_it_is_announced_by_day_with_a_way_out(desk: Desk) -> None:
    person, suggestion_id = await an_open_one(desk)
    [message] = await desk.inbox()
    assert message["template"] == "micro_loan"
    assert "Reply T to opt out" in message["text"]
    [row] = await desk.messages()
    assert (row.plan_key, row.gate, row.borrower_id) == (
        f"suggestion:{suggestion_id}",
        "marketing",
        person.id,
    )


async def test_the_announcement_waits_for_the_day_and_stops_with_the_consent(desk: Desk) -> None:
    person = await a_revolver(desk)
    loan_id = await a_loan(desk, person, term=6)
    await pays(desk, loan_id, 2)
    await desk.clock_at(DUES[2], time(21))
    await a_payment(desk, loan_id, 207_058, DUES[2])
    await desk.work_off()
    [row] = await desk.messages()
    assert (row.status, row.reason) == ("planned", "quiet_hours")
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.record_consent(work, person.id, Purpose.MARKETING, "1", granted=False)
    await desk.clock_at(DUES[2] + timedelta(days=1))
    await desk.send(row.id)
    [row] = await desk.messages()
    assert (row.status, row.reason) == ("skipped", "marketing_consent_missing")
    assert await desk.inbox() == []


async def test_who_falls_behind_is_neither_told_nor_shown(desk: Desk) -> None:
    person = await a_revolver(desk)
    loan_id = await a_loan(desk, person, term=6)
    await pays(desk, loan_id, 2)
    await desk.clock_at(DUES[2], time(21))
    await a_payment(desk, loan_id, 207_058, DUES[2])
    await desk.work_off()
    [row] = await desk.messages()
    await desk.clock_at(date(2027, 3, 23))
    await desk.service.rows("UPDATE messages SET lapses_on = NULL RETURNING id")
    await desk.service.rows("UPDATE suggestions SET expires_on = '2027-12-31' RETURNING id")
    await desk.send(row.id)
    [row] = await desk.messages()
    assert (row.status, row.reason) == ("skipped", "marketing_stopped_past_due")
    assert await listed(desk, person) == []


async def test_accepting_makes_an_application(desk: Desk) -> None:
    person, suggestion_id = await an_open_one(desk)
    answer = await desk.service.post(f"/v1/suggestions/{suggestion_id}/accept", {}, who=person)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["product"], made["amount"], made["suggestion"]) == ("micro_loan", 300_000, suggestion_id)
    shown = (await desk.service.get(f"/v1/applications/{made['id']}", who=person)).json()
    assert shown["status"] == made["status"] == "approved"
    assert await listed(desk, person) == []
    again = await desk.service.post(f"/v1/suggestions/{suggestion_id}/accept", {}, who=person)
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")


async def test_accepting_at_once_makes_one_application(desk: Desk) -> None:
    person, suggestion_id = await an_open_one(desk)
    answers = await asyncio.gather(
        *(desk.service.post(f"/v1/suggestions/{suggestion_id}/accept", {}, who=person) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    [row] = await desk.service.rows("SELECT count(*) AS n FROM applications")
    assert row.n == 1


async def test_what_applying_refuses_leaves_it_open(desk: Desk) -> None:
    person, suggestion_id = await an_open_one(desk)
    await desk.service.rows("UPDATE bank_accounts SET verified = false RETURNING id")
    answer = await desk.service.post(f"/v1/suggestions/{suggestion_id}/accept", {}, who=person)
    assert answer.status_code == 422
    assert len(await listed(desk, person)) == 1


async def test_a_dismissed_one_does_not_come_back(desk: Desk) -> None:
    person, suggestion_id = await an_open_one(desk)
    answer = await desk.service.post(f"/v1/suggestions/{suggestion_id}/dismiss", who=person)
    assert (answer.status_code, answer.json()["status"]) == (200, "dismissed")
    [loan] = await desk.service.rows("SELECT id FROM loans")
    await desk.clock_at(date(2027, 3, 22))
    await a_payment(desk, LoanId(loan.id), 207_058, date(2027, 3, 22))
    await desk.work_off()
    assert await listed(desk, person) == []


async def test_somebody_elses_is_not_found(desk: Desk) -> None:
    _, suggestion_id = await an_open_one(desk)
    other = await a_borrower(desk)
    for act in ("accept", "dismiss"):
        answer = await desk.service.post(f"/v1/suggestions/{suggestion_id}/{act}", {}, who=other)
        assert answer.status_code == 404
    for bad in ("sug_x", "sug_" + "0" * 26):
        answer = await desk.service.post(f"/v1/suggestions/{bad}/dismiss", who=other)
        assert answer.status_code == 404


async def test_it_expires(desk: Desk) -> None:
    person, suggestion_id = await an_open_one(desk)
    await desk.clock_at(DUES[2] + timedelta(days=14))
    assert len(await listed(desk, person)) == 1
    await desk.clock_at(DUES[2] + timedelta(days=15))
    assert await listed(desk, person) == []
    late = await desk.service.post(f"/v1/suggestions/{suggestion_id}/accept", {}, who=person)
    assert (late.status_code, late.json()["code"]) == (409, "offer_expired")
    for expected in (1, 0):
        async with desk.runtime.database.work(SYSTEM) as work:
            assert await suggestions.expire(work) == expected


async def test_considering_at_once_suggests_once(desk: Desk) -> None:
    person = await a_revolver(desk)
    loan_id = await a_loan(desk, person, term=6)
    await pays(desk, loan_id, 2)
    await desk.clock_at(DUES[2])
    await a_payment(desk, loan_id, 207_058, DUES[2])

    async def consider() -> bool:
        async with desk.runtime.database.work(SYSTEM) as work:
            return await suggestions.consider(work, person.id, loan_id) is not None

    assert sorted(await asyncio.gather(*(consider() for _ in range(5)))) == [False] * 4 + [True]
    assert len(await desk.messages()) == 1
