"""What ``refi doctor`` sees: each thing that can be ill, planted and found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from refi.cli import health
from refi.cli.health import ago
from refi.db.queue import Depth
from refi.db.work import SYSTEM
from refi.gateways.choosing import channels_of
from refi.notifications import parking_service
from refi.scheduler import JOBS, wake
from tests.books import ON
from tests.notifications.test_sending import a_reminder
from tests.servicing import DUE, Desk, a_borrower, a_desk, day_before

DAY = timedelta(days=1)


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(database_url, tmp_path) as made:
        yield made


async def seen(desk: Desk) -> dict[str, tuple[bool, str, str]]:
    lines = [
        *(await health.database(desk.runtime))[0],
        *await health.day_and_clockwork(desk.runtime),
        *(health.channel_line(each) for each in await health.channels(desk.runtime)),
        *await health.waiting_for_people(desk.runtime),
    ]
    return {each["what"]: (each["ok"], each["saw"], each["mend"]) for each in lines}


async def test_all_is_well_but_that_nobody_keeps_time(desk: Desk) -> None:
    found = await seen(desk)
    assert [what for what, (ok, _, _) in found.items() if not ok] == ["scheduler"]
    assert found["scheduler"] == (
        False,
        f"{', '.join(j.name for j in JOBS)} never ran",
        "run: refi scheduler",
    )
    assert found["business date"][1] == f"{ON}, as the calendar"
    assert found["queue"][1] == "0 jobs due; 0 in work, 0 later, 0 parked"
    for job in JOBS:
        await wake(desk.runtime, job, set())
    assert (await seen(desk))["scheduler"] == (True, "last ran 0 s ago", "")


@pytest.mark.parametrize(
    ("change", "saw"),
    [
        ("at = at - interval '3 hours'", "last ran 3 h 0 min ago, "),
        ("at = at + interval '5 minutes'", "in the future"),
    ],
)
async def test_a_scheduler_that_stopped_or_has_another_clock(desk: Desk, change: str, saw: str) -> None:
    for job in JOBS:
        await wake(desk.runtime, job, set())
    await desk.service.rows(f"UPDATE firings SET {change} RETURNING job")
    ok, said, mend = (await seen(desk))["scheduler"]
    assert (ok, saw in said) == (False, True)
    assert mend


@pytest.mark.parametrize(
    ("days", "ok", "said"),
    [
        (1, True, "1 days behind the calendar"),
        (2, False, "2 days behind the calendar"),
        (-1, True, "1 days ahead"),
    ],
)
async def test_the_business_date_beside_the_calendar(desk: Desk, days: int, ok: bool, said: str) -> None:
    await desk.clock_at(ON + days * DAY, time(9))
    await desk.service.turn_to(ON)
    found = (await seen(desk))["business date"]
    assert (found[0], said in found[1]) == (ok, True), found


async def test_the_queue(desk: Desk) -> None:
    async with desk.runtime.database.work(SYSTEM) as work:
        work.enqueue("message_news", {"id": "evt_1"})
        work.enqueue("message_news", {"id": "evt_2"}, after=timedelta(hours=1))
    assert (await seen(desk))["queue"][:2] == (
        True,
        "1 jobs due, the oldest for 0 s; 0 in work, 1 later, 0 parked",
    )
    await desk.service.rows(
        "UPDATE queue.pgqueuer SET execute_after = execute_after - interval '10 minutes' RETURNING id"
    )
    ok, said, mend = (await seen(desk))["queue"]
    assert (ok, "the oldest for 10 min" in said, mend) == (False, True, "run: refi worker, or more")
    assert health._queue(Depth(0, 0, 0, 2, timedelta(0)))["mend"] == health.PARKED


async def test_messages_that_are_parked_or_late(desk: Desk) -> None:
    parked = await a_reminder(desk, await a_borrower(desk))
    await a_reminder(desk, await a_borrower(desk))
    async with desk.runtime.database.work(SYSTEM) as work:
        for _ in range(5):
            await parking_service.record_failure(work, parked, "broken")  # type: ignore[arg-type]
    await desk.clock_at(day_before(DUE), time(12))
    assert (await seen(desk))["messages"][:2] == (False, "1 parked, 1 late, the oldest by 2 h 0 min")
    await desk.clock_at(DUE, time(12))  # lapsed: not late any more
    assert (await seen(desk))["messages"][1] == "1 parked, 0 late"


async def test_channels_as_chosen_and_as_they_answer(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person)
    waiting = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    await desk.service.rows(
        "UPDATE messages SET reason = 'circuit_open' WHERE id = :id RETURNING id", id=waiting
    )
    chosen: dict[str, Any] = {
        "push_channel": "jpush", "jpush_app_key": "key", "email_channel": "off", "sms_channel": "twilio",
        "twilio_account_sid": "AC1", "twilio_auth_tokens": desk.runtime.settings.webhook_secrets,
        "twilio_sender": "+15550001111",
    }  # fmt: skip
    settings = desk.runtime.settings.model_copy(update=chosen)
    lines = channels_of(settings, desk.runtime.database, desk.runtime.line)
    there = replace(desk, runtime=replace(desk.runtime, settings=settings, channels=lines))
    told = {each["channel"]: each for each in await health.channels(there.runtime)}
    found = await seen(there)
    await lines.aclose()
    assert told["sms"]["last_24_hours"] == {
        "sent": 1, "refused": 0, "unknown": 0, "last_sent": "2026-12-21T02:00:00Z", "behind_open_circuit": 1,
    }  # fmt: skip
    assert told["sms"]["credentials"] == [
        "REFI_TWILIO_ACCOUNT_SID",
        "REFI_TWILIO_AUTH_TOKENS",
        "REFI_TWILIO_SENDER",
    ]
    assert (told["push"]["receipts"], told["push"]["can_be_asked"], told["push"]["circuit"]) == (
        "asked",
        False,
        "closed",
    )
    assert found["channel sms"] == (
        False,
        (
            "twilio, credentials given, doubt is final, receipts: webhook, circuit open,"
            " 24 h: 1 sent, 0 refused, 0 unknown"
        ),
        "1 messages wait until the provider answers again",
    )
    assert found["channel email"] == (True, "off: the next channel of a rule takes its place", "")
    assert found["channel inbox"][0]


def test_spans_as_people_say_them() -> None:
    spans = [0, 59, 60, 3599, 3600, 3660, 47 * 3600, 48 * 3600]
    assert [ago(timedelta(seconds=each)) for each in spans] == [
        "0 s", "59 s", "1 min", "59 min", "1 h 0 min", "1 h 1 min", "47 h 0 min", "2 days",
    ]  # fmt: skip
