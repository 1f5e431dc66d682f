"""The preview says what will happen: the same people, channels, hours and words, and stores nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from refi.collections import planning_service as planning
from refi.collections import preview_service
from refi.collections.preview_service import Line, PreviewDateRefused
from refi.db.work import SYSTEM
from refi.loans import hold_service
from refi.loans.holds import HoldKind
from refi.staff.roles import Role
from tests import given
from tests.books import ON
from tests.servicing import DUE, Desk, a_borrower, a_loan, a_payment, day_before

TEN = datetime.combine(day_before(DUE), time(2), UTC)  # ten in Shanghai


async def previewed(desk: Desk, on: date, limit: int = 50, after: str = "") -> list[Line]:
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        lines, _ = await preview_service.preview(work, on, desk.runtime.channels, limit=limit, after=after)
    return lines


async def everything(desk: Desk) -> list[Any]:
    tables = ("messages", "message_subjects", "contact_log", "queue.pgqueuer")
    counts = " UNION ALL ".join(f"SELECT count(*) FROM {table}" for table in tables)
    return [row[0] for row in await desk.service.rows(counts)]


async def test_it_shows_who_gets_what_when_by_which_rule_and_stores_nothing(desk: Desk) -> None:
    person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    before = await everything(desk)
    [line] = await previewed(desk, day_before(DUE))
    assert await everything(desk) == before
    assert (line.borrower_id, line.stage, line.due_on, line.outcome) == (person.id, "T-1", DUE, "sends")
    assert (line.rule, line.arm, line.ladder) == ("tomorrow", "champion", "cn-ladder-1")
    assert (line.channel, line.at, line.gate) == ("sms", TEN, "reminder")
    assert line.installments == ((loan_id, 1),)
    assert "4,080.27" in str(line.text)


async def test_what_it_shows_is_what_is_sent(desk: Desk) -> None:
    people = [await a_borrower(desk, device=n % 2 == 0) for n in range(4)]
    for number, person in enumerate(people):
        await a_loan(desk, person)
        if number == 3:
            await a_loan(desk, person, principal=600_000)
    paid = await a_loan(desk, await a_borrower(desk))
    await a_payment(desk, paid, 408_027, ON)
    for on in (day_before(DUE), DUE + timedelta(days=1)):
        await desk.clock_at(on)
        expected = [line for line in await previewed(desk, on) if line.outcome == "sends"]
        sent_before = len(await desk.inbox())
        async with desk.runtime.database.work(SYSTEM) as work:
            await planning.fan_out(work, on)
        await desk.work_off()
        got = (await desk.inbox())[sent_before:]
        assert sorted(message["text"] for message in got) == sorted(str(line.text) for line in expected)
        assert len(expected) == 4
        rows = await desk.service.rows("SELECT * FROM messages WHERE planned_on = :on", on=on)
        assert {(r.borrower_id, r.stage, r.rule, r.arm, r.channel) for r in rows} == {
            (line.borrower_id, line.stage, line.rule, line.arm, line.channel) for line in expected
        }
        assert {line.outcome for line in await previewed(desk, on)} == {"sent"}


async def test_what_stops_a_message_is_named(desk: Desk) -> None:
    held, ended, night = [await a_borrower(desk) for _ in range(3)]
    for person in (held, ended, night):
        await a_loan(desk, person)
    async with desk.runtime.database.work(SYSTEM) as work:
        await hold_service.place(work, held.id, HoldKind.LEGAL, "a letter came")
        await hold_service.place(
            work, ended.id, HoldKind.DISPUTE, "not mine", until=day_before(DUE) + timedelta(days=3)
        )
    lines = {line.borrower_id: line for line in await previewed(desk, day_before(DUE))}
    assert (lines[held.id].outcome, lines[held.id].reasons) == ("blocked", ("reminder_stopped_legal",))
    assert (lines[ended.id].outcome, lines[ended.id].reasons) == ("lapses", ("reminder_stopped_dispute",))
    assert lines[night.id].outcome == "sends"
    assert lines[held.id].text is None


async def test_the_second_message_of_a_day_waits_for_the_cap(desk: Desk) -> None:
    """One loan due tomorrow, another a day late: the later stage goes first, the other is over the cap."""
    person = await a_borrower(desk)
    await a_loan(desk, person)
    await a_loan(desk, person, credited_on=ON + timedelta(days=2))
    lines = await previewed(desk, DUE + timedelta(days=1))
    assert [(line.stage, line.outcome) for line in lines] == [("T+1", "sends"), ("T-1", "lapses")]
    assert lines[1].reasons == ("sms_push_per_day",)


async def test_pages_go_from_borrower_to_borrower(desk: Desk) -> None:
    people = sorted([(await a_borrower(desk)).id for _ in range(5)])
    for person in people:
        await a_loan(desk, given.Person(person, ""))  # type: ignore[arg-type]
    seen, after = [], ""
    while True:
        async with desk.runtime.database.work(SYSTEM, reading=True) as work:
            lines, following = await preview_service.preview(
                work, day_before(DUE), desk.runtime.channels, limit=2, after=after
            )
        seen += [line.borrower_id for line in lines]
        if following is None:
            break
        after = following
    assert seen == people
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        counts = await preview_service.counts(work, day_before(DUE))
    assert dict(counts) == {("T-1", "tomorrow", "champion", "sms"): 5}


@pytest.mark.parametrize("days", [-1, 367])
async def test_only_the_open_day_and_the_coming_year(desk: Desk, days: int) -> None:
    with pytest.raises(PreviewDateRefused):
        await previewed(desk, ON + timedelta(days=days))


async def test_staff_see_it_and_others_do_not(desk: Desk) -> None:
    person = await a_borrower(desk)
    await a_loan(desk, person)
    lead = await given.a_member(desk.service, Role.COLLECTIONS_LEAD)
    path = f"/staff/v1/reminders/preview?on={day_before(DUE)}"
    answer = await desk.service.get(path, who=lead)
    assert answer.status_code == 200, answer.text
    [shown] = answer.json()["data"]
    assert (shown["borrower"], shown["rule"], shown["outcome"]) == (person.id, "tomorrow", "sends")
    assert shown["at"] == "2026-12-21T02:00:00.000Z"
    marketer = await given.a_member(desk.service, Role.MARKETER)
    assert (await desk.service.get(path, who=marketer)).status_code == 403
    assert (await desk.service.get(path, who=person)).status_code in (401, 403)
    refused = await desk.service.get("/staff/v1/reminders/preview?on=2020-01-01", who=lead)
    assert refused.status_code == 422
    assert (await desk.service.get("/staff/v1/reminders/preview?on=1.1.", who=lead)).status_code == 422


async def test_an_operator_puts_a_parked_message_back_to_work(desk: Desk) -> None:
    await a_loan(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    async with desk.runtime.database.work(SYSTEM) as work:
        await planning.fan_out(work, work.on)
    await desk.work_off(only="plan_reminders")
    await desk.service.rows("UPDATE messages SET template = 'gone', failures = 4 RETURNING id")
    await desk.work_off()
    operator = await given.a_member(desk.service, Role.OPERATOR)
    [shown] = (await desk.service.get("/staff/v1/messages/parked", who=operator)).json()["data"]
    assert (shown["status"], shown["failures"], shown["may_be_sent"]) == ("parked", 5, False)
    assert "no template gone" in shown["reason"]
    await desk.service.rows("UPDATE messages SET template = 'due_tomorrow' RETURNING id")
    path = f"/staff/v1/messages/{shown['id']}/retry"
    answers = [await desk.service.post(path, who=operator, key="once") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    await desk.work_off()
    assert len(await desk.inbox()) == 1
    again = await desk.service.post(path, who=operator)
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    assert (await desk.service.post("/staff/v1/messages/msg_x/retry", who=operator)).status_code == 404
    lead = await given.a_member(desk.service, Role.COLLECTIONS_LEAD)
    assert (await desk.service.post(path, who=lead)).status_code == 403
