"""What a channel did not answer, refused or never saw: asked about, sent again, or final."""

from __future__ import annotations

from datetime import time

from refi.borrowers import service as borrowers
from refi.db.work import SYSTEM
from refi.ids import BorrowerId
from refi.notifications import claiming_service as claiming
from refi.notifications import jobs
from refi.notifications import sending_service as sending
from refi.notifications.channels import Refused
from refi.runtime import MESSAGE_KINDS
from tests.notifications.reminding import Deaf, Forgiving, a_reminder, asked_now, lines, status
from tests.servicing import DUE, Desk, a_borrower, a_payment, day_before


async def test_a_lost_answer_is_asked_for_and_not_sent_again(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.fault("silent")
    await desk.send(message_id)
    assert (await status(desk, message_id))[0] == "unknown"
    await asked_now(desk)
    await desk.send(message_id)
    assert await status(desk, message_id) == ("sent", None)
    [row] = await desk.messages()
    assert (row.attempts, len(await desk.inbox())) == (1, 1)


async def test_what_the_channel_never_saw_is_sent_with_todays_amount(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.fault("error", status=500)
    await desk.send(message_id)
    assert await status(desk, message_id) == ("unknown", "http_500")
    await asked_now(desk)
    await desk.send(message_id)
    assert (await status(desk, message_id))[0] == "planned"
    [row] = await desk.service.rows("SELECT loan_id FROM message_subjects")
    await a_payment(desk, row.loan_id, 8_027, day_before(DUE))
    await desk.clock_at(day_before(DUE), time(11))
    await desk.send(message_id)
    [message] = await desk.inbox()
    assert "CN¥4,000.00" in message["text"]


async def test_a_channel_that_does_not_answer_a_question_is_asked_again(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.fault("silent")
    await desk.send(message_id)
    await asked_now(desk)
    await desk.fault("error", 3, status=500)
    await desk.send(message_id)
    assert (await status(desk, message_id))[0] == "unknown"
    await asked_now(desk)
    await desk.send(message_id)
    assert (await status(desk, message_id))[0] == "sent"


async def test_with_neither_the_doubt_is_final(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.fault("error", status=500)
    deaf = lines(desk, Deaf)
    await desk.send(message_id, deaf)
    assert await status(desk, message_id) == ("unknown", "http_500")
    for _ in range(3):
        await jobs.sweep(desk.runtime.database)
        await desk.send(message_id, deaf)
    assert await status(desk, message_id) == ("unknown", "http_500")
    assert await desk.inbox() == []


async def test_one_that_deduplicates_gets_the_same_text_again(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.fault("silent")
    forgiving = lines(desk, Forgiving)
    await desk.send(message_id, forgiving)
    assert (await status(desk, message_id))[0] == "planned"
    [row] = await desk.service.rows("SELECT loan_id FROM message_subjects")
    await a_payment(desk, row.loan_id, 8_027, day_before(DUE))
    await desk.clock_at(day_before(DUE), time(11))
    await desk.send(message_id, forgiving)
    assert (await status(desk, message_id))[0] == "sent"
    [message] = await desk.inbox()
    assert "CN¥4,080.27" in message["text"]


async def test_an_outage_is_waited_out(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    await desk.fault("error", status=401)
    await desk.send(message_id)
    assert await status(desk, message_id) == ("planned", "http_401")
    await desk.send(message_id)
    assert await status(desk, message_id) == ("planned", "http_401")  # not before its pause is over
    await desk.clock_at(day_before(DUE), time(10, 1))
    await desk.send(message_id)
    assert await status(desk, message_id) == ("sent", None)


async def test_a_refusal_is_the_end(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person)
    async with desk.runtime.database.work(SYSTEM) as work:
        row = await borrowers.get(work, BorrowerId(person.id))
        row.phone_sealed = work.vault.seal("+19990000000")
    await desk.clock_at(day_before(DUE))
    await desk.send(message_id)
    assert await status(desk, message_id) == ("failed", "unreachable")


async def test_a_crash_after_the_claim_is_found_and_asked_about(desk: Desk) -> None:
    made = [await a_reminder(desk, await a_borrower(desk)) for _ in range(2)]
    await desk.clock_at(day_before(DUE))
    await desk.send(made[0])  # arrived, but say the process died before it wrote that down
    await desk.service.rows(
        "UPDATE messages SET status = 'claimed', sent_at = NULL, provider_id = NULL,"
        " ask_at = now() + interval '8 seconds' WHERE id = :id RETURNING id",
        id=made[0],
    )
    await desk.service.rows(
        "UPDATE messages SET status = 'claimed', attempts = 1, ask_at = now() + interval '8 seconds'"
        " WHERE id = :id RETURNING id",
        id=made[1],
    )
    await desk.service.rows("DELETE FROM queue.pgqueuer RETURNING id")
    assert await jobs.sweep(desk.runtime.database) == 0  # a fresh claim may still be on its way
    await asked_now(desk)
    assert await jobs.sweep(desk.runtime.database) == 2
    await desk.work_off()
    assert (await status(desk, made[0]))[0] == "sent"
    assert (await status(desk, made[1]))[0] == "planned"
    await desk.clock_at(day_before(DUE), time(11))
    await jobs.sweep(desk.runtime.database)
    await desk.work_off()
    assert (await status(desk, made[1]))[0] == "sent"
    assert sorted(message["key"] for message in await desk.inbox()) == sorted(made)


async def test_what_was_not_sent_does_not_count_against_the_cap(desk: Desk) -> None:
    person = await a_borrower(desk)
    made = [await a_reminder(desk, person) for _ in range(2)]
    await desk.clock_at(day_before(DUE))
    await desk.fault("error", status=401)
    for message_id in made:
        await desk.send(message_id)
    assert [(await status(desk, message_id))[0] for message_id in made] == ["planned", "sent"]


async def test_a_fresh_claim_is_left_alone(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    await desk.clock_at(day_before(DUE))
    async with desk.runtime.database.work(SYSTEM) as work:
        taken = await claiming.take(work, MESSAGE_KINDS, desk.runtime.channels, [message_id])
    assert [claim.id for claim in taken.claims] == [message_id]
    await desk.send(message_id)
    assert await status(desk, message_id) == ("claimed", None)
    assert await desk.inbox() == []


async def test_the_answer_to_a_claim_that_was_taken_over_changes_nothing(desk: Desk) -> None:
    message_id = await a_reminder(desk, await a_borrower(desk))
    database, lines = desk.runtime.database, desk.runtime.channels
    claims = []
    for hour in (10, 11):
        await desk.clock_at(day_before(DUE), time(hour))
        async with database.work(SYSTEM) as work:
            claims += (await claiming.take(work, MESSAGE_KINDS, lines, [message_id])).claims
        if hour == 10:
            await asked_now(desk)
            await desk.send(message_id)
            assert (await status(desk, message_id))[0] == "planned"
    for claim, outcome in ((claims[0], "claimed"), (claims[1], "failed"), (claims[0], "failed")):
        async with database.work(SYSTEM) as work:
            await sending.record(work, [(claim, Refused("late"))], lines)
        assert (await status(desk, message_id))[0] == outcome
