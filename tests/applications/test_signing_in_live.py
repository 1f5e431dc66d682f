"""In live a signature carries a one-time code; a wrong one is counted and signs nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from refi.db.work import SYSTEM
from refi.sign_in import service as sign_in
from tests import given
from tests.given import Person, Service


@pytest.fixture
async def live(database_url: str) -> AsyncIterator[Service]:
    """The service as it runs in live."""
    secrets = {
        "env": "live",
        "token_secret": SecretStr("t" * 40),
        "data_keys": (SecretStr(Fernet.generate_key().decode()),),
        "index_key": SecretStr("i" * 40),
        "webhook_secrets": (SecretStr("whsec_" + "w" * 40),),
        "provider_key": SecretStr("p" * 40),
        "provider_url": "https://provider.test",
        **given.LIVE_MESSAGES,
    }
    async with given.running(database_url, **secrets) as running:
        yield running


async def code_for(service: Service, person: Person) -> str:
    """The code that the borrower's phone receives."""
    phone = (await service.rows("SELECT phone_sealed FROM borrowers WHERE id = :id", id=person.id))[0][0]
    async with service.database.work(SYSTEM) as work:
        await sign_in.send_code(work, work.vault.open(phone))
    (event,) = await service.rows(
        "SELECT body FROM events WHERE type = 'OneTimeCodeIssued' ORDER BY id DESC LIMIT 1"
    )
    return service.database.vault.open(event.body["sealed_code"])


async def test_the_code_signs(live: Service) -> None:
    person = await given.a_card_holder(live)
    body = {"statement": person.statement, "term": 6}
    offer = (await live.post("/v1/applications", body, who=person)).json()["offers"][0]
    path, agreed = f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}
    code = await code_for(live, person)
    wrong = "000000" if code != "000000" else "111111"
    for attempt in (agreed, {**agreed, "otp": wrong}):
        answer = await live.post(path, attempt, who=person)
        assert (answer.status_code, answer.json()["code"]) == (401, "otp_invalid")
    assert (await live.rows("SELECT attempts FROM one_time_codes"))[0].attempts == 1
    assert (await live.rows("SELECT count(*) FROM loans"))[0][0] == 0
    signed = await live.post(path, {**agreed, "otp": code}, who=person)
    assert (signed.status_code, signed.json()["status"]) == (201, "pending_disbursement")
