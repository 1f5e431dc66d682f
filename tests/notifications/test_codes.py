"""One-time codes: to whom, when, once, and never shown."""

from __future__ import annotations

import re
from datetime import time

from refi.borrowers import service as borrowers
from refi.db.work import SYSTEM
from tests.books import ON
from tests.notifications.reminding import PHONE
from tests.servicing import Desk, a_borrower


async def test_a_code_reaches_an_unknown_phone_and_is_never_shown(desk: Desk) -> None:
    answer = await desk.service.http.post("/v1/auth/otp", json={"phone": PHONE})
    assert answer.status_code == 202
    assert await desk.work_off() == ["event", "send_message"]
    [message] = await desk.inbox()
    assert (message["to"], message["channel"], message["template"]) == ("+86" + PHONE, "sms", "one_time_code")
    [code] = re.findall(r"[0-9]{6}", message["text"])
    signed_in = await desk.service.http.post("/v1/auth/token", json={"phone": PHONE, "code": code})
    assert signed_in.status_code == 200, signed_in.text
    [row] = await desk.messages()
    assert (row.status, row.borrower_id, row.gate) == ("sent", None, "one_time_code")
    assert code not in row.text_sealed


async def test_a_code_at_night_for_a_known_phone(desk: Desk) -> None:
    person = await a_borrower(desk)
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        phone = work.vault.open((await borrowers.get(work, person.id)).phone_sealed)
    await desk.clock_at(ON, time(3))
    await desk.service.http.post("/v1/auth/otp", json={"phone": phone})
    await desk.work_off()
    [message] = await desk.inbox()
    assert message["text"].startswith("Refi: your code is ")
    listed = (await desk.service.get("/v1/messages", who=person)).json()["data"]
    assert [(m["template"], m["channel"], m["status"], m["text"]) for m in listed] == [
        ("one_time_code", "sms", "sent", None)
    ]
    assert listed[0]["to"] == phone[:6] + "****" + phone[-4:]
    assert listed[0]["sent_at"].endswith("Z")


async def test_the_code_of_one_event_is_sent_once(desk: Desk) -> None:
    await desk.service.http.post("/v1/auth/otp", json={"phone": PHONE})
    [job] = await desk.service.rows("SELECT payload FROM queue.pgqueuer")
    await desk.work_off()
    await desk.service.rows(
        "INSERT INTO queue.pgqueuer (priority, status, entrypoint, payload)"
        " VALUES (0, 'queued', 'event', :payload) RETURNING id",
        payload=job.payload,
    )
    await desk.work_off()
    assert len(await desk.inbox()) == 1


async def test_an_old_code_is_not_sent(desk: Desk) -> None:
    await desk.service.http.post("/v1/auth/otp", json={"phone": PHONE})
    await desk.work_off(only="event")
    await desk.service.rows("UPDATE messages SET expires_at = expires_at - interval '5 minutes' RETURNING id")
    await desk.work_off()
    assert [(row.status, row.reason) for row in await desk.messages()] == [("skipped", "lapsed")]
    assert await desk.inbox() == []


async def test_codes_are_given_up(desk: Desk) -> None:
    await desk.service.http.post("/v1/auth/otp", json={"phone": PHONE})
    await desk.work_off(only="event")
    [row] = await desk.messages()
    await desk.fault("error", 99, status=401)
    for _ in range(6):
        await desk.service.rows("UPDATE messages SET not_before = created_at RETURNING id")
        await desk.send(row.id)
    [row] = await desk.messages()
    assert (row.status, row.reason, row.attempts) == ("failed", "http_401", 6)
