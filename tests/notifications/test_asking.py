"""Receipts that have to be asked for: when, once each, and what a dead device changes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from refi.borrowers import service as borrowers
from refi.db.work import SYSTEM
from refi.gateways.choosing import Channels
from refi.notifications import asking_jobs
from refi.notifications.asking_jobs import ASKED_AT, KEPT
from refi.notifications.channels import (
    DEVICE_GONE,
    NO_SUCH_DEVICE,
    Answer,
    Fate,
    Outgoing,
    Pushed,
    Refused,
    Reported,
    ReportsUnavailable,
    Sent,
)
from refi.runtime import JOBS, Runtime, TryAgain
from tests.given import Person
from tests.notifications.reminding import a_reminder, status
from tests.servicing import DUE, Desk, a_borrower, day_before


@dataclass
class Push:
    """A push provider that gives numbers and tells nothing by itself."""

    answer: Answer | None = None
    name: str = "push"
    deduplicates: bool = False
    can_ask: bool = False
    sent: list[Outgoing] = field(default_factory=list)

    def opt_out_url(self, message_id: str) -> str | None:
        return None

    async def send(self, message: Outgoing) -> Answer:
        self.sent.append(message)
        return self.answer or Sent(str(18100287001425672 + len(self.sent)))

    async def find(self, message_id: str) -> Sent | None:
        raise AssertionError("it cannot be asked by our id")


@dataclass
class Said:
    """Reports that say ``ends`` of every push, or fail."""

    ends: tuple[Fate, str | None] | None = None
    failure: Exception | None = None
    asked: list[list[Pushed]] = field(default_factory=list)

    async def fates(self, pushes: Sequence[Pushed]) -> list[Reported]:
        self.asked.append(list(pushes))
        if self.failure is not None:
            raise self.failure
        if self.ends is None:
            return []
        fate, reason = self.ends
        return [Reported(push.id, fate, reason, {"jpush_received": 1}) for push in pushes]


async def a_push(desk: Desk, person: Person, push: Push | None = None, **changed: Any) -> str:
    message_id = await a_reminder(desk, person, **{"channel": "push", "fallbacks": (), **changed})
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id, {"push": push or Push(), "sms": desk.runtime.channels["sms"]})
    return message_id


async def later(desk: Desk, age: timedelta) -> None:
    """Let ``age`` pass since the pushes were sent."""
    await desk.service.rows(
        "UPDATE messages SET sent_at = sent_at - make_interval(secs => "
        f"{age.total_seconds()}) WHERE sent_at IS NOT NULL RETURNING id"
    )


async def asked(desk: Desk, reports: Said) -> timedelta | None:
    rest = await asking_jobs.ask(desk.runtime.database, reports)
    await desk.work_off(only="message_news")
    return rest


async def devices(desk: Desk, person: Person) -> int:
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        return len(await borrowers.devices(work, person.id))


async def test_it_is_asked_about_at_every_age_and_then_no_more(desk: Desk) -> None:
    person = await a_borrower(desk, device=True)
    message_id = await a_push(desk, person)
    reports = Said()
    assert await asking_jobs.look(desk.runtime.database, reports) == 0
    for times, (before, age) in enumerate(zip((timedelta(0), *ASKED_AT), ASKED_AT, strict=False), start=1):
        await later(desk, age - before)
        assert await asking_jobs.look(desk.runtime.database, reports) == 1
        assert await asked(desk, reports) is None
        assert len(reports.asked) == times
        assert await asking_jobs.look(desk.runtime.database, reports) == 0
    [[first], *_] = reports.asked
    assert (first.id, first.to, first.provider_id) == (message_id, f"token-{person.id}", "18100287001425673")
    await later(desk, timedelta(days=20))
    assert await asking_jobs.look(desk.runtime.database, reports) == 0
    assert await status(desk, message_id) == ("sent", None)


async def test_after_an_outage_the_ages_that_were_missed_are_one(desk: Desk) -> None:
    await a_push(desk, await a_borrower(desk, device=True))
    reports = Said()
    await later(desk, timedelta(hours=3))
    await asked(desk, reports)
    await asked(desk, reports)
    assert [len(each) for each in reports.asked] == [1]
    [row] = await desk.messages()
    assert row.receipts_asked == 3


async def test_what_the_provider_has_forgotten_is_not_asked_about(desk: Desk) -> None:
    await a_push(desk, await a_borrower(desk, device=True))
    await later(desk, KEPT + timedelta(minutes=1))
    assert await asking_jobs.look(desk.runtime.database, Said()) == 0


async def test_a_receipt_is_kept_raw_and_booked_once(desk: Desk) -> None:
    person = await a_borrower(desk, device=True)
    message_id = await a_push(desk, person)
    await later(desk, ASKED_AT[0])
    reports = Said((Fate.DELIVERED, None))
    await asyncio.gather(*(asking_jobs.ask(desk.runtime.database, reports) for _ in range(4)))
    await desk.work_off(only="message_news")
    assert await status(desk, message_id) == ("delivered", None)
    [news] = await desk.service.rows("SELECT * FROM message_news")
    assert (news.source, news.message_id, news.refusal) == ("asked", message_id, None)
    assert '"jpush_received": 1' in desk.runtime.database.vault.open(news.raw_sealed)
    assert await devices(desk, person) == 1
    lines = await desk.service.rows("SELECT outcome FROM contact_log ORDER BY id")
    assert [line.outcome for line in lines] == ["allowed", "sent", "delivered"]


async def test_a_push_that_did_not_arrive_is_told_by_the_next_channel(desk: Desk) -> None:
    person = await a_borrower(desk, device=True)
    message_id = await a_push(desk, person, fallbacks=("sms",))
    await later(desk, ASKED_AT[2])
    await asked(desk, Said((Fate.UNDELIVERED, "not_received")))
    assert await status(desk, message_id) == ("undelivered", "not_received")
    assert await devices(desk, person) == 1  # it may only have been off
    [other] = await desk.service.rows("SELECT channel, status FROM messages WHERE plan_key LIKE 'follows:%'")
    assert (other.channel, other.status) == ("sms", "planned")


async def test_a_device_that_is_gone_is_removed_and_announced_once(desk: Desk) -> None:
    person = await a_borrower(desk, device=True)
    first = await a_push(desk, person)
    await later(desk, ASKED_AT[2])
    await asked(desk, Said((Fate.UNDELIVERED, DEVICE_GONE)))
    assert await status(desk, first) == ("undelivered", DEVICE_GONE)
    async with desk.runtime.database.work(SYSTEM) as work:  # another push to it comes to the same end
        assert await borrowers.forget_device(work, person.id, f"token-{person.id}", DEVICE_GONE) is None
    assert await devices(desk, person) == 0
    [event] = await desk.service.rows("SELECT subject, body FROM events WHERE type = 'DeviceGone'")
    assert event.subject.startswith("dev_")
    assert event.body == {
        "subject": event.subject,
        "borrower_id": person.id,
        "reason": DEVICE_GONE,
    }


async def test_the_device_of_somebody_else_with_the_same_token_stays(desk: Desk) -> None:
    person, other = await a_borrower(desk, device=True), await a_borrower(desk)
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.add_device(work, other.id, "android", f"token-{person.id}")
    await a_push(desk, person)
    await later(desk, ASKED_AT[2])
    await asked(desk, Said((Fate.UNDELIVERED, DEVICE_GONE)))
    assert (await devices(desk, person), await devices(desk, other)) == (0, 1)


@pytest.mark.parametrize(("platform", "left"), [("android", 0), ("harmony", 0), ("ios", 1)])
async def test_a_refusal_removes_what_it_proves_dead(desk: Desk, platform: str, left: int) -> None:
    """For an iPhone the same refusal may only mean the other of Apple's gateways."""
    person = await a_borrower(desk)
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.add_device(work, person.id, platform, "token")
    message_id = await a_push(desk, person, Push(Refused(NO_SUCH_DEVICE)))
    assert await status(desk, message_id) == ("failed", NO_SUCH_DEVICE)
    assert await devices(desk, person) == left


async def test_an_outage_leaves_everything_to_be_asked_again(desk: Desk) -> None:
    await a_push(desk, await a_borrower(desk, device=True))
    await later(desk, ASKED_AT[0])
    broken = Said(failure=ReportsUnavailable("no answer"))
    with pytest.raises(ReportsUnavailable):
        await asked(desk, broken)
    throttled = Said(failure=ReportsUnavailable("later", retry_after=23.0))
    assert await asked(desk, throttled) == timedelta(seconds=23)
    mad = Said(failure=ReportsUnavailable("much later", retry_after=1e12))
    assert await asked(desk, mad) == timedelta(hours=1)
    [row] = await desk.messages()
    assert row.receipts_asked == 0
    with pytest.raises(TryAgain):
        await JOBS["ask_receipts"](_with(desk.runtime, throttled), {})


async def test_many_schedulers_ask_for_one_job(desk: Desk) -> None:
    await a_push(desk, await a_borrower(desk, device=True))
    await later(desk, ASKED_AT[0])
    reports = Said((Fate.DELIVERED, None))
    await asyncio.gather(*(asking_jobs.look(desk.runtime.database, reports) for _ in range(5)))
    assert (await desk.queued()).count("ask_receipts") == 1


async def test_without_such_a_provider_nobody_is_asked(desk: Desk) -> None:
    await a_push(desk, await a_borrower(desk, device=True))
    await later(desk, ASKED_AT[0])
    assert desk.runtime.channels.reports is None
    assert await asking_jobs.look(desk.runtime.database, None) == 0
    assert await asking_jobs.ask(desk.runtime.database, None) is None


async def test_the_provider_of_the_settings_is_asked(desk: Desk) -> None:
    from refi.gateways.choosing import channels_of

    settings = desk.runtime.settings.model_copy(update={"push_channel": "jpush", "jpush_app_key": "k"})
    made = channels_of(settings, desk.runtime.database, desk.runtime.line)
    assert made.reports is not None
    await made.aclose()


def _with(runtime: Runtime, reports: Said) -> Runtime:
    lines = Channels()
    lines.reports = reports
    return replace(runtime, channels=lines)
