"""The whole installation as processes that can be killed, and borrowers who do not give up."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from refi import settings
from refi.demo.walker import Json, Unexpected, Walker, eventually
from tests.slices.nursery import Nursery, is_alive

PATIENCE = 90.0
"""Seconds after which a borrower thinks that the service will never come back."""
RUNS = {"worker": "working", "scheduler": "keeping_time"}
"""What a program without a port logs when it is at work."""
COMPLAINT = re.compile(r'"level": "(error|critical)"|Traceback')
UNKEYED = ("/v1/auth/", "/v1/quotes")
QUICK = {
    "REFI_ANSWER_WITHIN_SECONDS": "2",
    "REFI_SWEEP_AFTER_SECONDS": "2",
    "REFI_NEWS_WITHIN_SECONDS": "2",
    "REFI_HEARTBEAT_SECONDS": "2",
    "REFI_ACCESS_TOKEN_MINUTES": "60",
}


@dataclass
class Town:
    """Provider, service, workers and schedulers; each is one process and starts again after a kill."""

    nursery: Nursery
    place: Path
    chosen: settings.Settings
    port: int
    running: dict[str, int] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    starts: Counter[str] = field(default_factory=Counter)

    @property
    def url(self) -> str:
        """Where the service answers."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, role: str) -> None:
        """Start a program and wait until it is at work."""
        self.starts[role] += 1
        log = self.place / f"{role}.{self.starts[role]}.log"
        self.running[role] = self.nursery.start(log, *self._command(role))

        async def look() -> bool | None:
            assert is_alive(self.running[role]), f"{role} ended:\n{log.read_text()[-3000:]}"
            if (says := RUNS.get(role.partition("-")[0])) is not None:
                return says in log.read_text(errors="replace") or None if log.exists() else None
            return await self._answers(self.url if role == "serve" else self.chosen.provider_url) or None

        await eventually(f"{role} at work", look, within=PATIENCE)
        self.ready.add(role)

    async def kill(self, role: str) -> None:
        """``kill -9``; returns when the process is gone."""
        self.ready.discard(role)
        os.kill(self.running[role], signal.SIGKILL)

        async def look() -> bool | None:
            return None if is_alive(self.running[role]) else True

        await eventually(f"the end of {role}", look)

    async def someone(self) -> bool | None:
        """Whether any program is at work."""
        return bool(self.ready) or None

    def _command(self, role: str) -> list[str]:
        if role == "serve":
            return ["refi.cli", "serve", "--port", str(self.port)]
        if role != "provider":
            return ["refi.cli", role.partition("-")[0]]
        port = self.chosen.provider_url.rpartition(":")[2]
        secret, key = self.chosen.webhook_secrets[0].get_secret_value(), self.chosen.provider_key
        return [
            "refi.gateways.sandbox", "--port", port, "--data", str(self.place / "provider.db"),
            "--webhook-url", f"{self.url}/hooks/v1/payments", "--webhook-secret", secret,
            "--api-key", key.get_secret_value(), "--answer-delay", "0.05", "--retry-first", "0.1",
            "--retry-longest", "1",
        ]  # fmt: skip

    async def _answers(self, url: str) -> bool:
        try:
            async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
                return (await client.get(f"{url}/livez")).status_code == 200
        except httpx.HTTPError:
            return False

    def complaints(self) -> list[str]:
        """Lines in which a program says that it failed in a way that nobody planned."""
        found = []
        for log in sorted(self.place.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()
            found += [
                f"{log.name}: {line[:300]} … {line[-1200:]}" for line in lines if COMPLAINT.search(line)
            ]
        return found


@dataclass(frozen=True)
class Acknowledged:
    """A request that was answered with success, under its key."""

    walker: Stubborn
    path: str
    key: str
    sent: Json | None
    answer: httpx.Response


@dataclass
class Diary:
    """What the borrowers saw."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)


@dataclass
class Stubborn(Walker):
    """A borrower who sends the same request under the same key until it is answered."""

    provider: httpx.AsyncClient | None = None
    diary: Diary = field(default_factory=Diary)

    async def send(
        self, method: str, path: str, body: Json | None = None, *, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """As `answered`, and what is acknowledged is written down."""
        key = key or str(uuid.uuid4())
        answer = await self.answered(method, path, body, key=key, **more)
        self.diary.seen["replayed"] += "idempotent-replayed" in answer.headers
        if method == "POST" and answer.is_success and not path.startswith(UNKEYED):
            self.diary.acknowledged.append(Acknowledged(self, path, key, body, answer))
        return answer

    async def answered(
        self, method: str, path: str, body: Json | None = None, *, key: str, **more: Any
    ) -> httpx.Response:
        """As `Walker.send`, again and again while nobody answers, or says that it is not possible now."""

        async def look() -> httpx.Response | None:
            try:
                answer = await Walker.send(self, method, path, body, key=key, **more)
            except httpx.TransportError as error:
                self.diary.seen[type(error).__name__] += 1
                return None
            in_flight = answer.status_code == 409 and answer.json()["code"] == "idempotency_key_in_flight"
            if answer.status_code == 503 or in_flight:
                self.diary.seen["in flight" if in_flight else answer.json()["code"]] += 1
                return None
            return answer

        answer = await eventually(f"{method} {path}", look, within=PATIENCE)
        if answer.status_code >= 500:
            raise Unexpected(answer)
        return answer

    async def sign_in(self, phone: str) -> None:
        """Sign in, with another code where the first got lost."""
        self.phone = phone
        for _ in range(4):
            await self.ask("POST", "/v1/auth/otp", {"phone": phone})
            tried: set[str] = set()
            for _ in range(100):
                code = await self._newest_code()
                if code is not None and code not in tried:
                    tried.add(code)
                    answer = await self.send("POST", "/v1/auth/token", {"phone": phone, "code": code})
                    if answer.is_success:
                        made = answer.json()
                        self.token, self.id = made["access_token"], made["borrower"]
                        return
                await asyncio.sleep(0.1)
        raise AssertionError(f"{phone} could not sign in")

    async def _newest_code(self) -> str | None:
        assert self.provider is not None
        try:
            inbox = (await self.provider.get("/messages", params={"to": self.phone})).json()
        except httpx.TransportError:
            return None
        for message in inbox["data"]:
            if found := re.search(r"(?<![0-9])[0-9]{6}(?![0-9])", message["text"]):
                return found.group()
        return None
