"""What people do is judged and logged in turn; a line of the log goes when it is old enough."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from refi import ids
from refi.borrowers import service as borrowers
from refi.db.work import SYSTEM, Actor, Database
from refi.loans import hold_service
from refi.loans.holds import HoldKind
from refi.notifications import contact_service, retention_service
from refi.notifications.contact_policy import Verdict
from refi.notifications.contact_service import Made
from refi.notifications.contacts import (
    OF_CALLS,
    OF_WRITING,
    Action,
    Direction,
    Medium,
    Person,
    Result,
    connected,
    means_opt_out,
    talked,
)
from tests.books import ON
from tests.given import Person as Borrower
from tests.servicing import Desk, a_borrower

COLLECTOR = Actor("staff", "staff_1", frozenset({"collector"}))
CASE, LOAN = "case_1", "loan_1"
NO_ANSWER = Made(Medium.PHONE, Result.NO_ANSWER)
REACHED = Made(Medium.PHONE, Result.RIGHT_PARTY)


async def contact(database: Database, person: Borrower, made: Made, *, loan: str = LOAN) -> Verdict:
    async with database.work(COLLECTOR) as work:
        borrower = await borrowers.get(work, person.id)
        stops = await hold_service.stops(work, borrower.id, [loan])
        _, verdict = await contact_service.log_contact(
            work, borrower, made, case_id=CASE, loan_id=loan, stops=stops
        )
    return verdict


async def log(desk: Desk) -> list[Any]:
    return await desk.service.rows("SELECT * FROM contact_log ORDER BY id")


def test_every_result_is_of_calls_or_of_writing() -> None:
    assert set(Result) == OF_CALLS | OF_WRITING
    assert not connected(Medium.PHONE, Result.NO_ANSWER)
    assert connected(Medium.PHONE, Result.WRONG_NUMBER)
    assert not connected(Medium.LETTER, Result.RIGHT_PARTY)
    assert talked(Person.AUTHORIZED, Result.PROMISE)
    assert not talked(Person.THIRD_PARTY, Result.RIGHT_PARTY)
    assert not talked(Person.BORROWER, Result.WRONG_NUMBER)


@pytest.mark.parametrize("words", ["TD", "td", " Ｔ ｄ! ", "退订", "【退订】", "T"])
def test_words_that_opt_out_however_they_are_typed(words: str, desk: Desk) -> None:
    contact_rules = desk.runtime.database.policy.contact
    assert means_opt_out(contact_rules, words)


@pytest.mark.parametrize("words", ["", "!", "TD please", "不退订", "stop", "谢谢"])
def test_words_that_do_not(words: str, desk: Desk) -> None:
    assert not means_opt_out(desk.runtime.database.policy.contact, words)


async def test_twenty_collectors_at_once_make_three_calls(desk: Desk) -> None:
    person = await a_borrower(desk)
    verdicts = await asyncio.gather(
        *(contact(desk.runtime.database, person, REACHED, loan=f"loan_{n}") for n in range(20))
    )
    assert sum(verdict.allowed for verdict in verdicts) == 3
    rows = await log(desk)
    assert sorted(row.outcome for row in rows) == ["made"] * 3 + ["refused"] * 17
    assert {row.rules for row in rows if row.outcome == "refused"} == {"connected_calls_per_day"}
    assert {row.policy_version for row in rows} == {desk.runtime.database.policy.version}


async def test_twenty_dials_at_once_ring_six_times(desk: Desk) -> None:
    person = await a_borrower(desk)
    verdicts = await asyncio.gather(*(contact(desk.runtime.database, person, NO_ANSWER) for _ in range(20)))
    assert sum(verdict.allowed for verdict in verdicts) == 6
    other = await contact(
        desk.runtime.database, person, Made(Medium.PHONE, Result.NO_ANSWER, number="+8613999999999")
    )
    assert other.allowed  # the cap is per number


async def test_agencies_count_together_and_what_comes_in_is_never_refused(desk: Desk) -> None:
    person = await a_borrower(desk)
    for agency in ("first", "second", None):
        made = Made(Medium.PHONE, Result.RIGHT_PARTY, agency=agency)
        assert (await contact(desk.runtime.database, person, made)).allowed
    assert not (await contact(desk.runtime.database, person, REACHED)).allowed
    await desk.clock_at(ON, time(23))
    called_us = Made(Medium.PHONE, Result.RIGHT_PARTY, Direction.IN)
    assert (await contact(desk.runtime.database, person, called_us)).allowed


async def test_an_sms_that_a_person_wrote_counts_with_the_machines(desk: Desk) -> None:
    person = await a_borrower(desk)
    wrote = Made(Medium.SMS, Result.SENT, action=Action.WRITE)
    assert (await contact(desk.runtime.database, person, wrote)).allowed
    again = await contact(desk.runtime.database, person, wrote)
    assert again.rules == ("sms_push_per_day",)
    assert again.retry_at is not None


async def test_a_hold_stops_a_call_and_names_itself(desk: Desk) -> None:
    person = await a_borrower(desk)
    async with desk.runtime.database.work(SYSTEM) as work:
        await hold_service.place(work, person.id, HoldKind.DISPUTE, "not my loan", loan_id=None)
    verdict = await contact(desk.runtime.database, person, REACHED)
    assert (verdict.rules, verdict.retry_at) == (("collection_stopped_dispute",), None)
    asked = Made(Medium.PHONE, Result.RIGHT_PARTY, asked_for=True)
    assert (await contact(desk.runtime.database, person, asked)).allowed


async def test_a_third_party_only_after_three_tries(desk: Desk) -> None:
    person = await a_borrower(desk)
    neighbor = Made(
        Medium.PHONE, Result.LEFT_MESSAGE, person=Person.THIRD_PARTY, action=Action.PASS_MESSAGE,
        number="+8613912345678",
    )  # fmt: skip
    for _ in range(3):
        refused = await contact(desk.runtime.database, person, neighbor)
        assert refused.rules == ("third_party_borrower_reachable",)
        assert (await contact(desk.runtime.database, person, NO_ANSWER)).allowed
    assert (await contact(desk.runtime.database, person, neighbor)).allowed
    assert (await contact(desk.runtime.database, person, REACHED)).allowed
    assert not (await contact(desk.runtime.database, person, neighbor)).allowed


async def test_a_note_is_sealed_and_its_digest_stays(desk: Desk) -> None:
    person = await a_borrower(desk)
    await contact(desk.runtime.database, person, Made(Medium.PHONE, Result.RIGHT_PARTY, note="will pay 他说"))
    [entry] = await log(desk)
    [note] = await desk.service.rows("SELECT * FROM contact_notes")
    assert "will pay" not in note.note_sealed
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        [(row, text)] = await contact_service.log_of_case(work, CASE, limit=5)
    assert (row.id, text) == (entry.id, "will pay 他说")
    assert entry.note_digest
    assert "pay" not in entry.note_digest


CHANGES = [
    "UPDATE contact_log SET result = 'NOANS'",
    "DELETE FROM contact_log",
    "DELETE FROM contact_notes",
]


@pytest.mark.parametrize("statement", CHANGES)
async def test_the_log_is_append_only(desk: Desk, statement: str) -> None:
    person = await a_borrower(desk)
    await contact(desk.runtime.database, person, Made(Medium.PHONE, Result.RIGHT_PARTY, note="x"))
    with pytest.raises(IntegrityError, match=r"append-only|goes with its contact"):
        await desk.service.rows(f"{statement} RETURNING *")


async def test_a_run_that_lies_about_its_years_is_refused(desk: Desk) -> None:
    with pytest.raises(IntegrityError, match="old_enough"):
        await desk.service.rows(
            "INSERT INTO retention_runs (id, before, years, policy_version, business_date, at, actor)"
            " VALUES (:id, now(), 5, 'v', '2026-11-22', now(), 'x') RETURNING id",
            id=ids.new("ret"),
        )


async def test_lines_go_when_their_years_are_over_and_say_so(desk: Desk) -> None:
    person, disputing = await a_borrower(desk), await a_borrower(desk)
    noted = Made(Medium.PHONE, Result.RIGHT_PARTY, note="old")
    for each in (person, disputing):
        assert (await contact(desk.runtime.database, each, noted)).allowed
    async with desk.runtime.database.work(SYSTEM) as work:
        await hold_service.place(work, disputing.id, HoldKind.LEGAL, "in court")
    five_years = date(ON.year + 5, ON.month, ON.day)
    await desk.clock_at(five_years, time(9, 59))
    assert await forget(desk) == 0
    await desk.clock_at(five_years, time(10, 1))
    assert (await contact(desk.runtime.database, person, REACHED)).allowed
    assert await forget(desk) == 1
    assert await forget(desk) == 0
    kept = await log(desk)
    assert [row.borrower_id for row in kept] == [disputing.id, person.id]
    assert len(await desk.service.rows("SELECT * FROM contact_notes")) == 1
    [run] = await desk.service.rows("SELECT * FROM retention_runs")
    assert (run.years, run.business_date) == (5, five_years)
    with pytest.raises(IntegrityError, match="append-only"):
        await desk.service.rows("DELETE FROM contact_log WHERE at < now() + interval '9 years' RETURNING id")


async def forget(desk: Desk) -> int:
    async with desk.runtime.database.work(SYSTEM) as work:
        return await retention_service.forget(work, await hold_service.kept(work))


async def test_where_the_last_contact_counts_a_young_line_keeps_the_old(desk: Desk) -> None:
    rules = desk.runtime.database.policy
    counted = rules.contact.model_copy(update={"log_years_from": "last_contact"})
    database = replace(desk.runtime.database, policy=rules.model_copy(update={"contact": counted}))
    person = await a_borrower(desk)
    for days in (0, 1000):
        await desk.clock_at(ON + timedelta(days=days))
        await contact(database, person, REACHED)
    await desk.clock_at(ON + timedelta(days=2000))
    async with database.work(SYSTEM) as work:
        assert await retention_service.forget(work) == 0
    await desk.clock_at(ON + timedelta(days=3000))
    async with database.work(SYSTEM) as work:
        assert await retention_service.forget(work, most=1) == 1
        assert await retention_service.forget(work) == 1
