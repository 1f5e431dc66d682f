"""The borrower takes the signature back before the payoff was ordered."""

from __future__ import annotations

import asyncio
from typing import Any

from tests import given
from tests.given import Person
from tests.servicing import Desk


async def signed(desk: Desk) -> tuple[Person, str]:
    """A borrower whose loan waits for its payoff, which nobody has ordered yet."""
    person = await given.a_card_holder(desk.service)
    body = {"statement": person.statement, "term": 3}
    application = (await desk.service.post("/v1/applications", body, who=person)).json()
    offer = application["offers"][0]
    answer = await desk.service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
    )
    return person, answer.json()["id"]


async def withdraw(desk: Desk, person: Person, loan_id: str) -> Any:
    return await desk.service.post(f"/v1/loans/{loan_id}/cancel", who=person)


async def payouts(desk: Desk) -> list[tuple[str, str, str | None]]:
    rows = await desk.service.rows("SELECT status, call, reason FROM payouts")
    return [(row.status, row.call, row.reason) for row in rows]


async def test_nothing_is_ordered_and_nothing_is_owed(desk: Desk) -> None:
    person, loan_id = await signed(desk)
    other = await given.a_borrower(desk.service)
    assert (await withdraw(desk, other, loan_id)).status_code == 404
    answer = await withdraw(desk, person, loan_id)
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled"), answer.text
    await desk.work_off(only="send_order")
    assert await payouts(desk) == [("failed", "refused", "withdrawn")]
    assert await desk.service.rows("SELECT id FROM movements") == []
    plan = await desk.service.get(f"/v1/loans/{loan_id}/schedule", who=person)
    assert plan.json() == {"data": [], "dates_fixed": False}
    again = await withdraw(desk, person, loan_id)
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    card = {"card": person.card}
    anew = await desk.service.post(f"/v1/loans/{loan_id}/payouts", card, who=person)
    assert (anew.status_code, anew.json()["why"]) == (409, "called_off")


async def test_withdrawing_and_ordering_at_once_is_one_of_them(desk: Desk) -> None:
    for _ in range(4):
        person, loan_id = await signed(desk)
        answer, _ = await asyncio.gather(withdraw(desk, person, loan_id), desk.work_off(only="send_order"))
        found = (await desk.service.rows("SELECT * FROM payouts WHERE loan_id = :id", id=loan_id))[0]
        known = await desk.runtime.processor.find(found.id)
        if answer.status_code == 200:
            assert (found.status, known) == ("failed", None)
        else:
            assert answer.json()["code"] == "invalid_transition"
            assert found.status != "planned"
