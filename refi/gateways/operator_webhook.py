"""Messages to the operators as signed webhooks (Standard Webhooks): a chat, a pager, an incident tool.

The body is ``{"id", "type", "text"}``; the id is our message's and the same on every try, by which the
receiver tells a repetition. It cannot be asked what it has seen.
"""

from __future__ import annotations

import json

import httpx
from standardwebhooks import Webhook

from refi import clock
from refi.gateways.calls import Silence, call
from refi.notifications.channels import Answer, ChannelUnavailable, NotSent, Outgoing, Refused, Sent, Unknown

NOT_NOW = frozenset({401, 403, 404, 405, 408, 425, 429})
"""Answers that speak of the address or its credential, or of haste: put right, and tried again."""


class OperatorWebhook:
    """The channel ``webhook``, signed with ``secret`` (``whsec_…``). Each message names its own URL."""

    name = "webhook"
    deduplicates = True
    can_ask = False

    def __init__(self, client: httpx.AsyncClient, secret: str) -> None:
        self._client = client
        self._signer = Webhook(secret)

    def opt_out_url(self, message_id: str) -> str | None:  # noqa: ARG002 - the protocol's shape
        """None: operators are no audience of marketing."""
        return None

    async def send(self, message: Outgoing) -> Answer:
        """Post the message once."""
        fields = {"id": message.id, "type": message.template, "text": message.text}
        body = json.dumps(fields, ensure_ascii=False)
        now = clock.utc_now()
        headers = {
            "content-type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(message.id, now, body),
        }
        got = await call(self._client, "POST", message.to, headers, content=body.encode())
        if isinstance(got, Silence):
            return Unknown(got.cause) if got.sent else NotSent(got.cause)
        if 200 <= got.status < 300:
            return Sent(message.id)
        cause = f"http_{got.status}"
        if got.status in NOT_NOW:
            return NotSent(cause, got.retry_after)
        return Refused(cause) if 400 <= got.status < 500 else Unknown(cause)

    async def find(self, message_id: str) -> Sent | None:
        """A webhook is not asked. Raises `ChannelUnavailable`."""
        raise ChannelUnavailable(f"a webhook cannot be asked about {message_id}")
