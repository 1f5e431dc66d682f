"""The levers of the sandbox payment provider, over HTTP; behind ``/sandbox/v1`` and never in live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from refi.errors import Conflict, NotFound, Unavailable


class ProviderRefuses(Conflict):
    """The sandbox provider says no: the order is not in a state for this."""

    @property
    def allowed(self) -> list[str]:
        """The acts that the order is in a state for."""
        found = self.facts.get("allowed")
        return [str(act) for act in found] if isinstance(found, list) else []


@dataclass(frozen=True, slots=True)
class SandboxControl:
    """Asks and commands the provider at the other end of ``client``."""

    client: httpx.AsyncClient
    credential: str

    async def ask(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """GET a JSON object."""
        return self._read(await self._send("GET", path, params=dict(params)))

    async def command(
        self, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> dict[str, Any]:
        """POST a lever. Raises `NotFound`, `ProviderRefuses` or `Unavailable`."""
        headers = {"Idempotency-Key": key} if key is not None else {}
        return self._read(await self._send("POST", path, json=body, headers=headers))

    async def _send(self, method: str, path: str, **sent: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.credential}", **sent.pop("headers", {})}
        try:
            return await self.client.request(method, path, headers=headers, **sent)
        except httpx.HTTPError as error:
            raise Unavailable("the sandbox provider does not answer") from error

    def _read(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code == 404:
            raise NotFound("the provider does not know it: its order has not been sent yet")
        if answer.status_code >= 500:
            raise Unavailable("the sandbox provider answers with an error")
        said: dict[str, Any] = answer.json()
        if answer.status_code >= 400:
            raise ProviderRefuses(
                str(said.get("detail") or said.get("code")),
                provider=said.get("code"),
                allowed=said.get("allowed", []),
            )
        return said
