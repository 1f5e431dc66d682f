"""News is signed, told until it is heard, and survives a kill of either side."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from refi import clock
from refi.gateways.line import Patience
from refi.gateways.payment_http import PaymentHttp
from refi.gateways.sandbox import create_provider
from refi.payments.processor import Accepted, CashEntry, EntryKind, NotSent, PaymentProcessor, Unknown
from refi.payments.provider_events import EventType, read_event
from refi.payments.reconciliation import Booked, compare
from refi.web import webhooks
from tests.gateways.given import (
    API_KEY,
    OTHER_SECRET,
    SECRET,
    Ear,
    Process,
    control,
    line_to,
    listening,
    process,
    until,
)
from tests.gateways.sandbox.conftest import ON, PERSON, World, reaches
from tests.proofs import Proof

TRANSFER = {"amount": 1, "currency": "CNY", "on": "2026-12-01"}


async def test_news_is_signed_as_the_standard_says(world: World) -> None:
    await world.tell("/transfers", TRANSFER | {"reference": "还款"}, 201)
    await world.hears(1)
    headers, body = world.ear.heard[0]
    event_id = webhooks.verify(headers, body, [SECRET], clock.utc_now())
    assert Webhook(SECRET).verify(body, headers)["id"] == event_id, "the library agrees"
    event = read_event(body, event_id)
    assert (event.type, event.amount, event.reference) == (EventType.TRANSFER_RECEIVED, 1, "还款")
    with pytest.raises(webhooks.WebhookSignatureWrong):
        webhooks.verify(headers, body, [OTHER_SECRET], clock.utc_now())


@pytest.mark.parametrize("refusals", [[500], [401, 404, 503, 302, 500, 422]])
async def test_told_until_heard(world: World, refusals: list[int]) -> None:
    world.ear.answers += refusals
    await world.tell("/transfers", TRANSFER, 201)
    await world.hears(len(refusals) + 1)
    assert len(set(world.ear.ids())) == 1
    assert len({body for _, body in world.ear.heard}) == 1
    await asyncio.sleep(0.1)
    assert len(world.ear.heard) == len(refusals) + 1, "heard is heard"


async def test_every_secret_signs_while_one_replaces_the_other(tmp_path: Path) -> None:
    ear = Ear()
    async with listening(ear) as hooks:
        app = create_provider(
            data=tmp_path / "p.db", webhook_url=hooks, webhook_secrets=[SECRET, OTHER_SECRET], api_key=API_KEY
        )
        async with listening(app) as url, control(url) as levers:
            await levers.post("/control/transfers", json=TRANSFER)
            await until(lambda: bool(ear.heard))
    for secrets in ([SECRET], [OTHER_SECRET], [OTHER_SECRET, SECRET]):
        assert webhooks.verify(*ear.heard[0], secrets, clock.utc_now()) == ear.ids()[0]


async def test_each_attempt_is_signed_afresh(world: World) -> None:
    """Five minutes of tolerance count from the attempt, so news may be told hours later."""
    world.ear.answers += [500] * 3
    await world.tell("/transfers", TRANSFER, 201)
    await world.hears(4)
    for headers, body in world.ear.heard:
        webhooks.verify(headers, body, [SECRET], clock.utc_now())
        with pytest.raises(webhooks.WebhookTooOld):
            webhooks.verify(headers, body, [SECRET], clock.utc_now() + timedelta(minutes=6))


async def test_a_deaf_listener_delays_nobody_else(world: World) -> None:
    world.ear.answers += [500] * 40
    for _ in range(60):
        await world.control.post("/control/transfers", json=TRANSFER)
    await until(lambda: len(set(world.ear.ids())) == 60)


async def test_news_waits_for_a_listener_that_is_down(tmp_path: Path) -> None:
    """The service dies (its port refuses) and comes back: everything that happened meanwhile is told."""
    ear = Ear()
    async with listening(ear) as hooks:
        port = int(hooks.rsplit(":", 1)[1])
    app = create_provider(
        data=tmp_path / "p.db", webhook_url=hooks, webhook_secrets=[SECRET], api_key=API_KEY,
        retry_first=0.01, retry_longest=0.05,
    )  # fmt: skip
    async with listening(app) as url, control(url) as levers:
        for _ in range(5):
            assert (await levers.post("/control/transfers", json=TRANSFER)).status_code == 201
        await asyncio.sleep(0.1)
        assert ear.heard == []
        async with listening(ear, port):
            await until(lambda: len(set(ear.ids())) == 5)
            states = (await levers.get("/control/news")).json()["data"]
    assert all(item["attempts"] > 1 for item in states)


async def test_a_stop_that_races_with_news_still_stops(tmp_path: Path) -> None:
    app = create_provider(
        data=tmp_path / "p.db", webhook_url="http://127.0.0.1:9/", webhook_secrets=[SECRET], api_key=API_KEY
    )
    async with asyncio.timeout(5), app.router.lifespan_context(app):
        await asyncio.sleep(0.05)
        app.state.provider.stir()


async def test_health(world: World) -> None:
    async with httpx.AsyncClient(base_url=world.url, trust_env=False) as anybody:
        assert (await anybody.get("/livez")).json() == {"status": "ok"}


async def all_lines(provider: PaymentProcessor) -> list[CashEntry]:
    lines: list[CashEntry] = []
    while True:
        page = await provider.cash_book(after=lines[-1].number if lines else 0, limit=50)
        lines += page.entries
        if not page.has_more:
            return lines


@dataclass
class Sending:
    """Orders sent to a provider that is killed again and again, sorted by the answer they got."""

    accepted: set[str] = field(default_factory=set)
    not_sent: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)

    async def send(self, there: PaymentProcessor, key: str, amount: int, token: str, after: float) -> None:
        await asyncio.sleep(after)
        answer = await there.send_payout(key, amount=amount, currency="CNY", card_token=token, on=ON)
        kinds = {Accepted: self.accepted, NotSent: self.not_sent, Unknown: self.unknown}
        kinds[type(answer)].add(key)


async def send_through_kills(
    proof: Proof, provider: Process, sending: Sending, keys: list[str], kills: int
) -> None:
    """Order every key once, several at a time; each time the provider is killed somewhere on the way.

    Every other time the orders come in one burst, so that the kill falls between commit and answer.
    """
    chance, token = proof.random(), ""
    each = len(keys) // kills
    for kill in range(kills):
        async with line_to(provider.url, Patience(attempts=1, read=2.0)) as line:
            there = PaymentHttp(line)
            if not token:
                card = await there.confirm_card("card_1", issuer="CMB", number="6225880000001234", **PERSON)
                token = card.token  # type: ignore[union-attr]
            await there.find("nothing")
            async with asyncio.TaskGroup() as orders:
                for number in range(kill * each, (kill + 1) * each):
                    after = chance.random() * (0.3 if kill % 2 else 0)
                    orders.create_task(sending.send(there, keys[number], number + 1, token, after))
                await asyncio.sleep(chance.random() * (0.4 if kill % 2 else 0.06))
                provider.end(signal.SIGKILL)
                proof.fired("kill -9 of the provider")
        provider.start()


async def test_provider_forgets_nothing(proof: Proof, tmp_path: Path) -> None:
    """kill -9 at random points: accepted orders are kept, move money once, and are told."""
    kills = proof.size(small=2, full=60, of="kills")
    keys = [f"pout_{number}" for number in range(kills * 8)]
    ear, sending = Ear(), Sending()
    async with listening(ear) as hooks:
        with process(tmp_path / "p.db", hooks, "--answer-delay", "0.02") as provider:
            await send_through_kills(proof, provider, sending, keys, kills)
            async with line_to(provider.url) as line:
                there = PaymentHttp(line)
                taken = {key for key in keys if await there.find(key) is not None}
                for key in taken:
                    await reaches(there, key, "delivered")
                lines = await all_lines(there)
            await until(lambda: len(set(ear.ids())) >= len(taken), 30)
    proof.fired("order left unknown and taken in", len(sending.unknown & taken))
    proof.fired("order left unknown and lost", len(sending.unknown - taken))
    proof.record(orders=len(keys), accepted=len(sending.accepted), unknown=len(sending.unknown))
    if proof.full:
        assert sending.accepted
        assert sending.unknown, "the kills must hit orders on their way"
    assert sending.accepted <= taken, "what was accepted is kept"
    assert not sending.not_sent & taken, "what was not sent did not arrive"
    booked = [Booked(EntryKind.PAYOUT, key, keys.index(key) + 1, "CNY", ON) for key in taken]
    assert compare(lines, booked).differences == ()
    assert {read_event(body, headers["webhook-id"]).key for headers, body in ear.heard} == taken
    assert len(set(ear.ids())) == len(taken), "one event per payout"


def test_the_command_line_ends_on_a_signal(tmp_path: Path) -> None:
    with process(tmp_path / "p.db", "http://127.0.0.1:9/nobody") as provider:
        assert httpx.get(f"{provider.url}/livez", trust_env=False).status_code == 200
        assert provider.end(signal.SIGTERM) in (0, -signal.SIGTERM)
