"""The provider's news: booked once, in any order, and from nobody else."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from refi.api.settling import settle
from refi.demo.walker import eventually
from tests.books import ON
from tests.proofs import Proof
from tests.slices.news import (
    HOOK,
    body_of,
    headers_of,
    held,
    held_payout,
    lever,
    minutes_ago,
    provider_said,
    started,
    state,
    tell,
)
from tests.slices.road import (
    active,
    borrowed,
    cash_at_provider,
    clean,
    converged,
    newcomer,
    one,
    rows,
)
from tests.stack import Stack, running_stack


async def test_one_webhook_a_hundred_times(stack: Stack, proof: Proof) -> None:
    """The first delivery and a hundred more of the same event, at once and one by one: one effect."""
    times = proof.size(small=100, full=1000, of="deliveries of each event")
    walker = await newcomer(stack)
    loan_id = await active(walker)
    payment_id = await held(stack, walker, loan_id, 100_000)
    await lever(stack, f"debits/{payment_id}/lose")
    body = await provider_said(stack, "debit.posted", payment_id)
    answers = await asyncio.gather(*(tell(stack, body) for _ in range(times // 2)))
    await converged(stack.runtime)
    before = await state(stack)
    answers += [await tell(stack, body) for _ in range(times // 2)]
    payout_id = await one(stack.runtime.database, "SELECT id FROM payouts")
    delivered = await provider_said(stack, "payout.delivered", payout_id)
    answers += await asyncio.gather(*(tell(stack, delivered) for _ in range(times)))
    assert Counter(a.status_code for a in answers) == {202: 2 * times}
    await clean(stack)
    assert await state(stack) == before
    told = await rows(stack.runtime.database, "SELECT id, refusal FROM provider_news")
    assert {row.id for row in told} == {body["id"], delivered["id"]}
    assert [row.refusal for row in told] == [None, None]
    assert [kind for kind, _, _ in await cash_at_provider(stack)] == ["payout", "debit"]
    proof.record(deliveries=len(answers), effects=2)


async def test_another_event_about_the_same_money_changes_nothing(stack: Stack) -> None:
    """A provider that forgot its event id and tells the same again under a new one."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    payment_id = await started(walker, loan_id, 100_000)
    await converged(stack.runtime)
    body, before = await provider_said(stack, "debit.posted", payment_id), await state(stack)
    for number in range(5):
        assert (await tell(stack, {**body, "id": f"evt_again_{number}"})).status_code == 202
    await clean(stack)
    assert await state(stack) == before


async def test_a_debit_returned_before_it_was_posted(stack: Stack) -> None:
    """The return is told first, a day later than the money moved; the books get both dates right."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    owed = (await walker.loan(loan_id))["balances"]
    payment_id = await held(stack, walker, loan_id, 100_000)
    await lever(stack, f"debits/{payment_id}/lose")
    await lever(stack, "hold", on=False)
    await walker.advance(ON + timedelta(days=1))
    await lever(stack, f"debits/{payment_id}/return", on="2026-11-23")
    assert await settle(stack.runtime, within=20)
    assert (await walker.ask("GET", f"/v1/payments/{payment_id}"))["status"] == "pending"
    assert (await tell(stack, await provider_said(stack, "debit.posted", payment_id))).status_code == 202
    await clean(stack)
    assert (await walker.ask("GET", f"/v1/payments/{payment_id}"))["status"] == "reversed"
    assert (await walker.loan(loan_id))["balances"]["principal"] == owed["principal"]
    assert [kind for kind, _, _ in await cash_at_provider(stack)] == ["payout", "debit", "debit_return"]


async def test_a_payout_delivered_after_it_was_returned(stack: Stack) -> None:
    walker = await newcomer(stack)
    loan_id, payout_id = await held_payout(stack, walker)
    await lever(stack, f"payouts/{payout_id}/lose")
    await lever(stack, f"payouts/{payout_id}/return")
    assert await settle(stack.runtime, within=20)
    assert (await walker.loan(loan_id))["status"] == "pending_disbursement"
    assert (await tell(stack, await provider_said(stack, "payout.delivered", payout_id))).status_code == 202
    await clean(stack)
    assert (await walker.loan(loan_id))["status"] == "cancelled"
    assert [kind for kind, _, _ in await cash_at_provider(stack)] == ["payout", "payout_return"]


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "other amount": ({"amount": 99_999}, "the amount is 99999"),
    "other currency": ({"currency": "USD"}, "the currency is USD"),
    "unknown payment": ({"key": "pay_01h455vb4pex5vsknk084sn02q"}, "no such payment"),
    "unknown payout": ({"type": "payout.delivered"}, "no such payout"),
    "posted and failed": ({"type": "debit.failed"}, "invalid_transition"),
    "a key that is none": ({"key": "' OR 1=1 --"}, "no such payment"),
    "another's transfer": ({"type": "transfer.received", "currency": "EUR"}, "the currency is EUR"),
}


async def test_news_that_contradicts_our_rows_is_parked_by_name(stack: Stack) -> None:
    walker = await newcomer(stack)
    loan_id = await active(walker)
    payment_id = await started(walker, loan_id, 100_000)
    await converged(stack.runtime)
    good, before = await provider_said(stack, "debit.posted", payment_id), await state(stack)
    for number, (change, _) in enumerate(CONTRADICTIONS.values()):
        body = {**good, "id": f"evt_wrong_{number}", **change}
        assert (await tell(stack, body)).status_code == 202
    await clean(stack)
    found = "SELECT id, refusal FROM provider_news WHERE refusal IS NOT NULL ORDER BY id"
    parked = {row.id: row.refusal for row in await rows(stack.runtime.database, found)}
    assert len(parked) == len(CONTRADICTIONS)
    for number, (name, (_, reason)) in enumerate(CONTRADICTIONS.items()):
        assert reason in parked[f"evt_wrong_{number}"], name
    assert await state(stack) == before


async def test_a_failed_payout_is_neither_delivered_nor_returned(stack: Stack) -> None:
    walker = await newcomer(stack, card="6225880137760006")
    loan_id = await borrowed(walker)
    assert (await walker.loan_becomes(loan_id, "cancelled"))["balances"]["total"] == 0
    payout_id = await one(stack.runtime.database, "SELECT id FROM payouts")
    failed, before = await provider_said(stack, "payout.failed", payout_id), await state(stack)
    for kind in ("payout.delivered", "payout.returned"):
        await tell(stack, {**failed, "id": f"evt_{kind[7:]}", "type": kind})
    await clean(stack)
    parked = await rows(stack.runtime.database, "SELECT refusal FROM provider_news WHERE refusal IS NOT NULL")
    assert len(parked) == 2
    assert await state(stack) == before
    assert await cash_at_provider(stack) == []


async def test_what_is_refused_at_the_door(stack: Stack) -> None:
    """What is unsigned, stale, from the future or unreadable is refused by name and not stored."""
    walker = await newcomer(stack)
    loan_id = await active(walker)
    payment_id = await held(stack, walker, loan_id, 100_000)
    body = body_of(key=payment_id)
    text, event_id = json.dumps(body), str(body["id"])
    before = await state(stack)

    def signed(content: str, **how: Any) -> tuple[str, dict[str, str]]:
        return content, headers_of(event_id, content, **how)

    good = headers_of(event_id, text)
    unauthenticated = [
        (text, {}),
        (text, {name: value for name, value in good.items() if name != "webhook-signature"}),
        (text, {**good, "webhook-signature": "v1,AAAA"}),
        (text, {**good, "webhook-id": "evt_other"}),
        (text, {**good, "webhook-timestamp": "now"}),
        (text, {**good, "webhook-timestamp": str(int(good["webhook-timestamp"]) + 60)}),
        (text.replace("100000", "100001"), good),
        signed(text, secret=a_secret("other")),
        signed(text, at=minutes_ago(5.1)),
        signed(text, at=minutes_ago(-6)),
    ]
    unreadable = [
        signed("not json"),
        signed("[]"),
        signed(json.dumps({**body, "type": "debit.invented"})),
        signed(json.dumps({**body, "amount": 100_000.0})),
        signed(json.dumps({**body, "amount": -100_000})),
        signed(json.dumps({**body, "amount": 10**30})),
        signed(json.dumps({**body, "effective_on": "22.11.2026"})),
        signed(json.dumps({**body, "id": "evt_other"})),
        signed(json.dumps({**body, "reason": "\x00"})),
        signed(text.replace("100000", "NaN")),
        signed(text[:-1] + ', "amount": 1}'),
        signed(json.dumps({key: value for key, value in body.items() if key != "key"})),
    ]
    for status, named, sent in (
        (401, "unauthenticated", unauthenticated),
        (422, "validation_failed", unreadable),
    ):
        for number, (content, headers) in enumerate(sent):
            answer = await stack.client.post(HOOK, content=content.encode(), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (status, named), (number, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
    assert (
        await one(stack.runtime.database, "SELECT count(*) FROM provider_news WHERE id = :id", id=event_id)
        == 0
    )
    assert await state(stack) == before
    await lever(stack, "hold", on=False)
    await clean(stack)


async def test_a_sender_that_hangs_up_is_no_fault_of_ours(stack: Stack) -> None:
    """The provider dies in the middle of a webhook: nothing is stored, nobody is alarmed."""
    port = int(stack.url.rpartition(":")[2])
    with structlog.testing.capture_logs() as logs:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST {HOOK} HTTP/1.1\r\nhost: refi.test\r\ncontent-length: 100\r\n"
        writer.write(f"{head}content-type: application/json\r\n\r\n{{".encode())
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()

        async def look() -> bool | None:
            return any(line["event"] == "answered" for line in logs) or None

        await eventually("the end of the request", look)
    assert [line for line in logs if line["log_level"] not in ("debug", "info")] == []
    assert [line["status_code"] for line in logs if line["event"] == "answered"] == [499]
    assert (await stack.client.get("/livez")).status_code == 200


def a_secret(name: str) -> str:
    """A well-formed webhook secret."""
    return "whsec_" + base64.b64encode(name.encode().ljust(32, b"-")).decode()


async def test_a_secret_is_rotated(database_url: str, tmp_path: Path) -> None:
    """Old and new are good while both are set; a third never."""
    new, old = a_secret("new"), a_secret("old")
    settings = {"webhook_secrets": f"{new},{old}"}
    async with running_stack(database_url, tmp_path, provider_secrets=[old], **settings) as stack:
        walker = await newcomer(stack)
        await active(walker)
        answers = [await tell(stack, body_of(), secret=secret) for secret in (new, old, a_secret("third"))]
        assert [a.status_code for a in answers] == [202, 202, 401]
        await clean(stack)
