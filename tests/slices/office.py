"""Members of staff on the whole stack, and how they mend what fits nowhere."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import httpx

from refi import clock
from refi.db.work import SYSTEM
from refi.staff import service as staff
from refi.staff.roles import Role
from tests.stack import Stack


@dataclass
class Clerk:
    """A member of staff, signed in."""

    client: httpx.AsyncClient
    id: str
    token: str

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """A request with a fresh key."""
        sent = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(uuid.uuid4()), **headers}
        return await self.client.request(method, path, json=body, headers=sent)

    async def ask(self, path: str) -> Any:
        """What is there."""
        answer = await self.send("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def waiting(self) -> list[dict[str, Any]]:
        """What fits nowhere."""
        found: list[dict[str, Any]] = (await self.ask("/staff/v1/suspense?limit=100"))["data"]
        return found

    async def mend(self, item: dict[str, Any], remedy: str, **said: Any) -> httpx.Response:
        """Do something about an item, as of the version that was seen."""
        body = {"reason": "asked the provider", **said}
        seen = {"If-Match": f'"v{item["version"]}"'}
        return await self.send("POST", f"/staff/v1/suspense/{item['id']}/{remedy}", body, **seen)

    async def approve(self, approval: str, to: str = "approve") -> httpx.Response:
        """Answer a proposal."""
        return await self.send("POST", f"/staff/v1/approvals/{approval}/{to}", {"note": "seen"})


async def a_clerk(stack: Stack, role: Role = Role.OPERATOR) -> Clerk:
    """A new member of staff, who corrects money."""
    async with stack.runtime.database.work(SYSTEM) as work:
        row = await staff.hire(work, f"clerk.{uuid.uuid4().hex[:12]}", "correct horse battery", [role])
    token = stack.runtime.tokens.issue(staff.actor_of(row), clock.utc_now())
    return Clerk(stack.client, row.id, token)
