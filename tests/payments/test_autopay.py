"""Autopay: what a debit takes, when it is tried again, and that it happens once whoever is at work."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from refi import policies
from refi.db.work import SYSTEM
from refi.ids import LoanId
from refi.loans import hold_service
from refi.loans.account import Account
from refi.loans.holds import HoldKind
from refi.notifications.messages import Dropped
from refi.notifications.tables import Message
from refi.payments import autopay_jobs, jobs, news_service, notice_service
from refi.payments import autopay_service as autopay
from refi.payments.autopay import next_try, wanted
from refi.payments.provider_events import EventType, ProviderEvent
from refi.schedules.amortization import Terms
from refi.schedules.contract import Contract, Receipt
from tests import given
from tests.books import ON
from tests.given import Person
from tests.servicing import DUE, Desk, a_borrower, a_loan, a_payment

CONTRACT = Contract(Terms(principal=1_200_000, annual_rate=Decimal("0.12"), installments=3), ON)
RULES = policies.load("cn").payments.autopay
FIRST = 408_027


@drawn(
    day=st.integers(0, 150),
    paid=st.integers(0, 1_400_000),
    pending=st.integers(0, 500_000),
    minimum=st.sampled_from([1, 1_000]),
)
def test_a_debit_never_takes_more_than_is_owed(day: int, paid: int, pending: int, minimum: int) -> None:
    on = ON + timedelta(days=day)
    account = Account(CONTRACT, (Receipt("a", ON, paid),) if paid else ())
    payoff = account.payoff(on).total
    for row in account.state(on).installments:
        amount = wanted(
            account.state(on), row.due_date, payoff_total=payoff, pending=pending, minimum=minimum
        )
        assert amount == 0 or 0 < amount <= payoff - pending
        assert amount == 0 or amount >= minimum or amount == payoff - pending
    if not paid and not pending and on <= DUE:
        assert amount == min(payoff, 1_224_080)


@pytest.mark.parametrize(
    ("tries", "on", "expected"),
    [
        (1, date(2026, 12, 22), date(2026, 12, 23)),
        (2, date(2026, 12, 23), date(2026, 12, 25)),
        (3, date(2026, 12, 25), None),
        (1, date(2026, 12, 30), date(2026, 12, 31)),
    ],
)
def test_when_a_failed_debit_is_tried_again(tries: int, on: date, expected: date | None) -> None:
    found = next_try(RULES, tries=tries, first_on=DUE, reason="insufficient_funds", on=on)
    assert found == expected
    assert next_try(RULES, tries=tries, first_on=DUE, reason="account_closed", on=on) is None


async def agreed(desk: Desk, *, day_offset: int = 0, **changed: Any) -> tuple[Person, LoanId]:
    """A borrower with a loan and a mandate on it."""
    person = await a_borrower(desk)
    await given.an_account(desk.service, person)
    loan_id = await a_loan(desk, person)
    body = {"bank_account": person.account, "day_offset": day_offset, **changed}
    answer = await put(desk, person, loan_id, body)
    assert answer.status_code == 200, answer.text
    return person, loan_id


async def put(desk: Desk, person: Person, loan_id: str, body: Any) -> Any:
    return await desk.service.http.put(f"/v1/loans/{loan_id}/autopay", json=body, headers=person.auth)


async def opened(desk: Desk, on: date) -> dict[str, int]:
    """What opening the day plans."""
    await desk.clock_at(on)
    async with desk.runtime.database.work(SYSTEM) as work:
        return await autopay_jobs.plan_day(work, on)


async def payments(desk: Desk) -> list[Any]:
    return await desk.service.rows("SELECT * FROM payments ORDER BY id")


async def tries(desk: Desk) -> list[tuple[int, date, str, str | None]]:
    rows = await desk.service.rows("SELECT * FROM autopay_tries ORDER BY due_on, attempt, loan_id")
    return [(row.attempt, row.planned_for, row.status, row.reason) for row in rows]


async def at_the_provider(desk: Desk) -> int:
    """How many debits the provider has taken in."""
    found = 0
    for row in await payments(desk):
        found += await desk.runtime.processor.find(row.id) is not None
    return found


async def test_a_mandate_is_agreed_changed_and_taken_back(desk: Desk) -> None:
    person, loan_id = await agreed(desk, day_offset=2)
    path = f"/v1/loans/{loan_id}/autopay"
    shown = (await desk.service.get(path, who=person)).json()
    assert (shown["active"], shown["day_offset"], shown["debits"]) == (True, 2, [])
    same = await put(desk, person, loan_id, {"bank_account": person.account, "day_offset": 2})
    assert same.json()["id"] == shown["id"]
    other = await put(desk, person, loan_id, {"bank_account": person.account, "day_offset": 0})
    assert other.json()["id"] != shown["id"]
    gone = await desk.service.http.delete(path, headers=person.auth)
    again = await desk.service.http.delete(path, headers=person.auth)
    assert gone.json() == again.json()
    assert (gone.json()["active"], gone.json()["reason"]) == (False, "revoked_by_borrower")
    assert (await desk.service.get(path, who=person)).status_code == 404
    told = "SELECT type FROM events WHERE type LIKE 'Autopay%' ORDER BY id"
    assert [row.type for row in await desk.service.rows(told)] == [
        "AutopaySet", "AutopayEnded", "AutopaySet", "AutopayEnded",
    ]  # fmt: skip


async def test_what_no_mandate_can_be(desk: Desk) -> None:
    person, stranger = await a_borrower(desk), await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    path = f"/v1/loans/{loan_id}/autopay"
    without = await put(desk, person, loan_id, {})
    assert (without.status_code, without.json()["errors"][0]["code"]) == (422, "not_verified")
    await given.an_account(desk.service, person, verified=False)
    unproved = await put(desk, person, loan_id, {"bank_account": person.account})
    assert unproved.status_code == 422
    await given.an_account(desk.service, person)
    await given.an_account(desk.service, stranger)
    assert (await put(desk, stranger, loan_id, {})).status_code == 404
    assert (await put(desk, person, loan_id, {"bank_account": stranger.account})).status_code == 404
    for offset in (-1, 31, 11, 1.0, "1", None, True, 10**30):
        answer = await put(desk, person, loan_id, {"bank_account": person.account, "day_offset": offset})
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), offset
    assert (await desk.service.http.delete(path, headers=person.auth)).status_code == 404
    await a_payment(desk, loan_id, 1_200_000, ON)
    closed = await put(desk, person, loan_id, {})
    assert (closed.status_code, closed.json()["code"]) == (409, "loan_not_active")


@pytest.mark.parametrize("offset", [0, 3, 10])
async def test_the_debit_begins_so_many_days_before(desk: Desk, offset: int) -> None:
    await agreed(desk, day_offset=offset)
    begins = DUE - timedelta(days=offset)
    assert (await opened(desk, begins - timedelta(days=1)))["planned"] == 0
    assert await opened(desk, begins) == {"planned": 1, "debits": 1, "notices": 0}
    assert (await opened(desk, begins))["planned"] == 0
    assert await desk.work_off(only="autopay") == ["autopay"]
    assert [row.amount for row in await payments(desk)] == [FIRST]


async def test_a_mandate_agreed_late_is_debited_at_once(desk: Desk) -> None:
    """The first try would have begun yesterday: it begins now, not never."""
    person = await a_borrower(desk)
    await given.an_account(desk.service, person)
    loan_id = await a_loan(desk, person)
    await desk.clock_at(DUE - timedelta(days=1))
    await put(desk, person, loan_id, {"day_offset": 2})
    assert await desk.work_off(only="autopay") == ["autopay"]
    assert [row.amount for row in await payments(desk)] == [FIRST]


async def test_many_workers_make_one_debit(desk: Desk) -> None:
    await agreed(desk)
    await opened(desk, DUE)
    row = (await desk.service.rows("SELECT loan_id FROM autopay_tries"))[0]
    database = desk.runtime.database
    await asyncio.gather(
        *(autopay_jobs.order_debits(database, DUE, row.loan_id, row.loan_id) for _ in range(5))
    )
    made = await payments(desk)
    assert [each.amount for each in made] == [FIRST]
    await asyncio.gather(*(jobs.send_order(database, desk.runtime.processor, made[0].id) for _ in range(5)))
    assert await at_the_provider(desk) == 1


async def dying(desk: Desk, loan_id: str) -> None:
    """A worker that ends when its debit is made and not yet committed."""
    async with desk.runtime.database.work(SYSTEM) as work:
        await autopay.order(work, loan_id, DUE, 1)
        raise asyncio.CancelledError


async def test_a_worker_that_dies_in_the_middle_makes_no_second_debit(desk: Desk) -> None:
    """Ten loans, and every transaction of the first worker after the third is lost."""
    for _ in range(10):
        await agreed(desk)
    await opened(desk, DUE)
    rows = await desk.service.rows("SELECT loan_id, due_on FROM autopay_tries ORDER BY loan_id")
    database = desk.runtime.database
    for row in rows[:3]:
        async with database.work(SYSTEM) as work:
            await autopay.order(work, row.loan_id, row.due_on, 1)
    with pytest.raises(asyncio.CancelledError):
        await dying(desk, rows[3].loan_id)
    assert len(await payments(desk)) == 3
    await desk.work_off(only="autopay")
    assert [row.amount for row in await payments(desk)] == [FIRST] * 10
    assert len({row.loan_id for row in await payments(desk)}) == 10


async def test_a_payment_of_the_borrowers_own_lowers_or_stops_the_debit(desk: Desk) -> None:
    _, loan_id = await agreed(desk)
    await a_payment(desk, loan_id, 100_000, ON)
    await opened(desk, DUE)
    await desk.work_off(only="autopay")
    assert (await payments(desk))[-1].amount == FIRST - 100_000
    await a_payment(desk, loan_id, 300_000, DUE)  # before the provider was called
    last = next(row for row in await payments(desk) if row.source_type == "bank_debit")
    await jobs.send_order(desk.runtime.database, desk.runtime.processor, last.id)
    sent = await desk.runtime.processor.find(last.id)
    assert sent is not None
    assert sent.amount == FIRST - 400_000
    other, other_loan = await agreed(desk)
    await desk.clock_at(ON)
    body = {"amount": FIRST, "source": {"type": "bank_debit"}}
    answer = await desk.service.post(f"/v1/loans/{other_loan}/payments", body, who=other)
    assert answer.status_code == 202
    await opened(desk, DUE)
    await desk.work_off(only="autopay")
    assert (await tries(desk))[-1][2:] == ("skipped", "nothing_to_take")


async def test_autopay_and_the_borrower_at_once_never_take_more_than_the_payoff(desk: Desk) -> None:
    for _ in range(4):
        person = await a_borrower(desk)
        await given.an_account(desk.service, person)
        loan_id = await a_loan(desk, person, principal=10_000, term=1)
        await desk.clock_at(ON)
        await put(desk, person, loan_id, {"day_offset": 0})
        await opened(desk, DUE)
        owed = (await desk.service.get(f"/v1/loans/{loan_id}/payoff-quote", who=person)).json()["total"]
        body = {"amount": owed, "source": {"type": "bank_debit"}, "mode": "payoff"}
        await asyncio.gather(
            autopay_jobs.order_debits(desk.runtime.database, DUE, loan_id, loan_id),
            desk.service.post(f"/v1/loans/{loan_id}/payments", body, who=person),
        )
        made = [row for row in await payments(desk) if row.loan_id == loan_id]
        assert [row.amount for row in made] == [owed]


async def test_a_mandate_taken_back_between_planning_and_sending_stops_the_debit(desk: Desk) -> None:
    person, loan_id = await agreed(desk)
    await opened(desk, DUE)
    await desk.work_off(only="autopay")
    await desk.service.http.delete(f"/v1/loans/{loan_id}/autopay", headers=person.auth)
    made = (await payments(desk))[0]
    await jobs.send_order(desk.runtime.database, desk.runtime.processor, made.id)
    assert await at_the_provider(desk) == 0
    shown = (await desk.service.get(f"/v1/payments/{made.id}", who=person)).json()
    assert (shown["status"], shown["reason"]) == ("failed", "mandate_revoked")
    assert await tries(desk) == [(1, DUE, "skipped", "mandate_revoked")]
    assert (await opened(desk, DUE + timedelta(days=1)))["debits"] == 0


async def test_nothing_is_debited_while_a_hold_stands(desk: Desk) -> None:
    """A dispute is placed before the day, another after the debit was made and before it was sent."""
    person, loan_id = await agreed(desk)
    async with desk.runtime.database.work(SYSTEM) as work:
        held = await hold_service.place(work, person.id, HoldKind.DISPUTE, "not mine", loan_id=loan_id)
    await opened(desk, DUE)
    await desk.work_off(only="autopay")
    assert (await tries(desk), await payments(desk)) == ([(1, DUE, "planned", "hold_dispute")], [])
    async with desk.runtime.database.work(SYSTEM) as work:
        await hold_service.lift(work, held.id, "it was theirs")
    await opened(desk, DUE + timedelta(days=1))
    await desk.work_off(only="autopay")
    async with desk.runtime.database.work(SYSTEM) as work:
        await hold_service.place(work, person.id, HoldKind.DECEASED, "the family called")
    made = (await payments(desk))[0]
    await jobs.send_order(desk.runtime.database, desk.runtime.processor, made.id)
    assert await at_the_provider(desk) == 0
    assert [(row.status, row.reason) for row in await payments(desk)] == [("failed", "hold_deceased")]


async def fails(desk: Desk, reason: str, kind: EventType = EventType.DEBIT_FAILED) -> None:
    """The newest debit ends badly."""
    row = (await payments(desk))[-1]
    on = (await desk.service.rows("SELECT business_date FROM business_clock"))[0][0]
    async with desk.runtime.database.work(SYSTEM) as work:
        news = ProviderEvent(
            f"evt_{row.id}_{kind}", kind, "db_1", row.amount, row.currency, on, key=row.id, reason=reason
        )
        await news_service.book_news(work, news)


async def test_a_failed_debit_is_tried_after_one_and_three_days_and_then_left(desk: Desk) -> None:
    await agreed(desk)
    for days, count in ((0, 1), (1, 2), (2, 2), (3, 3), (4, 3), (10, 3)):
        await opened(desk, DUE + timedelta(days=days))
        await desk.work_off(only="autopay")
        made = await payments(desk)
        assert len(made) == count, days
        if made[-1].status == "pending":
            await fails(desk, "insufficient_funds")
            await fails(desk, "insufficient_funds")  # told twice
    assert [each[:2] for each in await tries(desk)] == [
        (1, DUE), (2, DUE + timedelta(days=1)), (3, DUE + timedelta(days=3)),
    ]  # fmt: skip
    assert made[-1].amount > FIRST  # the penalty of three days


async def test_a_closed_account_ends_the_mandate(desk: Desk) -> None:
    person, loan_id = await agreed(desk)
    await opened(desk, DUE)
    await desk.work_off(only="autopay")
    await fails(desk, "account_closed")
    assert (await desk.service.get(f"/v1/loans/{loan_id}/autopay", who=person)).status_code == 404
    assert (await opened(desk, DUE + timedelta(days=1)))["debits"] == 0


async def test_a_debit_returned_for_lack_of_funds_is_tried_again(desk: Desk) -> None:
    await agreed(desk)
    await opened(desk, DUE)
    await desk.work_off(only="autopay")
    await fails(desk, "", EventType.DEBIT_POSTED)
    await desk.clock_at(DUE + timedelta(days=5))
    await fails(desk, "insufficient_funds", EventType.DEBIT_RETURNED)
    assert (await opened(desk, DUE + timedelta(days=6)))["debits"] == 1
    await desk.work_off(only="autopay")
    assert [row.status for row in await payments(desk)] == ["reversed", "pending"]


async def test_the_notice_tells_the_amount_once_and_not_after_payment(desk: Desk) -> None:
    person, loan_id = await agreed(desk)
    before = DUE - timedelta(days=RULES.notice_days)
    assert (await opened(desk, before))["notices"] == 1
    assert (await opened(desk, before))["notices"] == 0
    await desk.work_off()
    texts = [message["text"] for message in await desk.inbox()]
    assert len(texts) == 1
    assert "4,080.27" in texts[0]
    assert "Dec 22, 2026" in texts[0]
    async with desk.runtime.database.work(SYSTEM) as work:
        await autopay.revoke(work, person.id, loan_id)
    async with desk.runtime.database.work(SYSTEM) as work:
        row = await work.session.get_one(Message, (await desk.messages())[0].id)
        assert await notice_service.still_wanted(work, [row]) == {row.id: Dropped("mandate_revoked")}
