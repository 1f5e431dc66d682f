"""Promises: what may be promised, what becomes of it on its day, and what the books and Python say alike."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi import policies
from refi.collections import jobs, promise_service, promises
from refi.collections.promises import MOVES, PromiseDateRefused, PromiseStatus, became, is_trusted
from refi.db.work import SYSTEM
from refi.ids import LoanId
from refi.loans.states import LoanStatus
from refi.states import InvalidTransition, move
from tests.books import ON
from tests.given import Person
from tests.notifications.test_sending import a_reminder, status
from tests.servicing import DUE, Desk, a_borrower, a_loan, a_payment, day_before

RULES = policies.load("cn").collections
KEPT, BROKEN, CANCELLED = PromiseStatus.KEPT, PromiseStatus.BROKEN, PromiseStatus.CANCELLED
DAY = timedelta(days=1)
LATE = DUE + 9 * DAY


def test_a_promise_ends_once() -> None:
    for end in (KEPT, BROKEN, CANCELLED):
        assert move(MOVES, PromiseStatus.PENDING, end) is end
        for to in PromiseStatus:
            with pytest.raises(InvalidTransition):
                move(MOVES, end, to)


@pytest.mark.parametrize(("days", "fits"), [(-1, False), (0, True), (14, True), (15, False), (3650, False)])
def test_a_promise_is_for_the_next_fortnight(days: int, fits: bool) -> None:
    if fits:
        promises.check_day(RULES, ON, ON + days * DAY)
        return
    with pytest.raises(PromiseDateRefused) as refused:
        promises.check_day(RULES, ON, ON + days * DAY)
    assert refused.value.facts == {"earliest": "2026-11-22", "latest": "2026-12-06"}


def test_one_yuan_less_is_kept_and_a_fen_below_is_broken() -> None:
    told = {"promised": 207_058, "tolerance": 100, "loan": LoanStatus.ACTIVE}
    assert became(received=206_958, **told) is KEPT  # type: ignore[arg-type]
    assert became(received=206_957, **told) is BROKEN  # type: ignore[arg-type]


@given(st.integers(1, 10**9), st.integers(0, 1000), st.integers(0, 10**9), st.sampled_from(LoanStatus))
def test_a_cancelled_loan_breaks_nothing_and_a_settled_one_keeps_all(
    promised: int, tolerance: int, received: int, loan: LoanStatus
) -> None:
    outcome = became(promised=promised, tolerance=tolerance, received=received, loan=loan)
    if loan is LoanStatus.CANCELLED:
        assert outcome is CANCELLED
    elif loan is LoanStatus.PAID_OFF:
        assert outcome is KEPT
    else:
        assert (outcome is KEPT) == (received + tolerance >= promised)


@pytest.mark.parametrize(
    ("before", "trusted"),
    [([], True), ([BROKEN] * 2, True), ([BROKEN] * 3, False), ([BROKEN, BROKEN, KEPT, BROKEN], True),
     ([CANCELLED, CANCELLED, BROKEN], False), ([CANCELLED, BROKEN], True),
     ([KEPT, BROKEN, BROKEN, BROKEN], True)],
)  # fmt: skip
def test_trust_ends_with_the_third_broken_in_a_row(before: list[PromiseStatus], trusted: bool) -> None:
    assert is_trusted(RULES, before) is trusted


@dataclass
class Late:
    person: Person
    loan: LoanId


@pytest.fixture
async def late(desk: Desk) -> Late:
    """A borrower nine days late with the first of three installments."""
    person = await a_borrower(desk)
    loan = await a_loan(desk, person)
    await desk.clock_at(LATE)
    return Late(person, loan)


async def promise(desk: Desk, late: Late, amount: Any = 408_027, on: Any = None, **more: Any) -> Any:
    body = {"amount": amount, "on": on or (LATE + 3 * DAY).isoformat(), **more}
    return await desk.service.post(f"/v1/loans/{late.loan}/promises", body, who=late.person)


async def settle(desk: Desk, on: date) -> dict[str, Any]:
    async with desk.runtime.database.work(SYSTEM) as work:
        return await jobs.settle_promises(work, on)


async def listed(desk: Desk, late: Late) -> list[Any]:
    page = await desk.service.get(f"/v1/loans/{late.loan}/promises", who=late.person)
    return [(each["status"], each["received"]) for each in page.json()["data"]]


async def test_a_promise_that_is_kept(desk: Desk, late: Late) -> None:
    made = await promise(desk, late)
    assert made.status_code == 201, made.text
    assert (made.json()["status"], made.json()["tolerance"], made.json()["on"]) == (
        "pending",
        100,
        "2027-01-03",
    )
    await a_payment(desk, late.loan, 407_927, LATE + DAY)
    assert (await settle(desk, LATE + 2 * DAY))["kept"] == 0
    assert await settle(desk, LATE + 3 * DAY) == {
        "kept": 1, "broken": 0, "cancelled": 0, "money": {"promised": 408_027, "received": 407_927},
    }  # fmt: skip
    assert (await settle(desk, LATE + 4 * DAY))["kept"] == 0
    assert await listed(desk, late) == [("kept", 407_927)]
    events = await desk.service.rows("SELECT type, body FROM events WHERE type LIKE 'Promise%' ORDER BY id")
    assert [(row.type, row.body.get("outcome")) for row in events] == [
        ("PromiseMade", None), ("PromiseSettled", "kept"),
    ]  # fmt: skip


async def test_money_from_before_the_promise_does_not_keep_it(desk: Desk, late: Late) -> None:
    await a_payment(desk, late.loan, 400_000, LATE)
    await desk.clock_at(LATE, time(11))
    assert (await promise(desk, late, 5_000)).status_code == 201
    await desk.clock_at(LATE, time(12))
    await a_payment(desk, late.loan, 1_000, LATE - 2 * DAY)  # books the earlier money anew
    assert (await settle(desk, LATE + 3 * DAY))["broken"] == 1
    assert await listed(desk, late) == [("broken", 1_000)]


async def test_money_that_comes_too_late_does_not_keep_it(desk: Desk, late: Late) -> None:
    await promise(desk, late)
    await desk.clock_at(LATE + 4 * DAY)
    await a_payment(desk, late.loan, 408_027, LATE + 4 * DAY)
    assert (await settle(desk, LATE + 3 * DAY))["broken"] == 1


async def test_two_promises_at_once_are_one(desk: Desk, late: Late) -> None:
    answers = await asyncio.gather(*(promise(desk, late) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    refused = next(answer for answer in answers if answer.status_code == 409).json()
    assert (refused["code"], refused["allowed"]) == ("invalid_transition", ["cancelled"])


async def test_taking_one_back(desk: Desk, late: Late) -> None:
    made = (await promise(desk, late)).json()
    path = f"/v1/loans/{late.loan}/promises/{made['id']}/cancel"
    stranger = await a_borrower(desk)
    assert (await desk.service.post(path, {}, who=stranger)).status_code == 404
    assert (await desk.service.post(path, {}, who=late.person)).json()["status"] == "cancelled"
    again = await desk.service.post(path, {}, who=late.person)
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    assert (await promise(desk, late)).status_code == 201


REFUSED = [
    ({"amount": 0}, 422, "validation_failed"), ({"amount": -1}, 422, "validation_failed"),
    ({"amount": 10**30}, 422, "validation_failed"), ({"amount": "１２３"}, 422, "validation_failed"),
    ({"amount": 1.5}, 422, "validation_failed"), ({"amount": 10**9}, 422, "amount_exceeds_payoff"),
    ({"on": "2026-12-30"}, 422, "validation_failed"), ({"on": "2027-01-15"}, 422, "validation_failed"),
    ({"on": "２０２７-01-01"}, 422, "validation_failed"), ({"on": "2027-02-31"}, 422, "validation_failed"),
    ({"on": 5}, 422, "validation_failed"), ({"tolerance": 10**6}, 422, "validation_failed"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "code", "name"), REFUSED, ids=str)
async def test_what_cannot_be_promised(
    desk: Desk, late: Late, changed: dict[str, Any], code: int, name: str
) -> None:
    answer = await promise(desk, late, **{"amount": 408_027, **changed})
    assert (answer.status_code, answer.json()["code"]) == (code, name)
    assert await listed(desk, late) == []


async def test_someone_elses_loan_and_one_that_is_closed(desk: Desk, late: Late) -> None:
    stranger = await a_borrower(desk)
    assert (await promise(desk, Late(stranger, late.loan))).status_code == 404
    await a_payment(desk, late.loan, 1_300_000, LATE)
    closed = await promise(desk, late, 1)
    assert (closed.status_code, closed.json()["code"]) == (409, "loan_not_active")


async def test_a_promise_between_planning_and_sending_stops_the_message_until_its_day(desk: Desk) -> None:
    person = await a_borrower(desk)
    message_id = await a_reminder(desk, person, lapses_on=DUE + 20 * DAY, key="waits")
    [row] = await desk.service.rows("SELECT loan_id FROM message_subjects")
    await desk.clock_at(day_before(DUE))
    said = {"amount": 10_000, "on": DUE.isoformat()}
    made = await desk.service.post(f"/v1/loans/{row.loan_id}/promises", said, who=person)
    assert made.status_code == 201, made.text
    await desk.send(message_id)
    assert await status(desk, message_id) == ("planned", "reminder_stopped_promise")
    [message] = await desk.messages()
    assert message.not_before.isoformat() == "2026-12-23T00:00:00+00:00"  # eight in the morning after
    await desk.clock_at(DUE + DAY)
    await desk.send(message_id)
    assert (await status(desk, message_id))[0] == "sent"


async def test_after_three_broken_ones_a_promise_stops_nothing(desk: Desk, late: Late) -> None:
    for number in range(3):
        await desk.clock_at(LATE + number * DAY)
        made = (await promise(desk, late, on=(LATE + number * DAY).isoformat())).json()
        assert made["stops_contact"] is True
        await settle(desk, LATE + number * DAY)
    await desk.clock_at(LATE + 3 * DAY)
    assert (await promise(desk, late, on=(LATE + 5 * DAY).isoformat())).json()["stops_contact"] is False


async def test_the_books_and_python_agree_on_what_came(desk: Desk) -> None:
    """Random money before, after and far after the promise, posted in any order."""
    chance = random.Random(20261122)
    for _ in range(6):
        person = await a_borrower(desk)
        loan = await a_loan(desk, person)
        await desk.clock_at(LATE)
        before = [(chance.randint(1, 50_000), LATE - chance.randint(0, 5) * DAY) for _ in range(2)]
        for amount, on in before:
            await a_payment(desk, loan, amount, on)
        await desk.clock_at(LATE, time(11))
        async with desk.runtime.database.work(SYSTEM) as work:
            row = await promise_service.make(work, loan, 60_000, LATE + 3 * DAY)
        await desk.clock_at(LATE + 6 * DAY)
        after = [(chance.randint(1, 60_000), LATE + chance.randint(-3, 6) * DAY) for _ in range(4)]
        for amount, on in after:
            await a_payment(desk, loan, amount, on)
        expected = sum(amount for amount, on in after if on <= LATE + 3 * DAY)
        await settle(desk, LATE + 3 * DAY)
        [found] = await desk.service.rows("SELECT * FROM promises WHERE id = :id", id=row.id)
        assert (found.received, found.status) == (expected, "kept" if expected >= 59_900 else "broken")
