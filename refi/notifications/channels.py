"""How a message leaves the service: the channel protocol and its answers.

A message is sent under its own row's id. What may happen after an `Unknown` depends on what the channel
declares: one that deduplicates by our id may be sent the same message again, one that can be asked is
asked, and with neither the unknown is final and the message is never sent again (RULES, contact).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from refi.errors import Unavailable
from refi.ids import MessageId


class ChannelUnavailable(Unavailable):
    """The channel gave no usable answer to a question about an earlier message (503)."""

    code = "dependency_unavailable"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as it is handed to a channel, under our own row's id.

    ``to`` is an address of that channel (a phone in E.164, a push token, an e-mail address, a borrower's id
    for the in-app inbox); ``subject`` is a push's title or an e-mail's subject; ``opt_out_url`` is where one
    click opts out, given for marketing only.
    """

    id: MessageId
    to: str
    template: str
    text: str
    subject: str | None = None
    opt_out_url: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The channel took the message over; ``provider_id`` is its name for it in delivery receipts."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The channel said no, e.g. ``unreachable``: this message was not sent and will not be."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A timeout, a cut connection, a 5xx or an unreadable answer: it may have been sent."""

    cause: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing reached the channel; sending again is safe. ``retry_after`` in seconds, when it named one."""

    cause: str
    retry_after: float | None = None


Answer = Sent | Refused | NotSent | Unknown


class Channel(Protocol):
    """One way to reach a borrower: sms, push, …"""

    @property
    def name(self) -> str:
        """The channel's name as preferences and messages spell it."""

    @property
    def deduplicates(self) -> bool:
        """Whether a second `send` under the same id sends nothing."""

    @property
    def can_ask(self) -> bool:
        """Whether `find` works."""

    def opt_out_url(self, message_id: str) -> str | None:
        """Where one click opts out of marketing, for a channel whose messages carry links; else None."""

    async def send(self, message: Outgoing) -> Answer:
        """Send the message. Never raises for an outage."""

    async def find(self, message_id: str) -> Sent | None:
        """What became of an earlier `send`; None when the channel never saw it.

        Raises `ChannelUnavailable` when there is no usable answer.
        """


def may_send_again(answer: Answer, channel: Channel) -> bool:
    """Whether the same message may be sent again after ``answer``, without risk of two messages."""
    return isinstance(answer, NotSent) or (isinstance(answer, Unknown) and channel.deduplicates)
