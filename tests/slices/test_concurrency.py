"""Many requests at once on real sockets: one effect per key, never more than is owed, one loan per offer."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import pytest

from refi.db.availability import DatabaseUnavailable
from refi.db.work import SYSTEM, connect
from refi.demo.walker import Walker
from tests.proofs import Proof
from tests.slices.road import (
    active,
    borrowed,
    cash_at_provider,
    clean,
    converged,
    newcomer,
    offered,
    one,
    rows,
)
from tests.stack import Stack

DEBIT = {"type": "bank_debit"}


def code(answer: httpx.Response) -> str:
    return str(answer.json().get("code", ""))


async def pay(
    walker: Walker, loan_id: str, amount: int, key: str | None = None, **more: Any
) -> httpx.Response:
    body = {"amount": amount, "source": DEBIT, **more}
    return await walker.send("POST", f"/v1/loans/{loan_id}/payments", body, key=key)


def one_effect(answers: list[httpx.Response], status: int) -> dict[str, Any]:
    """The one effect behind the answers to one key: every other answer repeats it or says *in flight*."""
    fresh = [a for a in answers if a.status_code == status and "idempotent-replayed" not in a.headers]
    replayed = [a for a in answers if a.headers.get("idempotent-replayed") == "true"]
    refused = [a for a in answers if a.status_code == 409]
    assert len(fresh) == 1, Counter((a.status_code, code(a)) for a in answers)
    assert len(fresh) + len(replayed) + len(refused) == len(answers)
    assert {a.content for a in replayed} <= {fresh[0].content}
    assert {a.status_code for a in replayed} <= {status}
    assert {code(a) for a in refused} <= {"idempotency_key_in_flight"}
    effect: dict[str, Any] = fresh[0].json()
    return effect


async def test_one_key_fifty_times_at_once(stack: Stack, proof: Proof) -> None:
    times = proof.size(small=50, full=500, of="requests at once under one key")
    walker = await newcomer(stack)
    loan_id = await active(walker)
    key = str(uuid.uuid4())
    answers = await asyncio.gather(*(pay(walker, loan_id, 100_000, key) for _ in range(times)))
    payment = one_effect(answers, 202)
    again = await pay(walker, loan_id, 100_000, key)
    assert (again.status_code, again.headers["idempotent-replayed"], again.json()) == (202, "true", payment)
    other = await pay(walker, loan_id, 100_001, key)
    assert (other.status_code, code(other)) == (422, "idempotency_key_reused")
    proof.fired("key in flight", sum(a.status_code == 409 for a in answers))
    proof.fired("answer replayed", sum("idempotent-replayed" in a.headers for a in answers))
    assert [tuple(row) for row in await rows(stack.runtime.database, "SELECT id, amount FROM payments")] == [
        (payment["id"], 100_000)
    ]
    await clean(stack)
    debits = [(cause, amount) for kind, cause, amount in await cash_at_provider(stack) if kind == "debit"]
    assert debits == [(payment["id"], 100_000)]
    proof.record(effects=len(debits))


async def test_a_key_belongs_to_caller_and_path(stack: Stack) -> None:
    """The same key of another borrower, or on another path, is another key."""
    first, second = await asyncio.gather(newcomer(stack, 1), newcomer(stack, 2))
    loans = await asyncio.gather(active(first), active(second))
    key = str(uuid.uuid4())
    answers = [
        await pay(first, loans[0], 100_000, key),
        await pay(second, loans[1], 100_000, key),
        await first.send("POST", "/v1/consents", {"purpose": "contact", "text_version": "2026-12"}, key=key),
    ]
    assert all(a.status_code < 300 and "idempotent-replayed" not in a.headers for a in answers)
    stranger = await pay(second, loans[0], 100_000, key)
    assert (stranger.status_code, code(stranger)) == (404, "not_found")
    await clean(stack)


async def test_twenty_repayments_at_once(stack: Stack, proof: Proof) -> None:
    """Twenty keys, each for a quarter of the debt: what is accepted is posted, and it is never too much."""
    times = proof.size(small=20, full=200, of="repayments at once")
    random = proof.random()
    walker = await newcomer(stack)
    loan_id = await active(walker)
    owed = (await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote"))["total"]
    amounts = [random.randint(1, owed // 4) for _ in range(times)]
    answers = await asyncio.gather(*(pay(walker, loan_id, amount) for amount in amounts))
    accepted = {a.json()["id"]: a.json()["amount"] for a in answers if a.status_code == 202}
    refused = [a for a in answers if a.status_code != 202]
    assert {(a.status_code, code(a)) for a in refused} <= {(422, "amount_exceeds_payoff")}
    assert 0 < sum(accepted.values()) <= owed
    await converged(stack.runtime)
    posted = await rows(stack.runtime.database, "SELECT id, amount FROM payments WHERE status = 'posted'")
    assert {row.id: row.amount for row in posted} == accepted
    left = (await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote"))["total"]
    assert left == owed - sum(accepted.values())
    assert all(json.loads(a.request.content)["amount"] > left for a in refused)
    await clean(stack)
    assert sum(amount for kind, _, amount in await cash_at_provider(stack) if kind == "debit") == owed - left
    proof.record(accepted=len(accepted), refused=len(refused), owed=owed, taken=sum(accepted.values()))


async def test_many_payoffs_at_once_settle_once(stack: Stack) -> None:
    walker = await newcomer(stack)
    loan_id = await active(walker)
    owed = (await walker.ask("GET", f"/v1/loans/{loan_id}/payoff-quote"))["total"]
    answers = await asyncio.gather(*(pay(walker, loan_id, owed, mode="payoff") for _ in range(10)))
    taken = [a for a in answers if a.status_code == 202]
    refused = {(a.status_code, code(a)) for a in answers if a.status_code != 202}
    assert len(taken) == 1
    assert refused <= {(422, "amount_exceeds_payoff"), (409, "loan_not_active")}  # before and after its money
    await converged(stack.runtime)
    assert (await walker.loan(loan_id))["status"] == "paid_off"
    late = await pay(walker, loan_id, 1)
    assert (late.status_code, code(late)) == (409, "loan_not_active")
    await clean(stack)


async def test_one_offer_accepted_many_times_at_once_makes_one_loan(stack: Stack) -> None:
    walker = await newcomer(stack)
    offer = await offered(walker)
    path, body = f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}
    answers = await asyncio.gather(*(walker.send("POST", path, body) for _ in range(10)))
    assert Counter((a.status_code, code(a)) for a in answers) == {
        (201, ""): 1,
        (409, "invalid_transition"): 9,
    }
    loan_id = next(a.json()["id"] for a in answers if a.status_code == 201)
    await walker.loan_becomes(loan_id, "active")
    database = stack.runtime.database
    assert await one(database, "SELECT count(*) FROM loans") == 1
    assert await one(database, "SELECT count(*) FROM agreements") == 1
    await clean(stack)
    assert [(kind, amount) for kind, _, amount in await cash_at_provider(stack)] == [("payout", 1_200_000)]


async def test_an_offer_is_signed_or_left_never_both(stack: Stack) -> None:
    """The borrower signs and withdraws at once: one of the two happened, the other was refused by name."""
    walker = await newcomer(stack)
    offer = await offered(walker)
    (application,) = (await walker.ask("GET", "/v1/applications"))["data"]
    signed, left = await asyncio.gather(
        walker.send("POST", f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}),
        walker.send("POST", f"/v1/applications/{application['id']}/withdraw", {}),
    )
    assert sorted((signed.is_success, left.is_success)) == [False, True]
    refused = left if signed.is_success else signed
    assert (refused.status_code, code(refused)) == (409, "invalid_transition")
    (after,) = (await walker.ask("GET", "/v1/applications"))["data"]
    assert after["status"] == ("accepted" if signed.is_success else "withdrawn")
    await clean(stack)
    assert len(await cash_at_provider(stack)) == signed.is_success


async def test_applications_at_once_never_pass_the_exposure_limit(stack: Stack) -> None:
    """Three bills of 90,000.00 at once: the limit of 200,000.00 takes two, and a part of the third."""
    walker = await newcomer(stack, income=90_000_000)
    today, bills = await walker.business_date(), []
    for number in ("6225880137706868", "6225880137706876", "6225880137706884"):
        await walker.link("CMB", number, 30_000_000, "ICBC", "6222021234567890128")
        bills.append(await walker.import_bill(9_000_000, today - timedelta(days=10), paid=1_000_000))
    decided = await asyncio.gather(*(walker.apply(bill["id"], 12) for bill in bills))
    assert Counter(a["decision"]["counter_offer"] for a in decided) == {False: 2, True: 1}
    third = next(a for a in decided if a["decision"]["counter_offer"])
    assert third["decision"]["reasons"][0]["code"] == "policy_exposure_limit"
    assert third["offers"][0]["amount"] == 2_000_000
    offers = [a["offers"][0] for a in decided if a["offers"]]
    await asyncio.gather(*(walker.accept(offer) for offer in offers))
    lent = await one(stack.runtime.database, "SELECT sum(principal)::bigint FROM loans")
    assert lent == 20_000_000
    await clean(stack)


async def test_one_bill_is_refinanced_once(stack: Stack) -> None:
    """Two approved applications for one bill, both signed at once: the bill takes one payoff."""
    walker = await newcomer(stack)
    first = await offered(walker)
    bills = (await walker.ask("GET", f"/v1/cards/{walker.seen['card']['id']}/statements"))["data"]
    second = (await walker.apply(bills[0]["id"], 6))["offers"][0]
    answers = await asyncio.gather(
        *(
            walker.send("POST", f"/v1/offers/{o['id']}/accept", {"agreement_hash": o["agreement_hash"]})
            for o in (first, second)
        )
    )
    assert sorted((a.status_code, code(a)) for a in answers) == [(201, ""), (409, "statement_stale")]
    await clean(stack)
    assert [(kind, amount) for kind, _, amount in await cash_at_provider(stack)] == [("payout", 1_200_000)]


async def test_a_refresh_token_used_twice_at_once_ends_the_family(stack: Stack) -> None:
    walker = stack.walker()
    await walker.sign_in("+8613800100001")
    body = {"refresh_token": walker.refresh_token}
    answers = await asyncio.gather(*(stack.client.post("/v1/auth/refresh", json=body) for _ in range(10)))
    assert Counter(a.status_code for a in answers) == {200: 1, 401: 9}
    assert {code(a) for a in answers if a.status_code == 401} == {"unauthenticated"}
    fresh = next(a.json()["refresh_token"] for a in answers if a.status_code == 200)
    after = await stack.client.post("/v1/auth/refresh", json={"refresh_token": fresh})
    assert after.status_code == 401
    left = "SELECT count(*) FROM refresh_tokens WHERE revoked_at IS NULL"
    assert await one(stack.runtime.database, left) == 0


async def test_a_code_guessed_twenty_times_at_once(stack: Stack) -> None:
    """At most five tries count; after them even the right code is worthless."""
    walker = stack.walker()
    walker.phone = "+8613800100001"
    await walker.ask("POST", "/v1/auth/otp", {"phone": walker.phone})
    right = await walker.code()
    wrong = [f"{(int(right) + step) % 10**6:06d}" for step in range(1, 21)]
    answers = await asyncio.gather(
        *(stack.client.post("/v1/auth/token", json={"phone": walker.phone, "code": guess}) for guess in wrong)
    )
    assert {(a.status_code, code(a)) for a in answers} == {(401, "otp_invalid")}
    assert await one(stack.runtime.database, "SELECT attempts FROM one_time_codes") == 5
    late = await stack.client.post("/v1/auth/token", json={"phone": walker.phone, "code": right})
    assert (late.status_code, code(late)) == (401, "otp_invalid")
    assert await one(stack.runtime.database, "SELECT count(*) FROM borrowers") == 0


async def test_one_code_redeemed_many_times_at_once_signs_in_once(stack: Stack) -> None:
    walker = stack.walker()
    walker.phone = "+8613800100001"
    await walker.ask("POST", "/v1/auth/otp", {"phone": walker.phone})
    body = {"phone": walker.phone, "code": await walker.code()}
    answers = await asyncio.gather(*(stack.client.post("/v1/auth/token", json=body) for _ in range(10)))
    assert Counter(a.status_code for a in answers) == {200: 1, 401: 9}
    assert await one(stack.runtime.database, "SELECT count(*) FROM borrowers") == 1


async def test_a_burst_far_above_the_pool_is_served(stack: Stack) -> None:
    walker = await newcomer(stack)
    loan_id = await borrowed(walker)
    answers = await asyncio.gather(*(walker.send("GET", f"/v1/loans/{loan_id}") for _ in range(150)))
    assert {a.status_code for a in answers} == {200}
    await clean(stack)


async def test_who_waits_too_long_for_a_connection_is_told_to_come_back(stack: Stack) -> None:
    """A pool that stays empty is an outage that passes (503), not an error of ours."""
    runtime = stack.runtime
    url = runtime.settings.database_url
    narrow = connect(
        url, runtime.database.policy, runtime.database.vault, sandbox=True, pool_size=1, pool_wait=0.2
    )
    try:
        async with narrow.work(SYSTEM, reading=True), narrow.work(SYSTEM, reading=True):
            with pytest.raises(DatabaseUnavailable):
                async with narrow.work(SYSTEM, reading=True):
                    raise AssertionError("there was a third connection")
    finally:
        await narrow.engine.dispose()
