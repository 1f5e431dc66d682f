"""Messages over HTTP: the sandbox inbox as SMS or push, `refi.notifications.channels.Channel` for real.

The wire contract is docs/reference/payment-provider.md, "Messages". The inbox deduplicates by our id and can
be asked about it.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from refi.gateways.calls import Silence
from refi.gateways.line import Line
from refi.gateways.payment_http import SAID_NO, TAKEN, TURNED_AWAY
from refi.notifications.channels import Answer, ChannelUnavailable, NotSent, Outgoing, Refused, Sent, Unknown
from refi.payments.wire import Garbled, read_object


class MessagesHttp:
    """The channel ``name`` at the other end of ``line``; ``links`` makes a message's one-click opt-out."""

    deduplicates = True
    can_ask = True

    def __init__(self, line: Line, name: str, links: Callable[[str], str] | None = None) -> None:
        self._line = line
        self._links = links
        self.name = name

    def opt_out_url(self, message_id: str) -> str | None:
        """Where one click opts out: in the sandbox's e-mails."""
        return self._links(message_id) if self._links is not None else None

    async def send(self, message: Outgoing) -> Answer:
        """Send the message, once per its id whatever happens."""
        message_id = message.id
        body = {
            "channel": self.name,
            "to": message.to,
            "template": message.template,
            "subject": message.subject,
            "text": message.text,
            "at": None if message.at is None else message.at.isoformat(),
        }
        got = await self._line.order("/messages", message_id, body)
        if isinstance(got, Silence):
            return Unknown(got.cause) if got.sent else NotSent(got.cause)
        if got.status in TURNED_AWAY:
            cause = f"http_{got.status}"
            return Unknown(cause) if got.doubt else NotSent(cause, got.retry_after)
        if got.status not in SAID_NO | TAKEN:
            return Unknown(f"http_{got.status}")
        try:
            fields = read_object(got.body)
            if got.status in SAID_NO:
                return Refused(fields.text("code", limit=60))
            if fields.text("key") == message_id:
                return Sent(fields.text("id"))
        except Garbled:
            return Unknown("unreadable_answer")
        return Unknown("answer_about_something_else")

    async def find(self, message_id: str) -> Sent | None:
        """What became of an earlier message. Raises `ChannelUnavailable` when there is no usable answer."""
        got = await self._line.ask(f"/messages/{quote(message_id, safe='')}")
        if isinstance(got, Silence):
            raise ChannelUnavailable(f"no answer about the message: {got.cause}")
        try:
            fields = read_object(got.body)
            about_it = fields.text("key") == message_id
            if got.status == 404 and about_it and fields.text("code") == "message_not_found":
                return None
            if got.status == 200 and about_it:
                return Sent(fields.text("id"))
        except Garbled as error:
            raise ChannelUnavailable(f"the answer about the message is unreadable: {error}") from error
        raise ChannelUnavailable(f"asked about a message, the channel answered {got.status}")
