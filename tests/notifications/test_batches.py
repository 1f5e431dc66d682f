"""A batch of messages is claimed and recorded together, and ends as if each had been sent alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from refi.db.availability import DatabaseUnavailable
from refi.db.work import SYSTEM, Database, Work
from refi.errors import Unavailable
from refi.gateways.messages_http import MessagesHttp
from refi.notifications import claiming_service as claiming
from refi.notifications import jobs, service
from refi.notifications.channels import Answer, Outgoing, Sent, Unknown
from refi.runtime import MESSAGE_KINDS
from tests.notifications.reminding import a_reminder, asked_now, status
from tests.servicing import DUE, Desk, a_borrower, a_desk, a_payment, day_before


async def reminders(desk: Desk, count: int, **changed: Any) -> list[str]:
    """So many reminders, each of a borrower of its own, at the hour when they are sent."""
    made = [await a_reminder(desk, await a_borrower(desk), **changed) for _ in range(count)]
    await desk.clock_at(day_before(DUE))
    return made


async def ends(desk: Desk, message_ids: list[str]) -> list[tuple[str, str | None]]:
    return [await status(desk, message_id) for message_id in message_ids]


class Spoiled(MessagesHttp):
    """A channel with a mistake in it that shows for one message."""

    spoils = ""

    async def send(self, message: Outgoing) -> Answer:
        if message.id == self.spoils:
            raise ValueError("cannot be said")
        return await super().send(message)


@dataclass(frozen=True)
class Away(Database):
    """A database that does not answer at first, as often as something stands in ``refuses``."""

    refuses: list[None] = field(default_factory=list)

    @asynccontextmanager
    async def work(self, *given: Any, **named: Any) -> AsyncIterator[Work]:
        if self.refuses:
            self.refuses.pop()
            raise DatabaseUnavailable("away")
        async with super().work(*given, **named) as work:
            yield work


def spoiled(desk: Desk, message_id: str) -> Mapping[str, MessagesHttp]:
    line = Spoiled(desk.runtime.line, "sms")
    line.spoils = message_id
    return {"sms": line}


async def test_each_of_a_batch_is_sent_once_in_two_transactions(desk: Desk) -> None:
    made = await reminders(desk, 5)
    await desk.send_all([*made, *made])
    assert await ends(desk, made) == [("sent", None)] * 5
    assert sorted(message["key"] for message in await desk.inbox()) == sorted(made)
    entries = await desk.service.rows(
        "SELECT outcome, count(*), count(DISTINCT xmin::text) FROM contact_log GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row) for row in entries] == [("allowed", 5, 1), ("sent", 5, 1)]


async def test_the_first_of_a_borrower_counts_against_the_others_of_its_batch(desk: Desk) -> None:
    person, other = await a_borrower(desk), await a_borrower(desk)
    made = [await a_reminder(desk, each, lapses_on=None) for each in (person, person, other, person)]
    await desk.clock_at(day_before(DUE))
    await desk.send_all(made)
    capped = ("planned", "sms_push_per_day")
    assert await ends(desk, made) == [("sent", None), capped, ("sent", None), capped]
    assert len(await desk.inbox()) == 2


async def test_what_one_transaction_allowed_is_the_same_as_one_after_the_other(desk: Desk) -> None:
    paid, held, told = await reminders(desk, 3)
    [row] = await desk.service.rows("SELECT loan_id FROM message_subjects WHERE message_id = :id", id=paid)
    await a_payment(desk, row.loan_id, 408_027, day_before(DUE))
    await desk.service.rows("UPDATE messages SET lapses_on = planned_on WHERE id = :id RETURNING id", id=held)
    await desk.send_all([told, held, paid])
    assert await ends(desk, [paid, held, told]) == [
        ("skipped", "paid"),
        ("skipped", "lapsed"),
        ("sent", None),
    ]


async def test_poison_is_found_in_its_batch_and_holds_up_nobody(desk: Desk) -> None:
    made = await reminders(desk, 7)
    await desk.service.rows(
        "UPDATE messages SET template = 'no_such', failures = 4 WHERE id = :id RETURNING id", id=made[2]
    )
    await desk.send_all(made)
    found = await ends(desk, made)
    assert found[2][0] == "parked"
    assert [one for number, one in enumerate(found) if number != 2] == [("sent", None)] * 6
    assert len(await desk.inbox()) == 6


async def test_a_mistake_while_sending_one_is_counted_on_that_one(desk: Desk) -> None:
    made = await reminders(desk, 4)
    await desk.send_all(made, spoiled(desk, made[1]))
    assert await ends(desk, made) == [
        ("sent", None), ("claimed", "ValueError: cannot be said"), ("sent", None), ("sent", None),
    ]  # fmt: skip
    await asked_now(desk)
    await desk.send_all(made)
    assert (await status(desk, made[1]))[0] == "planned"  # the channel never saw it


async def test_an_answer_that_cannot_be_recorded_is_counted_on_its_message(desk: Desk) -> None:
    made = await reminders(desk, 4)
    await desk.service.rows(
        "UPDATE messages SET plan_key = repeat('k', 200), stage = 'T-1' WHERE id = :id RETURNING id",
        id=made[3],
    )
    async with desk.runtime.database.work(SYSTEM) as work:
        taken = await claiming.take(work, MESSAGE_KINDS, desk.runtime.channels, made)

    class Wordy(MessagesHttp):
        async def send(self, message: Outgoing) -> Answer:
            return Sent("p" * 101) if message.id == made[3] else await super().send(message)

    wordy = {"sms": Wordy(desk.runtime.line, "sms")}
    await jobs.deliver(desk.runtime.database, wordy, MESSAGE_KINDS, taken.claims)
    assert [one[0] for one in await ends(desk, made)] == ["sent"] * 3 + ["claimed"]
    [row] = await desk.service.rows("SELECT failures FROM messages WHERE id = :id", id=made[3])
    assert row.failures == 1


async def test_kinds_are_claimed_one_after_the_other(desk: Desk) -> None:
    [reminder] = await reminders(desk, 1)
    for phone in ("13900001234", "13900005678"):
        await desk.service.http.post("/v1/auth/otp", json={"phone": phone})
    await desk.work_off(only="event")
    made = [row.id for row in await desk.messages()]
    async with desk.runtime.database.work(SYSTEM, rehearsing=True) as work:
        taken = await claiming.take(work, MESSAGE_KINDS, desk.runtime.channels, made)
        assert [claim.id for claim in taken.claims] == [reminder]
        assert taken.left == made[1:]
    await desk.send_all(made)
    assert await ends(desk, made) == [("sent", None)] * 3


async def test_answers_that_come_late_hold_up_no_others(desk: Desk) -> None:
    made = await reminders(desk, 3)

    class Slow(MessagesHttp):
        async def send(self, message: Outgoing) -> Answer:
            if message.id != made[0]:
                return await super().send(message)
            for _ in range(100):
                if await ends(desk, made[1:]) == [("sent", None)] * 2:
                    return Unknown("the others were recorded")
                await asyncio.sleep(0.1)
            return Unknown("the others waited")

    await desk.send_all(made, {"sms": Slow(desk.runtime.line, "sms")})
    assert await status(desk, made[0]) == ("unknown", "the others were recorded")


async def test_what_failed_by_an_outage_is_tried_again_together(desk: Desk) -> None:
    made = await reminders(desk, 3)
    await desk.service.rows("DELETE FROM queue.pgqueuer RETURNING id")
    await desk.fault("error", 3, status=401)
    await desk.send_all(made)
    assert await ends(desk, made) == [("planned", "http_401")] * 3
    assert await desk.queued() == ["send_messages"]


async def test_an_old_claim_of_a_batch_is_asked_for_again_alone(desk: Desk) -> None:
    made = await reminders(desk, 3)
    async with desk.runtime.database.work(SYSTEM) as work:
        claims = (await claiming.take(work, MESSAGE_KINDS, desk.runtime.channels, made)).claims
    [row] = await desk.service.rows("SELECT loan_id FROM message_subjects WHERE message_id = :id", id=made[0])
    await a_payment(desk, row.loan_id, 408_027, day_before(DUE))
    aged = [replace(claim, at=claim.at - timedelta(seconds=11)) for claim in claims[:2]]
    await jobs.deliver(desk.runtime.database, desk.runtime.channels, MESSAGE_KINDS, [*aged, claims[2]])
    assert await ends(desk, made) == [("skipped", "paid"), ("sent", None), ("sent", None)]
    attempts = await desk.service.rows("SELECT attempts FROM messages ORDER BY id")
    assert [row.attempts for row in attempts] == [1, 2, 1]


async def test_a_database_that_is_away_for_a_moment_loses_no_answer(desk: Desk) -> None:
    made = await reminders(desk, 2)
    async with desk.runtime.database.work(SYSTEM) as work:
        claims = (await claiming.take(work, MESSAGE_KINDS, desk.runtime.channels, made)).claims

    away = Away(**{each.name: getattr(desk.runtime.database, each.name) for each in fields(Database)})
    away.refuses.extend([None] * 2)
    await jobs.deliver(away, desk.runtime.channels, MESSAGE_KINDS, claims)
    assert await ends(desk, made) == [("sent", None)] * 2
    assert not away.refuses


async def test_overlapping_batches_and_payments_wait_for_no_ring(database_url: str, tmp_path: Path) -> None:
    """Batches of the same borrowers in every order, with payments in between: no deadlock, each at most once,
    and nobody is told who had paid before."""
    async with a_desk(database_url, tmp_path, pool_size=11) as desk:
        people = [await a_borrower(desk) for _ in range(6)]
        made = [await a_reminder(desk, people[n % 6], lapses_on=None) for n in range(18)]
        rows = await desk.service.rows("SELECT loan_id FROM message_subjects ORDER BY loan_id DESC")
        await desk.clock_at(day_before(DUE))
        before = await deadlocks(database_url)
        batches = [made[n % 6 : n % 6 + 9][:: 1 if n % 2 else -1] for n in range(9)]
        await asyncio.gather(
            *(desk.send_all(batch) for batch in batches),
            *(a_payment(desk, row.loan_id, 408_027, day_before(DUE)) for row in rows),
        )
        keys = [message["key"] for message in await desk.inbox()]
        assert len(keys) == len(set(keys))
        assert len({message["to"] for message in await desk.inbox()}) == len(keys)  # one a day for each
        assert await deadlocks(database_url) == before


async def deadlocks(url: str) -> int:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        return int(
            await connection.fetchval(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            )
        )
    finally:
        await connection.close()


async def test_a_batch_waits_while_the_database_is_away_and_nothing_is_claimed(desk: Desk) -> None:
    made = await reminders(desk, 2)
    [row] = await desk.service.rows("SELECT loan_id FROM message_subjects WHERE message_id = :id", id=made[1])
    async with desk.runtime.database.work(SYSTEM) as posting:
        await (await posting.raw()).execute("SELECT 1 FROM loans WHERE id = $1 FOR UPDATE", row.loan_id)
        claiming_both = asyncio.create_task(desk.send_all(made))
        await asyncio.sleep(0.2)
        await desk.service.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        with pytest.raises(Unavailable):
            await claiming_both
    assert await ends(desk, made) == [("planned", None)] * 2
    assert await desk.inbox() == []


async def test_bulk_lets_single_messages_go_first(desk: Desk) -> None:
    await reminders(desk, 1)
    async with desk.runtime.database.work(SYSTEM) as work:
        service.send_each_at(work, {"msg_1": work.now, "msg_2": work.now})
    await desk.service.http.post("/v1/auth/otp", json={"phone": "13900001234"})
    rows = await desk.service.rows(
        "SELECT entrypoint, priority FROM queue.pgqueuer ORDER BY priority DESC, id"
    )
    assert [row.entrypoint for row in rows if row.priority == 0] == ["send_message", "event"]
    assert [row.entrypoint for row in rows if row.priority < 0] == ["send_messages"]


async def test_a_question_is_asked_when_it_may_be_and_not_a_moment_before(desk: Desk) -> None:
    """The queue counts delays from the beginning of a transaction, the question from a clock read in it."""
    [message_id] = await reminders(desk, 1)
    await desk.service.rows("DELETE FROM queue.pgqueuer RETURNING id")
    await desk.fault("silent")
    await desk.send(message_id)
    [waits] = await desk.service.rows(
        "SELECT q.execute_after >= m.ask_at AS long_enough, q.execute_after - m.ask_at AS over"
        " FROM queue.pgqueuer q, messages m WHERE q.entrypoint = 'send_message'"
    )
    assert waits.long_enough
    assert waits.over < timedelta(seconds=1)


async def test_a_question_that_came_too_early_is_put_once_more(desk: Desk) -> None:
    [message_id] = await reminders(desk, 1)
    await desk.fault("silent")
    await desk.send(message_id)
    await desk.service.rows("DELETE FROM queue.pgqueuer RETURNING id")
    await desk.send(message_id)
    assert (await status(desk, message_id))[0] == "unknown"
    assert await desk.queued() == ["send_message"]
    await asked_now(desk)
    await desk.send(message_id)
    assert await status(desk, message_id) == ("sent", None)
