"""The app's inbox: once per message, read by its borrower alone; and e-mail only to a proved address."""

from __future__ import annotations

import asyncio

import pytest

from refi.borrowers.tables import EmailAddress
from refi.db.work import SYSTEM
from refi.gateways.in_app import InApp
from refi.notifications.channels import Channel, ChannelUnavailable, Sent, Unknown
from refi.runtime import build
from refi.settings import read
from tests.gateways.given import outgoing
from tests.given import Person
from tests.notifications.reminding import a_reminder, status
from tests.servicing import DUE, Desk, a_borrower, day_before


async def in_the_inbox(desk: Desk, person: Person) -> str:
    message_id = await a_reminder(desk, person, channel="inbox")
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    return message_id


async def with_email(desk: Desk, person: Person, *, proved: bool) -> None:
    async with desk.runtime.database.work(SYSTEM) as work:
        row = EmailAddress(
            borrower_id=person.id,
            email_sealed=work.vault.seal("wang@example.com"),
            verified_at=work.wall if proved else None,
            asked_at=work.wall,
            tries=0,
        )
        work.session.add(row)


async def test_a_message_is_read_in_the_app(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await in_the_inbox(desk, person)
    assert await desk.inbox() == []  # it left the service by no provider
    [shown] = (await desk.service.get("/v1/messages", who=person)).json()["data"]
    assert (shown["channel"], shown["status"], shown["read_at"]) == ("inbox", "sent", None)
    assert (shown["subject"], shown["to"]) == ("A payment is due tomorrow", None)
    assert "CN¥4,080.27 is due tomorrow" in shown["text"]
    for _ in range(2):
        answer = await desk.service.post(f"/v1/messages/{message_id}/read", who=person)
        assert (answer.status_code, answer.json()["status"]) == (200, "delivered")
    assert answer.json()["read_at"].endswith("Z")


async def test_only_its_borrower_reads_it(desk: Desk) -> None:
    message_id = await in_the_inbox(desk, await a_borrower(desk))
    other = await a_borrower(desk)
    answers = [await desk.service.post(f"/v1/messages/{message_id}/read", who=other)]
    sms = await a_reminder(desk, other)
    for unreadable in (sms, "msg_00000000000000000000000000", "loan_1", "%00"):
        answers += [await desk.service.post(f"/v1/messages/{unreadable}/read", who=other)]
    assert [answer.status_code for answer in answers] == [404] * 5
    assert await status(desk, message_id) == ("sent", None)


async def test_the_channel_keeps_a_message_once_and_can_be_asked(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person)
    channel: Channel = InApp(desk.runtime.database)
    assert (channel.name, channel.deduplicates, channel.can_ask) == ("inbox", True, True)
    assert await channel.find(message_id) is None
    message = outgoing(message_id, to=person.id)
    assert set(await asyncio.gather(*(channel.send(message) for _ in range(8)))) == {Sent(message_id)}
    assert await channel.find(message_id) == Sent(message_id)
    [row] = await desk.service.rows("SELECT count(*) FROM inbox_entries")
    assert row[0] == 1


async def test_a_database_that_is_away_leaves_doubt() -> None:
    nowhere = build(read(database_url="postgresql+asyncpg://nobody@127.0.0.1:1/none"))
    channel = InApp(nowhere.database)
    assert isinstance(await channel.send(outgoing(to="bor_1")), Unknown)
    with pytest.raises(ChannelUnavailable):
        await channel.find("msg_1")
    await nowhere.close()


@pytest.mark.parametrize(("proved", "channel"), [(True, "email"), (False, "inbox"), (None, "inbox")])
async def test_debts_are_told_to_a_proved_address_only(desk: Desk, proved: bool | None, channel: str) -> None:
    person = await a_borrower(desk)
    if proved is not None:
        await with_email(desk, person, proved=proved)
    message_id = await a_reminder(desk, person, channel="email", fallbacks=("inbox",))
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    [shown] = (await desk.service.get("/v1/messages", who=person)).json()["data"]
    assert (shown["channel"], shown["status"]) == (channel, "sent")
    assert [letter["to"] for letter in await desk.inbox()] == (["wang@example.com"] if proved else [])
    if proved:
        assert (await desk.inbox())[0]["subject"] == "Refi: a notice about your account"


@pytest.mark.parametrize(("wanted", "taken"), [("push", "sms"), ("email", "inbox")])
async def test_a_channel_that_is_off_misses_nobody(desk: Desk, wanted: str, taken: str) -> None:
    person = await a_borrower(desk, device=True)
    await with_email(desk, person, proved=True)
    message_id = await a_reminder(desk, person, channel=wanted, fallbacks=(taken,))
    await desk.clock_at(day_before(DUE))
    await desk.send(
        message_id, {name: line for name, line in desk.runtime.channels.items() if name != wanted}
    )
    [shown] = (await desk.service.get("/v1/messages", who=person)).json()["data"]
    assert (shown["channel"], shown["status"]) == (taken, "sent")
