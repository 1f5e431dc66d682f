"""Linking cards and importing bills over HTTP."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from tests import given
from tests.given import Person, Service
from tests.servicing import Desk

CARD = "6225880137706868"


def luhn(digits: str) -> str:
    """``digits`` with their check digit."""
    doubled = [int(d) * (2 - i % 2) for i, d in enumerate(reversed(digits))]
    return digits + str(-sum(n // 10 + n % 10 for n in doubled) % 10)


def ending(last4: str) -> str:
    """A card number with these last four digits and a good check digit."""
    return next(
        number
        for middle in range(100)
        if (number := luhn(f"622588013{middle:03d}{last4[:3]}")).endswith(last4)
    )


def bill(**changed: Any) -> dict[str, Any]:
    return {
        "statement_date": "2026-11-12",
        "due_date": "2026-12-02",
        "statement_balance": 1_200_000,
        "minimum_payment": 120_000,
        "purchases": 400_000,
        "payments_since_last": 150_000,
        "last_payment_amount": 100_000,
        "aprs": [{"type": "purchase_apr", "apr": "0.1825", "balance_subject_to_apr": 1_200_000}],
        **changed,
    }


async def link(desk: Desk, person: Person, number: str = CARD, **more: Any) -> Any:
    body = {"issuer": "CMB", "number": number, **more}
    return await desk.service.post("/v1/cards", body, who=person)


async def imported(service: Service, person: Person, **changed: Any) -> Any:
    return await service.post(f"/v1/cards/{person.card}/statements", bill(**changed), who=person)


async def test_a_card_of_the_borrowers_own_is_payable(desk: Desk) -> None:
    person = await given.a_borrower(desk.service)
    answer = await link(desk, person, credit_limit=3_000_000, apr="0.1825")
    card = answer.json()
    assert answer.status_code == 201, answer.text
    assert (card["payable"], card["not_payable_reason"], card["last4"]) == (True, None, "6868")
    assert (card["credit_limit"], card["apr"], card["issuer"]) == (3_000_000, "0.182500", "CMB")
    assert CARD not in answer.text
    assert (await desk.service.get(f"/v1/cards/{card['id']}", who=person)).json() == card
    assert (await desk.service.get("/v1/cards", who=person)).json() == {"data": [card], "has_more": False}


@pytest.mark.parametrize(("last4", "reason"), [("0002", "holder_mismatch"), ("0004", "cannot_receive")])
async def test_a_card_that_cannot_be_paid_is_kept_and_an_application_declined(
    desk: Desk, last4: str, reason: str
) -> None:
    service = desk.service
    person = await given.a_borrower(service)
    card = (await link(desk, person, ending(last4))).json()
    assert (card["payable"], card["not_payable_reason"]) == (False, reason)
    person.card = card["id"]
    statement = (await imported(service, person)).json()
    answer = await service.post("/v1/applications", {"statement": statement["id"], "term": 6}, who=person)
    assert answer.json()["status"] == "declined", answer.text
    assert "card_not_payable" in [each["code"] for each in answer.json()["decision"]["reasons"]]


async def test_the_same_card_again_is_the_same_card(desk: Desk) -> None:
    person = await given.a_borrower(desk.service)
    first = (await link(desk, person, credit_limit=1_000)).json()
    again = await asyncio.gather(*(link(desk, person, apr="0.2") for _ in range(4)))
    assert {answer.json()["id"] for answer in again} == {first["id"]}
    shown = (await desk.service.get(f"/v1/cards/{first['id']}", who=person)).json()
    assert (shown["credit_limit"], shown["apr"]) == (1_000, "0.200000")


async def test_another_issuers_name_for_a_number_is_another_question(desk: Desk) -> None:
    """The provider refuses another question under one key: it must not be asked under the same."""
    person = await given.a_borrower(desk.service)
    assert (await link(desk, person)).status_code == 201
    answer = await link(desk, person, issuer="ICBC")
    assert answer.status_code == 201, answer.text
    changed = await desk.service.http.patch("/v1/me", json={"name": "李四"}, headers=person.auth)
    assert changed.status_code == 200
    assert (await link(desk, person)).status_code == 201


@pytest.mark.parametrize(
    "number",
    ["6225880137706869", "622588013770", "62258801377068681111", "6225 8801 3770 6868",
     "６２２５８８０１３７７０６８６８", "", "0", 6225880137706868],
)  # fmt: skip
async def test_what_is_no_card_number(service: Service, number: Any) -> None:
    person = await given.a_borrower(service)
    answer = await service.post("/v1/cards", {"issuer": "CMB", "number": number}, who=person)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/number"]


@pytest.mark.parametrize("mode", ["error", "silent"])
async def test_a_silent_provider_is_a_503_and_nothing_is_kept(desk: Desk, mode: str) -> None:
    service = desk.service
    person = await given.a_borrower(service)
    fault = {"operation": "card_proofs", "mode": mode, "calls": 20}
    assert (await desk.provider.post("/control/faults", json=fault)).status_code == 201
    body = {"issuer": "CMB", "number": CARD}
    answer = await service.post("/v1/cards", body, who=person, key="again")
    assert (answer.status_code, answer.json()["code"]) == (503, "dependency_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    for table in ("cards", "stored_answers"):
        assert await service.rows(f"SELECT 1 FROM {table}") == []
    assert (await desk.provider.delete("/control/faults")).status_code == 204
    assert (await service.post("/v1/cards", body, who=person, key="again")).status_code == 201


async def test_a_provider_that_is_not_there_is_a_503(service: Service) -> None:
    person = await given.a_borrower(service)
    answer = await service.post("/v1/cards", {"issuer": "CMB", "number": CARD}, who=person)
    assert (answer.status_code, answer.json()["code"]) == (503, "dependency_unavailable")
    assert await service.rows("SELECT 1 FROM cards") == []


async def test_a_bill_is_imported_once(service: Service) -> None:
    person = await given.a_borrower(service)
    await given.a_card(service, person)
    first = await imported(service, person)
    assert first.status_code == 201, first.text
    statement = first.json()
    assert statement["card"] == person.card
    assert statement["aprs"] == [
        {"type": "purchase_apr", "apr": "0.182500", "balance_subject_to_apr": 1_200_000}
    ]
    again = await imported(service, person)
    assert (again.status_code, again.json()) == (200, statement)
    changes: list[dict[str, Any]] = [
        {"statement_balance": 1_200_001}, {"minimum_payment": 0}, {"due_date": "2026-12-03"},
        {"is_overdue": True}, {"payments_since_last": None}, {"aprs": []}, {"purchases": 1},
    ]  # fmt: skip
    for changed in changes:
        other = await imported(service, person, **changed)
        assert (other.status_code, other.json()["code"]) == (409, "statement_exists")
        assert other.json()["statement"] == statement["id"]
    listed = (await service.get(f"/v1/cards/{person.card}/statements", who=person)).json()
    assert listed == {"data": [statement], "has_more": False}


async def test_a_bill_imported_many_times_at_once_is_one(service: Service) -> None:
    person = await given.a_borrower(service)
    await given.a_card(service, person)
    answers = await asyncio.gather(*(imported(service, person) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_the_same_day_of_two_cards_is_two_bills(service: Service) -> None:
    person = await given.a_borrower(service)
    made = []
    for _ in range(2):
        await given.a_card(service, person)
        made.append((await imported(service, person)).json()["id"])
    assert len(set(made)) == 2


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"statement_date": "2026-11-23"}, "/statement_date"),
        ({"due_date": "2026-11-12"}, "/due_date"),
        ({"due_date": "2027-02-28"}, "/due_date"),
        ({"minimum_payment": 1_200_001}, "/minimum_payment"),
        ({"statement_balance": 0}, "/minimum_payment"),
        ({"statement_balance": -5_000}, "/minimum_payment"),
        ({"last_payment_amount": 150_001}, "/last_payment_amount"),
        ({"statement_date": "2026-02-29"}, "/statement_date"),
        ({"statement_date": "2026-11-31"}, "/statement_date"),
        ({"statement_date": "2026-1-1"}, "/statement_date"),
        ({"statement_date": "2026-11-12T00:00:00"}, "/statement_date"),
        ({"statement_date": 20261112}, "/statement_date"),
        ({"statement_date": "1899-12-31"}, "/statement_date"),
        ({"statement_balance": 1200000.0}, "/statement_balance"),
        ({"statement_balance": "1200000"}, "/statement_balance"),
        ({"statement_balance": 10**15 + 1}, "/statement_balance"),
        ({"aprs": [{"type": "purchase_apr", "apr": 0.1825}]}, "/aprs/0/apr"),
        ({"aprs": [{"type": "purchase_apr", "apr": "NaN"}]}, "/aprs/0/apr"),
        ({"aprs": [{"type": "purchase_apr", "apr": "１"}]}, "/aprs/0/apr"),
        ({"aprs": [{"type": "purchase_apr", "apr": "1e-1"}]}, "/aprs/0/apr"),
        ({"aprs": [{"type": "loyalty", "apr": "0.1"}]}, "/aprs/0/type"),
        ({"aprs": [{"type": "special", "apr": "0.1"}] * 11}, "/aprs"),
    ],
)
async def test_a_bill_that_cannot_be(service: Service, changed: dict[str, Any], pointer: str) -> None:
    person = await given.a_borrower(service)
    await given.a_card(service, person)
    answer = await imported(service, person, **changed)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), answer.text
    assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]
    assert await service.rows("SELECT 1 FROM statements") == []


async def test_everything_wrong_with_a_bill_is_said_at_once(service: Service) -> None:
    person = await given.a_borrower(service)
    await given.a_card(service, person)
    answer = await imported(
        service, person, statement_date="2026-11-30", due_date="2026-11-29", minimum_payment=2_000_000
    )
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {
        "/statement_date", "/due_date", "/minimum_payment",
    }  # fmt: skip


async def test_a_bill_in_the_holders_favor_and_one_of_nothing(service: Service) -> None:
    person = await given.a_borrower(service)
    await given.a_card(service, person)
    earlier = {"statement_date": "2026-10-12", "due_date": "2026-11-01"}
    credit = await imported(service, person, statement_balance=-5_000, minimum_payment=0, **earlier)
    nothing = await imported(service, person, statement_balance=0, minimum_payment=0)
    for answer in (credit, nothing):
        assert answer.status_code == 201, answer.text
        quote = await service.post("/v1/quotes", {"statement": answer.json()["id"]}, who=person)
        assert (quote.status_code, quote.json()["errors"]) == (
            422, [{"pointer": "/statement", "code": "no_balance"}],
        )  # fmt: skip
        wish = {"statement": answer.json()["id"], "term": 6}
        assert (await service.post("/v1/applications", wish, who=person)).status_code == 422


@pytest.mark.parametrize(
    ("on", "dated", "due"),
    [
        (date(2027, 1, 31), date(2027, 1, 31), date(2027, 2, 28)),
        (date(2028, 2, 29), date(2028, 2, 29), date(2028, 3, 31)),
        (date(2026, 12, 31), date(2026, 12, 31), date(2027, 1, 1)),
        (date(2027, 3, 1), date(2027, 2, 28), date(2027, 3, 20)),
    ],
)
async def test_the_ends_of_months(service: Service, on: date, dated: date, due: date) -> None:
    person = await given.a_borrower(service)
    await given.a_card(service, person)
    await service.turn_to(on)
    answer = await imported(service, person, statement_date=dated.isoformat(), due_date=due.isoformat())
    assert answer.status_code == 201, answer.text
    assert (answer.json()["statement_date"], answer.json()["due_date"]) == (
        dated.isoformat(),
        due.isoformat(),
    )
    tomorrow = (on + timedelta(days=1)).isoformat()
    late = await imported(
        service, person, statement_date=tomorrow, due_date=(on + timedelta(days=20)).isoformat()
    )
    assert [fault["code"] for fault in late.json()["errors"]] == ["in_the_future"]
    quote = await service.post("/v1/quotes", {"statement": answer.json()["id"]}, who=person)
    assert quote.status_code == 200, quote.text
    credited = max(due, on)
    for plan in quote.json()["plans"]:
        first = date.fromisoformat(plan["first_due_date"])
        assert 28 <= (first - credited).days <= 31
        assert first.day == min(credited.day, 31) or (first + timedelta(days=1)).day == 1


async def test_an_old_bill_is_kept_and_too_old_to_be_paid_off(service: Service) -> None:
    person = await given.a_borrower(service)
    await given.a_card(service, person)
    old = await imported(service, person, statement_date="2025-01-12", due_date="2025-02-01")
    assert old.status_code == 201
    wish = {"statement": old.json()["id"], "term": 6}
    answer = await service.post("/v1/applications", wish, who=person)
    assert answer.json()["status"] in ("declined", "referred"), answer.text
    assert "statement_too_old" in [each["code"] for each in answer.json()["decision"]["reasons"]]
    assert answer.json()["offers"] == []


async def test_a_bill_past_due_is_quoted_as_if_paid_off_today(service: Service) -> None:
    person = await given.a_borrower(service)
    await given.a_card(service, person)
    old = await imported(service, person, statement_date="2025-01-12", due_date="2025-02-01")
    quote = await service.post("/v1/quotes", {"statement": old.json()["id"]}, who=person)
    codes = [each["code"] for each in quote.json()["assumptions"]]
    assert (quote.status_code, "credited_today" in codes) == (200, True)
    for what in ({"statement": old.json()["id"]}, {"balance": 1_200_000}):
        answer = await service.post("/v1/quotes", {**what, "due_date": "2020-02-01"}, who=person)
        assert (answer.status_code, answer.json()["errors"]) == (
            422, [{"pointer": "/due_date", "code": "in_the_past"}],
        )  # fmt: skip


async def test_what_was_answered_before_needs_no_provider(desk: Desk) -> None:
    """A client that lost our answer gets it again, while the provider is down."""
    person = await given.a_borrower(desk.service)
    sent = {
        "/v1/cards": {"issuer": "CMB", "number": CARD},
        "/v1/bank-accounts": {"bank": "ICBC", "number": "6222021234567890128"},
    }
    first = {path: await desk.service.post(path, body, who=person, key="k") for path, body in sent.items()}
    for operation in ("card_proofs", "account_proofs"):
        answer = await desk.provider.post(
            "/control/faults", json={"operation": operation, "mode": "error", "calls": 100}
        )
        assert answer.is_success
    for path, body in sent.items():
        again = await desk.service.post(path, body, who=person, key="k")
        assert (again.status_code, again.content) == (201, first[path].content)
        assert again.headers["Idempotent-Replayed"] == "true"
        other = await desk.service.post(path, {**body, "number": "6225880137700000"}, who=person, key="k")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        fresh = await desk.service.post(path, body, who=person, key="l")
        assert (fresh.status_code, fresh.json()["code"]) == (503, "dependency_unavailable")
