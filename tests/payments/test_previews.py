"""A preview says what the act does, refuses what the act refuses, and leaves nothing behind."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from refi.loans.account import Account
from refi.payments.previews import preview
from refi.schedules.amortization import Terms
from refi.schedules.contract import Contract, Mode, Receipt
from refi.staff.roles import Role
from tests import given
from tests.books import ON
from tests.given import Person
from tests.servicing import Desk, a_borrower, a_loan, a_payment

CONTRACT = Contract(Terms(principal=1_200_000, annual_rate=Decimal("0.12"), installments=3), ON)


@pytest.mark.parametrize(
    ("mode", "amount", "saved", "installments"),
    [
        ("due", 300_000, 0, [408_027, 408_027, 408_026]),
        ("prepay_lower", 300_000, 6_020, [306_020, 306_020, 306_020]),
        ("prepay_shorten", 300_000, 9_090, [408_027, 408_027, 98_936]),
        ("payoff", 1_200_000, 24_080, None),
    ],
)
def test_what_each_mode_does_on_the_first_day(
    mode: str, amount: int, saved: int, installments: list[int] | None
) -> None:
    made = preview(Account(CONTRACT), amount, Mode(mode), ON)
    assert sum(part.amount for part in made.allocations) == amount
    assert made.interest_saved == saved
    assert made.settles is (mode == "payoff")
    assert [row.amount for row in made.before] == [408_027, 408_027, 408_026]
    if installments:
        assert [row.amount for row in made.after] == installments


@drawn(
    amount=st.integers(1, 2_000_000),
    mode=st.sampled_from(list(Mode)),
    day=st.integers(0, 120),
    earlier=st.none() | st.integers(1, 1_000_000),
)
def test_a_preview_is_what_the_payment_then_does(
    amount: int, mode: Mode, day: int, earlier: int | None
) -> None:
    on = date.fromordinal(ON.toordinal() + day)
    account = Account(CONTRACT, (Receipt("pay_0", ON, earlier),) if earlier else ())
    made = preview(account, amount, mode, on)
    after = account.with_event(Receipt("pay_1", on, amount, mode)).state(on)
    assert made.allocations == after.allocations["pay_1"]
    assert made.after == after.installments
    assert sum(part.amount for part in made.allocations) + made.excess == amount
    assert made.interest_saved >= 0
    if mode is Mode.PAYOFF and made.settles and not account.state(on).settled:
        assert made.interest_saved == account.payoff(on).interest_saved


async def a_payer(desk: Desk) -> Person:
    """A borrower with an account that can be debited."""
    person = await a_borrower(desk)
    await given.an_account(desk.service, person)
    return person


async def asked(desk: Desk, person: Person, loan_id: str, **said: Any) -> Any:
    body = {"amount": 300_000, "source": {"type": "bank_debit"}, "preview": True, **said}
    return await desk.service.http.post(f"/v1/loans/{loan_id}/payments", json=body, headers=person.auth)


async def test_a_preview_needs_no_key_and_stores_nothing(desk: Desk) -> None:
    person = await a_payer(desk)
    loan_id = await a_loan(desk, person)
    answer = await asked(desk, person, loan_id, mode="prepay_lower")
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["preview"], made["interest_saved"], made["settles"]) == (True, 6_020, False)
    assert made["allocations"] == [{"installment": 0, "component": "principal", "amount": 300_000}]
    assert [row["amount"] for row in made["schedule_after"]] == [306_020] * 3
    assert sum(row["amount"] for row in made["schedule_before"]) == 1_224_080
    for table in ("payments", "stored_answers", "movements WHERE kind <> 'disbursement'"):
        assert (await desk.service.rows(f"SELECT count(*) FROM {table}"))[0][0] == 0
    assert not [name for name in await desk.queued() if name == "send_order"]


async def test_a_preview_under_a_key_leaves_the_key_free(desk: Desk) -> None:
    person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    path, body = f"/v1/loans/{loan_id}/payments", {"amount": 5_000, "source": {"type": "transfer"}}
    shown = await desk.service.post(path, {**body, "preview": True}, who=person, key="once")
    assert shown.status_code == 200
    made = await desk.service.post(path, {**body, "preview": False}, who=person, key="once")
    assert (made.status_code, made.json()["status"]) == (202, "pending")


async def test_a_preview_refuses_what_the_payment_would(desk: Desk) -> None:
    person, other = await a_payer(desk), await a_borrower(desk)
    loan_id, unlinked = await a_loan(desk, person), await a_loan(desk, other)
    assert (await asked(desk, other, loan_id)).status_code == 404
    without = await asked(desk, other, unlinked)
    assert (without.status_code, without.json()["errors"][0]["code"]) == (422, "not_verified")
    over = await asked(desk, person, loan_id, amount=1_200_001)
    assert (over.status_code, over.json()["code"]) == (422, "amount_exceeds_payoff")
    part = await asked(desk, person, loan_id, mode="payoff")
    assert (part.status_code, part.json()["code"]) == (422, "amount_below_minimum")
    await a_payment(desk, loan_id, 1_200_000, ON)
    closed = await asked(desk, person, loan_id)
    assert (closed.status_code, closed.json()["code"]) == (409, "loan_not_active")
    for amount in (-1, 0, 1.0, "1", 10**30, None, True):
        wrong = await asked(desk, person, loan_id, amount=amount)
        assert (wrong.status_code, wrong.json()["code"]) == (422, "validation_failed")
    for said in ("true", 1, None):
        assert (await asked(desk, person, loan_id, preview=said)).status_code in (400, 422)


async def test_staff_read_the_history_of_any_loan(desk: Desk) -> None:
    person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    for amount in (100_000, 50_000):
        await a_payment(desk, loan_id, amount, ON)
    lead = await given.a_member(desk.service, Role.COLLECTIONS_LEAD)
    marketer = await given.a_member(desk.service, Role.MARKETER)
    for path in ("payments", "transactions"):
        theirs = await desk.service.get(f"/v1/loans/{loan_id}/{path}", who=person)
        ours = await desk.service.get(f"/staff/v1/loans/{loan_id}/{path}", who=lead)
        assert ours.status_code == 200
        assert ours.json() == theirs.json()
        no = await desk.service.get(f"/staff/v1/loans/{loan_id}/{path}", who=marketer)
        assert (no.status_code, no.json()["code"]) == (403, "scope_missing")
    newest = (await desk.service.get(f"/staff/v1/loans/{loan_id}/payments", who=lead)).json()["data"][0]
    assert newest["amount"] == 50_000
    one = await desk.service.get(f"/staff/v1/payments/{newest['id']}", who=lead)
    assert one.json() == newest
    missing = "pay_01h455vb4pex5vsknk084sn02q"
    assert (await desk.service.get(f"/staff/v1/payments/{missing}", who=lead)).status_code == 404


async def test_transactions_come_page_by_page(desk: Desk) -> None:
    person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    for _ in range(3):
        await a_payment(desk, loan_id, 10_000, ON)
    seen: list[str] = []
    page: dict[str, Any] = {"has_more": True}
    while page["has_more"]:
        after = f"&starting_after={seen[-1]}" if seen else ""
        path = f"/v1/loans/{loan_id}/transactions?limit=3{after}"
        page = (await desk.service.get(path, who=person)).json()
        seen += [row["id"] for row in page["data"]]
    assert len(seen) == 4
    assert seen == sorted(seen)


async def test_a_loan_is_repaid_in_its_own_currency(desk: Desk) -> None:
    person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    body = {"amount": 100, "source": {"type": "transfer"}}
    path = f"/v1/loans/{loan_id}/payments"
    for only_look in (True, False):
        said = {**body, "currency": "USD", "preview": only_look}
        other = await desk.service.post(path, said, who=person)
        assert (other.status_code, other.json()["code"]) == (422, "validation_failed")
        assert other.json()["errors"] == [{"pointer": "/currency", "code": "other_currency"}]
    assert await desk.service.rows("SELECT id FROM payments") == []
    ours = await desk.service.post(path, {**body, "currency": "CNY"}, who=person)
    assert (ours.status_code, ours.json()["currency"]) == (202, "CNY")


async def test_an_earlier_day_is_asked_for_by_its_parameter(desk: Desk) -> None:
    """Schedule and account of any day since the signing; a day out of reach is named as what it is."""
    person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    await desk.clock_at(date(2027, 1, 10))
    path = f"/v1/loans/{loan_id}"
    now = (await desk.service.get(f"{path}/schedule", who=person)).json()["data"]
    then = (await desk.service.get(f"{path}/schedule?as_of=2026-12-01", who=person)).json()["data"]
    assert [row["status"] for row in now] == ["overdue", "upcoming", "upcoming"]
    assert [row["status"] for row in then] == ["upcoming"] * 3
    for query in ("?as_of=2026-11-21", "/schedule?as_of=2027-01-11", "/payoff-quote?on=2027-01-09"):
        refused = await desk.service.get(path + query, who=person)
        assert refused.status_code == 422
        name = query.split("?")[1].split("=")[0]
        assert refused.json()["errors"] == [{"pointer": f"/query/{name}", "code": "out_of_range"}]


async def test_a_payoff_quote_adds_up_when_interest_was_paid_ahead_of_time(desk: Desk) -> None:
    """The first installment comes on the first day: its interest is not earned yet, and settles principal."""
    person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    await a_payment(desk, loan_id, 408_027, ON)
    for on in (ON, date(2026, 12, 7), date(2027, 1, 7), date(2027, 1, 22)):
        quote = (await desk.service.get(f"/v1/loans/{loan_id}/payoff-quote?on={on}", who=person)).json()
        parts = [quote[name] for name in ("principal", "accrued_interest", "fees", "penalties")]
        assert sum(parts) == quote["total"]
        assert quote["principal"] + quote["unearned_credit"] == 803_973
    assert (quote["accrued_interest"], quote["unearned_credit"]) == (8_040, 0)
    first = (await desk.service.get(f"/v1/loans/{loan_id}/payoff-quote", who=person)).json()
    assert (first["principal"], first["unearned_credit"]) == (791_973, 12_000)
