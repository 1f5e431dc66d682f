"""How a message leaves the service: the channel protocol and its answers.

A message is sent under its own row's id. What may happen after an `Unknown` depends on what the channel
declares: one that deduplicates by our id may be sent the same message again, one that can be asked is
asked, and with neither the unknown is final and the message is never sent again (RULES, contact).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from refi.errors import Unavailable
from refi.ids import MessageId

NO_SUCH_DEVICE = "no_such_device"
"""Code of a push that was refused: nobody is known there. For an iPhone perhaps only at the other gateway."""
DEVICE_GONE = "device_gone"
"""Reason of a push that did not arrive: the device's token is none of our application's any more."""


class ChannelUnavailable(Unavailable):
    """The channel gave no usable answer to a question about an earlier message (503)."""

    code = "dependency_unavailable"


class ReportsUnavailable(Unavailable):
    """Whoever keeps the receipts gives no usable answer now; ``retry_after`` seconds if it said so (503)."""

    code = "dependency_unavailable"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as it is handed to a channel, under our own row's id.

    ``to`` is an address of that channel (a phone in E.164, a push token, an e-mail address, a borrower's id
    for the in-app inbox); ``subject`` is a push's title or an e-mail's subject; ``opt_out_url`` is where one
    click opts out, given for marketing only; ``at`` is the business instant at which it was claimed, which in
    the sandbox is not the wall's.
    """

    id: MessageId
    to: str
    template: str
    text: str
    subject: str | None = None
    opt_out_url: str | None = None
    at: datetime | None = None


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


class Fate(StrEnum):
    """How a push ended."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"


@dataclass(frozen=True, slots=True)
class Pushed:
    """A push that the provider took over as ``provider_id``, to the device ``to``, ``age`` ago at ``at``."""

    id: MessageId
    provider_id: str
    to: str
    at: datetime
    age: timedelta


@dataclass(frozen=True, slots=True)
class Reported:
    """The end of a push, why it did not arrive, and what the provider ``said``."""

    id: MessageId
    fate: Fate
    reason: str | None
    said: Mapping[str, Any]


class Reports(Protocol):
    """The receipts of a provider that tells nothing by itself."""

    async def fates(self, pushes: Sequence[Pushed]) -> list[Reported]:
        """How those of ``pushes`` ended whose end is known. Raises `ReportsUnavailable`."""
