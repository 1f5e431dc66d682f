"""Claims under stress: grown old, at twenty workers, by another channel, failing on our side, followed up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from refi.borrowers import service as borrowers
from refi.db.work import SYSTEM
from refi.gateways.messages_http import MessagesHttp
from refi.ids import MessageId
from refi.notifications import claiming_service as claiming
from refi.notifications import jobs, parking_service, service, switching_service
from refi.notifications.channels import Answer, Outgoing
from refi.notifications.messages import Claim, Gate, MessageStatus
from refi.notifications.tables import Message
from refi.policies import Contact
from refi.runtime import MESSAGE_KINDS
from tests.books import SHANGHAI
from tests.servicing import DUE, Desk, a_borrower, a_desk, a_loan, a_payment, day_before


async def a_reminder(desk: Desk, person: Any, **changed: Any) -> str:
    """A reminder of the installment due on 22 December, for ten on the day before."""
    loan_id = await a_loan(desk, person)
    fields: dict[str, Any] = {
        "key": f"{loan_id}:1", "kind": "installment_reminder", "template": "due_tomorrow",
        "gate": Gate.REMINDER, "channel": "sms", "locale": "en", "borrower_id": person.id, "stage": "T-1",
        "not_before": datetime.combine(day_before(DUE), time(10), SHANGHAI), "lapses_on": None,
        "about": (service.About(loan_id, 1, DUE),), **changed,
    }  # fmt: skip
    async with desk.runtime.database.work(SYSTEM) as work:
        [message_id] = await service.plan(work, [service.Plan(**fields)])
    return message_id


async def row_of(desk: Desk, message_id: str) -> Any:
    [row] = await desk.service.rows("SELECT * FROM messages WHERE id = :id", id=message_id)
    return row


async def claimed(desk: Desk, message_id: str) -> Claim:
    async with desk.runtime.database.work(SYSTEM) as work:
        taken = await claiming.take(work, MESSAGE_KINDS, desk.runtime.channels, [message_id])
    [claim] = taken.claims
    return claim


async def deliver(desk: Desk, claim: Claim) -> None:
    await jobs.deliver(desk.runtime.database, desk.runtime.channels, MESSAGE_KINDS, [claim])


def aged(claim: Claim, seconds: float) -> Claim:
    return replace(claim, at=claim.at - timedelta(seconds=seconds))


async def test_a_claim_that_grew_old_is_asked_for_again(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    claim = await claimed(desk, message_id)
    [about] = await desk.service.rows("SELECT loan_id FROM message_subjects")
    await a_payment(desk, about.loan_id, 408_027, day_before(DUE))
    await deliver(desk, aged(claim, 11))
    row = await row_of(desk, message_id)
    assert (row.status, row.reason, row.contacted_at) == ("skipped", "paid", None)
    assert await desk.inbox() == []


async def test_an_old_claim_that_is_still_right_is_sent_with_todays_amount(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    claim = await claimed(desk, message_id)
    [about] = await desk.service.rows("SELECT loan_id FROM message_subjects")
    await a_payment(desk, about.loan_id, 8_027, day_before(DUE))
    await deliver(desk, aged(claim, 11))
    row = await row_of(desk, message_id)
    assert (row.status, row.attempts) == ("sent", 2)
    [message] = await desk.inbox()
    assert "4,000.00" in message["text"]


async def test_a_fresh_claim_is_sent_as_it_is(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await deliver(desk, aged(await claimed(desk, message_id), 9))
    assert (await row_of(desk, message_id)).attempts == 1


async def test_an_old_claim_that_another_worker_took_over_is_nobodys(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    claim = await claimed(desk, message_id)
    await desk.service.rows("UPDATE messages SET attempts = 2 RETURNING id")
    await deliver(desk, aged(claim, 11))
    assert await desk.inbox() == []
    assert (await row_of(desk, message_id)).status == "claimed"


async def test_twenty_workers_at_a_cap_of_three_send_never_four(database_url: str, tmp_path: Path) -> None:
    """Twenty connections claim twenty messages of one borrower at the same instant; four a day are allowed
    by the daily cap, three by the weekly one."""
    async with a_desk(database_url, tmp_path, pool_size=11) as desk:
        policy = desk.runtime.database.policy
        contact: Contact = policy.contact.model_copy(update={"sms_push_per_day": 4, "sms_push_per_week": 3})
        database = replace(desk.runtime.database, policy=policy.model_copy(update={"contact": contact}))
        person = await a_borrower(desk, device=True)
        made = [await a_reminder(desk, person, channel=("sms", "push")[n % 2]) for n in range(20)]
        await desk.clock_at(day_before(DUE))
        await asyncio.gather(
            *(jobs.send_messages(database, desk.runtime.channels, MESSAGE_KINDS, [one]) for one in made)
        )
        rows = [await row_of(desk, message_id) for message_id in made]
        assert sorted(row.status for row in rows) == ["planned"] * 17 + ["sent"] * 3
        assert {row.reason for row in rows if row.status == "planned"} == {"sms_push_per_week"}
        assert len(await desk.inbox()) == 3


async def test_a_channel_that_reaches_nobody_gives_way_to_the_next(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk), channel="push", fallbacks=("sms", "inbox"))
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    row = await row_of(desk, message_id)
    assert (row.status, row.channel, row.fallbacks) == ("sent", "sms", "inbox")
    subjects = await desk.service.rows("SELECT channel FROM message_subjects ORDER BY channel")
    assert [subject.channel for subject in subjects] == ["push", "sms"]


async def test_with_no_channel_left_nothing_is_sent(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk), channel="push", fallbacks=())
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    row = await row_of(desk, message_id)
    assert (row.status, row.reason) == ("skipped", "no_channel")


async def test_a_channel_that_told_it_already_is_not_taken_again(desk: Desk) -> None:
    person = await a_borrower(desk)
    first = await a_reminder(desk, person)
    [about] = await desk.service.rows("SELECT loan_id FROM message_subjects")
    wish = service.Plan(
        key="again", kind="installment_reminder", template="due_tomorrow", gate=Gate.REMINDER, channel="push",
        fallbacks=("sms",), locale="en", borrower_id=person.id, stage="T-1",
        about=(service.About(about.loan_id, 1, DUE),),
    )  # fmt: skip
    async with desk.runtime.database.work(SYSTEM) as work:
        [second] = await service.write(work, [wish])
    await desk.clock_at(day_before(DUE))
    await desk.send(first)
    await desk.clock_at(DUE)
    await desk.send(second)
    row = await row_of(desk, second)
    assert (row.status, row.reason) == ("skipped", "no_channel")
    assert len(await desk.inbox()) == 1


class Broken(MessagesHttp):
    """A channel with a mistake in it."""

    async def send(self, message: Outgoing) -> Answer:
        raise ValueError("cannot be said")


async def test_a_message_that_cannot_be_made_is_parked_and_holds_up_nobody(desk: Desk) -> None:
    poison, other = [await a_reminder(desk, await a_borrower(desk)) for _ in range(2)]
    await desk.service.rows("UPDATE messages SET template = 'no_such' WHERE id = :id RETURNING id", id=poison)
    for hour in range(10, 16):
        await desk.clock_at(day_before(DUE), time(hour))
        await jobs.send_messages(desk.runtime.database, desk.runtime.channels, MESSAGE_KINDS, [poison, other])
    row = await row_of(desk, poison)
    assert (row.status, row.failures, row.attempts) == ("parked", 5, 0)
    assert "there is no template no_such" in row.reason
    assert (await row_of(desk, other)).status == "sent"
    await desk.service.rows("DELETE FROM queue.pgqueuer RETURNING id")
    assert await jobs.sweep(desk.runtime.database) == 0
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        assert await parking_service.count(work) == 1
        assert [one.id for one in await parking_service.parked(work, limit=5)] == [poison]


async def test_what_was_mended_is_sent_after_all(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.service.rows("UPDATE messages SET template = 'no_such', failures = 4 RETURNING id")
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    assert (await row_of(desk, message_id)).status == "parked"
    await desk.service.rows("UPDATE messages SET template = 'due_tomorrow' RETURNING id")
    async with desk.runtime.database.work(SYSTEM) as work:
        await parking_service.retry(work, MessageId(message_id))
    await desk.work_off(only="send_message")
    assert (await row_of(desk, message_id)).status == "sent"
    async with desk.runtime.database.work(SYSTEM) as work:
        with pytest.raises(parking_service.NotParked):
            await parking_service.retry(work, MessageId(message_id))


async def test_what_may_have_been_sent_is_asked_about_before_it_is_tried_again(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.service.rows("UPDATE messages SET failures = 4 RETURNING id")
    broken = {name: Broken(desk.runtime.line, name) for name in ("sms", "push")}
    await desk.send(message_id, broken)
    row = await row_of(desk, message_id)
    assert (row.status, row.reason) == ("parked", "ValueError: cannot be said")
    assert row.contacted_at is not None
    async with desk.runtime.database.work(SYSTEM) as work:
        await parking_service.retry(work, MessageId(message_id))
    await desk.send(message_id)  # asks: the channel never saw it
    assert (await row_of(desk, message_id)).status == "planned"
    await desk.clock_at(day_before(DUE), time(11))
    await desk.send(message_id)
    assert (await row_of(desk, message_id)).status == "sent"
    assert len(await desk.inbox()) == 1


async def followed(desk: Desk, message_id: str) -> str | None:
    async with desk.runtime.database.work(SYSTEM) as work:
        row: Message = await service.locked(work, MessageId(message_id))
        row.status = MessageStatus.UNDELIVERED
        return await switching_service.follow_up(work, row)


async def test_a_bounce_is_told_by_the_next_channel_once(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person, channel="push", fallbacks=("sms", "inbox"))
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.add_device(work, person.id, "ios", "token-1")
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    second = await followed(desk, message_id)
    assert second is not None
    row = await row_of(desk, second)
    assert (row.channel, row.fallbacks, row.stage, row.template) == ("sms", "inbox", "T-1", "due_tomorrow")
    assert await followed(desk, message_id) is None
    await desk.send(second)
    assert (await row_of(desk, second)).status == "sent"  # what bounced does not count against the caps
    third = await followed(desk, second)
    assert third is not None
    assert (await row_of(desk, third)).channel == "inbox"
    assert await followed(desk, third) is None


async def test_without_a_list_of_its_own_the_policys_channels_follow(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    channels = []
    following: str | None = message_id
    while following := await followed(desk, following):
        channels.append((await row_of(desk, following)).channel)
    assert channels == list(desk.runtime.database.policy.messages.instead["sms"])


async def test_codes_are_not_followed_up(desk: Desk) -> None:
    await desk.service.http.post("/v1/auth/otp", json={"phone": "13900001234"})
    await desk.work_off()
    [row] = await desk.messages()
    assert await followed(desk, row.id) is None


async def test_many_are_woken_fifty_a_job_and_none_while_workers_are_behind(desk: Desk) -> None:
    person = await a_borrower(desk)
    wish = service.Plan(
        key="k", kind="installment_reminder", template="due_tomorrow", gate=Gate.REMINDER, channel="sms",
        locale="en", borrower_id=person.id, stage="T-1",
    )  # fmt: skip
    database = desk.runtime.database
    async with database.work(SYSTEM) as work:
        assert len(await service.plan(work, [replace(wish, key=f"k{n}") for n in range(250)])) == 250
    assert await desk.queued() == ["send_messages"] * 5
    await desk.service.rows("DELETE FROM queue.pgqueuer RETURNING id")
    for _ in range(2):  # asked for twice, they wait once
        async with database.work(SYSTEM) as work:
            assert await service.wake(work) == 250
        assert await desk.queued() == ["send_messages"] * 5
    await desk.service.rows(
        "INSERT INTO queue.pgqueuer (priority, status, entrypoint)"
        " SELECT 0, 'queued', 'send_message' FROM generate_series(1, 50) RETURNING id"
    )
    async with database.work(SYSTEM) as work:
        assert await service.wake(work) == 0
