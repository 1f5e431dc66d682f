"""SMS by Twilio's Messages API (2010-04-01): form-encoded, basic auth, answers in JSON.

Twilio neither deduplicates by an id of ours nor can be asked by one, so nothing here is ever repeated, and a
call without a clear answer stays unknown. Its status callbacks carry our id in the signed URL, so a receipt
settles even that: see `refi.notifications.twilio_wire`.

A number that takes no message is `Refused` under Twilio's code. What is wrong with our account or its sender
is `NotSent`: that must not fail a borrower's message, it is put right and tried again.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote, urlencode

import httpx

from refi.gateways.calls import Reply, Silence, call
from refi.notifications.channels import Answer, ChannelUnavailable, NotSent, Outgoing, Refused, Sent, Unknown
from refi.payments.wire import Fields, Garbled, read_object

OUR_ACCOUNT = frozenset({
    20003, 20005, 20404,  # authentication, account not active, no such account
    21212, 21603, 21606, 21607, 21659, 21660, 21661,  # the sender is missing, or not ours to send from
    21701, 21703, 21704, 21705,  # the messaging service is missing, or has nobody to send from
})  # fmt: skip
"""Twilio's error codes that speak of us, not of the person we write to."""
TURNED_AWAY = frozenset({401, 403, 404, 405, 429})


class Twilio:
    """The account ``sid`` over ``client``, writing from ``sender`` (a number, or a messaging service MG…).

    ``callback`` gives the URL at which the receipts of a message are heard.
    """

    name = "sms"
    deduplicates = False
    can_ask = False

    def __init__(
        self,
        client: httpx.AsyncClient,
        sid: str,
        token: str,
        sender: str,
        callback: Callable[[str], str],
    ) -> None:
        self._client = client
        self._path = f"/2010-04-01/Accounts/{quote(sid, safe='')}/Messages.json"
        credential = base64.b64encode(f"{sid}:{token}".encode()).decode()
        self._headers = {
            "Authorization": f"Basic {credential}",
            "Accept-Encoding": "identity",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        self._sender = ("MessagingServiceSid" if sender.startswith("MG") else "From", sender)
        self._callback = callback

    def opt_out_url(self, message_id: str) -> str | None:  # noqa: ARG002 - the protocol's shape
        """None: an SMS names a word to reply."""
        return None

    async def send(self, message: Outgoing) -> Answer:
        """Create one message, with one call."""
        form = [
            ("To", message.to),
            self._sender,
            ("Body", message.text),
            ("StatusCallback", self._callback(message.id)),
        ]
        content = urlencode(form).encode()
        got = await call(self._client, "POST", self._path, self._headers, content=content)
        if isinstance(got, Silence):
            return Unknown(got.cause) if got.sent else NotSent(got.cause)
        try:
            return _read(got)
        except Garbled:
            return Unknown("unreadable_answer")

    async def find(self, message_id: str) -> Sent | None:
        """Twilio knows its own ids only. Raises `ChannelUnavailable`."""
        raise ChannelUnavailable(f"Twilio cannot be asked about {message_id}")


def _read(got: Reply) -> Answer:
    """What an answer with a status means. Raises `Garbled`."""
    if got.status == 429:
        return NotSent("http_429", got.retry_after)
    if got.status in TURNED_AWAY:
        return NotSent(f"http_{got.status}")
    if got.status == 400:
        code = read_object(got.body).whole("code")
        return NotSent(f"twilio_{code}") if code in OUR_ACCOUNT else Refused(f"twilio_{code}")
    if got.status not in (200, 201):
        return Unknown(f"http_{got.status}")
    return _created(read_object(got.body))


def _created(fields: Fields) -> Answer:
    sid = fields.text("sid", limit=100)
    if not sid.startswith(("SM", "MM")):
        return Unknown("answer_about_something_else")
    if fields.text("status", limit=40) in ("failed", "undelivered", "canceled"):
        return Refused(f"twilio_{fields.whole('error_code')}")
    return Sent(sid)
