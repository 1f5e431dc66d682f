"""A sandbox provider that listens on a socket, an ear for its webhooks, and the real adapter between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from refi.gateways.line import Patience
from refi.gateways.messages_http import MessagesHttp
from refi.gateways.payment_http import PaymentHttp
from refi.gateways.sandbox import create_provider
from refi.payments.processor import PaymentProcessor
from tests.gateways.given import API_KEY, SECRET, Ear, control, line_to, listening, until

ON = date(2026, 11, 22)
PERSON = {"holder_name": "张三", "national_id": "11010519491231002X"}


async def reaches(provider: PaymentProcessor, key: str, status: str) -> None:
    """Wait until the order stands at ``status``."""
    for _ in range(1000):
        outcome = await provider.find(key)
        if outcome is not None and outcome.status == status:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{key} never became {status}")


@dataclass
class World:
    """The provider from both of its doors."""

    url: str
    ear: Ear
    provider: PaymentHttp
    sms: MessagesHttp
    control: httpx.AsyncClient

    async def card(self, ending: str = "1234", key: str = "card_1") -> str:
        proof = await self.provider.confirm_card(key, issuer="CMB", number="622588000000" + ending, **PERSON)
        return proof.token  # type: ignore[union-attr]

    async def account(self, ending: str = "5678", key: str = "bacc_1") -> str:
        proof = await self.provider.confirm_account(
            key, bank="ICBC", number="622202000000" + ending, **PERSON
        )
        return proof.token  # type: ignore[union-attr]

    async def tell(self, path: str, body: dict[str, Any] | None = None, status: int = 200) -> dict[str, Any]:
        answer = await self.control.post(f"/control{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def book(self) -> list[tuple[str, str | None, int, str]]:
        """The cash book: kind, key, amount, effective date."""
        page = await self.provider.cash_book()
        return [(line.kind, line.key, line.amount, line.effective_on.isoformat()) for line in page.entries]

    async def reaches(self, key: str, status: str) -> None:
        await reaches(self.provider, key, status)

    def news(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.ear.heard]

    async def hears(self, count: int) -> list[dict[str, Any]]:
        await until(lambda: len(self.ear.heard) >= count)
        return self.news()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    ear = Ear()
    async with listening(ear) as hooks:
        app = create_provider(
            data=tmp_path / "provider.db", webhook_url=f"{hooks}/hooks/v1/payments", webhook_secrets=[SECRET],
            api_key=API_KEY, answer_delay=0.01, retry_first=0.01, retry_longest=0.05,
        )  # fmt: skip
        async with (
            listening(app) as url,
            line_to(url, Patience(first_wait=0.01)) as line,
            control(url) as levers,
        ):
            yield World(url, ear, PaymentHttp(line), MessagesHttp(line, "sms"), levers)
