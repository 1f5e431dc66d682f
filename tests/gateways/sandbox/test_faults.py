"""Failures on demand, seen through the real adapters: what each one leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from refi.gateways.bureau_http import BureauHttp
from refi.gateways.line import Patience
from refi.gateways.payment_http import PaymentHttp
from refi.notifications import channels
from refi.payments.processor import Accepted, NotSent, OrderAnswer, ProviderUnavailable, Unknown
from refi.underwriting.bureau import BureauUnavailable, Query
from tests.gateways.given import line_to, outgoing
from tests.gateways.sandbox.conftest import ON, PERSON, World


async def pay(world: World, token: str) -> OrderAnswer:
    return await world.provider.send_payout("pout_1", amount=500, currency="CNY", card_token=token, on=ON)


async def fault(world: World, operation: str, mode: str, **more: Any) -> None:
    await world.tell("/faults", {"operation": operation, "mode": mode, **more}, 201)


async def test_an_error_leaves_nothing_done(world: World) -> None:
    token = await world.card()
    await fault(world, "payouts", "error")
    assert await pay(world, token) == Unknown("http_500")
    assert await world.provider.find("pout_1") is None
    await fault(world, "payouts", "error", status=429)
    assert await pay(world, token) == NotSent("http_429")
    assert isinstance(await pay(world, token), Accepted)


async def test_a_timeout_leaves_nothing_done(world: World) -> None:
    token = await world.card()
    await fault(world, "payouts", "timeout", seconds=0.8)
    async with line_to(world.url, Patience(read=0.3)) as impatient:
        answer = await PaymentHttp(impatient).send_payout(
            "pout_1", amount=500, currency="CNY", card_token=token, on=ON
        )
    assert answer == Unknown("ReadTimeout")
    assert await world.provider.find("pout_1") is None


async def test_success_without_telling(world: World) -> None:
    token = await world.card()
    await fault(world, "payouts", "silent")
    assert await pay(world, token) == Unknown("RemoteProtocolError")
    assert (await world.hears(1))[0]["key"] == "pout_1"
    assert await world.provider.find("pout_1") is not None
    assert isinstance(await pay(world, token), Accepted)
    assert len(await world.book()) == 1


async def test_questions_survive_two_failures_and_not_three(world: World) -> None:
    await fault(world, "operations", "error", calls=1)
    await fault(world, "operations", "silent", calls=1)
    assert await world.provider.find("pout_1") is None
    await fault(world, "any", "error", calls=3, status=503)
    with pytest.raises(ProviderUnavailable):
        await world.provider.find("pout_1")
    await fault(world, "cash_book", "silent", calls=3)
    with pytest.raises(ProviderUnavailable):
        await world.provider.cash_book()


async def test_a_proof_that_is_not_answered(world: World) -> None:
    await fault(world, "card_proofs", "silent")
    with pytest.raises(ProviderUnavailable):
        await world.card()
    assert await world.card()


async def test_messages_fail_too_and_arrive_once(world: World) -> None:
    await fault(world, "messages", "silent")
    assert await world.sms.send(outgoing("msg_1", "+8613800000000", "otp", "1")) == channels.Unknown(
        "RemoteProtocolError"
    )
    found = await world.sms.find("msg_1")
    assert found is not None
    assert await world.sms.send(outgoing("msg_1", "+8613800000000", "otp", "1")) == found
    assert len((await world.control.get("/messages")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("mode", "why"), [("error", "http_500"), ("silent", "RemoteProtocolError"), ("garbled", "garbage")]
)
async def test_the_bureau_fails_too(world: World, mode: str, why: str) -> None:
    """Twice, since it is asked once more; then it answers."""
    async with line_to(world.url, Patience(attempts=1)) as line:
        bureau = BureauHttp(line)
        query = Query("bq_1", PERSON["national_id"], "张三", "cns_1", ON)
        for operation, ask in (("bureau_reports", bureau.report), ("identity_checks", bureau.identity)):
            await fault(world, operation, mode, calls=1 if mode == "garbled" else 2)
            with pytest.raises(BureauUnavailable) as refused:
                await ask(query)
            assert refused.value.facts["why"] == why
            assert (await ask(query)).as_of == ON


async def test_a_fault_is_for_its_operation_and_its_number_of_calls(world: World) -> None:
    await fault(world, "debits", "error", calls=2)
    token = await world.card()
    assert isinstance(await pay(world, token), Accepted)
    [pending] = (await world.control.get("/control/faults")).json()["data"]
    assert pending == {"operation": "debits", "mode": "error", "calls": 2, "status": 500, "seconds": 30.0}
    assert (await world.control.delete("/control/faults")).status_code == 204
    assert (await world.control.get("/control/faults")).json() == {"data": []}
