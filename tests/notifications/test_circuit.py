"""A provider that is down behind an open circuit: nothing is lost, nothing is sent twice."""

from __future__ import annotations

from datetime import time

from refi.gateways.breaker import Tolerance
from refi.gateways.guarded import Guarded
from tests.notifications.reminding import Deaf, a_reminder
from tests.servicing import DUE, Desk, a_borrower, day_before


async def test_an_open_circuit_puts_off_and_loses_nothing(desk: Desk) -> None:
    """A deaf channel (no deduplication, no asking): what was not called is sent later, once."""
    now = [0.0]
    sms = Guarded(Deaf(desk.runtime.line, "sms"), Tolerance(failures=2, rest=30.0), lambda: now[0])
    made = [await a_reminder(desk, await a_borrower(desk)) for _ in range(6)]
    await desk.clock_at(day_before(DUE))
    await desk.fault("error", 2, status=401)
    for message_id in made:
        await desk.send(message_id, {"sms": sms})
    assert sms.state == "open"
    rows = await desk.messages()
    assert [row.reason for row in rows] == ["http_401"] * 2 + ["circuit_open"] * 4
    assert {row.status for row in rows} == {"planned"}
    assert all((row.not_before - row.contacted_at).total_seconds() >= 30 for row in rows[2:])
    now[0] = 30.0
    await desk.clock_at(day_before(DUE), time(10, 5))
    for message_id in made:
        await desk.send(message_id, {"sms": sms})
    assert {row.status for row in await desk.messages()} == {"sent"}
    assert sorted(letter["key"] for letter in await desk.inbox()) == sorted(made)
    assert sms.state == "closed"
