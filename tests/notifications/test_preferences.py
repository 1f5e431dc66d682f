"""What borrowers want: over the API, by a word in an SMS, and what it does to messages."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from refi.borrowers import service as borrowers
from refi.borrowers.tables import Purpose
from refi.db.work import SYSTEM
from refi.notifications import preference_service as preferences
from tests.given import Person
from tests.notifications.reminding import a_reminder, status
from tests.servicing import DUE, Desk, a_borrower, day_before


async def change(desk: Desk, person: Person, body: Any) -> Any:
    return await desk.service.http.patch("/v1/preferences", json=body, headers=person.auth)


async def phone_of(desk: Desk, person: Person) -> str:
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        return work.vault.open((await borrowers.get(work, person.id)).phone_sealed)


async def test_nothing_is_wanted_until_it_is_said(desk: Desk) -> None:
    person = await a_borrower(desk)
    answer = await desk.service.get("/v1/preferences", who=person)
    assert answer.json() == {
        "channels": [], "opted_out": [], "marketing": False, "quiet_hours": None, "updated_at": None,
    }  # fmt: skip


async def test_only_what_is_sent_changes(desk: Desk) -> None:
    person = await a_borrower(desk)
    first = await change(
        desk, person, {"channels": ["sms", "push"], "quiet_hours": {"from": "21:00", "until": "09:30"}}
    )
    assert first.status_code == 200, first.text
    second = (await change(desk, person, {"opted_out": ["email"]})).json()
    assert (second["channels"], second["opted_out"]) == (["sms", "push"], ["email"])
    assert second["quiet_hours"] == {"from": "21:00", "until": "09:30"}
    third = (await change(desk, person, {"quiet_hours": None})).json()
    assert (third["quiet_hours"], third["opted_out"]) == (None, ["email"])
    rows = await desk.service.rows("SELECT source FROM contact_preferences ORDER BY id")
    assert [row.source for row in rows] == ["app"] * 3
    other = await a_borrower(desk)
    assert (await desk.service.get("/v1/preferences", who=other)).json()["opted_out"] == []


HOSTILE = [
    {"quiet_hours": {"from": "08:00", "until": "08:00"}},
    {"quiet_hours": {"from": "24:00", "until": "08:00"}},
    {"quiet_hours": {"from": "２２:00", "until": "08:00"}}, {"quiet_hours": {"from": "22:00"}},
    {"quiet_hours": {"from": "22:00:00", "until": "08:00"}}, {"quiet_hours": "never"},
    {"channels": ["pigeon"]}, {"channels": ["sms", "sms"]}, {"opted_out": ["inbox"]}, {"opted_out": [None]},
    {"marketing": "no"}, {"marketing": 0}, {"zone": "Mars/Phobos"}, [], "x", None,
]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE, ids=str)
async def test_what_makes_no_sense_is_refused(desk: Desk, body: Any) -> None:
    person = await a_borrower(desk)
    answer = await change(desk, person, body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "validation_failed"
    assert await desk.service.rows("SELECT id FROM contact_preferences") == []


async def test_a_zone_that_does_not_exist_is_refused_by_name(desk: Desk) -> None:
    person = await a_borrower(desk)
    for zone in ("Mars/Phobos", "America", "UTC+8", "../etc/passwd"):
        answer = await desk.service.http.patch("/v1/me", json={"time_zone": zone}, headers=person.auth)
        assert answer.status_code == 422, zone
        assert answer.json()["errors"][0]["pointer"] == "/time_zone"


async def test_marketing_is_the_consent_itself(desk: Desk) -> None:
    person = await a_borrower(desk)
    refused = await change(desk, person, {"marketing": True})
    assert (refused.status_code, refused.json()["code"]) == (422, "consent_missing")
    await desk.service.post("/v1/consents", {"purpose": "marketing", "text_version": "2026-11"}, who=person)
    assert (await change(desk, person, {"marketing": True})).json()["marketing"] is True
    assert (await change(desk, person, {"marketing": False})).json()["marketing"] is False
    [consent] = [
        c
        for c in (await desk.service.get("/v1/me", who=person)).json()["consents"]
        if c["purpose"] == "marketing"
    ]
    assert (consent["granted"], consent["text_version"]) == (False, "preferences")


async def test_a_closed_channel_is_not_used(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person)
    await change(desk, person, {"opted_out": ["sms"]})
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    assert await status(desk, message_id) == ("skipped", "opted_out_sms")
    [entry] = await desk.service.rows("SELECT * FROM contact_log")
    assert (entry.outcome, entry.rules) == ("refused", "opted_out_sms")


async def test_a_push_that_would_become_an_sms_is_judged_as_one(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person, channel="push", template="past_due")
    await change(desk, person, {"opted_out": ["sms"]})
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    assert await status(desk, message_id) == ("skipped", "opted_out_sms")


async def test_hours_that_the_borrower_agreed_to(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person)
    await change(desk, person, {"quiet_hours": {"from": "06:00", "until": "22:30"}})  # works by day
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    assert await status(desk, message_id) == ("planned", "agreed_hours")
    await desk.clock_at(day_before(DUE), time(22, 31))
    await desk.send(message_id)
    assert await status(desk, message_id) == ("sent", None)


async def test_a_word_in_an_sms_ends_marketing(desk: Desk) -> None:
    person = await a_borrower(desk)
    number = await phone_of(desk, person)
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.record_consent(work, person.id, Purpose.MARKETING, "2026-11", granted=True)
        assert await preferences.heard(work, number, "谢谢") is None
        assert await preferences.heard(work, "+8613900000000", "TD") is None
        assert await preferences.heard(work, number, " td ") == person.id
        assert Purpose.MARKETING not in await borrowers.consented(work, person.id)
        assert (await preferences.newest(work, person.id)).opted_out == frozenset()
    [row] = await desk.service.rows("SELECT * FROM contact_preferences")
    assert (row.source, row.words) == ("sms", " td ")


async def test_where_the_word_closes_the_channel(desk: Desk) -> None:
    person = await a_borrower(desk)
    rules = desk.runtime.database.policy.model_copy(
        update={
            "contact": desk.runtime.database.policy.contact.model_copy(
                update={"opt_out_stops": "channel", "opt_out_words": ("stop",)}
            )
        }
    )
    async with desk.runtime.database.work(SYSTEM) as work:
        work.policy = rules
        assert await preferences.heard(work, await phone_of(desk, person), "STOP.") == person.id
        wants = await preferences.newest(work, person.id)
    assert wants.opted_out == {"sms"}
