"""The levers as the service pulls them, against a provider that listens."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from refi.errors import NotFound, Unavailable
from refi.gateways.sandbox import create_provider
from refi.gateways.sandbox_control import ProviderRefuses, SandboxControl
from tests.gateways.given import API_KEY, SECRET, listening

TRANSFER = {"amount": 5, "currency": "CNY", "on": "2026-12-01"}


async def test_levers(tmp_path: Path) -> None:
    app = create_provider(
        data=tmp_path / "p.db", webhook_url="http://127.0.0.1:9/", webhook_secrets=[SECRET], api_key=API_KEY
    )
    async with listening(app) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        control = SandboxControl(client, API_KEY)
        first = await control.command("/control/transfers", TRANSFER, key="wire-1")
        assert await control.command("/control/transfers", TRANSFER, key="wire-1") == first
        with pytest.raises(ProviderRefuses) as reused:
            await control.command("/control/transfers", TRANSFER | {"amount": 6}, key="wire-1")
        assert reused.value.facts["provider"] == "idempotency_key_reused"
        with pytest.raises(NotFound):
            await control.command("/control/payouts/pout_1/deliver", {})
        token = "tok_test_card_a_0014"
        order = {
            "amount": 5,
            "currency": "CNY",
            "on": "2026-12-01",
            "destination": {"type": "card", "token": token},
        }
        await control.command("/v1/payouts", order, key="pout_1")
        with pytest.raises(ProviderRefuses) as early:
            await control.command("/control/payouts/pout_1/return", {})
        assert early.value.facts["allowed"] == ["deliver", "fail", "lose"]
        assert (await control.command("/control/payouts/pout_1/deliver"))["status"] == "delivered"
        assert (await control.ask("/messages", {"to": "+8613800000000"}))["data"] == []
        await control.command("/control/faults", {"operation": "messages", "mode": "error"})
        with pytest.raises(Unavailable):
            await control.ask("/messages", {})
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        with pytest.raises(Unavailable):
            await SandboxControl(client, API_KEY).ask("/messages", {})
