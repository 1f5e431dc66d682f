"""Proofs and orders: taken in once per key, refused by rule, answered by the number ordered to."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from refi.borrowers.proof import AccountProof, ProofRefused
from refi.cards.proof import CardProof
from refi.payments.processor import Accepted, OrderAnswer, Refused, Status
from tests.gateways.sandbox.conftest import ON, PERSON, World


async def pay(world: World, key: str, token: str, amount: int = 1_200_000, on: date = ON) -> OrderAnswer:
    return await world.provider.send_payout(key, amount=amount, currency="CNY", card_token=token, on=on)


async def debit(world: World, key: str, token: str, amount: int = 50_000, on: date = ON) -> OrderAnswer:
    return await world.provider.start_debit(key, amount=amount, currency="CNY", account_token=token, on=on)


async def refund(world: World, key: str, of: str, amount: int, currency: str = "CNY") -> OrderAnswer:
    return await world.provider.refund(key, amount=amount, currency=currency, of=of, on=ON)


@pytest.mark.parametrize(
    ("ending", "payable", "reason"),
    [
        ("1234", True, None),
        ("0006", True, None),
        ("0002", False, "holder_mismatch"),
        ("0004", False, "cannot_receive"),
    ],
)
async def test_card_proofs(world: World, ending: str, payable: bool, reason: str | None) -> None:
    number = "622588000000" + ending
    proof = await world.provider.confirm_card("card_1", issuer="CMB", number=number, **PERSON)
    assert isinstance(proof, CardProof)
    assert (proof.last4, proof.payable, proof.brand, proof.reason) == (ending, payable, "unionpay", reason)
    assert await world.provider.confirm_card("card_1", issuer="CMB", number=number, **PERSON) == proof
    again = await world.provider.confirm_card("card_2", issuer="CMB", number=number, **PERSON)
    assert isinstance(again, CardProof)
    assert again.token != proof.token


@pytest.mark.parametrize(
    ("ending", "verified", "reason"),
    [("5678", True, None), ("0002", False, "holder_mismatch"), ("0004", False, "account_closed")],
)
async def test_account_proofs(world: World, ending: str, verified: bool, reason: str | None) -> None:
    number = "622202000000" + ending
    proof = await world.provider.confirm_account("bacc_1", bank="ICBC", number=number, **PERSON)
    assert isinstance(proof, AccountProof)
    assert (proof.last4, proof.verified, proof.reason) == (ending, verified, reason)


async def test_a_number_out_of_shape_is_refused(world: World) -> None:
    proof = await world.provider.confirm_card("card_1", issuer="CMB", number="12", **PERSON)
    assert isinstance(proof, ProofRefused)
    assert proof.code == "validation_failed"


async def test_many_proofs_at_once(world: World) -> None:
    card = {"issuer": "CMB", "number": "6225880000001234", **PERSON}
    account = {"bank": "ICBC", "number": "6222020000000002", **PERSON}
    body = {"data": [{"key": "card_1", "card": card}, {"key": "bacc_1", "account": account}]}
    answers = (await world.tell("/proofs", body))["data"]
    assert [item["last4"] for item in answers] == ["1234", "0002"]
    assert (await world.tell("/proofs", body))["data"] == answers
    assert await pay(world, "pout_1", answers[0]["token"]) != Refused("token_unknown")
    assert (await world.tell("/proofs", {"data": [{"key": "x"}]}, 422))["code"] == "validation_failed"


async def test_a_payout_is_delivered_and_told(world: World) -> None:
    answer = await pay(world, "pout_1", await world.card(), on=date(2027, 2, 28))
    assert isinstance(answer, Accepted)
    assert answer.status is Status.ACCEPTED
    [told] = await world.hears(1)
    created = told.pop("created_at")
    assert created.endswith("Z")
    assert told == {
        "id": world.ear.ids()[0], "type": "payout.delivered", "key": "pout_1",
        "provider_id": answer.provider_id, "amount": 1_200_000, "currency": "CNY",
        "effective_on": "2027-02-28", "reason": None, "reference": None,
    }  # fmt: skip
    outcome = await world.provider.find("pout_1")
    assert outcome is not None
    assert (outcome.status, outcome.effective_on) == (Status.DELIVERED, date(2027, 2, 28))
    assert await world.book() == [("payout", "pout_1", 1_200_000, "2027-02-28")]


async def test_a_disbursement_goes_to_an_account(world: World) -> None:
    token = await world.account()
    send = world.provider.send_disbursement_to_account
    answer = await send("pout_1", amount=7, currency="CNY", account_token=token, on=ON)
    assert isinstance(answer, Accepted)
    assert (await world.hears(1))[0]["type"] == "payout.delivered"
    assert await send("pout_2", amount=7, currency="CNY", account_token=await world.card(), on=ON) == Refused(
        "token_unknown", "the order is refused"
    )


async def test_a_debit_is_posted_and_told(world: World) -> None:
    assert isinstance(await debit(world, "pay_1", await world.account()), Accepted)
    assert (await world.hears(1))[0]["type"] == "debit.posted"
    assert await world.book() == [("debit", "pay_1", 50_000, "2026-11-22")]


@pytest.mark.parametrize(
    ("ending", "end", "types", "kinds", "reason"),
    [
        ("0006", "failed", ["payout.failed"], [], "card_closed"),
        ("0008", "returned", ["payout.delivered", "payout.returned"], ["payout", "payout_return"],
         "returned_by_issuer"),
        ("0012", "delivered", [], ["payout"], None),
    ],
)  # fmt: skip
async def test_what_a_card_number_does(
    world: World, ending: str, end: str, types: list[str], kinds: list[str], reason: str | None
) -> None:
    assert isinstance(await pay(world, "pout_1", await world.card(ending)), Accepted)
    assert {item["type"] for item in await world.hears(len(types))} == set(types)
    await world.reaches("pout_1", end)
    assert len(world.ear.heard) == len(types)
    assert [line[0] for line in await world.book()] == kinds
    outcome = await world.provider.find("pout_1")
    assert outcome is not None
    assert outcome.reason == reason


@pytest.mark.parametrize(
    ("ending", "types", "reason"),
    [
        ("0006", {"debit.failed"}, "insufficient_funds"),
        ("0008", {"debit.posted", "debit.returned"}, "returned_by_bank"),
    ],
)
async def test_what_an_account_number_does(world: World, ending: str, types: set[str], reason: str) -> None:
    assert isinstance(await debit(world, "pay_1", await world.account(ending)), Accepted)
    assert {item["type"] for item in await world.hears(len(types))} == types
    outcome = await world.provider.find("pay_1")
    assert outcome is not None
    assert outcome.reason == reason


async def test_some_numbers_never_answer_by_themselves(world: World) -> None:
    await pay(world, "pout_1", await world.card("0014"))
    await pay(world, "pout_2", await world.card(key="card_2"))
    assert [item["key"] for item in await world.hears(1)] == ["pout_2"]
    outcome = await world.provider.find("pout_1")
    assert outcome is not None
    assert outcome.status is Status.ACCEPTED


@pytest.mark.parametrize(
    ("ending", "code"),
    [("0002", "card_not_payable"), ("0004", "card_not_payable"), ("0010", "card_restricted")],
)
async def test_a_refusal_is_kept_under_its_key(world: World, ending: str, code: str) -> None:
    token = await world.card(ending)
    assert await pay(world, "pout_1", token) == Refused(code, "the order is refused")
    assert await pay(world, "pout_1", token) == Refused(code, "the order is refused")
    outcome = await world.provider.find("pout_1")
    assert outcome is not None
    assert (outcome.status, outcome.reason, outcome.effective_on) == (Status.REFUSED, code, None)
    assert await world.book() == []


async def test_fifty_times_one_key_is_one_payout(world: World) -> None:
    token = await world.card()
    answers = await asyncio.gather(*(pay(world, "pout_1", token) for _ in range(50)))
    assert len({answer.provider_id for answer in answers if isinstance(answer, Accepted)}) == 1
    assert all(isinstance(answer, Accepted) for answer in answers)
    await world.hears(1)
    assert len(await world.book()) == 1
    assert len((await world.control.get("/control/news")).json()["data"]) == 1


@pytest.mark.parametrize(
    "changed", [{"amount": 2}, {"currency": "USD"}, {"on": "2026-11-23"}, {"destination": None}]
)
async def test_one_key_and_another_body(world: World, changed: dict[str, Any]) -> None:
    token, other = await world.card(), await world.card(key="card_2")
    body = {
        "amount": 1,
        "currency": "CNY",
        "on": "2026-11-22",
        "destination": {"type": "card", "token": token},
    }
    headers = {"Idempotency-Key": "pout_1"}
    assert (await world.control.post("/v1/payouts", json=body, headers=headers)).status_code == 202
    changed = {"destination": {"type": "card", "token": other}} if "destination" in changed else changed
    answer = await world.control.post("/v1/payouts", json=body | changed, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")
    await world.hears(1)
    assert len(await world.book()) == 1


async def test_one_key_for_two_kinds_of_order(world: World) -> None:
    await pay(world, "same_1", await world.card(), amount=7)
    body = {"amount": 7, "currency": "CNY", "on": "2026-11-22", "account_token": await world.account()}
    answer = await world.control.post("/v1/debits", json=body, headers={"Idempotency-Key": "same_1"})
    assert answer.status_code == 409


async def test_refunds_send_back_what_is_here_and_no_more(world: World) -> None:
    transfer = await world.tell("/transfers", {"amount": 100, "currency": "CNY", "on": "2026-11-23"}, 201)
    assert isinstance(await refund(world, "refd_1", transfer["id"], 60), Accepted)
    assert isinstance(await refund(world, "refd_1", transfer["id"], 60), Accepted)
    assert await refund(world, "refd_2", transfer["id"], 41) == Refused(
        "amount_exceeds_receipt", "the order is refused"
    )
    assert isinstance(await refund(world, "refd_3", transfer["id"], 40), Accepted)
    assert await world.book() == [
        ("transfer", None, 100, "2026-11-23"),
        ("refund", "refd_1", 60, "2026-11-22"),
        ("refund", "refd_3", 40, "2026-11-22"),
    ]
    assert [item["type"] for item in await world.hears(1)] == ["transfer.received"], "a refund has no news"


async def test_refunds_that_make_no_sense(world: World) -> None:
    transfer = await world.tell("/transfers", {"amount": 100, "currency": "CNY", "on": "2026-11-23"}, 201)
    posted = await debit(world, "pay_1", await world.account("0008"))
    assert isinstance(posted, Accepted)
    await world.hears(3)
    for number, (of, currency, code) in enumerate(
        [
            ("tr_nothing", "CNY", "receipt_unknown"),
            (transfer["id"], "USD", "currency_differs"),
            (posted.provider_id, "CNY", "receipt_not_here"),
        ]
    ):
        answer = await refund(world, f"refd_{number}", of, 1, currency)
        assert answer == Refused(code, "the order is refused")


async def test_pages_of_the_cash_book(world: World) -> None:
    for amount in range(1, 8):
        await world.tell("/transfers", {"amount": amount, "currency": "CNY", "on": "2026-11-23"}, 201)
    first = await world.provider.cash_book(limit=3)
    second = await world.provider.cash_book(after=3, limit=3)
    last = await world.provider.cash_book(after=6, limit=3)
    lines = [*first.entries, *second.entries, *last.entries]
    assert [line.number for line in lines] == [1, 2, 3, 4, 5, 6, 7]
    assert [line.signed for line in lines] == [1, 2, 3, 4, 5, 6, 7]
    assert (first.has_more, second.has_more, last.has_more) == (True, True, False)


async def test_the_provider_never_saw_a_key(world: World) -> None:
    assert await world.provider.find("pout_1") is None


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}])
@pytest.mark.parametrize("path", ["/v1/cash-book", "/messages", "/control/faults", "/v1/operations/pout_1"])
async def test_strangers_are_turned_away(world: World, path: str, header: dict[str, str]) -> None:
    del world.control.headers["authorization"]
    answer = await world.control.get(path, headers=header)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


BODY = {"amount": 1, "currency": "CNY", "on": "2026-11-22", "destination": {"type": "card", "token": "tok_1"}}


@pytest.mark.parametrize(
    "changed",
    [{"amount": 0}, {"amount": -1}, {"amount": 10**30}, {"amount": 1.0}, {"amount": "1"}, {"amount": True},
     {"amount": None}, {"currency": "cny"}, {"currency": "CNY\n"}, {"on": "22.11.2026"}, {"on": 20261122},
     {"on": "2026-02-30"}, {"on": "２０２６-11-22"}, {"destination": None}, {"destination": {"type": "cash"}},
     {"destination": {"type": "card", "token": "a\x00"}}, {"extra": 1}],
    ids=repr,
)  # fmt: skip
async def test_a_body_out_of_shape(world: World, changed: dict[str, Any]) -> None:
    answer = await world.control.post(
        "/v1/payouts", json=BODY | changed, headers={"Idempotency-Key": "pout_1"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.headers["content-type"] == "application/problem+json"
    assert await world.provider.find("pout_1") is None


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 400), (b"\xff", 400), (b'{"amount": NaN}', 422), (b'{"currency": "\\ud800"}', 422), (b"[]", 422)],
)
async def test_hostile_json(world: World, content: bytes, status: int) -> None:
    headers = {"Idempotency-Key": "pout_1", "Content-Type": "application/json"}
    answer = await world.control.post("/v1/payouts", content=content, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "headers", [{}, {"Idempotency-Key": ""}, {"Idempotency-Key": "a b"}, {"Idempotency-Key": "x" * 101}]
)
async def test_an_order_needs_a_key(world: World, headers: dict[str, str]) -> None:
    answer = await world.control.post("/v1/payouts", json=BODY, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


async def test_unknown_paths_are_problems_too(world: World) -> None:
    answer = await world.control.get("/v2/payouts")
    assert (answer.status_code, answer.json()["code"]) == (404, "http_404")
