"""An alert reaches the operators: by e-mail and by signed webhook, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from refi import clock, settings
from refi.applications import warning_jobs, warning_service
from refi.db.work import SYSTEM
from refi.demo.walker import eventually
from refi.underwriting import alert_service, monitoring
from refi.web import webhooks
from tests.books import ON
from tests.stack import Stack, free_ports, running_stack, serving

SECRET = "whsec_" + "b3BlcmF0b3JzLW9mLXRoZS10ZXN0cy1rZWVwLWl0LXNhZmU="
MAIL = "duty@lender.example"
FULL = monitoring.Alert("portfolio_limit", {"lent": 91, "limit": 100})


@dataclass
class Pager:
    """Who is called: answers the first calls as told, then 204; keeps what was signed for us."""

    answers: list[int] = field(default_factory=list)
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def app(self) -> FastAPI:
        """Where it listens."""
        app = FastAPI()

        @app.post("/page")
        async def page(request: Request) -> Response:
            body = await request.body()
            event_id = webhooks.verify(request.headers, body, [SECRET], clock.utc_now())
            self.heard.append((event_id, await request.json()))
            return Response(status_code=self.answers.pop(0) if self.answers else 204)

        return app


@pytest.fixture
def pager() -> Pager:
    return Pager()


@pytest.fixture
async def stack(database_url: str, tmp_path: Path, pager: Pager) -> AsyncIterator[Stack]:
    [port] = free_ports(1)
    told = {
        "operator_emails": MAIL,
        "operator_webhook_url": f"http://127.0.0.1:{port}/page",
        "operator_webhook_secret": SECRET,
    }
    async with (
        serving(pager.app(), port),
        running_stack(database_url, tmp_path, scheduler=True, **told) as running,
    ):
        yield running


async def raised(stack: Stack) -> str:
    """An alert, as the close raises it."""
    async with stack.runtime.database.work(SYSTEM) as work:
        [row] = await alert_service.settle(work, work.on, [FULL], 3)
        work.enqueue(warning_service.TELL, {"alert": row.id}, dedupe_key=row.id)
        return row.id


async def mail(stack: Stack) -> list[dict[str, Any]]:
    answer = await stack.client.get("/sandbox/v1/messages", params={"to": MAIL})
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def test_operators_are_told_once(stack: Stack, pager: Pager) -> None:
    alert = await raised(stack)

    async def both() -> bool | None:
        return True if await mail(stack) and pager.heard else None

    await eventually("both messages", both)
    for _ in range(2):
        await warning_jobs.tell(stack.runtime.database, stack.runtime.settings.operators, alert)
    async with stack.runtime.database.work(SYSTEM) as work:
        assert await alert_service.settle(work, ON + timedelta(days=1), [FULL], 3) == []
    [letter] = await mail(stack)
    assert all(part in letter["text"] for part in ("portfolio_limit", "lent 91, limit 100", alert))
    [(event_id, body)] = pager.heard
    assert body["id"] == event_id
    assert body["type"] == "early_warning"
    assert alert in body["text"]


async def test_a_pager_that_fails_is_called_again_under_the_same_id(stack: Stack, pager: Pager) -> None:
    pager.answers = [500, 429]
    await raised(stack)

    async def thrice() -> bool | None:
        return True if len(pager.heard) == 3 else None

    await eventually("the third call", thrice, within=30)
    assert len({event_id for event_id, _ in pager.heard}) == 1
    assert len({str(body) for _, body in pager.heard}) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"operator_emails": "not an address"}, "is not an address"),
        ({"operator_emails": MAIL, "email_channel": "off"}, "REFI_EMAIL_CHANNEL is off"),
    ],
)
def test_addresses_that_cannot_work_stop_the_process(changed: dict[str, str], words: str) -> None:
    with pytest.raises(settings.SettingsRefused, match=words):
        settings.read(**changed)


def test_live_wants_a_safe_webhook() -> None:
    weak = settings.read(operator_webhook_url="http://pager.example/x").weaknesses()
    assert "REFI_OPERATOR_WEBHOOK_SECRET is published or short" in weak
    assert "REFI_OPERATOR_WEBHOOK_URL is not https" in weak
