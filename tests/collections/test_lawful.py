"""Every contact of the log was lawful when it was made: each breach is planted, and found by name."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from refi import audit, ids
from refi.borrowers import service as borrowers
from refi.borrowers.tables import Purpose
from refi.collections import lawful_service as lawful
from refi.db.work import SYSTEM
from refi.ids import BorrowerId
from refi.loans import hold_service
from refi.loans.holds import HoldKind
from refi.notifications import preference_service as preferences
from refi.notifications.contact_policy import Ask, QuietHours, may_contact
from refi.notifications.preference_service import Wants
from tests.books import SHANGHAI
from tests.given import Person
from tests.notifications.test_sending import a_reminder
from tests.servicing import Desk, a_borrower, a_desk

DAY = date(2026, 12, 15)
NOON = time(12)


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(database_url, tmp_path) as made:
        yield made


def at(hour: time = NOON, on: date = DAY, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.combine(on, hour, zone)


async def line(
    desk: Desk, who: Person, when: datetime, message_id: str | None = None, /, **changed: Any
) -> str:
    """A line of the contact log, as it stands there: of a message, or of a call when there is none."""
    version = desk.runtime.database.policy.version
    row: dict[str, Any] = {
        "id": ids.new("ctc"), "message_id": message_id, "borrower_id": who.id, "channel": "sms",
        "gate": "reminder", "outcome": "allowed", "policy_version": version,
        "business_date": when.astimezone(SHANGHAI).date(), "at": when, **changed,
    }  # fmt: skip
    columns = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    await desk.service.rows(f"INSERT INTO contact_log ({columns}) VALUES ({values}) RETURNING id", **row)
    return str(row["id"])


async def a_contact(desk: Desk, person: Person, when: datetime, *after: str, **changed: Any) -> str:
    """A message that was allowed at ``when`` and sent, with what became of it a minute later."""
    message_id = await a_reminder(desk, person, channel=changed.get("channel", "sms"))
    made = await line(desk, person, when, message_id, **changed)
    for minutes, outcome in enumerate(("sent", *after)):
        await line(
            desk, person, when + timedelta(minutes=minutes), message_id, **{**changed, "outcome": outcome}
        )
    await desk.service.rows(
        "UPDATE messages SET status = 'skipped' WHERE id = :id RETURNING id", id=message_id
    )
    return made


async def a_call(desk: Desk, person: Person, when: datetime, **changed: Any) -> str:
    given = {
        "channel": "phone", "gate": "collection", "outcome": "made", "actor": "staff:1", "direction": "out",
        "person": "borrower", "action": "CALL", "result": "RPC", "connected": True, "talked": False,
        "number_index": "own", "loan_id": "loan_1", **changed,
    }  # fmt: skip
    return await line(desk, person, when, **given)


async def breaches(desk: Desk) -> dict[str, str]:
    """Contact → what was wrong with it."""
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        _, found = await lawful.judge(work)
    wrong = [one for lines in found.values() for one in lines]
    assert len(dict(wrong)) == len(wrong)
    return dict(wrong)


async def since(desk: Desk, when: datetime) -> None:
    """Business time stands at ``when``: what is said now was said then."""
    await desk.clock_at(when.astimezone(SHANGHAI).date(), when.astimezone(SHANGHAI).time())


async def test_nothing_is_wrong_with_lawful_contacts(desk: Desk) -> None:
    person = await a_borrower(desk)
    await a_contact(desk, person, at())
    await a_contact(desk, person, at(time(8)), gate="collection", channel="email")
    await a_contact(desk, person, at(time(3)), gate="one_time_code")
    await a_call(desk, person, at(time(2)), direction="in")
    assert await breaches(desk) == {}


@pytest.mark.parametrize(
    ("hour", "zone", "gate", "wrong"),
    [
        (time(7, 59), "Asia/Shanghai", "reminder", True),
        (time(8), "Asia/Shanghai", "reminder", False),
        (time(21, 59), "Asia/Shanghai", "reminder", False),
        (time(22), "Asia/Shanghai", "reminder", True),
        (time(20), "Asia/Shanghai", "marketing", True),
        (time(12), "America/New_York", "reminder", True),  # midnight there
        (time(21), "America/New_York", "reminder", False),  # eight in the morning
    ],
)
async def test_hours_are_those_of_the_borrower(
    desk: Desk, hour: time, zone: str, gate: str, wrong: bool
) -> None:
    person = await a_borrower(desk, zone=zone)
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.record_consent(work, person.id, Purpose.MARKETING, "test", granted=True)
    made = await a_contact(desk, person, at(hour), gate=gate)
    found = await breaches(desk)
    assert set(found) == ({made} if wrong else set())
    if wrong:
        assert "quiet_hours" in found[made]
        assert zone in found[made]


async def test_who_moved_is_judged_where_they_lived(desk: Desk) -> None:
    person = await a_borrower(desk)
    made = await a_contact(desk, person, at(time(9)))
    await since(desk, at(time(12)))
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.update_profile(work, person.id, time_zone="America/New_York")
    assert await breaches(desk) == {}
    late = await a_contact(desk, person, at(time(9), DAY + timedelta(days=1)))
    assert set(await breaches(desk)) == {late}
    assert made != late


async def test_hours_that_the_borrower_agreed_to(desk: Desk) -> None:
    person = await a_borrower(desk)
    await since(desk, at(time(9)))
    async with desk.runtime.database.work(SYSTEM) as work:
        quiet = QuietHours(time(10), time(20))
        await preferences.change(work, BorrowerId(person.id), Wants((), frozenset(), quiet), source="app")
    before = await a_contact(desk, person, at(time(8)), channel="email")
    within = await a_contact(desk, person, at(time(12)), channel="email")
    await a_contact(desk, person, at(time(23)), channel="email")  # agreed: it takes the law's place
    found = await breaches(desk)
    assert set(found) == {within}
    assert "agreed_hours" in found[within]
    assert before


async def test_a_channel_that_was_closed(desk: Desk) -> None:
    person = await a_borrower(desk)
    await a_contact(desk, person, at(time(9)))
    await since(desk, at(time(10)))
    async with desk.runtime.database.work(SYSTEM) as work:
        await preferences.change(
            work, BorrowerId(person.id), Wants((), frozenset({"email"}), None), source="app"
        )
    made = await a_contact(desk, person, at(), channel="email")
    await a_contact(
        desk, person, at(time(10, 0, 20)), channel="email"
    )  # within the minute: it may have been first
    assert await breaches(desk) == {made: "by email, which the borrower had closed (opted_out_email)"}


async def test_consents(desk: Desk) -> None:
    never, withdrew, agreed = [await a_borrower(desk) for _ in range(3)]
    await since(desk, at(time(9)))
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.record_consent(work, withdrew.id, Purpose.CONTACT, "test", granted=False)
        await borrowers.record_consent(work, agreed.id, Purpose.MARKETING, "test", granted=True)
    first = await a_contact(desk, never, at(), gate="marketing")
    second = await a_contact(desk, withdrew, at())
    await a_contact(desk, agreed, at(), gate="marketing")
    await since(desk, at(time(13)))
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.record_consent(work, agreed.id, Purpose.MARKETING, "test", granted=False)
    third = await a_contact(desk, agreed, at(time(15)), gate="marketing", channel="email")
    assert await breaches(desk) == {
        first: "marketing_consent_missing",
        second: "contact_consent_withdrawn",
        third: "marketing_consent_missing",
    }


async def test_caps_over_sms_and_push_together(desk: Desk) -> None:
    person = await a_borrower(desk)
    days = [DAY + timedelta(days=n) for n in range(5)]
    await a_contact(desk, person, at(on=days[0]))
    second = await a_contact(desk, person, at(time(14), days[0]), channel="push")
    await a_contact(desk, person, at(on=days[1]), "undelivered")
    await a_contact(desk, person, at(time(14), days[1]), channel="push")  # instead of what did not arrive
    fourth = await a_contact(desk, person, at(on=days[2]))
    await a_contact(desk, person, at(on=days[2]), channel="email")
    await a_contact(desk, person, at(on=days[0] + timedelta(days=7)))
    found = await breaches(desk)
    assert set(found) == {second, fourth}
    assert "(sms_push_per_day)" in found[second]
    assert "(sms_push_per_week)" in found[fourth]


async def test_what_was_not_sent_after_all_counts_nothing(desk: Desk) -> None:
    """The channel turned it away; it was judged and allowed again, twice, before it went."""
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person)
    for hour, outcome in enumerate(("allowed", "allowed", "unknown", "allowed", "sent"), start=9):
        await line(desk, person, at(time(hour)), message_id, outcome=outcome)
    assert await breaches(desk) == {}
    other = await a_contact(desk, person, at(time(15)), channel="push")
    assert set(await breaches(desk)) == {other}


@pytest.mark.parametrize(
    ("changed", "most", "rule"),
    [({"connected": True}, 3, "connected_calls"), ({"connected": False, "result": "NOANS"}, 6, "unanswered")],
)
async def test_calls(desk: Desk, changed: dict[str, Any], most: int, rule: str) -> None:
    person = await a_borrower(desk)
    for hour in range(most):
        await a_call(desk, person, at(time(9 + hour)), **changed)
    assert await breaches(desk) == {}
    made = await a_call(desk, person, at(time(20)), **changed)
    found = await breaches(desk)
    assert set(found) == {made}
    assert found[made].startswith(rule)


@pytest.mark.parametrize("kind", list(HoldKind))
async def test_holds(desk: Desk, kind: HoldKind) -> None:
    person = await a_borrower(desk)
    await a_contact(desk, person, at(time(9)))
    await since(desk, at(time(10)))
    async with desk.runtime.database.work(SYSTEM) as work:
        held = await hold_service.place(work, BorrowerId(person.id), kind, "…", until=DAY + timedelta(days=3))
        hold_id = held.id
    made = await a_contact(desk, person, at(), channel="email")
    await a_contact(desk, person, at(on=DAY + timedelta(days=4)), channel="email")
    assert await breaches(desk) == {made: f"reminder_stopped_{kind.value}"}
    await since(desk, at(on=DAY + timedelta(days=1)))
    async with desk.runtime.database.work(SYSTEM) as work:
        await hold_service.lift(work, hold_id, "mended")
    await a_contact(desk, person, at(on=DAY + timedelta(days=2)), channel="email")
    assert set(await breaches(desk)) == {made}


async def test_a_dispute_about_one_of_two_loans_stops_only_what_is_about_it_alone(desk: Desk) -> None:
    person = await a_borrower(desk)
    both = await a_reminder(desk, person)
    alone = await a_reminder(desk, person, channel="email")
    [first, second] = await desk.service.rows("SELECT loan_id FROM message_subjects ORDER BY message_id")
    await desk.service.rows(
        "INSERT INTO message_subjects (loan_id, number, due_on, stage, channel, message_id)"
        " SELECT :loan, number, due_on, 'T-1', 'push', message_id FROM message_subjects"
        " WHERE message_id = :message RETURNING loan_id",
        loan=second.loan_id, message=both,
    )  # fmt: skip
    await since(desk, at(time(9)))
    async with desk.runtime.database.work(SYSTEM) as work:
        await hold_service.place(work, BorrowerId(person.id), HoldKind.DISPUTE, "…", loan_id=second.loan_id)
    await line(desk, person, at(), both)
    made = await line(desk, person, at(), alone, channel="email")
    assert await breaches(desk) == {made: "reminder_stopped_dispute"}
    assert first


async def test_the_audit_names_them_and_says_what_it_could_not_judge(desk: Desk) -> None:
    person = await a_borrower(desk)
    night = await a_contact(desk, person, at(time(3)))
    await a_contact(desk, person, at(time(3)), policy_version="cn-2020-01.1")
    report = await audit.run(desk.runtime.database, None)
    found = [(each.check, each.id) for each in report.findings if each.id.startswith("ctc_")]
    assert found == [("contacts_in_lawful_hours", night)]
    assert report.checked["contacts_within_caps"] == 1
    assert report.skipped["contacts_under_cn-2020-01.1"].startswith("1 contacts")


@pytest.mark.parametrize("seed", range(3))
async def test_sets_and_the_pure_function_agree(desk: Desk, seed: int) -> None:
    """Random contacts of a month, each judged by `may_contact` with what came before it."""
    chance = random.Random(seed)
    contact = desk.runtime.database.policy.contact
    zones = ["Asia/Shanghai", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu"]
    expected = set[str]()
    for zone in zones:
        person = await a_borrower(desk, zone=zone)
        instants = sorted(
            datetime(2027, 3, 8, tzinfo=UTC) + timedelta(minutes=chance.randrange(14 * 1440))
            for _ in range(16)
        )
        earlier = list[datetime]()
        for when, channel in zip(instants, itertools.cycle(["sms", "push", "email"]), strict=False):
            made = await line(
                desk, person, when, None, channel=channel, outcome="made", actor="staff:1", direction="out",
                person="borrower", action="WRITE", result="SENT", connected=False, talked=False,
            )  # fmt: skip
            ask = Ask("reminder", channel, when, ZoneInfo(zone), earlier=tuple(earlier))
            if not may_contact(contact, "v", ask).allowed:
                expected.add(made)
            if channel != "email":
                earlier.append(when)
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        _, found = await lawful.judge(work)
    assert {one for lines in found.values() for one, _ in lines} == expected
    assert 0 < len(expected) < 80
